//! Writes the receipt. One that is there already stays while the copy that it names stands, so that there is one receipt for
//! a version however many executions prove it. Where that copy is gone, deleted by somebody or taken back, the receipt
//! proves nothing any more: it is replaced by that of the copy that was proven now, under `If-Match`, which needs
//! `s3:GetObject` besides `s3:PutObject`
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>). In a bucket with versions or object
//! lock the old receipt remains as an older version.

use aws_sdk_s3::{primitives::ByteStream, types::ChecksumAlgorithm};
use holdfast_core::{
    ErrorName, Failure,
    contract::{Precondition, ReceiptRef},
    receipt::Receipt,
};
use holdfast_s3::{self as s3, ExistingReceipt, NamedCopies, ObjectRef, failure::Side};

use crate::{Notify, Refusal};

impl Notify {
    /// Writes the receipt, unless there is one that names a copy that stands; answers that one too.
    pub(crate) async fn write(&self, receipt: &Receipt) -> Result<(ReceiptRef, Option<NamedCopies>), Refusal> {
        let (receipts, source) = (&self.config.receipts, &receipt.source);
        let key = receipts.key_of((&source.bucket, &source.key), &receipt.stamp)?;
        let place = ReceiptRef { bucket: receipts.bucket.clone(), key, written: true };
        if self.put(&place, receipt, &Precondition::IfAbsent).await? {
            return Ok((place, None));
        }
        let there = object(&place);
        let changed =
            || Failure::new(ErrorName::DestinationChanged, format!("{there} was replaced or removed meanwhile"));
        let filed = s3::read_receipt(&self.aws.s3(self.aws.region()), there).await?.ok_or_else(changed)?;
        if self.names_what_stands(&filed, receipt).await? {
            return Ok((ReceiptRef { written: false, ..place }, filed.names));
        }
        tracing::warn!(receipt = %there, "the receipt named a copy that is gone, and is replaced");
        if self.put(&place, receipt, &Precondition::IfMatch(filed.etag)).await? {
            return Ok((place, None));
        }
        Err(changed().into())
    }

    /// Puts the receipt; false where what lies there is not what was expected.
    async fn put(&self, place: &ReceiptRef, receipt: &Receipt, expected: &Precondition) -> Result<bool, Refusal> {
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

    /// Whether the receipt that is there names the copy of this execution, or another one that stands.
    async fn names_what_stands(&self, filed: &ExistingReceipt, receipt: &Receipt) -> Result<bool, Failure> {
        let Some(NamedCopies { backup: named, .. }) = &filed.names else { return Ok(false) };
        let proven = &receipt.backup;
        if named.destination.bucket != proven.destination.bucket {
            // The backups of a stack that has another bucket by now.
            return Ok(false);
        }
        if named.destination.key == proven.destination.key && named.stored.is_same(&proven.stored) {
            return Ok(true);
        }
        let copy = ObjectRef::stored(&named.destination, &named.stored);
        let stands = s3::head(&self.aws.s3(&named.destination.region), copy).await?;
        Ok(stands.is_some_and(|head| head.etag == named.stored.etag))
    }
}

fn object(place: &ReceiptRef) -> ObjectRef<'_> {
    ObjectRef { bucket: &place.bucket, key: &place.key, version_id: None, side: Side::Destination }
}
