//! Reads existing receipts: the copies that they name, and the execution that wrote them.

use aws_sdk_s3::{Client, operation::get_object::GetObjectError};
use holdfast_core::{
    contract::{Destination, Stored},
    format::error_chain,
    names::{ETag, ObjectKey},
    receipt::{ReceiptSearch, Receipts},
};
use serde::Deserialize;

use super::ObjectRef;
use crate::{
    S3Error,
    failure::{Call, Side},
};

/// The receipt with this key.
pub fn receipt_object<'a>(receipts: &'a Receipts, key: &'a ObjectKey) -> ObjectRef<'a> {
    ObjectRef { bucket: &receipts.bucket, key, version_id: None, side: Side::Destination }
}

/// A receipt that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingReceipt {
    /// The entity tag of the receipt itself.
    pub etag: ETag,
    /// The copies that it names; `None` if it cannot be read as a receipt.
    pub names: Option<NamedCopies>,
}

/// The copies that a receipt names. No other field is read, so that receipts of later versions stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedCopies {
    /// The backup.
    pub backup: NamedCopy,
    /// The replica, if there is one.
    #[serde(default)]
    pub replica: Option<NamedCopy>,
    /// The execution that wrote the receipt.
    pub execution: Writer,
}

/// A copy that a receipt names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedCopy {
    /// The copy's location.
    pub destination: Destination,
    /// The version.
    pub stored: Stored,
}

/// The execution that wrote a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Writer {
    /// The ARN.
    pub arn: String,
}

/// Reads a receipt; `None` if it does not exist.
pub async fn read_receipt(client: &Client, receipt: ObjectRef<'_>) -> Result<Option<ExistingReceipt>, S3Error> {
    let request = client.get_object().bucket(receipt.bucket.as_str()).key(receipt.key.as_str());
    let output = match request.send().await {
        Ok(output) => output,
        Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
        Err(error) => return Err(receipt.call("GetObject", "s3:GetObject").s3_failure(error)),
    };
    let etag = ETag::new(output.e_tag().unwrap_or_default()).map_err(|error| S3Error::Invalid {
        operation: "GetObject",
        resource: receipt.to_string(),
        problem: error.to_string(),
    })?;
    let bytes = output.body.collect().await.map_err(|error| S3Error::Incomplete {
        operation: "GetObject",
        resource: receipt.to_string(),
        problem: error_chain(&error),
    })?;
    Ok(Some(ExistingReceipt { etag, names: serde_json::from_slice(&bytes.into_bytes()).ok() }))
}

/// Finds the key of a receipt with an unknown time in a listing; `None` if it does not exist.
pub async fn find_receipt(
    client: &Client,
    receipts: &Receipts,
    search: &ReceiptSearch,
) -> Result<Option<ObjectKey>, S3Error> {
    let request = client.list_objects_v2().bucket(receipts.bucket.as_str()).prefix(&search.folder).delimiter("/");
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            let call = Call {
                operation: "ListObjectsV2",
                side: Side::Destination,
                resource: format!("s3://{}/{}", receipts.bucket, search.folder),
                from: None,
                grant: "s3:ListBucket",
            };
            call.s3_failure(error)
        })?;
        let mut keys = page.contents().iter().filter_map(|object| object.key());
        if let Some(key) = keys.find(|key| search.matches(key)) {
            return ObjectKey::new(key).map(Some).map_err(|error| S3Error::Invalid {
                operation: "ListObjectsV2",
                resource: format!("s3://{}/{}", receipts.bucket, search.folder),
                problem: error.to_string(),
            });
        }
    }
    Ok(None)
}
