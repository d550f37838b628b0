//! A sandbox that restarts on the same folder continues.

use std::path::Path;

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    fixture::{EventRules, Fixture, Setup},
};
use serde_json::Value;

async fn start_in(folder: &Path) -> TestResult<Fixture> {
    Fixture::start(Setup::default().with_data_in(folder)).await
}

/// The versions in a bucket: key, version ID and entity tag, newest first.
async fn versions(s3: &aws_sdk_s3::Client, bucket: &str) -> TestResult<Vec<(String, String, String)>> {
    let listed = s3.list_object_versions().bucket(bucket).send().await?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let version = |version: &aws_sdk_s3::types::ObjectVersion| {
        (text(version.key()), text(version.version_id()), text(version.e_tag()))
    };
    Ok(listed.versions().iter().map(version).collect())
}

/// The data that a restart must keep.
#[derive(Debug, PartialEq)]
struct PersistedData {
    source: Vec<(String, String, String)>,
    backup: Vec<(String, String, String)>,
    replica: Vec<(String, String, String)>,
    executions: Vec<(String, Vec<String>, Value)>,
    receipts: Vec<Value>,
    messages: Vec<Value>,
}

impl PersistedData {
    async fn read(fixture: &Fixture, executions: usize) -> TestResult<Self> {
        let mut results = Vec::new();
        for execution in fixture.wait_for_executions(executions).await? {
            let (path, output) = (fixture.path(&execution).await?, fixture.output(&execution).await?);
            results.push((execution.arn, path, output));
        }
        let receipts = fixture.receipts().await?;
        Ok(Self {
            source: versions(&fixture.s3, &fixture.outputs.source_bucket).await?,
            backup: versions(&fixture.s3, &fixture.outputs.backup_bucket).await?,
            replica: versions(&fixture.replica_s3, &fixture.outputs.replica_bucket).await?,
            executions: results,
            receipts: receipts.iter().map(serde_json::to_value).collect::<Result<_, _>>()?,
            messages: fixture.messages(executions).await?,
        })
    }
}

#[tokio::test]
async fn a_restart_keeps_objects_executions_receipts_and_messages() -> TestResult {
    let folder = tempfile::tempdir()?;
    let first = start_in(folder.path()).await?;

    first.upload("k", "first").await?;
    first.wait_for_executions(1).await?;
    first.upload("k", "second").await?;
    first.upload("other", "bytes").await?;
    let before = PersistedData::read(&first, 3).await?;
    let outputs = first.outputs.clone();
    first.sandbox.stop().await?;

    let second = start_in(folder.path()).await?;

    assert_eq!(PersistedData::read(&second, 3).await?, before);
    assert_eq!(second.backup("k").await?, b"second");
    assert_eq!(second.replica("other").await?, b"bytes");
    let same = (outputs.access_key_id, outputs.backup_bucket, outputs.state_machine_arn, outputs.topic_arn);
    let now = second.outputs.clone();
    assert_eq!((now.access_key_id, now.backup_bucket, now.state_machine_arn, now.topic_arn), same);

    second.sandbox.stop().await?;
    Ok(())
}

#[tokio::test]
async fn an_upload_after_a_restart_is_newer_than_all_before_it() -> TestResult {
    let folder = tempfile::tempdir()?;
    let first = start_in(folder.path()).await?;

    first.upload("k", "before").await?;
    let execution = first.wait_for_success().await?;
    let sequencer = |event: &Value| event["detail"]["object"]["sequencer"].as_str().unwrap_or_default().to_owned();
    let before = sequencer(&first.input_event(&execution).await?);
    first.sandbox.stop().await?;

    let second = start_in(folder.path()).await?;
    second.upload("k", "after").await?;
    let ended = second.wait_for_executions(2).await?;
    let newest = ended.last().ok_or("no second execution")?;

    assert_eq!(newest.status, ExecutionStatus::Succeeded);

    let after = sequencer(&second.input_event(newest).await?);

    assert!(after.len() == before.len() && after > before, "{after} should be greater than {before}");
    assert_eq!(second.backup("k").await?, b"after");
    assert_eq!(second.replica("k").await?, b"after");
    assert_eq!((second.receipts().await?.len(), second.messages(2).await?.len()), (2, 2));

    second.sandbox.stop().await?;
    Ok(())
}

#[tokio::test]
async fn executions_that_a_restart_interrupted_succeed_afterwards() -> TestResult {
    const EXECUTIONS: usize = 6;
    let folder = tempfile::tempdir()?;
    let setup = || Setup::default().with_data_in(folder.path()).with_parameter("MultipartThreshold", "8388608");
    let first = Fixture::start(setup()).await?;
    first.set_rules(EventRules::Disabled).await?;
    let mut events = Vec::new();
    for number in 0..EXECUTIONS {
        let key = format!("large-{number}");
        first.upload(&key, vec![7; 9 << 20]).await?;
        events.push(first.late_event(&key).await?);
    }
    for event in &events {
        first.start_execution(event).await?;
    }
    let listed = first.states.list_executions().state_machine_arn(&first.outputs.state_machine_arn).send().await?;
    let running = listed.executions.iter().filter(|execution| execution.status == ExecutionStatus::Running).count();

    assert!(running > 0, "no execution runs when the sandbox stops");

    first.sandbox.stop().await?;

    let second = Fixture::start(setup()).await?;

    for execution in second.wait_for_executions(EXECUTIONS).await? {
        let described = second.describe(&execution.arn).await?;
        assert_eq!(execution.status, ExecutionStatus::Succeeded, "{:?}: {:?}", described.error, described.cause);
    }
    for number in 0..EXECUTIONS {
        assert!(second.replica(&format!("large-{number}")).await? == vec![7; 9 << 20], "large-{number}");
    }
    assert_eq!(second.receipts().await?.len(), EXECUTIONS);

    second.sandbox.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_restart_does_not_change_an_existing_bucket() -> TestResult {
    let folder = tempfile::tempdir()?;
    let setup = || {
        Setup::default().with_data_in(folder.path()).with_parameter("ExistingSourceBucketName", "unversioned-source")
    };
    let first = Fixture::start(setup()).await?;

    first.make_source_unversioned().await?;
    first.sandbox.stop().await?;

    let second = Fixture::start(setup()).await?;
    let versioning = second.s3.get_bucket_versioning().bucket("unversioned-source").send().await?;

    assert_eq!(versioning.status(), None, "the bucket has no versioning");

    second.sandbox.stop().await?;
    Ok(())
}
