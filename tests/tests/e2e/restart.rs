//! A sandbox that is started again on the same folder continues where it was stopped.

use std::path::Path;

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    world::{Rules, Setup, World},
};
use serde_json::Value;

async fn world(folder: &Path) -> TestResult<World> {
    World::start(Setup::default().kept_in(folder)).await
}

/// The versions of a key in a bucket, the newest first, with their entity tags.
async fn versions(s3: &aws_sdk_s3::Client, bucket: &str) -> TestResult<Vec<(String, String, String)>> {
    let listed = s3.list_object_versions().bucket(bucket).send().await?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let version = |version: &aws_sdk_s3::types::ObjectVersion| {
        (text(version.key()), text(version.version_id()), text(version.e_tag()))
    };
    Ok(listed.versions().iter().map(version).collect())
}

/// Everything that is to be found again.
#[derive(Debug, PartialEq)]
struct Kept {
    source: Vec<(String, String, String)>,
    backup: Vec<(String, String, String)>,
    replica: Vec<(String, String, String)>,
    executions: Vec<(String, Vec<String>, Value)>,
    receipts: Vec<Value>,
    messages: Vec<Value>,
}

impl Kept {
    async fn of(world: &World, executions: usize) -> TestResult<Self> {
        let mut told = Vec::new();
        for execution in world.ended(executions).await? {
            let (path, output) = (world.path(&execution).await?, world.output(&execution).await?);
            told.push((execution.arn, path, output));
        }
        let receipts = world.receipts().await?;
        Ok(Self {
            source: versions(&world.s3, &world.outputs.source_bucket).await?,
            backup: versions(&world.s3, &world.outputs.backup_bucket).await?,
            replica: versions(&world.replica_s3, &world.outputs.replica_bucket).await?,
            executions: told,
            receipts: receipts.iter().map(serde_json::to_value).collect::<Result<_, _>>()?,
            messages: world.messages(executions).await?,
        })
    }
}

#[tokio::test]
async fn objects_versions_executions_receipts_and_mails_are_found_again() -> TestResult {
    let folder = tempfile::tempdir()?;
    let first = world(folder.path()).await?;
    first.upload("k", "first").await?;
    first.ended(1).await?;
    first.upload("k", "second").await?;
    first.upload("other", "bytes").await?;
    let before = Kept::of(&first, 3).await?;
    let outputs = first.outputs.clone();
    first.sandbox.stop().await?;

    let second = world(folder.path()).await?;
    assert_eq!(Kept::of(&second, 3).await?, before);
    assert_eq!(second.backup("k").await?, b"second");
    assert_eq!(second.replica("other").await?, b"bytes");
    let same = (outputs.access_key_id, outputs.backup_bucket, outputs.state_machine_arn, outputs.topic_arn);
    let now = second.outputs.clone();
    assert_eq!((now.access_key_id, now.backup_bucket, now.state_machine_arn, now.topic_arn), same);
    second.sandbox.stop().await?;
    Ok(())
}

#[tokio::test]
async fn an_upload_after_the_restart_is_newer_than_all_before_it() -> TestResult {
    let folder = tempfile::tempdir()?;
    let first = world(folder.path()).await?;
    first.upload("k", "before").await?;
    let execution = first.succeeded().await?;
    let sequencer = |event: &Value| event["detail"]["object"]["sequencer"].as_str().unwrap_or_default().to_owned();
    let before = sequencer(&first.event_of(&execution).await?);
    first.sandbox.stop().await?;

    let second = world(folder.path()).await?;
    second.upload("k", "after").await?;
    let ended = second.ended(2).await?;
    let newest = ended.last().ok_or("no second execution")?;
    assert_eq!(newest.status, ExecutionStatus::Succeeded);
    let after = sequencer(&second.event_of(newest).await?);
    assert!(after.len() == before.len() && after > before, "{after} is to be greater than {before}");
    assert_eq!(second.backup("k").await?, b"after");
    assert_eq!(second.replica("k").await?, b"after");
    assert_eq!((second.receipts().await?.len(), second.messages(2).await?.len()), (2, 2));
    second.sandbox.stop().await?;
    Ok(())
}

#[tokio::test]
async fn executions_that_ran_when_it_was_stopped_end_well_after_the_start() -> TestResult {
    const EXECUTIONS: usize = 6;
    let folder = tempfile::tempdir()?;
    let setup = || Setup::default().kept_in(folder.path()).with("MultipartThreshold", "8388608");
    let first = World::start(setup()).await?;
    first.set_rules(Rules::Disabled).await?;
    let mut events = Vec::new();
    for number in 0..EXECUTIONS {
        let key = format!("large-{number}");
        first.upload(&key, vec![7; 9 << 20]).await?;
        events.push(first.late_event_for(&key).await?);
    }
    for event in &events {
        first.begin(event).await?;
    }
    let listed = first.states.list_executions().state_machine_arn(&first.outputs.state_machine_arn).send().await?;
    let running = listed.executions.iter().filter(|execution| execution.status == ExecutionStatus::Running).count();
    assert!(running > 0, "the test is about executions that run when the sandbox stops");
    first.sandbox.stop().await?;

    let second = World::start(setup()).await?;
    for execution in second.ended(EXECUTIONS).await? {
        let described = second.states.describe_execution().execution_arn(&execution.arn).send().await?;
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
async fn a_bucket_that_the_stack_takes_as_given_is_left_as_it_is() -> TestResult {
    let folder = tempfile::tempdir()?;
    let setup = || Setup::default().kept_in(folder.path()).with("ExistingSourceBucketName", "unversioned-source");
    let first = World::start(setup()).await?;
    first.make_source_unversioned().await?;
    first.sandbox.stop().await?;

    let second = World::start(setup()).await?;
    let versioning = second.s3.get_bucket_versioning().bucket("unversioned-source").send().await?;
    assert_eq!(versioning.status(), None, "the bucket still keeps no versions");
    second.sandbox.stop().await?;
    Ok(())
}
