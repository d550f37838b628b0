//! Where receipts are kept, and what those say that are there already: which copies they name, and which execution wrote
//! them.

use aws_sdk_s3::{Client, operation::get_object::GetObjectError};
use holdfast_core::{
    ErrorName, Failure,
    contract::{Destination, Stored},
    names::{ETag, ObjectKey},
    receipt::Receipts,
};
use serde::Deserialize;

use super::ObjectRef;
use crate::failure::Side;

/// The receipt with this key.
pub fn receipt_object<'a>(receipts: &'a Receipts, key: &'a ObjectKey) -> ObjectRef<'a> {
    ObjectRef { bucket: &receipts.bucket, key, version_id: None, side: Side::Destination }
}

/// A receipt as it lies in its bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// The entity tag of the receipt itself.
    pub etag: ETag,
    /// What it names; none where it cannot be read as a receipt.
    pub names: Option<NamedCopies>,
}

/// What a receipt names. Of everything that it says no more is read than is needed, so that a later format does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedCopies {
    /// The backup.
    pub backup: NamedCopy,
    /// The replica, if there is one.
    #[serde(default)]
    pub replica: Option<NamedCopy>,
    /// The execution that wrote it.
    pub execution: Writer,
}

/// A copy that a receipt names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamedCopy {
    /// Where it is.
    pub destination: Destination,
    /// The version.
    pub stored: Stored,
}

/// The execution that wrote a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Writer {
    /// Its ARN.
    pub arn: String,
}

/// Reads a receipt; none where there is none.
pub async fn read_receipt(client: &Client, receipt: ObjectRef<'_>) -> Result<Option<Filed>, Failure> {
    let request = client.get_object().bucket(receipt.bucket.as_str()).key(receipt.key.as_str());
    let output = match request.send().await {
        Ok(output) => output,
        Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
        Err(error) => return Err(receipt.call("GetObject", "s3:GetObject").s3_failure(error)),
    };
    let etag = ETag::new(output.e_tag().unwrap_or_default())
        .map_err(|error| Failure::new(ErrorName::Internal, format!("{receipt} has no entity tag: {error}")))?;
    let bytes = output.body.collect().await.map_err(|error| {
        let message =
            format!("GetObject of {receipt} broke off: {error}. It is tried again; if it lasts, redrive later.");
        Failure::new(ErrorName::S3Unavailable, message)
    })?;
    Ok(Some(Filed { etag, names: serde_json::from_slice(&bytes.into_bytes()).ok() }))
}
