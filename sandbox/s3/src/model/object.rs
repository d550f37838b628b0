//! An object and its attributes.

use std::collections::BTreeMap;

use s3s::dto::{self, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    checksum::Checksum,
    model::{
        customer_key::{AES256, CustomerKey},
        lock::Lock,
        restore::Restore,
    },
    storage::extents::{Extent, total},
};

/// Tags in the order they were given.
pub(crate) type Tags = Vec<(String, String)>;

/// Bytes and their metadata.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) attributes: Attributes,
    pub(crate) tags: Tags,
    /// Absent for objects from before December 2024, when S3 began to compute checksums itself.
    pub(crate) checksum: Option<Checksum>,
    /// The parts of a multipart object, in order; empty for any other object.
    pub(crate) parts: Vec<ObjectPart>,
    pub(crate) extents: Vec<Extent>,
    #[serde(default)]
    pub(crate) lock: Lock,
    /// For an archived object: its readable copy, or the previous one.
    #[serde(default)]
    pub(crate) restore: Option<Restore>,
}

impl Object {
    /// In bytes.
    pub(crate) fn size(&self) -> u64 {
        total(&self.extents)
    }
}

/// A part in the record of the finished object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ObjectPart {
    pub(crate) number: u16,
    pub(crate) size: u64,
    pub(crate) checksum: Option<Checksum>,
}

/// The attributes that an uploader sets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attributes {
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_type: String,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) website_redirect_location: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) storage_class: String,
    pub(crate) encryption: Encryption,
}

/// The encryption that S3 reports. The sandbox stores bytes unencrypted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Encryption {
    pub(crate) algorithm: String,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) bucket_key: Option<bool>,
    /// The customer-provided key, which replaces every other key.
    #[serde(default)]
    pub(crate) customer_key: Option<CustomerKey>,
}

impl Encryption {
    /// The `ETag` of an object or part with this MD5: the MD5 itself, except with KMS or SSE-C. S3 does not define the
    /// ETag for those (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>); the sandbox uses a random
    /// number.
    pub(crate) fn etag(&self, md5: &str) -> String {
        let is_md5 = !self.algorithm.starts_with("aws:kms") && self.customer_key.is_none();
        if is_md5 { md5.to_owned() } else { hex::encode(rand::random::<[u8; 16]>()) }
    }

    /// With a customer-provided key.
    pub(crate) fn by_customer(key: CustomerKey) -> Self {
        Self { algorithm: AES256.to_owned(), kms_key_id: None, bucket_key: None, customer_key: Some(key) }
    }

    /// The header `x-amz-server-side-encryption`: absent with a customer-provided key.
    pub(crate) fn shown(&self) -> Option<dto::ServerSideEncryption> {
        self.customer_key.is_none().then(|| self.algorithm.clone().into())
    }

    /// The header `x-amz-server-side-encryption-customer-algorithm`: absent with any other key.
    pub(crate) fn shown_customer_algorithm(&self) -> Option<String> {
        self.customer_key.as_ref().map(|_| AES256.to_owned())
    }

    /// The header `x-amz-server-side-encryption-customer-key-MD5`.
    pub(crate) fn shown_customer_key_md5(&self) -> Option<String> {
        self.customer_key.as_ref().map(|key| key.md5().to_owned())
    }
}
