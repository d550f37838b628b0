//! The ways to find a stack, and their errors.

use aws_sdk_cloudformation::{
    Client,
    operation::describe_stacks::DescribeStacksOutput,
    primitives::DateTime,
    types::{Output, Stack as Described, StackStatus},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};

use super::*;

const MACHINE: &str = "arn:aws:states:eu-west-1:111122223333:stateMachine:holdfast-backup";

fn outputs(without: &[&str]) -> BTreeMap<String, String> {
    let all = [
        ("SourceBucketName", "source"),
        ("BackupBucketName", "backup"),
        ("ReplicaBucketName", "replica"),
        ("ReplicaRegion", "eu-central-1"),
        ("ReceiptBucketName", "backup"),
        ("ReceiptPrefix", ".holdfast/receipts/"),
        ("TopicArn", "arn:aws:sns:eu-west-1:111122223333:topic"),
        ("StateMachineArn", MACHINE),
        ("UndeliveredEventsUrl", "https://sqs.eu-west-1.amazonaws.com/111122223333/undelivered"),
    ];
    let kept = all.into_iter().filter(|(name, _)| !without.contains(name));
    kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn described(outputs: &BTreeMap<String, String>) -> Described {
    let outputs = outputs.iter().map(|(name, value)| Output::builder().output_key(name).output_value(value).build());
    let stack = Described::builder().stack_name("holdfast").set_outputs(Some(outputs.collect()));
    stack.creation_time(DateTime::from_secs(0)).stack_status(StackStatus::CreateComplete).build()
}

fn returns(outputs: BTreeMap<String, String>) -> Rule {
    mock!(Client::describe_stacks)
        .match_requests(|request| request.stack_name() == Some("holdfast"))
        .then_output(move || DescribeStacksOutput::builder().stacks(described(&outputs)).build())
}

fn refuses(status: u16, code: &'static str, message: &'static str) -> Rule {
    mock!(Client::describe_stacks).then_http_response(move || {
        let body = format!(
            "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        let status = StatusCode::try_from(status).unwrap_or_else(|_| unreachable!("{status} is a status"));
        HttpResponse::new(status, body.into())
    })
}

async fn find(rule: Rule) -> Result<Stack, FindStackError> {
    let client = mock_client!(aws_sdk_cloudformation, RuleMode::MatchAny, &[&rule]);
    Stack::describe(&client, "eu-west-1", "holdfast").await
}

#[tokio::test]
async fn a_stack_is_found_by_its_cloudformation_outputs() -> Result<(), Box<dyn std::error::Error>> {
    let stack = find(returns(outputs(&[]))).await?;

    assert_eq!((stack.name.as_str(), stack.region.as_str()), ("holdfast", "eu-west-1"));
    assert_eq!((stack.source_bucket.as_str(), stack.backup_bucket.as_str()), ("source", "backup"));
    let replica = Replica { bucket: BucketName::new("replica")?, region: "eu-central-1".to_owned() };
    assert_eq!(stack.replica, Some(replica));
    assert_eq!((stack.receipts.bucket.as_str(), stack.receipts.prefix.as_str()), ("backup", ".holdfast/receipts/"));
    let console = "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/statemachines/view/";
    assert_eq!(stack.console_url(), Some(format!("{console}{MACHINE}")));
    Ok(())
}

#[tokio::test]
async fn a_stack_without_a_replica_has_none() -> Result<(), FindStackError> {
    let stack = find(returns(outputs(&["ReplicaBucketName", "ReplicaRegion"]))).await?;
    assert_eq!(stack.replica, None);
    Ok(())
}

#[tokio::test]
async fn a_missing_stack_and_an_unreadable_stack_have_different_errors() {
    for (rule, is_not_found, expected) in [
        (
            refuses(400, "ValidationError", "Stack with id holdfast does not exist"),
            true,
            "there is no stack holdfast in",
        ),
        (
            refuses(403, "AccessDenied", "no"),
            false,
            "the stack holdfast in eu-west-1 cannot be described: AccessDenied",
        ),
        (returns(BTreeMap::new()), false, "the stack holdfast has no output SourceBucketName; name a stack of"),
        (returns(outputs(&["ReplicaRegion"])), false, "has no output ReplicaRegion"),
    ] {
        let error = find(rule).await.err();
        let sentence = error.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(sentence.contains(expected), "{sentence}");
        assert_eq!(error.is_some_and(|error| error.is_not_found()), is_not_found, "{sentence}");
    }
}

#[test]
fn an_output_that_is_not_a_bucket_name_is_named() {
    let mut outputs = outputs(&[]);
    outputs.insert("BackupBucketName".to_owned(), "No".to_owned());
    let error = Stack::from_outputs("holdfast", "eu-west-1", Connection::Environment, &outputs).err();
    let sentence = error.map(|error| error.to_string()).unwrap_or_default();
    assert!(sentence.starts_with("the output BackupBucketName of the stack holdfast is invalid: "), "{sentence}");
}

#[test]
fn a_ready_file_is_read_back_as_written() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ready.json");
    let written = ReadyFile {
        endpoint_url: "http://127.0.0.1:4510".to_owned(),
        region: "eu-west-1".to_owned(),
        access_key_id: "AKIA".to_owned(),
        secret_access_key: "the secret".to_owned(),
        stack_name: "holdfast".to_owned(),
        outbox_dir: "/tmp/outbox".into(),
        outputs: outputs(&[]),
    };
    std::fs::write(&path, serde_json::to_vec(&written)?)?;

    let read = ReadyFile::read(&path)?;
    let stack = read.stack()?;

    assert_eq!(read, written);
    assert_eq!((stack.name.as_str(), stack.console_url()), ("holdfast", None));
    assert!(matches!(&stack.connection, Connection::Sandbox(access) if access.endpoint_url == "http://127.0.0.1:4510"));
    assert!(!format!("{stack:?}").contains("the secret"), "secrets are not printed");
    Ok(())
}

#[test]
fn a_missing_or_malformed_ready_file_is_refused_with_a_remedy() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ready.json");
    let missing = ReadyFile::read(&path).err();
    assert!(missing.as_ref().is_some_and(FindStackError::is_not_found));
    let sentence = missing.map(|error| error.to_string()).unwrap_or_default();
    assert!(sentence.contains("start one with `holdfast up --ready-file /"), "{sentence}");

    std::fs::write(&path, "{\"endpointUrl\": 7}")?;
    let sentence = ReadyFile::read(&path).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(sentence.contains("cannot be read: invalid type: integer `7`"), "{sentence}");
    Ok(())
}
