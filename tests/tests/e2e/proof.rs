//! A byte that is wrong in a copy, in either leg: nothing of it is left to be taken for a backup, and a redrive wins.

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
    domain::{Facts, Known},
    world::{Ended, Setup, World},
};
use sandbox::faults::{Effect, Life, Moment, Rule, Service, Target};

const KEY: &str = "k";
const LARGE: usize = (5 << 20) + 1;

/// Where the byte is flipped, and what comes of it.
struct Case {
    operation: &'static str,
    replica: bool,
    size: usize,
    /// Characters of metadata: near 2,048 of them leave no room beside the stamp.
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
    /// The bucket that the wrong byte is in, and a client for it.
    fn place(&self, world: &World) -> (Client, String) {
        if self.replica {
            (world.replica_s3.clone(), world.outputs.replica_bucket.clone())
        } else {
            (world.s3.clone(), world.outputs.backup_bucket.clone())
        }
    }

    /// Flips a byte of the first copy into the bucket.
    fn flip(&self, world: &World) -> TestResult {
        let (_, bucket) = self.place(world);
        let target = Target::operation(Service::S3, self.operation).bucket(&bucket);
        world.sandbox.faults().add(Rule::new(target, Effect::Flip { offset: 4 }).times(1))?;
        Ok(())
    }

    async fn upload(&self, world: &World, bytes: Vec<u8>) -> TestResult {
        let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(KEY).body(bytes.into());
        request.metadata("notes", "n".repeat(self.metadata)).send().await?;
        Ok(())
    }
}

async fn versions(s3: &Client, bucket: &str) -> TestResult<Vec<ObjectVersion>> {
    Ok(s3.list_object_versions().bucket(bucket).prefix(KEY).send().await?.versions.unwrap_or_default())
}

/// Redrives the one execution, which then has to succeed.
async fn redrive(world: &World, execution: &Ended) -> TestResult {
    world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
    world.succeeded().await?;
    Ok(())
}

fn setup(mode: &str) -> Setup {
    Setup::default().with("MultipartThreshold", "5242880").with("VerifyMode", mode)
}

#[tokio::test]
async fn a_wrong_byte_leaves_nothing_behind_that_could_be_taken_for_a_backup_and_a_redrive_wins() -> TestResult {
    for mode in ["stored", "streamed"] {
        for case in CASES {
            let name = format!("{} {} {mode}, {} bytes", case.operation, case.state, case.size);
            let world = World::start(setup(mode)).await?;
            case.flip(&world)?;
            let bytes = vec![7; case.size];
            case.upload(&world, bytes.clone()).await?;
            let failed = world.failed().await.map_err(|error| format!("{name}: {error}"))?;
            let path = world.path(&failed.execution).await?;
            assert_eq!(failed.error, "Checksum.Mismatch", "{name}: {}", failed.sentence);
            assert_eq!(path.last().map(String::as_str), Some(case.state), "{name}");
            let (s3, bucket) = case.place(&world);
            assert_eq!(versions(&s3, &bucket).await?, [], "{name}: nothing is visible");
            let open = s3.list_multipart_uploads().bucket(&bucket).send().await?;
            assert_eq!(open.uploads().len(), 0, "{name}: what can never be whole is not kept");
            let mail = world.messages(1).await?.remove(0)["Message"].as_str().unwrap_or_default().to_owned();
            let done = if case.operation == "CopyObject" { "was removed" } else { "was aborted" };
            assert!(mail.contains(done) && mail.contains(KEY), "{name}: {mail}");

            redrive(&world, &failed.execution).await.map_err(|error| format!("{name}: {error}"))?;
            assert!(world.backup(KEY).await? == bytes && world.replica(KEY).await? == bytes, "{name}");
            Facts::of(&world).await?.check(Known::default())?;
        }
    }
    Ok(())
}

/// Locks what is written to a bucket from now on for a day.
async fn lock(s3: &Client, bucket: &str) -> TestResult {
    let retention = DefaultRetention::builder().mode(ObjectLockRetentionMode::Compliance).days(1).build();
    let rule = ObjectLockRule::builder().default_retention(retention).build();
    let configuration = ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).rule(rule);
    let request = s3.put_object_lock_configuration().bucket(bucket);
    request.object_lock_configuration(configuration.build()).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_bad_copy_that_object_lock_protects_is_named_marked_and_covered_by_a_good_one() -> TestResult {
    for case in CASES.into_iter().filter(|case| case.operation == "CopyObject") {
        let world = World::start(setup("stored")).await?;
        let (s3, bucket) = case.place(&world);
        lock(&s3, &bucket).await?;
        case.flip(&world)?;
        world.upload(KEY, "nine byte").await?;
        let failed = world.failed().await?;
        assert_eq!(failed.error, "Checksum.Mismatch", "{}", failed.sentence);
        let standing = versions(&s3, &bucket).await?;
        let [bad] = standing.as_slice() else { return Err(format!("one version, not {standing:?}").into()) };
        let bad = bad.version_id().unwrap_or_default().to_owned();
        for words in [bad.as_str(), "is no backup, but it could not be removed", "object lock"] {
            assert!(failed.sentence.contains(words), "{words} is missing in: {}", failed.sentence);
        }
        let tags = s3.get_object_tagging().bucket(&bucket).key(KEY).version_id(&bad).send().await?.tag_set;
        let tags: Vec<_> = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
        assert_eq!(tags, [("holdfast-proof", "failed")]);

        redrive(&world, &failed.execution).await?;
        assert_eq!(world.backup(KEY).await?, b"nine byte");
        assert_eq!(world.replica(KEY).await?, b"nine byte");
        let receipt = world.receipts().await?.remove(0);
        let proven = if case.replica { receipt.replica.ok_or("no replica")? } else { receipt.backup };
        let named: Vec<_> = proven.evidence.rejected_versions.iter().map(ToString::to_string).collect();
        assert_eq!(named, [bad.as_str()]);
        let mails = world.messages(2).await?;
        assert!(mails.iter().all(|mail| mail["Message"].as_str().unwrap_or_default().contains(&bad)), "{mails:?}");
        Facts::of(&world).await?.check(Known::default())?;
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_copy_in_a_bucket_without_versions_is_replaced_by_the_redrive() -> TestResult {
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

    let world = World::start(setup("stored").without_replica()).await?;
    let bucket = &world.outputs.backup_bucket;
    world.s3.delete_bucket().bucket(bucket).send().await?;
    let here = BucketLocationConstraint::from(world.outputs.region.as_str());
    let place = CreateBucketConfiguration::builder().location_constraint(here).build();
    world.s3.create_bucket().bucket(bucket).create_bucket_configuration(place).send().await?;
    CASES[0].flip(&world)?;
    world.upload(KEY, "nine byte").await?;
    let failed = world.failed().await?;
    assert!(failed.sentence.contains("the bucket has no versions"), "{}", failed.sentence);
    redrive(&world, &failed.execution).await?;
    assert_eq!(world.backup(KEY).await?, b"nine byte");
    Ok(())
}

#[tokio::test]
async fn a_removal_whose_answer_nobody_got_is_told_by_receipt_and_message() -> TestResult {
    for case in CASES.into_iter().filter(|case| case.operation == "CopyObject") {
        for effect in [Effect::Kill(Life::After), Effect::Drop(Moment::After)] {
            let world = World::start(setup("stored")).await?;
            case.flip(&world)?;
            let (s3, bucket) = case.place(&world);
            let removal = Target::operation(Service::S3, "DeleteObject").bucket(&bucket);
            // As often as the SDK tries it within one call.
            let times = if matches!(effect, Effect::Kill(_)) { 1 } else { 3 };
            world.sandbox.faults().add(Rule::new(removal, effect.clone()).times(times))?;
            world.upload(KEY, "nine byte").await?;
            world.succeeded().await?;
            let standing = versions(&s3, &bucket).await?;
            let [good] = standing.as_slice() else { return Err(format!("one version, not {standing:?}").into()) };
            let receipt = world.receipts().await?.remove(0);
            let proven = if case.replica { receipt.replica.ok_or("no replica")? } else { receipt.backup };
            let [bad] = proven.evidence.rejected_versions.as_slice() else {
                return Err(format!("{} {effect:?}: the bad version is named, and it alone", case.state).into());
            };
            assert_ne!(Some(bad.as_str()), good.version_id());
            let mail = world.messages(1).await?.remove(0)["Message"].as_str().unwrap_or_default().to_owned();
            assert!(mail.contains(bad.as_str()) && mail.contains("do not match the source"), "{mail}");
            let note = s3.get_object().bucket(&bucket).key(format!(".holdfast/rejected/{KEY}/{bad}")).send().await?;
            let note = String::from_utf8(note.body.collect().await?.to_vec())?;
            assert!(note.contains("does not match its source") && note.contains("CRC64NVME"), "{note}");
            Facts::of(&world).await?.check(Known::default())?;
        }
    }
    Ok(())
}

/// Uploads an object whose copy has a wrong byte, and deletes what that was copied from before it can be compared.
/// Answers how the execution fails when it is redriven then.
async fn bad_and_alone(world: &World, case: &Case, source: &str) -> TestResult<holdfast_tests::world::Failed> {
    case.flip(world)?;
    crate::order::fail_once_in(world, "checksum-verify", case.state)?;
    world.upload(KEY, "nine byte").await?;
    let execution = world.failed().await?.execution;
    let version = versions(&world.s3, source).await?.remove(0).version_id;
    world.s3.delete_object().bucket(source).key(KEY).set_version_id(version).send().await?;
    world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "Checksum.Mismatch", "{}", failed.sentence);
    let (s3, bucket) = case.place(world);
    let bad = versions(&s3, &bucket).await?.remove(0).version_id.unwrap_or_default();
    assert!(failed.sentence.contains(&bad), "{bad} is missing in: {}", failed.sentence);
    Ok(failed)
}

#[tokio::test]
async fn a_bad_copy_whose_source_is_gone_is_left_and_named_because_it_may_be_all_there_is() -> TestResult {
    let world = World::start(setup("stored")).await?;
    let failed = bad_and_alone(&world, &CASES[0], &world.outputs.source_bucket).await?;
    for words in ["The source is gone, so the copy was left as it is", "ends as skipped"] {
        assert!(failed.sentence.contains(words), "{words} is missing in: {}", failed.sentence);
    }
    delete_all(&world.s3, &world.outputs.backup_bucket).await?;
    redrive(&world, &failed.execution).await?;
    let ended = world.ended(1).await?.remove(0);
    assert_eq!(ended.status, ExecutionStatus::Succeeded);
    assert_eq!(world.output(&ended).await?["reason"], "sourceGone");
    Ok(())
}

async fn delete_all(s3: &Client, bucket: &str) -> TestResult {
    for version in versions(s3, bucket).await? {
        s3.delete_object().bucket(bucket).key(KEY).set_version_id(version.version_id).send().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_replica_whose_backup_is_gone_is_left_and_replaced_by_the_backup_that_is_requested_anew() -> TestResult {
    let world = World::start(setup("stored")).await?;
    let failed = bad_and_alone(&world, &CASES[1], &world.outputs.backup_bucket).await?;
    for words in [
        "The backup is gone, so the copy was left as it is",
        "No redrive can bring the backup back",
        "request its backup again",
    ] {
        assert!(failed.sentence.contains(words), "{words} is missing in: {}", failed.sentence);
    }
    assert!(!failed.sentence.contains("skipped"), "{}", failed.sentence);

    let mut request = world.event_of(&failed.execution).await?;
    let version = request["detail"]["object"]["version-id"].clone();
    request["detail-type"] = "Backup Requested".into();
    request["source"] = "ops".into();
    request["detail"]["object"] = serde_json::json!({ "key": KEY, "version-id": version });
    world.begin(&request).await?;
    let requested = world.ended(2).await?.remove(1);
    assert_eq!(requested.status, ExecutionStatus::Failed, "the bad replica is found, told and removed");
    world.states.redrive_execution().execution_arn(&requested.arn).send().await?;
    assert_eq!(world.ended(2).await?.remove(1).status, ExecutionStatus::Succeeded);
    assert_eq!((world.backup(KEY).await?, world.replica(KEY).await?), (b"nine byte".to_vec(), b"nine byte".to_vec()));
    assert_eq!(world.receipts().await?.len(), 1);
    Ok(())
}
