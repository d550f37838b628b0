//! Small objects: one copy.

use aws_sdk_s3::{primitives::ByteStream, types::ChecksumAlgorithm};
use holdfast_core::contract::{Algorithm, Placement, ProofMethod};
use holdfast_tests::{
    TestResult,
    world::{Setup, World},
};

#[tokio::test]
async fn a_small_upload_without_a_replica_enters_six_states_and_is_backed_up() -> TestResult {
    let world = World::start(Setup::default().without_replica()).await?;
    world.upload("hello.txt", "hello").await?;
    let execution = world.succeeded().await?;
    let path = world.path(&execution).await?;
    assert_eq!(path, ["Validate", "Route", "CopyObject", "VerifyBackup", "ReplicaWanted", "Notify"]);
    assert_eq!(world.backup("hello.txt").await?, b"hello");
    Ok(())
}

#[tokio::test]
async fn a_small_upload_with_a_replica_is_copied_to_both_buckets() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("hello.txt", "hello").await?;
    let execution = world.succeeded().await?;
    let path = world.path(&execution).await?;
    let first_leg = ["Validate", "Route", "CopyObject", "VerifyBackup", "ReplicaWanted"];
    let second_leg = ["Replicate", "ReplicaRoute", "VerifyReplica", "ReplicaProven", "Notify"];
    assert_eq!(path, [first_leg, second_leg].concat());
    assert_eq!(world.backup("hello.txt").await?, b"hello");
    assert_eq!(world.replica("hello.txt").await?, b"hello");
    Ok(())
}

#[tokio::test]
async fn the_receipt_says_what_was_proven_and_how() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("hello.txt", "hello").await?;
    let execution = world.succeeded().await?;
    let receipts = world.receipts().await?;
    let [receipt] = receipts.as_slice() else { return Err(format!("one receipt, not {receipts:?}").into()) };
    assert_eq!((receipt.source.key.as_str(), receipt.source.size), ("hello.txt", 5));
    assert!(receipt.source.version_id.is_some(), "the source bucket keeps versions");
    assert_eq!(receipt.backup.destination.bucket.as_str(), world.outputs.backup_bucket);
    let evidence = &receipt.backup.evidence;
    assert_eq!((evidence.method, evidence.algorithm), (ProofMethod::StoredChecksums, Algorithm::Crc64Nvme));
    assert_eq!(evidence.source, evidence.copy);
    assert_eq!((evidence.bytes_read, evidence.differences.len()), (0, 0));
    let replica = receipt.replica.as_ref().ok_or("the receipt names no replica")?;
    assert_eq!(replica.evidence.copy, evidence.source, "the replica holds the source's bytes");
    assert_eq!(receipt.placement, Placement::Current);
    assert_eq!(receipt.execution.arn, execution.arn);
    Ok(())
}

#[tokio::test]
async fn one_mail_is_sent_that_a_person_can_read_and_a_program_can_filter() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("reports/hello.txt", "hello").await?;
    world.succeeded().await?;
    let messages = world.messages(1).await?;
    let [message] = messages.as_slice() else { return Err(format!("one message, not {messages:?}").into()) };
    let subject = message["Subject"].as_str().ok_or("no subject")?;
    assert!(subject.contains("reports/hello.txt"), "{subject}");
    let text = message["Message"].as_str().ok_or("no message")?;
    for expected in ["reports/hello.txt", "CRC64NVME", ".holdfast/receipts/"] {
        assert!(text.contains(expected), "{expected} is missing in: {text}");
    }
    let attribute = |name: &str| message["MessageAttributes"][name]["Value"].clone();
    assert_eq!(attribute("bucket"), world.outputs.source_bucket.as_str());
    assert_eq!(attribute("prefix"), "reports");
    Ok(())
}

#[tokio::test]
async fn an_empty_object_is_backed_up_like_any_other() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("empty", "").await?;
    world.succeeded().await?;
    assert_eq!(world.backup("empty").await?, b"");
    assert_eq!(world.replica("empty").await?, b"");
    assert_eq!(world.receipts().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_source_with_another_checksum_than_ours_is_read_once() -> TestResult {
    let world = World::start(Setup::default().without_replica()).await?;
    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key("sdk.txt");
    let request = request.checksum_algorithm(ChecksumAlgorithm::Crc32);
    request.body(ByteStream::from_static(b"hello")).send().await?;
    world.succeeded().await?;
    let receipts = world.receipts().await?;
    let evidence = &receipts.first().ok_or("no receipt")?.backup.evidence;
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::SourceStreamed, 5));
    Ok(())
}

#[tokio::test]
async fn with_streamed_verification_both_sides_are_read() -> TestResult {
    let world = World::start(Setup::default().without_replica().with("VerifyMode", "streamed")).await?;
    world.upload("hello.txt", "hello").await?;
    world.succeeded().await?;
    let receipts = world.receipts().await?;
    let evidence = &receipts.first().ok_or("no receipt")?.backup.evidence;
    assert_eq!((evidence.method, evidence.algorithm), (ProofMethod::BothStreamed, Algorithm::Sha256));
    assert_eq!(evidence.bytes_read, 10);
    Ok(())
}
