//! Writes the receipt. An existing receipt stays while the copy that it names exists, so that a version has one receipt
//! however many executions prove it. If that copy is gone, because it was deleted or withdrawn, the receipt proves
//! nothing: it is replaced by the receipt of the copy that was proven now, under `If-Match`, which needs `s3:GetObject`
//! besides `s3:PutObject` (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>). In a
//! bucket with versions or object lock the old receipt remains as an older version.

use aws_sdk_s3::{primitives::ByteStream, types::ChecksumAlgorithm};
use holdfast_core::{
    contract::{Precondition, ReceiptRef},
    receipt::Receipt,
};
use holdfast_s3::{self as s3, ExistingReceipt, NamedCopies, ObjectRef, S3Error, failure::Side};

use crate::{Error, Notify};

impl Notify {
    /// Writes the receipt, unless an existing one names a copy that exists; then returns what that one names too.
    pub(crate) async fn write(&self, receipt: &Receipt) -> Result<(ReceiptRef, Option<NamedCopies>), Error> {
        let (receipts, source) = (&self.config.receipts, &receipt.source);
        let key = receipts.key_of(&source.bucket, &source.key, &receipt.stamp)?;
        let place = ReceiptRef { bucket: receipts.bucket.clone(), key, written: true };
        if self.put(&place, receipt, &Precondition::IfAbsent).await? {
            return Ok((place, None));
        }
        let existing = object(&place);
        let changed = || Error::ReceiptChanged { receipt: existing.to_string() };
        let found = s3::read_receipt(&self.aws.s3(self.aws.region()), existing).await?.ok_or_else(changed)?;
        if self.names_existing_copy(&found, receipt).await? {
            return Ok((ReceiptRef { written: false, ..place }, found.names));
        }
        tracing::warn!(receipt = %existing, "the receipt names a copy that does not exist any more, and is replaced");
        if self.put(&place, receipt, &Precondition::IfMatch(found.etag)).await? {
            return Ok((place, None));
        }
        Err(changed())
    }

    /// Puts the receipt. False if the precondition does not hold.
    async fn put(&self, place: &ReceiptRef, receipt: &Receipt, expected: &Precondition) -> Result<bool, Error> {
        let request = self
            .aws
            .s3(self.aws.region())
            .put_object()
            .bucket(place.bucket.as_str())
            .key(place.key.as_str())
            .content_type("application/json")
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .body(ByteStream::from(serde_json::to_vec_pretty(receipt)?));
        let request = match expected {
            Precondition::IfAbsent => request.if_none_match("*"),
            Precondition::IfMatch(etag) => request.if_match(etag.quoted()),
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 412) => Ok(false),
            Err(error) => Err(object(place).call("PutObject", "s3:PutObject").s3_failure(error).into()),
        }
    }

    /// Whether the existing receipt names the copy of this execution, or another copy that exists.
    async fn names_existing_copy(&self, existing: &ExistingReceipt, receipt: &Receipt) -> Result<bool, S3Error> {
        let Some(NamedCopies { backup: named, .. }) = &existing.names else { return Ok(false) };
        let proven = &receipt.backup;
        if named.destination.bucket != proven.destination.bucket {
            // The stack had another backup bucket when that receipt was written.
            return Ok(false);
        }
        if named.destination.key == proven.destination.key && named.stored.is_same(&proven.stored) {
            return Ok(true);
        }
        let copy = ObjectRef::stored(&named.destination, &named.stored);
        let found = s3::head(&self.aws.s3(&named.destination.region), copy).await?;
        Ok(found.is_some_and(|head| head.etag == named.stored.etag))
    }
}

fn object(place: &ReceiptRef) -> ObjectRef<'_> {
    ObjectRef { bucket: &place.bucket, key: &place.key, version_id: None, side: Side::Destination }
}
