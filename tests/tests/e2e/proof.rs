//! Copies with a wrong byte in either leg: they are removed or marked, and a redrive succeeds.

use aws_sdk_s3::{
    Client,
    types::{
        DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
        ObjectVersion,
    },
};
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    domain::Tolerance,
    fixture::{ExecutionSummary, FailedExecution, Fixture, Setup, delete_versions, recreate_bucket},
    text::assert_contains,
};
use sandbox::faults::{Effect, Life, Moment, Rule, Service, Target};
use serde_json::{Value, json};

const KEY: &str = "k";
const LARGE: usize = (5 << 20) + 1;

/// The request with the flipped byte, and the state that finds it.
struct Case {
    operation: &'static str,
    replica: bool,
    size: usize,
    /// Characters of metadata. 2,000 leave no room beside the stamp.
    metadata: usize,
    state: &'static str,
}

const CASES: [Case; 6] = [
    Case { operation: "CopyObject", replica: false, size: 9, metadata: 1, state: "VerifyBackup" },
    Case { operation: "CopyObject", replica: true, size: 9, metadata: 1, state: "VerifyReplica" },
    Case { operation: "UploadPartCopy", replica: false, size: LARGE, metadata: 1, state: "CompleteUpload" },
    Case { operation: "UploadPartCopy", replica: true, size: LARGE, metadata: 1, state: "CompleteReplica" },
    Case { operation: "CopyObject", replica: false, size: 9, metadata: 2_000, state: "VerifyBackup" },
    Case { operation: "CopyObject", replica: true, size: 9, metadata: 2_000, state: "VerifyReplica" },
];

impl Case {
    /// The bucket of the copy, and its client.
    fn destination(&self, fixture: &Fixture) -> (Client, String) {
        if self.replica {
            (fixture.replica_s3.clone(), fixture.outputs.replica_bucket.clone())
        } else {
            (fixture.s3.clone(), fixture.outputs.backup_bucket.clone())
        }
    }

    /// Flips a byte of the first copy to the bucket.
    fn flip(&self, fixture: &Fixture) -> TestResult {
        let (_, bucket) = self.destination(fixture);
        let target = Target::operation(Service::S3, self.operation).bucket(&bucket);
        fixture.sandbox.faults().add(Rule::new(target, Effect::Flip { offset: 4 }).times(1))?;
        Ok(())
    }

    async fn upload(&self, fixture: &Fixture, bytes: Vec<u8>) -> TestResult {
        let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key(KEY).body(bytes.into());
        request.metadata("notes", "n".repeat(self.metadata)).send().await?;
        Ok(())
    }
}

async fn versions(s3: &Client, bucket: &str) -> TestResult<Vec<ObjectVersion>> {
    Ok(s3.list_object_versions().bucket(bucket).prefix(KEY).send().await?.versions.unwrap_or_default())
}

/// Redrives the only execution, which must succeed.
async fn redrive_to_success(fixture: &Fixture, execution: &ExecutionSummary) -> TestResult {
    fixture.redrive(&execution.arn).await?;
    fixture.wait_for_success().await?;
    Ok(())
}

fn setup(mode: &str) -> Setup {
    Setup::default().with_parameter("MultipartThreshold", "5242880").with_parameter("VerifyMode", mode)
}

#[tokio::test]
async fn a_copy_with_a_wrong_byte_is_removed_and_a_redrive_succeeds() -> TestResult {
    for mode in ["stored", "streamed"] {
        for case in CASES {
            let name = format!("{} {} {mode}, {} bytes", case.operation, case.state, case.size);
            let fixture = Fixture::start(setup(mode)).await?;
            case.flip(&fixture)?;
            let bytes = vec![7; case.size];
            case.upload(&fixture, bytes.clone()).await?;
            let failed = fixture.wait_for_failure().await.map_err(|error| format!("{name}: {error}"))?;
            let path = fixture.path(&failed.execution).await?;

            assert_eq!(failed.error, "Checksum.Mismatch", "{name}: {}", failed.message);
            assert_eq!(path.last().map(String::as_str), Some(case.state), "{name}");
            let (s3, bucket) = case.destination(&fixture);
            assert_eq!(versions(&s3, &bucket).await?, [], "{name}: nothing is visible");

            let open = s3.list_multipart_uploads().bucket(&bucket).send().await?;

            assert_eq!(open.uploads().len(), 0, "{name}: the upload is aborted");
            let message = fixture.messages(1).await?.remove(0)["Message"].as_str().unwrap_or_default().to_owned();
            let action = if case.operation == "CopyObject" { "was removed" } else { "was aborted" };
            assert!(message.contains(action) && message.contains(KEY), "{name}: {message}");

            redrive_to_success(&fixture, &failed.execution).await.map_err(|error| format!("{name}: {error}"))?;

            assert!(fixture.backup(KEY).await? == bytes && fixture.replica(KEY).await? == bytes, "{name}");
            fixture.check_domain(Tolerance::default()).await?;
        }
    }
    Ok(())
}

/// Sets a default retention of one day on a bucket.
async fn enable_object_lock(s3: &Client, bucket: &str) -> TestResult {
    let retention = DefaultRetention::builder().mode(ObjectLockRetentionMode::Compliance).days(1).build();
    let rule = ObjectLockRule::builder().default_retention(retention).build();
    let configuration = ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).rule(rule);
    let request = s3.put_object_lock_configuration().bucket(bucket);
    request.object_lock_configuration(configuration.build()).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_locked_rejected_copy_is_marked_and_replaced_by_a_redrive() -> TestResult {
    for case in CASES.into_iter().filter(|case| case.operation == "CopyObject") {
        let fixture = Fixture::start(setup("stored")).await?;

        let (s3, bucket) = case.destination(&fixture);
        enable_object_lock(&s3, &bucket).await?;
        case.flip(&fixture)?;
        fixture.upload(KEY, "nine byte").await?;
        let failed = fixture.wait_for_failure().await?;

        assert_eq!(failed.error, "Checksum.Mismatch", "{}", failed.message);
        let existing = versions(&s3, &bucket).await?;
        let [rejected] = existing.as_slice() else { return Err(format!("one version, not {existing:?}").into()) };
        let rejected = rejected.version_id().unwrap_or_default().to_owned();
        assert_contains(
            &failed.message,
            &[rejected.as_str(), "is not a backup, but it could not be removed", "object lock"],
        );
        let tags = s3.get_object_tagging().bucket(&bucket).key(KEY).version_id(&rejected).send().await?.tag_set;
        let tags: Vec<_> = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
        assert_eq!(tags, [("holdfast-proof", "failed")]);

        redrive_to_success(&fixture, &failed.execution).await?;

        assert_eq!(fixture.backup(KEY).await?, b"nine byte");
        assert_eq!(fixture.replica(KEY).await?, b"nine byte");
        let receipt = fixture.receipts().await?.remove(0);
        let proven = if case.replica { receipt.replica.ok_or("no replica")? } else { receipt.backup };
        let listed: Vec<_> = proven.evidence.rejected_versions.iter().map(ToString::to_string).collect();
        assert_eq!(listed, [rejected.as_str()]);
        let messages = fixture.messages(2).await?;
        let is_named = |message: &Value| message["Message"].as_str().unwrap_or_default().contains(&rejected);
        assert!(messages.iter().all(is_named), "{messages:?}");
        fixture.check_domain(Tolerance::default()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_rejected_copy_in_an_unversioned_bucket_is_replaced_by_a_redrive() -> TestResult {
    let fixture = Fixture::start(setup("stored").without_replica()).await?;

    recreate_bucket(&fixture.s3, &fixture.outputs.backup_bucket, &fixture.outputs.region).await?;
    CASES[0].flip(&fixture)?;
    fixture.upload(KEY, "nine byte").await?;
    let failed = fixture.wait_for_failure().await?;

    assert!(failed.message.contains("the bucket has no versions"), "{}", failed.message);

    redrive_to_success(&fixture, &failed.execution).await?;

    assert_eq!(fixture.backup(KEY).await?, b"nine byte");
    Ok(())
}

#[tokio::test]
async fn a_removal_with_a_lost_response_is_in_receipt_and_message() -> TestResult {
    for case in CASES.into_iter().filter(|case| case.operation == "CopyObject") {
        for effect in [Effect::Kill(Life::After), Effect::Drop(Moment::After)] {
            let fixture = Fixture::start(setup("stored")).await?;

            case.flip(&fixture)?;
            let (s3, bucket) = case.destination(&fixture);
            let removal = Target::operation(Service::S3, "DeleteObject").bucket(&bucket);
            // The SDK makes three attempts per call.
            let times = if matches!(effect, Effect::Kill(_)) { 1 } else { 3 };
            fixture.sandbox.faults().add(Rule::new(removal, effect.clone()).times(times))?;
            fixture.upload(KEY, "nine byte").await?;
            fixture.wait_for_success().await?;
            let existing = versions(&s3, &bucket).await?;
            let [proven_version] = existing.as_slice() else {
                return Err(format!("one version, not {existing:?}").into());
            };
            let receipt = fixture.receipts().await?.remove(0);
            let proven = if case.replica { receipt.replica.ok_or("no replica")? } else { receipt.backup };
            let [rejected] = proven.evidence.rejected_versions.as_slice() else {
                return Err(format!("{} {effect:?}: exactly one rejected version is expected", case.state).into());
            };

            assert_ne!(Some(rejected.as_str()), proven_version.version_id());
            let message = fixture.messages(1).await?.remove(0)["Message"].as_str().unwrap_or_default().to_owned();
            assert!(message.contains(rejected.as_str()) && message.contains("do not match the source"), "{message}");

            let record =
                s3.get_object().bucket(&bucket).key(format!(".holdfast/rejected/{KEY}/{rejected}")).send().await?;

            let record = String::from_utf8(record.body.collect().await?.to_vec())?;
            assert!(record.contains("does not match its source") && record.contains("CRC64NVME"), "{record}");
            fixture.check_domain(Tolerance::default()).await?;
        }
    }
    Ok(())
}

/// Uploads an object whose copy has a wrong byte, and deletes the source of the copy before the comparison. Returns the
/// failure of the redrive.
async fn reject_without_source(fixture: &Fixture, case: &Case, source: &str) -> TestResult<FailedExecution> {
    case.flip(fixture)?;
    fixture.fail_next_invocation("checksum-verify", case.state)?;
    fixture.upload(KEY, "nine byte").await?;
    let execution = fixture.wait_for_failure().await?.execution;
    let version = versions(&fixture.s3, source).await?.remove(0).version_id;
    fixture.s3.delete_object().bucket(source).key(KEY).set_version_id(version).send().await?;
    fixture.redrive(&execution.arn).await?;
    let failed = fixture.wait_for_failure().await?;
    assert_eq!(failed.error, "Checksum.Mismatch", "{}", failed.message);
    let (s3, bucket) = case.destination(fixture);
    let rejected = versions(&s3, &bucket).await?.remove(0).version_id.unwrap_or_default();
    assert_contains(&failed.message, &[&rejected]);
    Ok(failed)
}

#[tokio::test]
async fn a_rejected_copy_without_its_source_is_not_removed() -> TestResult {
    let fixture = Fixture::start(setup("stored")).await?;

    let failed = reject_without_source(&fixture, &CASES[0], &fixture.outputs.source_bucket).await?;

    assert_contains(
        &failed.message,
        &["The source is gone, so the copy was not removed", "compare the copy by other means"],
    );

    delete_versions(&fixture.s3, &fixture.outputs.backup_bucket, KEY).await?;
    redrive_to_success(&fixture, &failed.execution).await?;
    let ended = fixture.wait_for_executions(1).await?.remove(0);

    assert_eq!(ended.status, ExecutionStatus::Succeeded);
    assert_eq!(fixture.output(&ended).await?["reason"], "sourceGone");
    Ok(())
}

#[tokio::test]
async fn a_rejected_replica_without_its_backup_is_replaced_by_a_new_request() -> TestResult {
    let fixture = Fixture::start(setup("stored")).await?;

    let failed = reject_without_source(&fixture, &CASES[1], &fixture.outputs.backup_bucket).await?;

    assert_contains(
        &failed.message,
        &[
            "The backup is gone, so the replica was not removed",
            "request a new backup of it, which also proves this replica",
            "keep the replica",
        ],
    );
    assert!(!failed.message.contains("skipped"), "{}", failed.message);

    let mut request = fixture.input_event(&failed.execution).await?;
    let version = request["detail"]["object"]["version-id"].clone();
    request["detail-type"] = "Backup Requested".into();
    request["source"] = "ops".into();
    request["detail"]["object"] = json!({ "key": KEY, "version-id": version });
    fixture.start_execution(&request).await?;
    let requested = fixture.wait_for_executions(2).await?.remove(1);

    assert_eq!(requested.status, ExecutionStatus::Failed, "the wrong replica is rejected and removed");

    fixture.redrive(&requested.arn).await?;

    assert_eq!(fixture.wait_for_executions(2).await?.remove(1).status, ExecutionStatus::Succeeded);
    assert_eq!(
        (fixture.backup(KEY).await?, fixture.replica(KEY).await?),
        (b"nine byte".to_vec(), b"nine byte".to_vec())
    );
    assert_eq!(fixture.receipts().await?.len(), 1);
    Ok(())
}
