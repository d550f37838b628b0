//! What S3 remembers of an object: its versions, attributes, parts, and where its bytes lie.

use std::collections::BTreeMap;

use s3s::dto::{self, Timestamp};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    checksum::Checksum,
    customer_key::{AES256, CustomerKey},
    extents::{Extent, total},
    lock::Lock,
    restore::Restore,
};

/// A moment that also orders: nanoseconds since 1970, never the same twice.
///
/// The versions of a key are ordered by the tick at which their upload was *initiated*: when several multipart uploads
/// of one key run at the same time, the current version is the one whose upload began last
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>, "Concurrent multipart upload
/// operations"). The same page makes it the object's Last-Modified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Tick(pub(super) u64);

impl Tick {
    /// The present moment, after `last`.
    pub(super) fn after(last: Self, now: OffsetDateTime) -> Self {
        let now = u64::try_from(now.unix_timestamp_nanos()).unwrap_or(0);
        Self(now.max(last.0 + 1))
    }

    /// As the protocol shows it.
    pub(super) fn timestamp(self) -> Timestamp {
        Timestamp::from(self.time())
    }

    /// As a time, in whole seconds: what `Last-Modified` can express.
    pub(super) fn time(self) -> OffsetDateTime {
        let seconds = i64::try_from(self.0 / 1_000_000_000).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// As an event's sequencer: hexadecimal, of one width, growing.
    pub(super) fn sequencer(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// Tags in the order they were given.
pub(super) type Tags = Vec<(String, String)>;

/// The version id of an object written while versioning was off or suspended.
pub(super) const NULL_VERSION: &str = "null";

/// One version of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    /// When its upload was initiated.
    pub(super) initiated: Tick,
    /// When it appeared: the sequencer of its event.
    pub(super) created: Tick,
    pub(super) content: VersionContent,
}

/// What a version is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum VersionContent {
    /// The key was deleted.
    DeleteMarker,
    /// Bytes and what is known about them.
    Object(Box<Object>),
}

impl Version {
    /// The object, unless the version is a delete marker.
    pub(super) fn object(&self) -> Option<&Object> {
        match &self.content {
            VersionContent::Object(object) => Some(object),
            VersionContent::DeleteMarker => None,
        }
    }
}

/// Bytes and what is known about them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Object {
    /// Without quotes.
    pub(super) etag: String,
    pub(super) attributes: Attributes,
    pub(super) tags: Tags,
    /// Absent for an object from before S3 computed checksums by itself (December 2024).
    pub(super) checksum: Option<Checksum>,
    /// The parts of a multipart object, in order; empty for any other.
    pub(super) parts: Vec<ObjectPart>,
    pub(super) extents: Vec<Extent>,
    #[serde(default)]
    pub(super) lock: Lock,
    /// Of an archived object: its readable copy, or the last one that it had.
    #[serde(default)]
    pub(super) restore: Option<Restore>,
}

impl Object {
    /// In bytes.
    pub(super) fn size(&self) -> u64 {
        total(&self.extents)
    }
}

/// A part as the finished object remembers it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ObjectPart {
    pub(super) number: u16,
    pub(super) size: u64,
    pub(super) checksum: Option<Checksum>,
}

/// The attributes that an uploader chooses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Attributes {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: String,
    pub(super) expires: Option<Timestamp>,
    pub(super) website_redirect_location: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) storage_class: String,
    pub(super) encryption: Encryption,
}

/// How S3 says that the object is encrypted. The sandbox stores bytes as they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Encryption {
    pub(super) algorithm: String,
    pub(super) kms_key_id: Option<String>,
    pub(super) bucket_key: Option<bool>,
    /// The caller's own key, which takes the place of every other.
    #[serde(default)]
    pub(super) customer_key: Option<CustomerKey>,
}

impl Encryption {
    /// The `ETag` of an object or part with this MD5: the MD5 itself, except under KMS or SSE-C, where S3 promises nothing about
    /// it (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>); here it is then a random number.
    pub(super) fn etag(&self, md5: &str) -> String {
        let is_md5 = !self.algorithm.starts_with("aws:kms") && self.customer_key.is_none();
        if is_md5 { md5.to_owned() } else { hex::encode(rand::random::<[u8; 16]>()) }
    }

    /// Under a key of the caller's.
    pub(super) fn by_customer(key: CustomerKey) -> Self {
        Self { algorithm: AES256.to_owned(), kms_key_id: None, bucket_key: None, customer_key: Some(key) }
    }

    /// The header `x-amz-server-side-encryption`: absent under a key of the caller's.
    pub(super) fn shown(&self) -> Option<dto::ServerSideEncryption> {
        self.customer_key.is_none().then(|| self.algorithm.clone().into())
    }

    /// The header `x-amz-server-side-encryption-customer-algorithm`: absent under any other key.
    pub(super) fn shown_customer_algorithm(&self) -> Option<String> {
        self.customer_key.as_ref().map(|_| AES256.to_owned())
    }

    /// The header `x-amz-server-side-encryption-customer-key-MD5`.
    pub(super) fn shown_customer_key_md5(&self) -> Option<String> {
        self.customer_key.as_ref().map(|key| key.md5().to_owned())
    }
}

/// What an upload was opened with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UploadSettings {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) initiated: Tick,
    pub(super) attributes: Attributes,
    pub(super) tags: Tags,
    /// What the caller declared; S3 computes a full-object CRC64NVME where nothing was declared.
    pub(super) declared: Option<(super::checksum::Algorithm, super::checksum::Kind)>,
    /// Whether its key was deleted since it was initiated.
    #[serde(default)]
    pub(super) key_was_deleted: bool,
    /// What the caller asked for; the bucket's default is added when the object appears.
    #[serde(default)]
    pub(super) lock: Lock,
}

/// A part of an open upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) number: u16,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) crc64nvme: u64,
    pub(super) uploaded: Tick,
    pub(super) checksum: Option<Checksum>,
    pub(super) extents: Vec<Extent>,
}

impl Part {
    /// In bytes.
    pub(super) fn size(&self) -> u64 {
        total(&self.extents)
    }
}
