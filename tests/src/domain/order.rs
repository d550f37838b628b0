//! The newest version stays current: the current copy of a key is that of the source's newest version.
//!
//! The source's own list of versions is the judge, not the product's decision. S3 lists the versions of a key in the
//! order in which their uploads were *initiated*
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>). A version that was deleted meanwhile is
//! not in the list; its `Last-Modified`, the time of its initiation, is compared instead.

use holdfast_core::receipt::Receipt;

use super::{
    Check, Rule,
    copies::{position_of, proven_in, receipt_of},
    objects::{Bucket, Version},
    sources::is_of,
};

impl Check<'_> {
    /// Looks at every key that has a proven version.
    pub(super) fn newest_on_top(&mut self) {
        let facts = self.facts;
        let mut keys: Vec<_> = facts.source.versions.iter().map(|version| version.key.as_str()).collect();
        keys.dedup();
        for key in keys.into_iter().filter(|key| !facts.is_excluded(key)) {
            let is_proven = |version: &&Version| facts.readable().any(|receipt| is_of(receipt, version));
            let proven: Vec<_> = facts.source.versions_of(key).filter(is_proven).collect();
            if proven.is_empty() {
                continue;
            }
            for bucket in [Some(&facts.backup), facts.replica.as_ref()].into_iter().flatten() {
                self.newest_of(key, &proven, bucket);
            }
        }
    }

    /// `proven` are the source versions of the key that have receipts, the newest first.
    fn newest_of(&mut self, key: &str, proven: &[&Version], bucket: &Bucket) {
        let facts = self.facts;
        let newest = proven[0].name(&facts.source);
        let newest_receipt = facts.readable().find(|receipt| is_of(receipt, proven[0]));
        let is_late = newest_receipt.is_some_and(|newest| {
            let copy = proven_in(facts, newest, bucket);
            copy.is_some_and(|copy| copy.destination.key != newest.source.key)
        });
        let wrong = match bucket.current(key) {
            None => format!("s3://{}/{key} does not stand, and {newest} is backed up", bucket.name),
            Some(current) => {
                // Without a receipt it is not proven: a newer one that waits for a redrive, or a violation of another
                // promise.
                let Some(receipt) = receipt_of(facts, bucket, current) else { return };
                // A deleted version may have been newer than all that exist. Times have whole seconds.
                let is_newer = |newest: &Receipt| receipt.stamp.last_modified >= newest.stamp.last_modified;
                let was_newer = facts.source_of(receipt).is_none() && newest_receipt.is_none_or(is_newer);
                if was_newer || position_of(receipt, proven) == Some(0) {
                    return;
                }
                let version = receipt.source.version_id.as_ref().map(ToString::to_string);
                let of = version.unwrap_or_else(|| receipt.source.etag.to_string());
                format!("{} is current and holds {of}, but {newest} is the newest", current.name(bucket))
            }
        };
        if is_late {
            self.report.newest_left_late += 1;
        } else {
            self.broken(Rule::NewestOnTop, wrong);
        }
    }
}
