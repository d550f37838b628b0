//! Open uploads: only those that a redrive continues.

use super::{Check, Promise};

impl Check<'_> {
    /// Checks the open uploads of both destination buckets.
    pub(super) fn check_uploads(&mut self) {
        let snapshot = self.snapshot;
        for bucket in snapshot.destinations() {
            for upload in &bucket.uploads {
                let owners: Vec<_> =
                    snapshot.executions.iter().filter(|execution| execution.uploads.contains(&upload.id)).collect();
                if owners.is_empty() {
                    self.report.unknown_uploads += 1;
                } else if !owners.iter().any(|execution| execution.is_unfinished()) {
                    let object = format!("s3://{}/{}", bucket.name, upload.key);
                    let message = format!("upload {} of {object} is open, but {} succeeded", upload.id, owners[0].arn);
                    self.violated(Promise::NoOpenUpload, message);
                }
            }
        }
    }
}
