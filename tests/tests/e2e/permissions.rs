//! Missing permissions: the execution fails in the state that needs one, and its message says what to grant.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
    template::ModifiedTemplate,
    text::assert_contains,
};

/// A removed permission, and the expected failure.
struct Case {
    resource: &'static str,
    sid: &'static str,
    action: &'static str,
    state: &'static str,
    error: &'static str,
    /// A part of the message. `SOURCE`, `BACKUP` and `REPLICA` are replaced by the names of the buckets.
    message: &'static str,
}

const CASES: [Case; 9] = [
    Case {
        resource: "ValidateFunction",
        sid: "ReadSource",
        action: "s3:GetObjectVersion",
        state: "Validate",
        error: "Source.Denied",
        message: "Grant s3:GetObject, s3:GetObjectVersion and s3:ListBucket on s3://SOURCE/k (version ",
    },
    Case {
        resource: "ValidateFunction",
        sid: "ReadSource",
        action: "s3:GetObjectVersionTagging",
        state: "Validate",
        error: "Source.Denied",
        message: "Grant s3:GetObjectVersionTagging on arn:aws:s3:::SOURCE/k to this function's role, then redrive.",
    },
    Case {
        resource: "ValidateFunction",
        sid: "ListBucketsForMissingKeys",
        action: "s3:ListBucket",
        state: "Validate",
        error: "Destination.Denied",
        message: "s3:ListBucket on s3://BACKUP/k to this function's role",
    },
    Case {
        resource: "CopyPartFunction",
        sid: "ReadSource",
        action: "s3:GetObjectVersion",
        state: "CopyObject",
        error: "Source.Denied",
        message: "Grant s3:GetObjectVersion on arn:aws:s3:::SOURCE/k to this function's role, then redrive.",
    },
    Case {
        resource: "CopyPartFunction",
        sid: "WriteBackupsAndReadThemForReplicas",
        action: "s3:PutObject",
        state: "CopyObject",
        error: "Destination.Denied",
        message: "Grant s3:PutObject on arn:aws:s3:::BACKUP/k to this function's role, then redrive.",
    },
    Case {
        resource: "ChecksumVerifyFunction",
        sid: "ReadBackupsAndSetTags",
        action: "s3:GetObjectVersionTagging",
        state: "VerifyBackup",
        error: "Destination.Denied",
        message: "Grant s3:GetObjectVersionTagging on arn:aws:s3:::BACKUP/k to this function's role, then redrive.",
    },
    Case {
        resource: "CrossRegionReplicateFunction",
        sid: "WriteReplicas",
        action: "s3:PutObjectTagging",
        state: "Replicate",
        error: "Destination.Denied",
        message: "Grant s3:PutObjectTagging on arn:aws:s3:::REPLICA/k to this function's role, then redrive.",
    },
    Case {
        resource: "NotifyFunction",
        sid: "ReadAndWriteReceipts",
        action: "s3:PutObject",
        state: "Notify",
        error: "Destination.Denied",
        message: "Grant s3:PutObject on arn:aws:s3:::BACKUP/.holdfast/receipts/",
    },
    Case {
        resource: "NotifyFunction",
        sid: "PublishMessages",
        action: "sns:Publish",
        state: "Notify",
        error: "Destination.Denied",
        message: "Grant SNS:Publish on arn:aws:sns:eu-west-1:000000000000:",
    },
];

/// A fixture without this permission, with an upload that has a tag.
async fn upload_without(resource: &str, sid: &str, action: &str) -> TestResult<Fixture> {
    let template = ModifiedTemplate::without(resource, sid, action)?;
    let fixture = Fixture::start(Setup { template: Some(template.path()), ..Setup::default() }).await?;
    let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key("k").tagging("team=a");
    request.body(ByteStream::from_static(b"bytes")).send().await?;
    Ok(fixture)
}

#[tokio::test]
async fn a_function_without_a_permission_fails_and_says_what_to_grant() -> TestResult {
    for Case { resource, sid, action, state, error, message } in CASES {
        let fixture = upload_without(resource, sid, action).await?;

        let failed =
            fixture.wait_for_failure().await.map_err(|error| format!("without {action} of {resource}: {error}"))?;
        let path = fixture.path(&failed.execution).await?;
        let outcome = (path.last().map(String::as_str), failed.error.as_str());

        assert_eq!(outcome, (Some(state), error), "without {action} of {resource}: {}", failed.message);
        let outputs = &fixture.outputs;
        let expected = message.replace("SOURCE", &outputs.source_bucket).replace("BACKUP", &outputs.backup_bucket);
        let expected = expected.replace("REPLICA", &outputs.replica_bucket);
        assert_contains(&failed.message, &[&expected]);
    }
    Ok(())
}

#[tokio::test]
async fn a_state_machine_without_permission_to_invoke_fails_and_is_reported() -> TestResult {
    let fixture = upload_without("StateMachine", "InvokeFunctions", "lambda:InvokeFunction").await?;

    let ended = fixture.wait_for_executions(1).await?;
    let execution = ended.first().ok_or("nothing was started")?;

    assert_eq!(execution.status, ExecutionStatus::Failed);
    let described = fixture.describe(&execution.arn).await?;
    assert_eq!(described.error(), Some("Lambda.AWSLambdaException"));
    let cause = described.cause().unwrap_or_default();
    assert!(
        cause.contains(" is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:"),
        "{cause}"
    );
    assert_eq!(fixture.messages(1).await?.len(), 1, "the rule invokes notify without the role of the state machine");
    Ok(())
}
