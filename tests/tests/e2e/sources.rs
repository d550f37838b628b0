//! Sources that are not the usual ones: without versions, without a checksum, deleted meanwhile, asked for by people.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{EventBridgeConfiguration, NotificationConfiguration},
};
use holdfast_core::contract::ProofMethod;
use holdfast_tests::{
    TestResult,
    world::{Setup, World},
};

#[tokio::test]
async fn a_source_bucket_without_versions_is_backed_up_too() -> TestResult {
    let world = World::start(Setup::default().with("ExistingSourceBucketName", "unversioned-source")).await?;
    world
        .s3
        .create_bucket()
        .bucket("unversioned-source")
        .create_bucket_configuration(
            aws_sdk_s3::types::CreateBucketConfiguration::builder()
                .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1)
                .build(),
        )
        .send()
        .await?;
    let notifications = NotificationConfiguration::builder()
        .event_bridge_configuration(EventBridgeConfiguration::builder().build())
        .build();
    let request = world.s3.put_bucket_notification_configuration().bucket("unversioned-source");
    request.notification_configuration(notifications).send().await?;

    let put = world.s3.put_object().bucket("unversioned-source").key("k").body(ByteStream::from_static(b"old world"));
    assert_eq!(put.send().await?.version_id(), None, "the bucket keeps no versions");
    world.succeeded().await?;
    assert_eq!(world.backup("k").await?, b"old world");
    let receipts = world.receipts().await?;
    assert_eq!(receipts.first().ok_or("no receipt")?.source.version_id, None);
    Ok(())
}

#[tokio::test]
async fn a_small_source_without_any_checksum_is_read_once_and_proven() -> TestResult {
    let world = World::start(Setup::default().without_replica()).await?;
    world.sandbox.s3().store_without_checksums(&world.outputs.source_bucket)?;
    world.upload("old.txt", "from before December 2024").await?;
    world.succeeded().await?;
    let receipts = world.receipts().await?;
    let evidence = &receipts.first().ok_or("no receipt")?.backup.evidence;
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::SourceStreamed, 25));
    assert_eq!(evidence.source, evidence.copy);
    Ok(())
}
