//! Sources that are not the usual ones: without versions, without a checksum, deleted meanwhile, asked for by people.

use aws_sdk_s3::primitives::ByteStream;
use holdfast_core::contract::{Placement, ProofMethod};
use holdfast_tests::{
    TestResult,
    world::{Rules, Setup, World},
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_source_bucket_without_versions_is_backed_up_too() -> TestResult {
    let world = World::start(Setup::default().with("ExistingSourceBucketName", "unversioned-source")).await?;
    world.make_source_unversioned().await?;

    let put = world.s3.put_object().bucket("unversioned-source").key("k").body(ByteStream::from_static(b"old world"));
    assert_eq!(put.send().await?.version_id(), None, "the bucket keeps no versions");
    world.succeeded().await?;
    assert_eq!(world.backup("k").await?, b"old world");
    let receipts = world.receipts().await?;
    assert_eq!(receipts.first().ok_or("no receipt")?.source.version_id, None);
    Ok(())
}

/// Uploads an object as it was before December 2024, when S3 computed no checksum by itself, and has it backed up.
async fn back_up_old(world: &World, key: &str, bytes: Vec<u8>) -> TestResult {
    world.set_rules(Rules::Disabled).await?;
    world.upload(key, bytes).await?;
    world.sandbox.s3().forget_checksum(&world.outputs.source_bucket, key, None)?;
    world.set_rules(Rules::Enabled).await?;
    world.begin(&world.late_event_for(key).await?).await?;
    world.succeeded().await?;
    Ok(())
}

#[tokio::test]
async fn a_small_source_without_any_checksum_is_read_once_and_proven() -> TestResult {
    let world = World::start(Setup::default().without_replica()).await?;
    back_up_old(&world, "old.txt", b"from before December 2024".to_vec()).await?;
    let receipts = world.receipts().await?;
    let evidence = &receipts.first().ok_or("no receipt")?.backup.evidence;
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::SourceStreamed, 25));
    assert_eq!(evidence.source, evidence.copy);
    Ok(())
}

#[tokio::test]
async fn a_large_source_without_any_checksum_is_read_by_slices_and_s3_is_given_the_combined_one() -> TestResult {
    let world = World::start(Setup::default().with("MultipartThreshold", "8388608")).await?;
    let bytes: Vec<u8> = (0..600_u32 << 16).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect();
    back_up_old(&world, "old.bin", bytes.clone()).await?;
    assert!(world.backup("old.bin").await? == bytes);
    let receipts = world.receipts().await?;
    let receipt = receipts.first().ok_or("no receipt")?;
    let evidence = &receipt.backup.evidence;
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::SourceStreamed, bytes.len() as u64));
    assert!(!receipt.slices.is_empty(), "the digests of the slices stand in the receipt");
    let replica = receipt.replica.as_ref().ok_or("no replica")?;
    assert_eq!(
        replica.evidence.method,
        ProofMethod::StoredChecksums,
        "the backup has a checksum, so nothing is read again"
    );
    Ok(())
}

#[tokio::test]
async fn a_version_that_was_deleted_before_it_could_be_copied_is_skipped() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.set_rules(Rules::Disabled).await?;
    world.upload("gone", "soon").await?;
    let event = world.late_event_for("gone").await?;
    let version = event["detail"]["object"]["version-id"].as_str();
    world
        .s3
        .delete_object()
        .bucket(&world.outputs.source_bucket)
        .key("gone")
        .set_version_id(version.map(str::to_owned))
        .send()
        .await?;
    world.begin(&event).await?;
    let execution = world.succeeded().await?;
    assert_eq!(world.output(&execution).await?["reason"], "sourceGone");
    Ok(())
}

#[tokio::test]
async fn the_last_version_of_a_deleted_key_becomes_current_over_a_backup_that_says_nothing_of_its_order() -> TestResult
{
    let world = World::start(Setup::default()).await?;
    let source = &world.outputs.source_bucket;
    world.set_rules(Rules::Disabled).await?;
    world.upload("k", "first").await?;
    world.begin(&requested(&world, "k")).await?;
    world.succeeded().await?;
    let mut events = Vec::new();
    for bytes in ["second", "third"] {
        world.upload("k", bytes).await?;
        events.push(world.late_event_for("k").await?);
    }
    world.s3.delete_object().bucket(source).key("k").send().await?;
    for (event, placement, current) in
        [(&events[0], Placement::Late, "first"), (&events[1], Placement::Current, "third")]
    {
        world.begin(event).await?;
        let count = world.executions().await?.len();
        let ended = world.ended(count).await?.remove(count - 1);
        assert_eq!(world.output(&ended).await?["receipt"]["written"], true);
        let receipts = world.receipts().await?;
        let receipt = receipts.iter().find(|receipt| receipt.execution.arn == ended.arn).ok_or("no receipt")?;
        assert_eq!((receipt.placement, world.backup("k").await?), (placement, current.as_bytes().to_vec()));
    }
    Ok(())
}

/// An operator's request for a key, with what is asked for at least.
fn requested(world: &World, key: &str) -> Value {
    json!({
        "version": "0", "id": "asked", "detail-type": "Backup Requested", "source": "operators",
        "account": "000000000000", "time": "2026-11-22T10:00:00Z", "region": world.outputs.region, "resources": [],
        "detail": {"bucket": {"name": world.outputs.source_bucket}, "object": {"key": key}},
    })
}

#[tokio::test]
async fn operators_may_ask_for_a_backup_with_no_more_than_bucket_and_key() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.set_rules(Rules::Disabled).await?;
    world.upload("from before", "bytes").await?;
    world.set_rules(Rules::Enabled).await?;
    let entry = json!({
        "Source": "operators", "DetailType": "Backup Requested",
        "Detail": json!({"bucket": {"name": world.outputs.source_bucket}, "object": {"key": "from before"}}).to_string(),
    });
    world.sandbox.events().handle("PutEvents", json!({"Entries": [entry]})).await?;
    world.succeeded().await?;
    assert_eq!(world.replica("from before").await?, b"bytes");
    Ok(())
}
