//! The message about an execution that failed, timed out or was stopped.

use aws_sdk_sfn::{
    operation::get_execution_history::GetExecutionHistoryOutput,
    types::{HistoryEvent, error::ExecutionDoesNotExist},
};

use super::*;

fn ended(status: &str, extra: &Value) -> Value {
    let input = json!({
        "detail": {"bucket": {"name": "src"}, "object": {"key": "reports/2026/ä.csv", "size": 1536, "version-id": "v1"}}
    });
    let mut event = json!({
        "version": "0", "id": "e", "detail-type": "Step Functions Execution Status Change", "source": "aws.states",
        "account": "111122223333", "time": "2026-11-22T10:02:05Z", "region": "eu-west-1", "resources": [EXECUTION],
        "detail": {
            "executionArn": EXECUTION, "stateMachineArn": "arn:aws:states:eu-west-1:111122223333:stateMachine:holdfast-backup",
            "name": "e-1", "status": status, "startDate": 1_795_341_600_000_i64, "stopDate": 1_795_341_725_000_i64,
            "input": input.to_string(), "inputDetails": {"included": true}, "output": null
        }
    });
    let detail = event["detail"].as_object_mut().unwrap();
    detail.extend(extra.as_object().unwrap().clone());
    event
}

fn history(newest_first: Vec<HistoryEvent>) -> Rule {
    mock!(States::get_execution_history)
        .match_requests(|request| request.execution_arn() == Some(EXECUTION) && request.reverse_order() == Some(true))
        .then_output(move || {
            GetExecutionHistoryOutput::builder().set_events(Some(newest_first.clone())).build().unwrap()
        })
}

const CAUSE: &str =
    "HeadObject of s3://src/k failed. Grant s3:GetObject on s3://src/k to this function's role, then redrive.";

#[tokio::test]
async fn a_failure_message_has_object_state_cause_and_redrive_command() {
    let cause = json!({"errorType": "Source.Denied", "errorMessage": CAUSE});
    let history = history(events::failed_in("CopyObject", "Source.Denied", &cause.to_string()));
    let (sent, publish) = published();
    let event = ended("FAILED", &json!({"error": "Source.Denied", "cause": cause.to_string()}));
    let notified = notify([&[], &[&publish], &[&history]], &[], event).await.unwrap();

    assert_eq!(serde_json::to_value(&notified).unwrap(), json!({"messageId": "m-1"}));
    let [message] = sent.all().try_into().unwrap();
    assert_eq!(message.subject(), Some("FAILED Source.Denied in CopyObject: s3://src/reports/2026/?.csv"));
    assert_eq!(
        attributes(&message),
        ["bucket=src", "error=Source.Denied", "prefix=reports", "sizeClass=small", "status=FAILED"]
    );
    let body = message.message().unwrap();
    for words in [
        "The backup of s3://src/reports/2026/ä.csv failed.",
        "Version: v1",
        "State:   CopyObject\n",
        "Error:   Source.Denied",
        "Cause:   HeadObject of s3://src/k failed. Grant s3:GetObject on s3://src/k to this function's role, then redrive.\n",
        "Runbook: docs/operations.md, section Source.Denied\n",
        "Ended:   2026-11-22 10:02:05 UTC, after 2 min 5 s",
        "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:states:eu-west-1:111122223333:execution:holdfast-backup:e-1",
        "After you fix the cause, resume the execution (until 2026-12-06):",
        "aws stepfunctions redrive-execution --execution-arn arn:aws:states:eu-west-1:111122223333:execution:holdfast-backup:e-1 --region eu-west-1",
    ] {
        assert!(body.contains(words), "{words} is missing in:\n{body}");
    }
    assert_eq!(body.matches("Grant s3:GetObject").count(), 2, "once in the text and once in the JSON:\n{body}");
    let json = json_of(&message);
    assert_eq!(
        (&json["state"], &json["error"], &json["size"]),
        (&json!("CopyObject"), &json!("Source.Denied"), &json!(1536))
    );
}

#[tokio::test]
async fn a_failure_inside_a_map_names_the_slice() {
    let history = history(events::failed_in_iteration("CopyParts", 3, "CopySlice", "Source.Denied"));
    let (sent, publish) = published();
    notify([&[], &[&publish], &[&history]], &[], ended("FAILED", &json!({}))).await.unwrap();
    let [message] = sent.all().try_into().unwrap();
    let body = message.message().unwrap();
    assert!(body.contains("State:   CopySlice, slice 3 of CopyParts\n"), "{body}");
    let json = json_of(&message);
    assert_eq!(json["iteration"], json!({"map": "CopyParts", "index": 3}));
}

#[tokio::test]
async fn a_history_of_several_pages_is_read_until_the_state_is_found() {
    let newest_first = events::failed_in("VerifyBackup", "Checksum.Mismatch", "no");
    let pages: Vec<Vec<HistoryEvent>> = newest_first.chunks(1).map(<[HistoryEvent]>::to_vec).collect();
    let rules: Vec<_> = (0..pages.len())
        .map(|number| {
            let events = pages[number].clone();
            let token = (number > 0).then(|| number.to_string());
            mock!(States::get_execution_history)
                .match_requests(move |request| request.next_token() == token.as_deref())
                .then_output(move || {
                    let page = GetExecutionHistoryOutput::builder().set_events(Some(events.clone()));
                    page.next_token((number + 1).to_string()).build().unwrap()
                })
        })
        .collect();
    let (sent, publish) = published();
    let states: Vec<_> = rules.iter().collect();
    notify([&[], &[&publish], &states], &[], ended("FAILED", &json!({}))).await.unwrap();
    assert!(sent.all()[0].subject().unwrap().starts_with("FAILED Checksum.Mismatch in VerifyBackup"));
    let asked: Vec<_> = rules.iter().map(Rule::num_calls).collect();
    assert_eq!(asked.iter().sum::<usize>(), 5, "up to the entry of the state and no further: {asked:?}");
}

#[tokio::test]
async fn a_history_that_cannot_be_read_does_not_prevent_the_message() {
    let history = mock!(States::get_execution_history).then_error(|| {
        let gone = ExecutionDoesNotExist::builder().message("no such execution").build();
        aws_sdk_sfn::operation::get_execution_history::GetExecutionHistoryError::ExecutionDoesNotExist(gone)
    });
    let (sent, publish) = published();
    let event = ended("FAILED", &json!({"error": "Kms.Denied", "cause": "named by the event"}));
    notify([&[], &[&publish], &[&history]], &[], event).await.unwrap();
    let [message] = sent.all().try_into().unwrap();
    let body = message.message().unwrap();
    assert_eq!(message.subject().unwrap(), "FAILED Kms.Denied: s3://src/reports/2026/?.csv");
    assert!(body.contains("unknown, because the history could not be read: GetExecutionHistory of"), "{body}");
    assert!(body.contains("Cause:   named by the event"), "{body}");
}

#[tokio::test]
async fn timed_out_and_stopped_executions_have_their_own_texts() {
    for (status, extra, texts, excluded) in [
        (
            "TIMED_OUT",
            json!({}),
            [
                "ä.csv timed out.",
                "Meaning: The function or the execution did not end in time.",
                "After you fix the cause",
            ],
            "was stopped",
        ),
        (
            "ABORTED",
            json!({"error": "Stopped", "cause": "Maintenance."}),
            [
                "ä.csv was stopped, so it is not complete.",
                "Cause:   Maintenance.",
                "If the execution was stopped by mistake",
            ],
            "Meaning:",
        ),
    ] {
        let history = history(events::ended_while_running("CopyObject", status));
        let (sent, publish) = published();
        notify([&[], &[&publish], &[&history]], &[], ended(status, &extra)).await.unwrap();
        let [message] = sent.all().try_into().unwrap();
        let body = message.message().unwrap();
        for text in texts.into_iter().chain(["State:   CopyObject\n", "redrive-execution"]) {
            assert!(body.contains(text), "{text} is missing in:\n{body}");
        }
        assert!(!body.contains(excluded), "{excluded} is in:\n{body}");
    }
}

/// The message about an execution that failed in Validate with this error and cause.
async fn message_about(error: &str, cause: &str) -> PublishInput {
    let history = history(events::failed_in("Validate", error, cause));
    let (sent, publish) = published();
    notify([&[], &[&publish], &[&history]], &[], ended("FAILED", &json!({}))).await.unwrap();
    let [message] = sent.all().try_into().unwrap();
    message
}

#[tokio::test]
async fn a_message_offers_a_redrive_only_if_one_helps() {
    use holdfast_core::Remedy;

    for (error, remedy, offered) in [
        ("S3.Throttled", Remedy::Wait, "When the service is available again, resume the execution (until"),
        (
            "Source.Gone",
            Remedy::RequestBackup,
            "To request a new backup:\n\n    aws events put-events --region eu-west-1",
        ),
        (
            "Input.Invalid",
            Remedy::CorrectInput,
            "To read the input that was sent:\n\n    aws stepfunctions describe-execution",
        ),
        ("Source.TooLarge", Remedy::NotPossible, ""),
        ("Source.Unreadable", Remedy::UploadWithOtherKey, ""),
    ] {
        let message = message_about(error, &format!("It failed. {remedy}")).await;
        let body = message.message().unwrap();
        assert!(body.contains(offered), "{offered} is missing in:\n{body}");
        let redrive = matches!(remedy, Remedy::Wait);
        assert_eq!(body.contains("redrive-execution"), redrive, "{body}");
        assert_eq!(json_of(&message).get("redrive").is_some(), redrive, "{body}");
    }
    let message = message_about("States.Runtime", "The JSONata expression failed.").await;
    let body = message.message().unwrap();
    assert!(body.contains("Remedy:  This is a defect of Holdfast."), "{body}");
    assert!(!body.contains("redrive-execution"), "{body}");
}

#[tokio::test]
async fn a_missing_or_invalid_input_does_not_prevent_the_message() {
    for input in [Value::Null, json!("not JSON"), json!("{\"detail\": {\"bucket\": {\"name\": \"src\"}}}")] {
        let history = history(events::failed_in("Validate", "Input.Invalid", "detail.object: missing"));
        let (sent, publish) = published();
        notify([&[], &[&publish], &[&history]], &[], ended("FAILED", &json!({"input": input}))).await.unwrap();
        assert!(
            sent.all()[0].subject().unwrap().starts_with("FAILED Input.Invalid in Validate: an object "),
            "{input}"
        );
    }
}

#[tokio::test]
async fn with_messages_off_the_history_is_not_read() {
    let notified = notify([&[], &[], &[]], &[("NOTIFY_ON", "none")], ended("FAILED", &json!({}))).await.unwrap();
    assert_eq!((notified.receipt, notified.message_id), (None, None));
}
