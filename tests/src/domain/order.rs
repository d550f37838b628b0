//! The current copy of a key is the copy of the newest source version.
//!
//! The order comes from the source's list of versions, not from the product's decision. S3 lists the versions of a key
//! in the order in which their uploads were *initiated*
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>). A deleted version is not in the list; for
//! it, `Last-Modified`, the time of initiation, is compared.

use holdfast_core::receipt::Receipt;

use super::{
    Check, Promise,
    copies::{proven_in, receipt_of},
    objects::{Bucket, Version},
    sources::is_of,
};

impl Check<'_> {
    /// Checks every key with a proven version.
    pub(super) fn check_order(&mut self) {
        let snapshot = self.snapshot;
        let mut keys: Vec<_> = snapshot.source.versions.iter().map(|version| version.key.as_str()).collect();
        keys.dedup();
        for key in keys.into_iter().filter(|key| !snapshot.is_excluded(key)) {
            let is_proven = |version: &&Version| snapshot.readable_receipts().any(|receipt| is_of(receipt, version));
            let proven: Vec<_> = snapshot.source.versions_of(key).filter(is_proven).collect();
            if proven.is_empty() {
                continue;
            }
            for bucket in snapshot.destinations() {
                self.check_current(key, &proven, bucket);
            }
        }
    }

    /// Checks the current version of a key in one bucket. `proven` are the source versions with receipts, newest first.
    fn check_current(&mut self, key: &str, proven: &[&Version], bucket: &Bucket) {
        let snapshot = self.snapshot;
        let newest = proven[0].name(&snapshot.source);
        let newest_receipt = snapshot.readable_receipts().find(|receipt| is_of(receipt, proven[0]));
        let is_late = newest_receipt.is_some_and(|newest| {
            let copy = proven_in(snapshot, newest, bucket);
            copy.is_some_and(|copy| copy.destination.key != newest.source.key)
        });
        let message = match bucket.current(key) {
            None => format!("s3://{}/{key} does not exist, but {newest} is backed up", bucket.name),
            Some(current) => {
                // A current version without a receipt is a newer one that waits for a redrive, or a violation of
                // another promise.
                let Some(receipt) = receipt_of(snapshot, bucket, current) else { return };
                // A deleted version can be newer than all existing ones. `Last-Modified` has whole seconds.
                let is_newer = |newest: &Receipt| receipt.stamp.last_modified >= newest.stamp.last_modified;
                let was_newer = snapshot.source_of(receipt).is_none() && newest_receipt.is_none_or(is_newer);
                if was_newer || is_of(receipt, proven[0]) {
                    return;
                }
                let version = receipt.source.version_id.as_ref().map(ToString::to_string);
                let copied = version.unwrap_or_else(|| receipt.source.etag.to_string());
                format!("{} is current and a copy of {copied}, but {newest} is the newest", current.name(bucket))
            }
        };
        if is_late {
            self.report.newest_versions_late += 1;
        } else {
            self.violated(Promise::NewestIsCurrent, message);
        }
    }
}
