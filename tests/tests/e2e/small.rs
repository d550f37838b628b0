//! Small objects: one CopyObject.

use aws_sdk_s3::{primitives::ByteStream, types::ChecksumAlgorithm};
use holdfast_core::contract::{Algorithm, Placement, ProofMethod};
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
    text::assert_contains,
};

#[tokio::test]
async fn a_small_upload_without_a_replica_enters_six_states() -> TestResult {
    let fixture = Fixture::start(Setup::default().without_replica()).await?;

    fixture.upload("hello.txt", "hello").await?;
    let execution = fixture.wait_for_success().await?;
    let path = fixture.path(&execution).await?;

    assert_eq!(path, ["Validate", "Route", "CopyObject", "VerifyBackup", "ReplicaWanted", "Notify"]);
    assert_eq!(fixture.backup("hello.txt").await?, b"hello");
    Ok(())
}

#[tokio::test]
async fn a_small_upload_with_a_replica_is_copied_to_both_buckets() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("hello.txt", "hello").await?;
    let execution = fixture.wait_for_success().await?;
    let path = fixture.path(&execution).await?;
    let first_leg = ["Validate", "Route", "CopyObject", "VerifyBackup", "ReplicaWanted"];
    let second_leg = ["Replicate", "ReplicaRoute", "VerifyReplica", "ReplicaProven", "Notify"];

    assert_eq!(path, [first_leg, second_leg].concat());
    assert_eq!(fixture.backup("hello.txt").await?, b"hello");
    assert_eq!(fixture.replica("hello.txt").await?, b"hello");
    Ok(())
}

#[tokio::test]
async fn the_receipt_has_source_copies_evidence_and_execution() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("hello.txt", "hello").await?;
    let execution = fixture.wait_for_success().await?;
    let receipt = fixture.only_receipt().await?;

    assert_eq!((receipt.source.key.as_str(), receipt.source.size), ("hello.txt", 5));
    assert!(receipt.source.version_id.is_some(), "the source bucket has versioning");
    assert_eq!(receipt.backup.destination.bucket.as_str(), fixture.outputs.backup_bucket);
    let evidence = &receipt.backup.evidence;
    assert_eq!((evidence.method, evidence.algorithm), (ProofMethod::ReadBack, Algorithm::Crc64Nvme));
    assert_eq!(evidence.source, evidence.copy);
    assert_eq!((evidence.bytes_read, evidence.differences.len()), (5, 0));
    let replica = receipt.replica.as_ref().ok_or("no replica")?;
    assert_eq!(replica.evidence.copy, evidence.source, "the replica has the bytes of the source");
    assert_eq!(receipt.placement, Placement::Current);
    assert_eq!(receipt.execution.arn, execution.arn);
    Ok(())
}

#[tokio::test]
async fn one_message_with_subject_text_and_attributes_is_published() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("reports/hello.txt", "hello").await?;
    fixture.wait_for_success().await?;
    let messages = fixture.messages(1).await?;
    let [message] = messages.as_slice() else { return Err(format!("one message, not {messages:?}").into()) };
    let subject = message["Subject"].as_str().ok_or("no subject")?;

    assert!(subject.contains("reports/hello.txt"), "{subject}");
    let text = message["Message"].as_str().ok_or("no message")?;
    assert_contains(text, &["reports/hello.txt", "CRC64NVME", ".holdfast/receipts/"]);
    let attribute = |name: &str| message["MessageAttributes"][name]["Value"].clone();
    assert_eq!(attribute("bucket"), fixture.outputs.source_bucket.as_str());
    assert_eq!(attribute("prefix"), "reports");
    Ok(())
}

#[tokio::test]
async fn an_empty_object_is_backed_up_like_any_other() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("empty", "").await?;
    fixture.wait_for_success().await?;

    assert_eq!(fixture.backup("empty").await?, b"");
    assert_eq!(fixture.replica("empty").await?, b"");
    assert_eq!(fixture.receipts().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_source_with_any_checksum_is_proven_without_reading_it() -> TestResult {
    let fixture = Fixture::start(Setup::default().without_replica()).await?;
    let source = &fixture.outputs.source_bucket;

    let cases = [
        ("CRC32", ChecksumAlgorithm::Crc32, Algorithm::Crc32),
        ("CRC32C", ChecksumAlgorithm::Crc32C, Algorithm::Crc32C),
        ("SHA1", ChecksumAlgorithm::Sha1, Algorithm::Sha1),
        ("SHA256", ChecksumAlgorithm::Sha256, Algorithm::Sha256),
    ];
    for (count, (name, algorithm, expected)) in (1..).zip(cases) {
        let request = fixture.s3.put_object().bucket(source).key(name).checksum_algorithm(algorithm);
        request.body(ByteStream::from_static(b"hello")).send().await?;
        fixture.wait_for_executions(count).await?;
        let receipts = fixture.receipts().await?;
        let receipt = receipts.iter().find(|receipt| receipt.source.key.as_str() == name).ok_or("no receipt")?;

        let evidence = &receipt.backup.evidence;
        assert_eq!((evidence.method, evidence.algorithm), (ProofMethod::ReadBack, expected), "{name}");
        assert_eq!(evidence.bytes_read, 5, "only the copy is read");
    }
    Ok(())
}

#[tokio::test]
async fn with_streamed_verification_source_and_copy_are_read() -> TestResult {
    let fixture = Fixture::start(Setup::default().without_replica().with_parameter("VerifyMode", "streamed")).await?;

    fixture.upload("hello.txt", "hello").await?;
    fixture.wait_for_success().await?;
    let evidence = fixture.only_receipt().await?.backup.evidence;

    assert_eq!((evidence.method, evidence.algorithm), (ProofMethod::BothRead, Algorithm::Sha256));
    assert_eq!(evidence.bytes_read, 10);
    Ok(())
}
