//! The scenarios that together need every action of every policy.

use aws_sdk_s3::{primitives::ByteStream, types::Tag};
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    fixture::{EventRules, ExecutionSummary, Fixture, Setup, recreate_bucket},
    history::attempts,
};
use serde_json::{Value, json};

use super::versioned;

/// A fixture, and the operations in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scenario {
    /// Buckets without versioning. The source is read.
    Unversioned,
    /// A copy with tags that replaced a newer one with equal bytes is withdrawn to a late backup.
    Withdrawn,
    /// Both legs of every kind of copy: two keys twice, so that the second copy has the precondition `If-Match`, and one
    /// onto an object of another client. Then functions are invoked again, or too late.
    Versioned,
    /// A failure with its message.
    Failed,
}

impl Scenario {
    /// All scenarios, the fastest first. The one with a failed execution is the last.
    pub(super) const ALL: [Self; 4] = [Self::Unversioned, Self::Withdrawn, Self::Versioned, Self::Failed];

    /// The settings of the fixture.
    pub(super) fn setup(self) -> Setup {
        let setup = Setup::default();
        match self {
            Self::Failed | Self::Withdrawn => setup,
            Self::Unversioned => setup
                .with_parameter("ExistingSourceBucketName", "plain-source")
                .with_parameter("VerifyMode", "streamed"),
            Self::Versioned => setup
                .with_parameter("MultipartThreshold", "5242880")
                .with_parameter("ReceiptBucketName", "receipts-elsewhere"),
        }
    }

    /// Runs the scenario and asserts its results.
    pub(super) async fn run(self, fixture: &Fixture) -> TestResult {
        match self {
            Self::Failed => failed(fixture).await,
            Self::Unversioned => unversioned(fixture).await,
            Self::Withdrawn => withdrawn(fixture).await,
            Self::Versioned => versioned::run(fixture).await,
        }
    }
}

/// The function of a state, and its first payload in this execution.
pub(super) async fn payload_of(
    fixture: &Fixture,
    execution: &ExecutionSummary,
    state: &str,
) -> TestResult<(String, Value)> {
    let attempts = attempts(&fixture.history(execution).await?)?;
    let attempt = attempts.into_iter().find(|attempt| attempt.state == state);
    let attempt = attempt.ok_or_else(|| format!("{state} was not entered"))?;
    Ok((attempt.function, attempt.payload))
}

/// Waits for this many executions and returns the last one, which must have succeeded.
pub(super) async fn wait_for_last_success(fixture: &Fixture, count: usize) -> TestResult<ExecutionSummary> {
    let last = fixture.wait_for_executions(count).await?.pop().ok_or("nothing was started")?;
    fixture.output(&last).await.map_err(|error| format!("execution {count} is {:?}: {error}", last.status))?;
    Ok(last)
}

/// Invokes the function of a state again with the same payload.
pub(super) async fn invoke_again(fixture: &Fixture, execution: &ExecutionSummary, state: &str) -> TestResult<Value> {
    let (function, payload) = payload_of(fixture, execution, state).await?;
    fixture.invoke(&function, &payload).await
}

pub(super) async fn upload(fixture: &Fixture, key: &str, size: usize) -> TestResult {
    let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key(key).tagging("team=a");
    request.body(ByteStream::from(vec![b'x'; size])).send().await?;
    Ok(())
}

async fn withdrawn(fixture: &Fixture) -> TestResult {
    fixture.upload("k", "a").await?;
    fixture.wait_for_executions(1).await?;
    fixture.fail_next_invocation("copy-part", "CopyObject")?;
    let tagged = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key("k").tagging("team=blue");
    let version = tagged.body(ByteStream::from_static(b"b")).send().await?.version_id.ok_or("no version")?;
    let second = fixture.wait_for_executions(2).await?.remove(1);
    fixture.upload("k", "a").await?;
    fixture.wait_for_executions(3).await?;
    fixture.redrive(&second.arn).await?;
    let statuses: Vec<_> =
        fixture.wait_for_executions(3).await?.into_iter().map(|execution| execution.status).collect();
    assert_eq!(statuses, vec![ExecutionStatus::Succeeded; 3]);
    assert_eq!((fixture.backup("k").await?, fixture.replica("k").await?), (b"a".to_vec(), b"a".to_vec()), "the newest");
    let (bucket, key) = (&fixture.outputs.backup_bucket, format!(".holdfast/late/k/{version}"));
    assert_eq!(fixture.backup(&key).await?, b"b", "the late backup");
    let tags = fixture.s3.get_object_tagging().bucket(bucket).key(key).send().await?.tag_set;
    assert_eq!(tags.first().map(Tag::value), Some("blue"), "with its tags");
    let messages = fixture.messages(4).await?;
    let named =
        messages.iter().filter(|message| message["Message"].as_str().unwrap_or_default().contains("CopyObject"));
    assert_eq!(named.count(), 1, "one failure names its state: {messages:?}");
    copy_over_foreign_object(fixture).await
}

/// An upload whose key was deleted is copied over an object without a stamp.
async fn copy_over_foreign_object(fixture: &Fixture) -> TestResult {
    let before = fixture.executions().await?.len();
    fixture.set_rules(EventRules::Disabled).await?;
    fixture.s3.put_object().bucket(&fixture.outputs.backup_bucket).key("foreign").send().await?;
    fixture.upload("foreign", "ours").await?;
    let event = fixture.late_event("foreign").await?;
    fixture.s3.delete_object().bucket(&fixture.outputs.source_bucket).key("foreign").send().await?;
    fixture.set_rules(EventRules::Enabled).await?;
    fixture.start_execution(&event).await?;
    wait_for_last_success(fixture, before + 1).await?;
    assert_eq!(fixture.backup("foreign").await?, b"ours");
    Ok(())
}

async fn unversioned(fixture: &Fixture) -> TestResult {
    // The sandbox creates every bucket with versioning.
    fixture.make_source_unversioned().await?;
    let regions = [&fixture.outputs.region, &fixture.outputs.replica_region];
    for ((s3, bucket), region) in fixture.destinations().into_iter().zip(regions) {
        recreate_bucket(s3, bucket, region).await?;
    }

    upload(fixture, "k", 5).await?;
    let execution = fixture.wait_for_success().await?;
    let (function, mut notified) = payload_of(fixture, &execution, "Notify").await?;
    notified["proven"]["stored"]["etag"] = json!("another");
    let output = fixture.invoke(&function, &notified).await?;
    assert_eq!(output["receipt"]["written"], false, "the copy that the receipt names exists");
    assert!(output.get("messageId").is_none(), "an execution that has succeeded sends no second message");
    Ok(())
}

async fn failed(fixture: &Fixture) -> TestResult {
    fixture.upload_archived("cold").await?;

    assert_eq!(fixture.wait_for_failure().await?.error, "Source.Archived");
    let messages = fixture.messages(1).await?;
    assert!(messages[0]["Message"].as_str().unwrap_or_default().contains("Validate"), "{messages:?}");
    Ok(())
}
