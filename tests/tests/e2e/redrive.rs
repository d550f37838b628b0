//! Redrives after the cause of a failure is fixed: nothing is done twice.

use std::collections::BTreeMap;

use aws_sdk_sfn::types::{ExecutionStatus, HistoryEventType};
use holdfast_tests::{
    TestResult,
    fixture::{ExecutionSummary, Fixture, Setup, create_bucket},
};
use serde_json::Value;

async fn delete_topic(fixture: &Fixture) -> TestResult {
    let form = BTreeMap::from([("TopicArn".to_owned(), fixture.outputs.topic_arn.clone())]);
    fixture.sandbox.sns().handle("DeleteTopic", form).await?;
    Ok(())
}

async fn recreate_topic(fixture: &Fixture) -> TestResult {
    let name = fixture.outputs.topic_arn.rsplit(':').next().unwrap_or_default().to_owned();
    fixture.sandbox.sns().handle("CreateTopic", BTreeMap::from([("Name".to_owned(), name)])).await?;
    Ok(())
}

/// The only execution, which must fail, and its path.
async fn wait_for_failed_path(fixture: &Fixture) -> TestResult<(ExecutionSummary, Vec<String>)> {
    let execution = fixture.wait_for_executions(1).await?.remove(0);
    assert_eq!(execution.status, ExecutionStatus::Failed);
    let path = fixture.path(&execution).await?;
    Ok((execution, path))
}

async fn redrive_once(fixture: &Fixture, execution: &ExecutionSummary) -> TestResult {
    fixture.redrive(&execution.arn).await?;
    assert_eq!(fixture.wait_for_success().await?.arn, execution.arn, "the execution is the same");
    let described = fixture.describe(&execution.arn).await?;
    assert_eq!(described.redrive_count, Some(1));
    Ok(())
}

#[tokio::test]
async fn a_redrive_of_notify_finishes_after_the_topic_is_recreated() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    delete_topic(&fixture).await?;
    fixture.upload("hello.txt", "hello").await?;
    let (execution, before) = wait_for_failed_path(&fixture).await?;

    assert_eq!(before.last().map(String::as_str), Some("Notify"));
    let described = fixture.describe(&execution.arn).await?;
    assert_eq!(described.error.as_deref(), Some("Topic.NotFound"));
    assert_eq!(fixture.receipts().await?.len(), 1, "the receipt is written before the message");

    recreate_topic(&fixture).await?;
    redrive_once(&fixture, &execution).await?;

    assert_eq!(fixture.path(&execution).await?, before, "no state was entered again");
    assert_eq!(fixture.receipts().await?.len(), 1, "no second receipt");
    assert_eq!(fixture.backup_versions("hello.txt").await?.len(), 1, "no second copy");
    assert_eq!(fixture.backup("hello.txt").await?, b"hello");
    assert_eq!(fixture.replica("hello.txt").await?, b"hello");

    fixture.messages(1).await?;
    Ok(())
}

#[tokio::test]
async fn a_redriven_validate_gets_the_number_of_redrives() -> TestResult {
    let fixture =
        Fixture::start(Setup::default().without_replica().with_parameter("MultipartThreshold", "8388608")).await?;
    let bucket = &fixture.outputs.backup_bucket;
    fixture.s3.delete_bucket().bucket(bucket).send().await?;
    let bytes = vec![7; 9 << 20];
    fixture.upload("large.bin", bytes.clone()).await?;
    let (execution, before) = wait_for_failed_path(&fixture).await?;

    assert_eq!(before, ["Validate"]);

    create_bucket(&fixture.s3, bucket, &fixture.outputs.region).await?;
    redrive_once(&fixture, &execution).await?;
    let redrives: Vec<Value> = fixture
        .history(&execution)
        .await?
        .into_iter()
        .filter(|event| event.r#type == HistoryEventType::TaskScheduled)
        .filter_map(|event| event.task_scheduled_event_details)
        .filter_map(|details| serde_json::from_str::<Value>(&details.parameters).ok())
        .filter_map(|arguments| arguments.pointer("/Payload/redrives").cloned())
        .collect();

    assert_eq!(redrives, [0, 1]);
    assert!(fixture.backup("large.bin").await? == bytes);
    Ok(())
}
