//! Open uploads: only those that a redrive continues.

use super::{Check, Rule};

impl Check<'_> {
    /// Looks at every open upload of both buckets.
    pub(super) fn uploads(&mut self) {
        let facts = self.facts;
        for bucket in [Some(&facts.backup), facts.replica.as_ref()].into_iter().flatten() {
            for upload in &bucket.uploads {
                let knowing: Vec<_> =
                    facts.executions.iter().filter(|execution| execution.uploads.contains(&upload.id)).collect();
                if knowing.is_empty() {
                    self.report.unanswered_openings += 1;
                } else if !knowing.iter().any(|execution| execution.is_unfinished()) {
                    let arn = &knowing[0].arn;
                    let place = format!("s3://{}/{}", bucket.name, upload.key);
                    let sentence = format!("upload {} of {place} is open, and {arn} has succeeded", upload.id);
                    self.broken(Rule::NoOpenUpload, sentence);
                }
            }
        }
    }
}
