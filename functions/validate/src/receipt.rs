//! The receipt of an upload says that it is backed up, as long as the copy that it names exists. If another client
//! deleted that copy, the upload is planned as if it had no receipt, and notify replaces the receipt.
//!
//! Reading the receipt costs as much as a HEAD of it. The copy that it names is usually the object that was found at
//! the destination already; otherwise it costs one HEAD more.

use holdfast_core::{contract::Plan, event::Upload, names::ObjectKey, receipt::UploadId};
use holdfast_s3::{self as s3, Head, NamedCopy, ObjectRef, S3Error};

use crate::{Error, Validate, skip};

impl Validate {
    /// The plan to skip, if the receipt with this key says that the upload is backed up. `key` is the key of the
    /// source, `current` the object at that key in the backup bucket.
    pub(crate) async fn backed_up_by(
        &self,
        receipt: &ObjectKey,
        key: &ObjectKey,
        current: Option<&Head>,
    ) -> Result<Option<Plan>, Error> {
        let receipt = s3::receipt_object(&self.config.receipts, receipt);
        let existing = s3::read_receipt(&self.aws.s3(self.aws.region()), receipt).await?;
        let Some(named) = existing.and_then(|existing| existing.names) else { return Ok(None) };
        let exists = self.copy_exists(&named.backup, key, current).await?;
        Ok(exists.then(|| skip::already_backed_up(receipt)))
    }

    /// The same for an upload whose source is gone. Its time is unknown, so its receipt is found by a
    /// listing.
    pub(crate) async fn backed_up_by_search(
        &self,
        upload: &Upload,
        id: UploadId<'_>,
        current: &Head,
    ) -> Result<Option<Plan>, Error> {
        let receipts = &self.config.receipts;
        let search = receipts.search(&upload.bucket, &upload.key, id);
        match s3::find_receipt(&self.aws.s3(self.aws.region()), receipts, &search).await? {
            Some(receipt) => self.backed_up_by(&receipt, &upload.key, Some(current)).await,
            None => Ok(None),
        }
    }

    /// Whether the copy exists. In a bucket without versions, any object at its key replaced it in the order of
    /// uploads.
    async fn copy_exists(&self, copy: &NamedCopy, key: &ObjectKey, current: Option<&Head>) -> Result<bool, S3Error> {
        let NamedCopy { destination, stored } = copy;
        if destination.bucket != self.config.backup_bucket {
            // A backup from before the stack had another bucket.
            return Ok(false);
        }
        if destination.key == *key && current.is_some_and(|head| head.version_id == stored.version_id) {
            return Ok(true);
        }
        let copy = ObjectRef::stored(destination, stored);
        Ok(s3::head(&self.aws.s3(&destination.region), copy).await?.is_some())
    }
}
