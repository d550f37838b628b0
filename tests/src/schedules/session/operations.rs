//! Operations of clients and operators: deletions, repeated events, stops, redrives, and the last step of the runbook for
//! copies that cannot be proven.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::receipt::Receipt;

use super::{Session, UploadedVersion};
use crate::{TestResult, fixture::ExecutionSummary, schedules::step::Deletion};

impl Session {
    /// Deletes from the source. Returns the deleted version, if there was one.
    pub(in super::super) async fn delete(&self, key: &'static str, what: Deletion) -> TestResult<Option<String>> {
        let fixture = self.fixture()?;
        let bucket = &fixture.outputs.source_bucket;
        let request = fixture.s3.delete_object().bucket(bucket).key(key);
        if what == Deletion::Key {
            request.send().await?;
            return Ok(Some("the key".to_owned()));
        }
        let listed = fixture.s3.list_object_versions().bucket(bucket).prefix(key).send().await?;
        let mut versions = listed.versions().iter();
        let version = if what == Deletion::Newest { versions.next() } else { versions.next_back() };
        let Some(version) = version.and_then(|version| version.version_id.clone()) else { return Ok(None) };
        request.version_id(&version).send().await?;
        Ok(Some(version))
    }

    /// Starts an execution with the event of an upload, if that event has started an execution before.
    pub(in super::super) async fn repeat_event(&self, upload: &UploadedVersion) -> TestResult<bool> {
        let fixture = self.fixture()?;
        for execution in fixture.executions().await? {
            let event = fixture.input_event(&execution).await?;
            if upload.is_announced_by(&event) {
                fixture.start_execution(&event).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stops the running execution that was started last.
    pub(in super::super) async fn stop_execution(&self) -> TestResult<Option<String>> {
        let fixture = self.fixture()?;
        let is_running = |execution: &ExecutionSummary| execution.status == ExecutionStatus::Running;
        let Some(execution) = fixture.executions().await?.into_iter().rfind(is_running) else { return Ok(None) };
        let request = fixture.states.stop_execution().execution_arn(&execution.arn);
        request.error("Stopped").cause("The schedule stopped it.").send().await?;
        Ok(Some(execution.arn))
    }

    /// Redrives every execution that ended without success. Returns their number.
    pub(in super::super) async fn redrive(&self) -> TestResult<usize> {
        let fixture = self.fixture()?;
        let mut count = 0;
        for execution in fixture.executions().await? {
            if !matches!(execution.status, ExecutionStatus::Running | ExecutionStatus::Succeeded) {
                fixture.redrive(&execution.arn).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Deletes the copies of failed executions that cannot be proven because their source is gone. It is the last step of
    /// the procedures in `docs/operations.md`. Returns the number of copies.
    pub(in super::super) async fn delete_unprovable_copies(&self) -> TestResult<usize> {
        let fixture = self.fixture()?;
        let mut count = 0;
        for execution in fixture.executions().await? {
            if execution.status != ExecutionStatus::Failed {
                continue;
            }
            let failed = fixture.describe(&execution.arn).await?;
            let Some((bucket, key, version)) = failed.cause.as_deref().and_then(unprovable_copy) else { continue };
            let is_named =
                |receipt: &Receipt| receipt.backup.stored.version_id.as_ref().is_some_and(|id| id.as_str() == version);
            if fixture.receipts().await?.iter().any(is_named) {
                continue;
            }
            let s3 = if bucket == fixture.outputs.replica_bucket { &fixture.replica_s3 } else { &fixture.s3 };
            s3.delete_object().bucket(bucket).key(key).version_id(version).send().await?;
            count += 1;
        }
        Ok(count)
    }

    /// Aborts the open uploads of both destination buckets, as lifecycle does. Returns their number.
    pub(in super::super) async fn abort_open_uploads(&self) -> TestResult<usize> {
        let mut count = 0;
        for (s3, bucket) in self.fixture()?.destinations() {
            if bucket.is_empty() {
                continue;
            }
            for upload in s3.list_multipart_uploads().bucket(bucket).send().await?.uploads() {
                let request = s3.abort_multipart_upload().bucket(bucket);
                match request.set_key(upload.key.clone()).set_upload_id(upload.upload_id.clone()).send().await {
                    Ok(_) => count += 1,
                    // It was completed or aborted after the listing.
                    Err(error) if error.code() == Some("NoSuchUpload") => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(count)
    }
}

/// Bucket, key and version of the copy that the message of a failed execution cannot prove.
fn unprovable_copy(cause: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = cause.split_once("The copy s3://")?;
    let (object, rest) = rest.split_once(" (version ")?;
    let (version, rest) = rest.split_once(')')?;
    let (bucket, key) = object.split_once('/')?;
    rest.contains("compare the copy by other means").then_some((bucket, key, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_about_an_unprovable_copy_names_it() {
        for cause in [
            "The source s3://src/k was deleted or overwritten before its copy could be proven. The copy s3://dst/a b/c \
             (version v) exists without a receipt. Redrive any other failed execution of this upload first: it may know \
             the checksum of the source. Otherwise compare the copy by other means, and keep it.",
            "The copy s3://dst/a b/c (version v) does not match its source s3://src/k (version s). The source is gone, so \
             the copy was not removed. Otherwise compare the copy by other means, and keep it.",
        ] {
            assert_eq!(unprovable_copy(cause), Some(("dst", "a b/c", "v")), "{cause}");
        }
        assert_eq!(unprovable_copy("The copy s3://dst/k (version v) does not match its source. It was removed."), None);
    }
}
