//! Special sources: without versioning, without a checksum, deleted, requested by an operator.

use aws_sdk_s3::primitives::ByteStream;
use holdfast_core::contract::{Algorithm, Placement, ProofMethod};
use holdfast_tests::{
    TestResult,
    fixture::{EventRules, Fixture, Setup},
};
use serde_json::json;

#[tokio::test]
async fn an_object_in_an_unversioned_bucket_is_backed_up() -> TestResult {
    let fixture =
        Fixture::start(Setup::default().with_parameter("ExistingSourceBucketName", "unversioned-source")).await?;
    fixture.make_source_unversioned().await?;

    let put = fixture.s3.put_object().bucket("unversioned-source").key("k").body(ByteStream::from_static(b"bytes"));

    assert_eq!(put.send().await?.version_id(), None, "the bucket has no versioning");

    fixture.wait_for_success().await?;

    assert_eq!(fixture.backup("k").await?, b"bytes");
    assert_eq!(fixture.only_receipt().await?.source.version_id, None);
    Ok(())
}

/// Uploads an object without a checksum, as before December 2024, when S3 computed none, and backs it up.
async fn back_up_without_checksum(fixture: &Fixture, key: &str, bytes: Vec<u8>) -> TestResult {
    fixture.set_rules(EventRules::Disabled).await?;
    fixture.upload(key, bytes).await?;
    fixture.sandbox.s3().forget_checksum(&fixture.outputs.source_bucket, key, None)?;
    fixture.set_rules(EventRules::Enabled).await?;
    fixture.start_execution(&fixture.late_event(key).await?).await?;
    fixture.wait_for_success().await?;
    Ok(())
}

#[tokio::test]
async fn a_small_source_without_a_checksum_is_proven_by_the_md5_in_its_entity_tag() -> TestResult {
    let fixture = Fixture::start(Setup::default().without_replica()).await?;

    back_up_without_checksum(&fixture, "old.txt", b"from before December 2024".to_vec()).await?;
    let evidence = fixture.only_receipt().await?.backup.evidence;

    assert_eq!((evidence.method, evidence.algorithm), (ProofMethod::ReadBack, Algorithm::Md5));
    assert_eq!(evidence.source, evidence.copy);
    Ok(())
}

#[tokio::test]
async fn a_large_source_without_a_checksum_is_read_in_slices() -> TestResult {
    let fixture = Fixture::start(Setup::default().with_parameter("MultipartThreshold", "8388608")).await?;

    let bytes: Vec<u8> = (0..600_u32 << 16).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect();
    back_up_without_checksum(&fixture, "old.bin", bytes.clone()).await?;

    assert!(fixture.backup("old.bin").await? == bytes);
    let receipt = fixture.only_receipt().await?;
    let evidence = &receipt.backup.evidence;
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::SourceRead, bytes.len() as u64));
    assert!(!receipt.slices.is_empty(), "the receipt has the digests of the slices");
    let replica = receipt.replica.as_ref().ok_or("no replica")?;
    assert_eq!(replica.evidence.method, ProofMethod::S3Checksum, "the backup has a checksum, so nothing is read again");
    Ok(())
}

#[tokio::test]
async fn a_version_deleted_before_its_copy_is_skipped() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.set_rules(EventRules::Disabled).await?;
    fixture.upload("gone", "soon").await?;
    let event = fixture.late_event("gone").await?;
    let version = event["detail"]["object"]["version-id"].as_str();
    fixture
        .s3
        .delete_object()
        .bucket(&fixture.outputs.source_bucket)
        .key("gone")
        .set_version_id(version.map(str::to_owned))
        .send()
        .await?;
    fixture.start_execution(&event).await?;
    let execution = fixture.wait_for_success().await?;

    assert_eq!(fixture.output(&execution).await?["reason"], "sourceGone");
    Ok(())
}

#[tokio::test]
async fn the_last_version_of_a_deleted_key_replaces_a_backup_without_order() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    let source = &fixture.outputs.source_bucket;
    fixture.set_rules(EventRules::Disabled).await?;
    fixture.upload("k", "first").await?;
    fixture.start_execution(&fixture.backup_request("k")).await?;
    fixture.wait_for_success().await?;
    let mut events = Vec::new();
    for bytes in ["second", "third"] {
        fixture.upload("k", bytes).await?;
        events.push(fixture.late_event("k").await?);
    }
    fixture.s3.delete_object().bucket(source).key("k").send().await?;
    for (event, placement, current) in
        [(&events[0], Placement::Late, "first"), (&events[1], Placement::Current, "third")]
    {
        fixture.start_execution(event).await?;
        let count = fixture.executions().await?.len();
        let ended = fixture.wait_for_executions(count).await?.remove(count - 1);

        assert_eq!(fixture.output(&ended).await?["receipt"]["written"], true);
        let receipts = fixture.receipts().await?;
        let receipt = receipts.iter().find(|receipt| receipt.execution.arn == ended.arn).ok_or("no receipt")?;
        assert_eq!((receipt.placement, fixture.backup("k").await?), (placement, current.as_bytes().to_vec()));
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_can_request_a_backup_with_bucket_and_key_only() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.set_rules(EventRules::Disabled).await?;
    fixture.upload("existing", "bytes").await?;
    fixture.set_rules(EventRules::Enabled).await?;
    let entry = json!({
        "Source": "operators", "DetailType": "Backup Requested",
        "Detail": json!({"bucket": {"name": fixture.outputs.source_bucket}, "object": {"key": "existing"}}).to_string(),
    });
    fixture.sandbox.events().handle("PutEvents", json!({"Entries": [entry]})).await?;
    fixture.wait_for_success().await?;

    assert_eq!(fixture.replica("existing").await?, b"bytes");
    Ok(())
}
