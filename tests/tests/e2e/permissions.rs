//! A permission that is missing: the execution fails where it is needed, and says what to grant.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    template::Changed,
    world::{Setup, World},
};

/// What is taken away, and how that shows.
struct Case {
    resource: &'static str,
    sid: &'static str,
    action: &'static str,
    state: &'static str,
    error: &'static str,
    /// With `SOURCE`, `BACKUP` and `REPLICA` for the names of the buckets.
    says: &'static str,
}

const SMALL: [Case; 9] = [
    Case {
        resource: "ValidateFunction",
        sid: "ReadSource",
        action: "s3:GetObjectVersion",
        state: "Validate",
        error: "Source.Denied",
        says: "Grant s3:GetObject, s3:GetObjectVersion and s3:ListBucket on s3://SOURCE/k (version ",
    },
    Case {
        resource: "ValidateFunction",
        sid: "ReadSource",
        action: "s3:GetObjectVersionTagging",
        state: "Validate",
        error: "Source.Denied",
        says: "Grant s3:GetObjectVersionTagging on arn:aws:s3:::SOURCE/k to this function's role, then redrive.",
    },
    Case {
        resource: "ValidateFunction",
        sid: "ListBucketsForMissingKeys",
        action: "s3:ListBucket",
        state: "Validate",
        error: "Destination.Denied",
        says: "s3:ListBucket on s3://BACKUP/k to this function's role",
    },
    Case {
        resource: "CopyPartFunction",
        sid: "ReadSource",
        action: "s3:GetObjectVersion",
        state: "CopyObject",
        error: "Source.Denied",
        says: "Grant s3:GetObjectVersion on arn:aws:s3:::SOURCE/k to this function's role, then redrive.",
    },
    Case {
        resource: "CopyPartFunction",
        sid: "WriteBackupsAndReadThemForReplicas",
        action: "s3:PutObject",
        state: "CopyObject",
        error: "Destination.Denied",
        says: "Grant s3:PutObject on arn:aws:s3:::BACKUP/k to this function's role, then redrive.",
    },
    Case {
        resource: "ChecksumVerifyFunction",
        sid: "ReadBackupsAndSetTags",
        action: "s3:GetObjectVersionTagging",
        state: "VerifyBackup",
        error: "Destination.Denied",
        says: "Grant s3:GetObjectVersionTagging on arn:aws:s3:::BACKUP/k to this function's role, then redrive.",
    },
    Case {
        resource: "CrossRegionReplicateFunction",
        sid: "WriteReplicas",
        action: "s3:PutObjectTagging",
        state: "Replicate",
        error: "Destination.Denied",
        says: "Grant s3:PutObjectTagging on arn:aws:s3:::REPLICA/k to this function's role, then redrive.",
    },
    Case {
        resource: "NotifyFunction",
        sid: "ReadAndWriteReceipts",
        action: "s3:PutObject",
        state: "Notify",
        error: "Destination.Denied",
        says: "Grant s3:PutObject on arn:aws:s3:::BACKUP/.holdfast/receipts/",
    },
    Case {
        resource: "NotifyFunction",
        sid: "PublishMessages",
        action: "sns:Publish",
        state: "Notify",
        error: "Destination.Denied",
        says: "Grant SNS:Publish on arn:aws:sns:eu-west-1:000000000000:",
    },
];

/// A world whose template lacks this permission, with an upload that carries a tag.
async fn upload_without(resource: &str, sid: &str, action: &str) -> TestResult<World> {
    let template = Changed::without(resource, sid, action)?;
    let world = World::start(Setup { template: Some(template.path()), ..Setup::default() }).await?;
    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key("k").tagging("team=a");
    request.body(ByteStream::from_static(b"bytes")).send().await?;
    Ok(world)
}

#[tokio::test]
async fn a_function_that_lacks_a_permission_fails_in_its_state_and_says_what_to_grant() -> TestResult {
    for Case { resource, sid, action, state, error, says } in SMALL {
        let world = upload_without(resource, sid, action).await?;
        let failed = world.failed().await.map_err(|error| format!("without {action} of {resource}: {error}"))?;
        let path = world.path(&failed.execution).await?;
        let outcome = (path.last().map(String::as_str), failed.error.as_str());
        assert_eq!(outcome, (Some(state), error), "without {action} of {resource}: {}", failed.sentence);
        let outputs = &world.outputs;
        let says = says.replace("SOURCE", &outputs.source_bucket).replace("BACKUP", &outputs.backup_bucket);
        let says = says.replace("REPLICA", &outputs.replica_bucket);
        assert!(failed.sentence.contains(&says), "{says:?} is missing in: {}", failed.sentence);
    }
    Ok(())
}

#[tokio::test]
async fn a_state_machine_that_may_not_invoke_fails_as_step_functions_shows_it() -> TestResult {
    let world = upload_without("StateMachine", "InvokeFunctions", "lambda:InvokeFunction").await?;
    let ended = world.ended(1).await?;
    let execution = ended.first().ok_or("nothing was started")?;
    assert_eq!(execution.status, ExecutionStatus::Failed);
    let described = world.states.describe_execution().execution_arn(&execution.arn).send().await?;
    assert_eq!(described.error(), Some("Lambda.AWSLambdaException"));
    let cause = described.cause().unwrap_or_default();
    assert!(
        cause.contains(" is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:"),
        "{cause}"
    );
    assert_eq!(
        world.messages(1).await?.len(),
        1,
        "the rule invokes notify without the machine's role, and people are told"
    );
    Ok(())
}
