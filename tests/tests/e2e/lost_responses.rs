//! Requests that have their effect but lose their response, and changes before the request is repeated.

use aws_sdk_s3::{primitives::ByteStream, types::ChecksumAlgorithm};
use holdfast_tests::{
    TestResult,
    domain::Tolerance,
    fixture::{ExecutionSummary, Fixture, Setup, times_entered},
};
use sandbox::faults::{Effect, Life, Moment, Rule, Service, Target};

const KEY: &str = "k";

fn large() -> Setup {
    Setup::default().with_parameter("MultipartThreshold", "5242880")
}

/// Drops every response to an operation, until the fault rules are removed.
fn drop_responses(fixture: &Fixture, operation: &str) -> TestResult {
    let target = Target::operation(Service::S3, operation);
    fixture.sandbox.faults().add(Rule::new(target, Effect::Drop(Moment::After)))?;
    Ok(())
}

async fn redrive_without_faults(fixture: &Fixture, execution: &ExecutionSummary) -> TestResult<ExecutionSummary> {
    fixture.sandbox.faults().clear();
    fixture.redrive(&execution.arn).await?;
    fixture.wait_for_success().await
}

async fn delete_source(fixture: &Fixture) -> TestResult {
    let source = &fixture.outputs.source_bucket;
    let version = fixture.s3.head_object().bucket(source).key(KEY).send().await?.version_id;
    fixture.s3.delete_object().bucket(source).key(KEY).set_version_id(version).send().await?;
    Ok(())
}

/// The number of versions of the key in the backup bucket.
async fn copies(fixture: &Fixture) -> TestResult<usize> {
    Ok(fixture.backup_versions(KEY).await?.len())
}

/// Loses the response to a CopyObject, deletes the source, and redrives. S3 reports the missing source to the next
/// CopyObject.
async fn publish_and_delete_source(fixture: &Fixture, algorithm: ChecksumAlgorithm) -> TestResult<ExecutionSummary> {
    drop_responses(fixture, "CopyObject")?;
    let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key(KEY);
    request.checksum_algorithm(algorithm).body(ByteStream::from_static(b"bytes")).send().await?;
    let failed = fixture.wait_for_failure().await?;
    assert_eq!(failed.error, "S3.Unavailable", "{}", failed.message);
    assert_eq!(copies(fixture).await?, 1, "the copy was published");
    delete_source(fixture).await?;
    fixture.sandbox.faults().clear();
    let again = Target::operation(Service::S3, "CopyObject").state("CopyObject");
    fixture.sandbox.faults().add(Rule::new(again, Effect::error("NoSuchVersion")).times(1))?;
    fixture.redrive(&failed.execution.arn).await?;
    Ok(failed.execution)
}

#[tokio::test]
async fn a_copy_with_a_lost_response_is_proven_without_its_source() -> TestResult {
    for algorithm in [ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Crc32] {
        let fixture = Fixture::start(Setup::default()).await?;

        publish_and_delete_source(&fixture, algorithm).await?;
        let execution = fixture.wait_for_success().await?;
        let path = fixture.path(&execution).await?;
        let entered = |state| times_entered(&path, state);

        assert_eq!((entered("Validate"), entered("CopyObject"), entered("VerifyBackup")), (2, 1, 1), "{path:?}");
        assert_eq!((copies(&fixture).await?, fixture.receipts().await?.len()), (1, 1), "one copy, one receipt");
        assert_eq!(fixture.replica(KEY).await?, b"bytes");
        fixture.check_domain(Tolerance::default()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn displaced_metadata_is_recorded_although_a_response_was_lost() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    let once = Target::operation(Service::S3, "CopyObject");
    fixture.sandbox.faults().add(Rule::new(once, Effect::Drop(Moment::After)).times(1))?;
    let much = "m".repeat(2_000);

    let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key(KEY);
    request.metadata("much", &much).metadata("owner", "ann").body(ByteStream::from_static(b"bytes")).send().await?;
    fixture.wait_for_success().await?;

    let receipt = fixture.only_receipt().await?;

    assert_eq!(copies(&fixture).await?, 1, "the copy is recognized by its stamp");
    for proven in [Some(&receipt.backup), receipt.replica.as_ref()].into_iter().flatten() {
        let [difference] = proven.evidence.differences.as_slice() else { return Err(format!("{proven:?}").into()) };
        assert_eq!((difference.name.as_str(), difference.expected.as_ref()), ("metadata.much", Some(&much)));
    }

    let backup = fixture.s3.head_object().bucket(&fixture.outputs.backup_bucket).key(KEY).send().await?;

    let metadata = backup.metadata.unwrap_or_default();
    assert_eq!((metadata.get("owner").map(String::as_str), metadata.get("much")), (Some("ann"), None));
    fixture.check_domain(Tolerance::default()).await?;
    Ok(())
}

#[tokio::test]
async fn the_copy_of_an_overwritten_upload_is_proven_without_its_source() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.make_source_unversioned().await?;
    let put = |bytes: &'static [u8]| {
        let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key(KEY);
        request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from_static(bytes)).send()
    };
    drop_responses(&fixture, "CopyObject")?;
    put(b"first").await?;
    let execution = fixture.wait_for_failure().await?.execution;
    fixture.sandbox.faults().clear();
    put(b"the second").await?;
    fixture.wait_for_executions(2).await?;

    fixture.redrive(&execution.arn).await?;
    let ended = fixture.wait_for_executions(2).await?.remove(0);
    let described = fixture.describe(&ended.arn).await?;

    assert_eq!(described.error, None, "{:?}", described.cause);
    assert_eq!(fixture.receipts().await?.len(), 2);
    assert_eq!(fixture.backup(KEY).await?, b"the second");
    Ok(())
}

#[tokio::test]
async fn a_copy_with_a_lost_response_is_found_below_a_newer_one() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    drop_responses(&fixture, "CopyObject")?;
    fixture.upload(KEY, "first").await?;
    let execution = fixture.wait_for_failure().await?.execution;
    fixture.sandbox.faults().clear();
    fixture.upload(KEY, "second").await?;
    fixture.wait_for_executions(2).await?;
    fixture.redrive(&execution.arn).await?;
    fixture.wait_for_executions(2).await?;

    assert_eq!(fixture.receipts().await?.len(), 2);
    assert_eq!(copies(&fixture).await?, 2, "nothing is copied twice");
    assert_eq!(fixture.backup(KEY).await?, b"second");
    let report = fixture.check_domain(Tolerance::default()).await?;
    assert_eq!(report.duplicate_copies, 0);
    Ok(())
}

#[tokio::test]
async fn a_completion_with_a_lost_response_is_found_by_its_stamp() -> TestResult {
    for effect in [Effect::Drop(Moment::After), Effect::Kill(Life::After)] {
        let fixture = Fixture::start(large()).await?;

        let target = Target::operation(Service::S3, "CompleteMultipartUpload");
        for bucket in [&fixture.outputs.backup_bucket, &fixture.outputs.replica_bucket] {
            fixture.sandbox.faults().add(Rule::new(target.clone().bucket(bucket), effect.clone()).times(1))?;
        }
        fixture.upload(KEY, vec![7; 9 << 20]).await?;
        let execution = fixture.wait_for_success().await?;
        let path = fixture.path(&execution).await?;
        let entered = |state| times_entered(&path, state);

        assert_eq!((entered("Validate"), entered("CompleteUpload")), (1, 1), "{effect:?}: {path:?}");
        assert_eq!(entered("CompleteReplica"), 1, "{effect:?}: {path:?}");
        assert_eq!(copies(&fixture).await?, 1, "{effect:?}");
        assert!(fixture.sandbox.faults().rules().iter().all(|rule| rule.fired == 1), "{effect:?}");
        fixture.check_domain(Tolerance::default()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_upload_that_lifecycle_aborted_is_replanned_in_either_leg() -> TestResult {
    for (index, state) in ["CopySlice", "CopyReplicaSlice"].into_iter().enumerate() {
        let fixture = Fixture::start(large()).await?;

        let target = Target::operation(Service::S3, "UploadPartCopy").state(state);
        fixture.sandbox.faults().add(Rule::new(target, Effect::error("AccessDenied")))?;
        fixture.upload(KEY, vec![7; 9 << 20]).await?;
        let execution = fixture.wait_for_failure().await?.execution;
        let (s3, bucket) = fixture.destinations()[index];
        let open = s3.list_multipart_uploads().bucket(bucket).send().await?;
        let [upload] = open.uploads() else { return Err(format!("one open upload is expected, not {open:?}").into()) };
        let abort = s3.abort_multipart_upload().bucket(bucket).key(KEY);
        abort.upload_id(upload.upload_id().unwrap_or_default()).send().await?;

        let ended = redrive_without_faults(&fixture, &execution).await?;
        let path = fixture.path(&ended).await?;
        let entered = |state| times_entered(&path, state);
        let expected = [(2, 1), (1, 2)][index];

        assert_eq!((entered("Validate"), entered("Replicate")), expected, "{path:?}");
        fixture.check_domain(Tolerance::default()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_receipt_with_a_lost_response_is_written_once_and_reported() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    let target = Target::operation(Service::S3, "PutObject").state("Notify");
    fixture.sandbox.faults().add(Rule::new(target, Effect::Drop(Moment::After)))?;
    fixture.upload(KEY, "bytes").await?;
    let failed = fixture.wait_for_failure().await?;

    assert_eq!(failed.error, "S3.Unavailable", "{}", failed.message);
    assert_eq!(fixture.receipts().await?.len(), 1, "it was written");

    let ended = redrive_without_faults(&fixture, &failed.execution).await?;

    assert_eq!(fixture.output(&ended).await?["receipt"]["written"], false);
    assert_eq!(fixture.messages(2).await?.len(), 2, "a failure and a success");
    fixture.check_domain(Tolerance::default()).await?;
    Ok(())
}
