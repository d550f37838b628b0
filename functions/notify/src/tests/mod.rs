//! Tests of notify: its requests, the texts of its messages, and the failed state that it finds in a history.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod events;
mod failed;
mod receipt;
mod succeeded;

use std::time::Duration;

use aws_sdk_s3::{Client as S3, operation::put_object::PutObjectOutput};
use aws_sdk_sfn::{Client as States, config::retry::RetryConfig};
use aws_sdk_sns::{
    Client as Sns,
    operation::publish::{PublishInput, PublishOutput},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use holdfast_core::{Fact, contract::Notified, failure::report, payload::Payload};
use holdfast_lambda::{Aws, Deadline, Function};
use holdfast_s3::testing::Sent;
use serde_json::{Value, json};

use crate::{Error, Notify, Request};

const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:backups";
const EXECUTION: &str = "arn:aws:states:eu-west-1:111122223333:execution:holdfast-backup:e-1";

/// The published messages, and the rule that records them.
fn published() -> (Sent<PublishInput>, Rule) {
    let sent = Sent::default();
    let recorder = sent.clone();
    let rule = mock!(Sns::publish)
        .match_requests(move |request| recorder.note(request))
        .then_output(|| PublishOutput::builder().message_id("m-1").build());
    (sent, rule)
}

fn stored() -> Rule {
    mock!(S3::put_object).then_output(|| PutObjectOutput::builder().build())
}

async fn notify(
    [s3, sns, states]: [&[&Rule]; 3],
    environment: &[(&str, &str)],
    input: Value,
) -> Result<Notified, Error> {
    let s3 = mock_client!(aws_sdk_s3, RuleMode::MatchAny, s3, |config| config.retry_config(RetryConfig::disabled()));
    let sns = mock_client!(aws_sdk_sns, RuleMode::MatchAny, sns, |config| config.retry_config(RetryConfig::disabled()));
    let states =
        mock_client!(aws_sdk_sfn, RuleMode::MatchAny, states, |config| config.retry_config(RetryConfig::disabled()));
    let environment = [("SNS_TOPIC_ARN", TOPIC), ("BACKUP_BUCKET", "dst")].iter().chain(environment).copied().collect();
    let function = Notify::new(&environment, Aws::with_s3(s3).with_sns(sns).with_states(states)).unwrap();
    let outcome = function.call(Request::read(&input)?, Deadline::after(Duration::from_mins(1))).await;
    if let Err(error) = &outcome {
        assert!(Notify::RAISES.contains(&error.name()), "{} is not declared", error.name());
    }
    outcome
}

/// The attributes of a message as `name=value`, in order.
fn attributes(message: &PublishInput) -> Vec<String> {
    let attributes = message.message_attributes().unwrap().iter();
    let mut texts: Vec<_> =
        attributes.map(|(name, value)| format!("{name}={}", value.string_value().unwrap())).collect();
    texts.sort();
    texts
}

/// The JSON after the text.
fn json_of(message: &PublishInput) -> Value {
    let body = message.message().unwrap();
    serde_json::from_str(&body[body.find("\n\n{").unwrap()..]).unwrap()
}

#[test]
fn an_invalid_variable_is_named_with_a_valid_value() {
    for (variables, words) in [
        (vec![("BACKUP_BUCKET", "dst")], "Set SNS_TOPIC_ARN to the ARN of a topic"),
        (vec![("SNS_TOPIC_ARN", "backups"), ("BACKUP_BUCKET", "dst")], "SNS_TOPIC_ARN is \"backups\""),
        (vec![("SNS_TOPIC_ARN", TOPIC)], "BACKUP_BUCKET is missing"),
        (
            vec![("SNS_TOPIC_ARN", TOPIC), ("BACKUP_BUCKET", "dst"), ("NOTIFY_ON", "success")],
            "Set NOTIFY_ON to all, failures or none",
        ),
    ] {
        let aws = Aws::with_s3(mock_client!(aws_sdk_s3, RuleMode::MatchAny, [] as [&Rule; 0]));
        let error = report(&Notify::new(&variables.into_iter().collect(), aws).unwrap_err());
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn an_invalid_payload_fails_with_the_path_of_the_invalid_field() {
    for (payload, path) in [
        (json!({"backup": {"copy": {"source": {"bucket": "No"}}}}), "backup.copy.source.bucket: "),
        (json!({"surprise": 1}), ".: "),
        (json!({"detail-type": "Object Created"}), "detail-type: "),
        (
            json!({
                "detail-type": "Step Functions Execution Status Change", "source": "aws.states",
                "detail": {"executionArn": EXECUTION, "stateMachineArn": "m", "name": "e-1", "status": 7, "startDate": 0}
            }),
            "detail.status: ",
        ),
    ] {
        let error = notify([&[], &[], &[]], &[], payload).await.unwrap_err();
        assert_eq!(error.name(), holdfast_core::ErrorName::InputInvalid);
        assert!(error.to_string().starts_with(path), "{error}");
    }
}
