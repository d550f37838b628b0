//! The receipt of an upload, which says that it is backed up as long as the copy that it names stands. Somebody may have
//! deleted that copy since; then the upload is planned as if there were no receipt, and notify replaces it.
//!
//! The receipt is read, which costs what a HEAD of it would. The copy that it names mostly is what was seen at the
//! destination already; else it costs one HEAD more.

use holdfast_core::{
    Failure,
    contract::Source,
    names::{BucketName, ObjectKey},
    stamp::Stamp,
};
use holdfast_s3::{self as s3, Head, NamedCopy, ObjectRef};

use crate::{Validate, plan::Stop};

impl Validate {
    /// Stops where a receipt says that the upload is backed up. `stands` is what was seen at the source's own key in the
    /// backup bucket.
    pub(crate) async fn check_receipt(
        &self,
        source: &Source,
        stamp: &Stamp,
        stands: Option<&Head>,
    ) -> Result<(), Stop> {
        self.check_receipt_of((&source.bucket, &source.key), stamp, stands).await
    }

    /// The same for an upload whose source may be gone.
    pub(crate) async fn check_receipt_of(
        &self,
        upload: (&BucketName, &ObjectKey),
        stamp: &Stamp,
        stands: Option<&Head>,
    ) -> Result<(), Stop> {
        let filed_at = self.config.receipts.key_of(upload, stamp)?;
        let receipt = s3::receipt_object(&self.config.receipts, &filed_at);
        let filed = s3::read_receipt(&self.aws.s3(self.aws.region()), receipt).await?;
        let Some(named) = filed.and_then(|filed| filed.names) else { return Ok(()) };
        if self.is_there(&named.backup, upload.1, stands).await? {
            return Err(Stop::already_backed_up(receipt));
        }
        Ok(())
    }

    /// Whether the copy stands. In a bucket without versions whatever stands at its key came there in its turn.
    async fn is_there(&self, copy: &NamedCopy, key: &ObjectKey, stands: Option<&Head>) -> Result<bool, Failure> {
        let NamedCopy { destination, stored } = copy;
        if destination.bucket != self.config.backup_bucket {
            // A backup from before the stack got another bucket.
            return Ok(false);
        }
        if destination.key == *key && stands.is_some_and(|head| head.version_id == stored.version_id) {
            return Ok(true);
        }
        let copy = ObjectRef::stored(destination, stored);
        Ok(s3::head(&self.aws.s3(&destination.region), copy).await?.is_some())
    }
}
