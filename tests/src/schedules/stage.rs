//! The place where a schedule happens: a sandbox that can be stopped and started again, and what the people around it
//! do to it.

use std::{thread, time::Duration};

use aws_sdk_s3::{
    error::ProvideErrorMetadata,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::receipt::Receipt;
use sandbox::faults::Active;
use serde_json::Value;
use tempfile::TempDir;

use super::step::{
    Checksum, Deletion, Deployment, Dress, KEYS, MULTIPART_THRESHOLD, Proof, Replica, Sent, SourceBucket, Upload,
};
use crate::{
    TestResult,
    world::{Ended, Setup, World},
};

/// A source bucket that the stack does not make, and that never kept versions.
const UNVERSIONED: &str = "holdfast-test-unversioned";
const PART: usize = 5 << 20;
/// Long enough that the clock shows another second.
const SECOND: Duration = Duration::from_millis(1_050);

/// A sandbox with its data.
#[derive(Debug)]
pub(super) struct Stage {
    world: Option<World>,
    setup: Setup,
    _folder: TempDir,
}

/// An upload that S3 has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Uploaded {
    pub(super) key: &'static str,
    pub(super) version_id: Option<String>,
    pub(super) etag: String,
}

impl Uploaded {
    /// Whether an event announces this upload.
    fn is_announced_by(&self, event: &Value) -> bool {
        let object = &event["detail"]["object"];
        let version = object["version-id"].as_str();
        object["key"] == self.key
            && version == self.version_id.as_deref()
            && (version.is_some() || object["etag"] == self.etag.trim_matches('"'))
    }
}

impl Stage {
    pub(super) async fn open(deployment: &Deployment) -> TestResult<Self> {
        let folder = tempfile::Builder::new().prefix("holdfast-schedule-").tempdir()?;
        let mut setup =
            Setup::default().kept_in(folder.path()).with("MultipartThreshold", &MULTIPART_THRESHOLD.to_string());
        setup.time_scale = 1.0;
        if deployment.replica == Replica::None {
            setup = setup.without_replica();
        }
        if deployment.proof == Proof::Streamed {
            setup = setup.with("VerifyMode", "streamed");
        }
        if deployment.source == SourceBucket::Unversioned {
            setup = setup.with("ExistingSourceBucketName", UNVERSIONED);
        }
        let world = World::start(setup.clone()).await?;
        if deployment.source == SourceBucket::Unversioned {
            world.make_source_unversioned().await?;
        }
        Ok(Self { world: Some(world), setup, _folder: folder })
    }

    /// The sandbox that runs now.
    pub(super) fn world(&self) -> TestResult<&World> {
        self.world.as_ref().ok_or_else(|| "the sandbox did not start again".into())
    }

    /// Stops the sandbox in order and starts it again on its data. The faults in force, which it forgets, stay; answers
    /// what they did so far.
    pub(super) async fn restart(&mut self) -> TestResult<Vec<Active>> {
        let Some(world) = self.world.take() else { return Err("the sandbox did not start again".into()) };
        let faults = world.sandbox.faults().rules();
        world.sandbox.stop().await?;
        let world = World::start(self.setup.clone()).await?;
        for fault in &faults {
            let mut rule = fault.rule.clone();
            rule.when.skip = rule.when.skip.saturating_sub(fault.matched);
            rule.when.times = rule.when.times.map(|times| times.saturating_sub(fault.fired));
            if rule.when.times != Some(0) {
                world.sandbox.faults().add(rule)?;
            }
        }
        self.world = Some(world);
        Ok(faults)
    }

    /// Lifts every fault; answers what they did.
    pub(super) fn lift_faults(&self) -> TestResult<Vec<Active>> {
        let faults = self.world()?.sandbox.faults();
        let active = faults.rules();
        faults.clear();
        Ok(active)
    }

    /// Stops the sandbox for good.
    pub(super) async fn close(mut self) -> TestResult {
        if let Some(world) = self.world.take() {
            world.sandbox.stop().await?;
        }
        Ok(())
    }

    pub(super) async fn upload(&self, upload: &Upload) -> TestResult<Uploaded> {
        let world = self.world()?;
        let bytes = bytes_of(upload);
        match upload.sent {
            Sent::AtOnce => at_once(world, upload, bytes).await,
            Sent::InParts => Parts::send(world, upload, &bytes).await?.complete(world).await,
        }
    }

    /// Uploads the second object at once while the first is sent in parts; answers both in the order of their events.
    /// S3 tells the beginning of uploads in whole seconds of the wall clock, so that one has to pass.
    pub(super) async fn upload_across(&self, slow: &Upload, quick: &Upload) -> TestResult<[Uploaded; 2]> {
        let world = self.world()?;
        let parts = Parts::send(world, slow, &bytes_of(slow)).await?;
        thread::sleep(SECOND);
        let beside = at_once(world, quick, bytes_of(quick)).await?;
        Ok([beside, parts.complete(world).await?])
    }

    /// Deletes from the source; answers which version it was, if there was one.
    pub(super) async fn delete(&self, key: &'static str, what: Deletion) -> TestResult<Option<String>> {
        let world = self.world()?;
        let bucket = &world.outputs.source_bucket;
        let request = world.s3.delete_object().bucket(bucket).key(key);
        if what == Deletion::Key {
            request.send().await?;
            return Ok(Some("the key".to_owned()));
        }
        let listed = world.s3.list_object_versions().bucket(bucket).prefix(key).send().await?;
        let mut versions = listed.versions().iter();
        let version = if what == Deletion::Newest { versions.next() } else { versions.next_back() };
        let Some(version) = version.and_then(|version| version.version_id.clone()) else { return Ok(None) };
        request.version_id(&version).send().await?;
        Ok(Some(version))
    }

    /// Starts an execution with the event of an upload, if that event has started one before.
    pub(super) async fn event_again(&self, upload: &Uploaded) -> TestResult<bool> {
        let world = self.world()?;
        for execution in self.executions().await? {
            let event = world.event_of(&execution).await?;
            if upload.is_announced_by(&event) {
                world.begin(&event).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every execution, oldest first.
    pub(super) async fn executions(&self) -> TestResult<Vec<Ended>> {
        self.world()?.executions().await
    }

    /// Stops the execution that was started last of those that run.
    pub(super) async fn stop_execution(&self) -> TestResult<Option<String>> {
        let running = |execution: &Ended| execution.status == ExecutionStatus::Running;
        let Some(execution) = self.executions().await?.into_iter().rfind(running) else { return Ok(None) };
        let request = self.world()?.states.stop_execution().execution_arn(&execution.arn);
        request.error("Stopped").cause("Somebody stopped it.").send().await?;
        Ok(Some(execution.arn))
    }

    /// Redrives every execution that has ended badly; answers how many.
    pub(super) async fn redrive(&self) -> TestResult<usize> {
        let mut count = 0;
        for execution in self.executions().await? {
            if !matches!(execution.status, ExecutionStatus::Running | ExecutionStatus::Succeeded) {
                self.world()?.states.redrive_execution().execution_arn(&execution.arn).send().await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Does what the messages of failed executions ask people for: deletes the copies that nobody can prove any more,
    /// because their source was deleted. Answers how many.
    pub(super) async fn follow_advice(&self) -> TestResult<usize> {
        let world = self.world()?;
        let mut count = 0;
        for execution in self.executions().await? {
            if execution.status != ExecutionStatus::Failed {
                continue;
            }
            let failed = world.states.describe_execution().execution_arn(&execution.arn).send().await?;
            let Some((bucket, key, version)) = failed.cause.as_deref().and_then(unproven_copy) else { continue };
            let is_named =
                |receipt: &Receipt| receipt.backup.stored.version_id.as_ref().is_some_and(|id| id.as_str() == version);
            if world.receipts().await?.iter().any(is_named) {
                continue;
            }
            let s3 = if bucket == world.outputs.replica_bucket { &world.replica_s3 } else { &world.s3 };
            s3.delete_object().bucket(bucket).key(key).version_id(version).send().await?;
            count += 1;
        }
        Ok(count)
    }

    /// Removes every open upload of the backup and the replica bucket, as lifecycle does; answers how many.
    pub(super) async fn remove_open_uploads(&self) -> TestResult<usize> {
        let world = self.world()?;
        let mut count = 0;
        for (s3, bucket) in
            [(&world.s3, &world.outputs.backup_bucket), (&world.replica_s3, &world.outputs.replica_bucket)]
        {
            if bucket.is_empty() {
                continue;
            }
            for upload in s3.list_multipart_uploads().bucket(bucket).send().await?.uploads() {
                let request = s3.abort_multipart_upload().bucket(bucket);
                match request.set_key(upload.key.clone()).set_upload_id(upload.upload_id.clone()).send().await {
                    Ok(_) => count += 1,
                    // It was completed, or aborted, since it was listed.
                    Err(error) if error.code() == Some("NoSuchUpload") => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(count)
    }
}

/// Bucket, key and version of the copy that a message says people may delete.
fn unproven_copy(cause: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = cause.split_once("The copy s3://")?;
    let (place, rest) = rest.split_once(" (version ")?;
    let (version, rest) = rest.split_once(')')?;
    let (bucket, key) = place.split_once('/')?;
    rest.contains("delete that version").then_some((bucket, key, version))
}

/// What an upload carries besides its bytes.
fn metadata(dress: Dress) -> Vec<(String, String)> {
    match dress {
        Dress::Plain => Vec::new(),
        Dress::Tagged => vec![("owner".to_owned(), "ann".to_owned())],
        Dress::FullOfMetadata => vec![("much".to_owned(), "m".repeat(2_000))],
    }
}

fn tagging(dress: Dress) -> Option<String> {
    (dress == Dress::Tagged).then(|| "team=blue%20green&empty=".to_owned())
}

fn algorithm(checksum: Checksum) -> ChecksumAlgorithm {
    match checksum {
        Checksum::Crc64Nvme => ChecksumAlgorithm::Crc64Nvme,
        Checksum::Crc32 => ChecksumAlgorithm::Crc32,
    }
}

async fn at_once(world: &World, upload: &Upload, bytes: Vec<u8>) -> TestResult<Uploaded> {
    let key = KEYS[upload.key];
    let mut request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(key);
    for (name, value) in metadata(upload.dress) {
        request = request.metadata(name, value);
    }
    let request = request.set_tagging(tagging(upload.dress)).checksum_algorithm(algorithm(upload.checksum));
    let stored = request.body(ByteStream::from(bytes)).send().await?;
    Ok(Uploaded { key, version_id: stored.version_id, etag: stored.e_tag.unwrap_or_default() })
}

fn bytes_of(upload: &Upload) -> Vec<u8> {
    upload.letter.to_string().into_bytes().repeat(upload.size)
}

/// An upload in parts, all of them sent.
struct Parts {
    key: &'static str,
    id: Option<String>,
    sent: CompletedMultipartUpload,
}

impl Parts {
    async fn send(world: &World, upload: &Upload, bytes: &[u8]) -> TestResult<Self> {
        let (key, bucket) = (KEYS[upload.key], &world.outputs.source_bucket);
        let mut request = world.s3.create_multipart_upload().bucket(bucket).key(key);
        for (name, value) in metadata(upload.dress) {
            request = request.metadata(name, value);
        }
        let request = request.set_tagging(tagging(upload.dress)).checksum_algorithm(algorithm(upload.checksum));
        let id = request.send().await?.upload_id;
        let mut sent = CompletedMultipartUpload::builder();
        for (part, number) in bytes.chunks(PART).zip(1..) {
            let request = world.s3.upload_part().bucket(bucket).key(key).set_upload_id(id.clone());
            let request = request.part_number(number).checksum_algorithm(algorithm(upload.checksum));
            let stored = request.body(ByteStream::from(part.to_vec())).send().await?;
            let part = CompletedPart::builder().part_number(number).set_e_tag(stored.e_tag);
            let part = part.set_checksum_crc32(stored.checksum_crc32);
            sent = sent.parts(part.set_checksum_crc64_nvme(stored.checksum_crc64_nvme).build());
        }
        Ok(Self { key, id, sent: sent.build() })
    }

    async fn complete(self, world: &World) -> TestResult<Uploaded> {
        let Self { key, id, sent } = self;
        let request = world.s3.complete_multipart_upload().bucket(&world.outputs.source_bucket).key(key);
        let stored = request.set_upload_id(id).multipart_upload(sent).send().await?;
        Ok(Uploaded { key, version_id: stored.version_id, etag: stored.e_tag.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_that_people_may_delete_is_found_in_every_message() {
        for cause in [
            "The source s3://src/k was deleted or overwritten before its copy could be proven. The copy s3://dst/a b/c \
             (version v) exists without a receipt, and nothing is left to prove it by. Only as a last resort delete that \
             version and redrive, which then ends as skipped.",
            "The copy s3://dst/a b/c (version v) is not its source s3://src/k (version s). The source is gone by now. \
             Compare it by other means, or delete that version of it and redrive.",
        ] {
            assert_eq!(unproven_copy(cause), Some(("dst", "a b/c", "v")), "{cause}");
        }
        assert_eq!(unproven_copy("The copy s3://dst/k (version v) is not its source. It was removed."), None);
    }
}
