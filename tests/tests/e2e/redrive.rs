//! Redrive: what failed for a cause outside is finished once the cause is gone, and nothing is done twice.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEventType};
use holdfast_tests::{
    TestResult,
    world::{Ended, Setup, World},
};
use serde_json::Value;

async fn delete_topic(world: &World) -> TestResult {
    let form = BTreeMap::from([("TopicArn".to_owned(), world.outputs.topic_arn.clone())]);
    world.sandbox.sns().handle("DeleteTopic", form).await?;
    Ok(())
}

async fn create_topic_again(world: &World) -> TestResult {
    let name = world.outputs.topic_arn.rsplit(':').next().unwrap_or_default().to_owned();
    world.sandbox.sns().handle("CreateTopic", BTreeMap::from([("Name".to_owned(), name)])).await?;
    Ok(())
}

/// The one execution, which must have failed; answers it and the names of its states.
async fn failed(world: &World) -> TestResult<(Ended, Vec<String>)> {
    let execution = world.ended(1).await?.remove(0);
    assert_eq!(execution.status, ExecutionStatus::Failed);
    let path = world.path(&execution).await?;
    Ok((execution, path))
}

async fn redrive(world: &World, execution: &Ended) -> TestResult {
    world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
    assert_eq!(world.succeeded().await?.arn, execution.arn, "it is the same execution");
    let described = world.states.describe_execution().execution_arn(&execution.arn).send().await?;
    assert_eq!(described.redrive_count, Some(1));
    Ok(())
}

/// How many versions of a key there are in the backup bucket.
async fn versions(world: &World, key: &str) -> TestResult<usize> {
    let listed = world.s3.list_object_versions().bucket(&world.outputs.backup_bucket).prefix(key).send().await?;
    Ok(listed.versions().iter().filter(|version| version.key() == Some(key)).count())
}

#[tokio::test]
async fn a_topic_that_was_gone_fails_notify_and_a_redrive_finishes_there() -> TestResult {
    let world = World::start(Setup::default()).await?;
    delete_topic(&world).await?;
    world.upload("hello.txt", "hello").await?;
    let (execution, before) = failed(&world).await?;
    assert_eq!(before.last().map(String::as_str), Some("Notify"));
    let described = world.states.describe_execution().execution_arn(&execution.arn).send().await?;
    assert_eq!(described.error.as_deref(), Some("Topic.NotFound"));
    assert_eq!(world.receipts().await?.len(), 1, "the receipt is written before anybody is told");

    create_topic_again(&world).await?;
    redrive(&world, &execution).await?;
    assert_eq!(world.path(&execution).await?, before, "no state was entered again");
    assert_eq!(world.receipts().await?.len(), 1, "no second receipt");
    assert_eq!(versions(&world, "hello.txt").await?, 1, "no second copy");
    assert_eq!(world.backup("hello.txt").await?, b"hello");
    assert_eq!(world.replica("hello.txt").await?, b"hello");
    world.messages(1).await?;
    Ok(())
}

#[tokio::test]
async fn a_redriven_validate_is_told_that_it_is_one() -> TestResult {
    let world = World::start(Setup::default().without_replica().with("MultipartThreshold", "8388608")).await?;
    let bucket = &world.outputs.backup_bucket;
    world.s3.delete_bucket().bucket(bucket).send().await?;
    let bytes = vec![7; 9 << 20];
    world.upload("large.bin", bytes.clone()).await?;
    let (execution, before) = failed(&world).await?;
    assert_eq!(before, ["Validate"]);

    let region = BucketLocationConstraint::from(world.outputs.region.as_str());
    let here = CreateBucketConfiguration::builder().location_constraint(region).build();
    world.s3.create_bucket().bucket(bucket).create_bucket_configuration(here).send().await?;
    redrive(&world, &execution).await?;
    let redrives: Vec<Value> = world
        .history(&execution)
        .await?
        .into_iter()
        .filter(|event| event.r#type == HistoryEventType::TaskScheduled)
        .filter_map(|event| event.task_scheduled_event_details)
        .filter_map(|details| serde_json::from_str::<Value>(&details.parameters).ok())
        .filter_map(|arguments| arguments.pointer("/Payload/redrives").cloned())
        .collect();
    assert_eq!(redrives, [0, 1]);
    assert!(world.backup("large.bin").await? == bytes);
    Ok(())
}
