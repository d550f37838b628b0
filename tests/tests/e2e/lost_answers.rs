//! Calls that had their effect and whose answers nobody got, and what happened before they were made again.

use aws_sdk_s3::{primitives::ByteStream, types::ChecksumAlgorithm};
use holdfast_sandbox::faults::{Effect, Life, Moment, Rule, Service, Target};
use holdfast_tests::{
    TestResult,
    domain::{Facts, Known},
    world::{Ended, Setup, World},
};

const KEY: &str = "k";

fn large() -> Setup {
    Setup::default().with("MultipartThreshold", "5242880")
}

/// Makes every call of an operation have its effect without an answer, until the faults are lifted.
fn lose(world: &World, operation: &str) -> TestResult {
    let target = Target::operation(Service::S3, operation);
    world.sandbox.faults().add(Rule::new(target, Effect::Drop(Moment::After)))?;
    Ok(())
}

async fn redriven(world: &World, execution: &Ended) -> TestResult<Ended> {
    world.sandbox.faults().clear();
    world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
    world.succeeded().await
}

async fn delete_source(world: &World) -> TestResult {
    let source = &world.outputs.source_bucket;
    let version = world.s3.head_object().bucket(source).key(KEY).send().await?.version_id;
    world.s3.delete_object().bucket(source).key(KEY).set_version_id(version).send().await?;
    Ok(())
}

/// How many versions of the key there are in the backup bucket.
async fn copies(world: &World) -> TestResult<usize> {
    let listed = world.s3.list_object_versions().bucket(&world.outputs.backup_bucket).prefix(KEY).send().await?;
    Ok(listed.versions().len())
}

/// Lets a single copy be published and not answered, deletes its source, and makes S3 look at the source first when the
/// copy is tried again.
async fn published_and_source_gone(world: &World, algorithm: ChecksumAlgorithm) -> TestResult<Ended> {
    lose(world, "CopyObject")?;
    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(KEY);
    request.checksum_algorithm(algorithm).body(ByteStream::from_static(b"bytes")).send().await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "S3.Unavailable", "{}", failed.sentence);
    assert_eq!(copies(world).await?, 1, "the copy was published");
    delete_source(world).await?;
    world.sandbox.faults().clear();
    let again = Target::operation(Service::S3, "CopyObject").state("CopyObject");
    world.sandbox.faults().add(Rule::new(again, Effect::error("NoSuchVersion")).times(1))?;
    world.states.redrive_execution().execution_arn(&failed.execution.arn).send().await?;
    Ok(failed.execution)
}

#[tokio::test]
async fn a_copy_whose_answer_was_lost_is_proven_although_its_source_is_gone_by_then() -> TestResult {
    let world = World::start(Setup::default()).await?;
    published_and_source_gone(&world, ChecksumAlgorithm::Crc64Nvme).await?;
    let execution = world.succeeded().await?;
    let path = world.path(&execution).await?;
    let entered = |name: &str| path.iter().filter(|state| *state == name).count();
    assert_eq!((entered("Validate"), entered("CopyObject"), entered("VerifyBackup")), (2, 1, 1), "{path:?}");
    assert_eq!((copies(&world).await?, world.receipts().await?.len()), (1, 1), "one copy, one receipt");
    assert_eq!(world.replica(KEY).await?, b"bytes");
    Facts::of(&world).await?.check(Known::default())?;
    Ok(())
}

#[tokio::test]
async fn metadata_without_room_beside_the_stamp_is_recorded_in_the_receipt() -> TestResult {
    let world = World::start(Setup::default()).await?;
    let once = Target::operation(Service::S3, "CopyObject");
    world.sandbox.faults().add(Rule::new(once, Effect::Drop(Moment::After)).times(1))?;
    let much = "m".repeat(2_000);

    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(KEY);
    request.metadata("much", &much).metadata("owner", "ann").body(ByteStream::from_static(b"bytes")).send().await?;
    world.succeeded().await?;

    let receipts = world.receipts().await?;
    let [receipt] = receipts.as_slice() else { return Err(format!("one receipt, not {receipts:?}").into()) };
    assert_eq!(copies(&world).await?, 1, "the copy is recognized by its stamp");
    for proven in [Some(&receipt.backup), receipt.replica.as_ref()].into_iter().flatten() {
        let [difference] = proven.evidence.differences.as_slice() else { return Err(format!("{proven:?}").into()) };
        assert_eq!((difference.name.as_str(), difference.expected.as_ref()), ("metadata.much", Some(&much)));
    }
    let backup = world.s3.head_object().bucket(&world.outputs.backup_bucket).key(KEY).send().await?;
    let metadata = backup.metadata.unwrap_or_default();
    assert_eq!((metadata.get("owner").map(String::as_str), metadata.get("much")), (Some("ann"), None));
    Facts::of(&world).await?.check(Known::default())?;
    Ok(())
}

#[tokio::test]
async fn without_a_checksum_of_the_source_such_a_copy_fails_by_name_and_can_be_given_up() -> TestResult {
    let world = World::start(Setup::default()).await?;
    let execution = published_and_source_gone(&world, ChecksumAlgorithm::Crc32).await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "Source.Gone", "{}", failed.sentence);
    let path = world.path(&execution).await?;
    assert_eq!(path.last().map(String::as_str), Some("Validate"), "{path:?}");
    let backup = &world.outputs.backup_bucket;
    let copy = world.s3.head_object().bucket(backup).key(KEY).send().await?.version_id.unwrap_or_default();
    for words in [copy.as_str(), "exists without a receipt"] {
        assert!(failed.sentence.contains(words), "{words} is missing in: {}", failed.sentence);
    }

    world.s3.delete_object().bucket(backup).key(KEY).version_id(copy).send().await?;
    let ended = redriven(&world, &execution).await?;
    assert_eq!(world.output(&ended).await?["reason"], "sourceGone");
    Ok(())
}

#[tokio::test]
async fn a_copy_of_an_overwritten_upload_is_named_and_can_be_given_up() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.make_source_unversioned().await?;
    let put = |bytes: &'static [u8]| {
        let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(KEY);
        request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(ByteStream::from_static(bytes)).send()
    };
    lose(&world, "CopyObject")?;
    put(b"first").await?;
    let execution = world.failed().await?.execution;
    world.sandbox.faults().clear();
    let copy = world.s3.head_object().bucket(&world.outputs.backup_bucket).key(KEY).send().await?;
    let copy = copy.version_id.unwrap_or_default();
    put(b"the second").await?;
    world.ended(2).await?;

    world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
    let ended = world.ended(2).await?.remove(0);
    let described = world.states.describe_execution().execution_arn(&ended.arn).send().await?;
    let cause = described.cause.unwrap_or_default();
    assert_eq!(described.error.as_deref(), Some("Source.Gone"), "{cause}");
    assert!(cause.contains(&copy) && cause.contains("exists without a receipt"), "{cause}");
    let receipt = world.receipts().await?.remove(0);
    assert_ne!(receipt.backup.stored.version_id.map(|version| version.to_string()), Some(copy.clone()));

    world.s3.delete_object().bucket(&world.outputs.backup_bucket).key(KEY).version_id(copy).send().await?;
    world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
    let ended = world.ended(2).await?.remove(0);
    assert_eq!(world.output(&ended).await?["reason"], "superseded");
    assert_eq!(world.backup(KEY).await?, b"the second");
    Ok(())
}

#[tokio::test]
async fn a_copy_whose_answer_was_lost_is_found_beneath_a_newer_one() -> TestResult {
    let world = World::start(Setup::default()).await?;
    lose(&world, "CopyObject")?;
    world.upload(KEY, "first").await?;
    let execution = world.failed().await?.execution;
    world.sandbox.faults().clear();
    world.upload(KEY, "second").await?;
    world.ended(2).await?;
    world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
    world.ended(2).await?;
    assert_eq!(world.receipts().await?.len(), 2);
    assert_eq!(copies(&world).await?, 2, "nothing is copied twice");
    assert_eq!(world.backup(KEY).await?, b"second");
    let report = Facts::of(&world).await?.check(Known::default())?;
    assert_eq!(report.copies_beside, 0);
    Ok(())
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_recognised_by_its_stamp_in_either_leg() -> TestResult {
    for effect in [Effect::Drop(Moment::After), Effect::Kill(Life::After)] {
        let world = World::start(large()).await?;
        let target = Target::operation(Service::S3, "CompleteMultipartUpload");
        for bucket in [&world.outputs.backup_bucket, &world.outputs.replica_bucket] {
            world.sandbox.faults().add(Rule::new(target.clone().bucket(bucket), effect.clone()).times(1))?;
        }
        world.upload(KEY, vec![7; 9 << 20]).await?;
        let execution = world.succeeded().await?;
        let path = world.path(&execution).await?;
        let entered = |name: &str| path.iter().filter(|state| *state == name).count();
        assert_eq!((entered("Validate"), entered("CompleteUpload")), (1, 1), "{effect:?}: {path:?}");
        assert_eq!(entered("CompleteReplica"), 1, "{effect:?}: {path:?}");
        assert_eq!(copies(&world).await?, 1, "{effect:?}");
        assert!(world.sandbox.faults().rules().iter().all(|rule| rule.fired == 1), "{effect:?}");
        Facts::of(&world).await?.check(Known::default())?;
    }
    Ok(())
}

#[tokio::test]
async fn an_upload_that_lifecycle_removed_before_the_redrive_is_planned_anew_in_either_leg() -> TestResult {
    for (state, replica) in [("CopySlice", false), ("CopyReplicaSlice", true)] {
        let world = World::start(large()).await?;
        let target = Target::operation(Service::S3, "UploadPartCopy").state(state);
        world.sandbox.faults().add(Rule::new(target, Effect::error("AccessDenied")))?;
        world.upload(KEY, vec![7; 9 << 20]).await?;
        let execution = world.failed().await?.execution;
        let (s3, bucket) = if replica {
            (&world.replica_s3, &world.outputs.replica_bucket)
        } else {
            (&world.s3, &world.outputs.backup_bucket)
        };
        let open = s3.list_multipart_uploads().bucket(bucket).send().await?;
        let [upload] = open.uploads() else { return Err(format!("one upload is kept, not {open:?}").into()) };
        let abort = s3.abort_multipart_upload().bucket(bucket).key(KEY);
        abort.upload_id(upload.upload_id().unwrap_or_default()).send().await?;

        let ended = redriven(&world, &execution).await?;
        let path = world.path(&ended).await?;
        let entered = |name: &str| path.iter().filter(|state| *state == name).count();
        let (first, second) = if replica { (1, 2) } else { (2, 1) };
        assert_eq!((entered("Validate"), entered("Replicate")), (first, second), "{path:?}");
        Facts::of(&world).await?.check(Known::default())?;
    }
    Ok(())
}

#[tokio::test]
async fn a_receipt_whose_answer_was_lost_is_not_written_again_by_the_redrive_and_people_are_told() -> TestResult {
    let world = World::start(Setup::default()).await?;
    let target = Target::operation(Service::S3, "PutObject").state("Notify");
    world.sandbox.faults().add(Rule::new(target, Effect::Drop(Moment::After)))?;
    world.upload(KEY, "bytes").await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "S3.Unavailable", "{}", failed.sentence);
    assert_eq!(world.receipts().await?.len(), 1, "it was written");
    let ended = redriven(&world, &failed.execution).await?;
    assert_eq!(world.output(&ended).await?["receipt"]["written"], false);
    assert_eq!(world.messages(2).await?.len(), 2, "one about the failure, one about the success");
    Facts::of(&world).await?.check(Known::default())?;
    Ok(())
}
