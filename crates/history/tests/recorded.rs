//! Recorded histories of AWS, read by the SDK, converted and evaluated.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use aws_sdk_sfn::Client;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use holdfast_core::history::{self, EventKind, Failure, HistoryEvent, StateKind};
use serde_json::{Value, json};

/// Reads a recording through the SDK. The recordings have placeholders for times and objects for JSON text.
async fn recorded(name: &str) -> Vec<HistoryEvent> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("{name}.json"));
    let recording: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut events = recording["recorded"]["get_execution_history"]["events"].clone();
    for event in events.as_array_mut().unwrap() {
        for (field, value) in event.as_object_mut().unwrap() {
            match value {
                Value::Object(details) => details.iter_mut().for_each(|(name, detail)| as_text(name, detail)),
                _ if field == "timestamp" => *value = json!(0),
                _ => {}
            }
        }
    }
    let body = json!({ "events": events }).to_string();
    let response = move || HttpResponse::new(StatusCode::try_from(200).unwrap(), body.clone().into());
    let rule = mock!(Client::get_execution_history).then_http_response(response);
    let client = mock_client!(aws_sdk_sfn, RuleMode::MatchAny, &[&rule]);
    let output = client.get_execution_history().execution_arn("arn").send().await.unwrap();
    output.events().iter().map(holdfast_history::event).collect()
}

fn as_text(name: &str, detail: &mut Value) {
    if !name.ends_with("Details") && (detail.is_object() || detail.is_array()) {
        *detail = Value::String(detail.to_string());
    }
}

#[tokio::test]
async fn a_task_that_timed_out_is_the_failed_state() {
    let history = recorded("lambda-state-timeout").await;
    let expected = Failure { state: Some("Start".into()), error: Some("States.Timeout".into()), ..Failure::default() };
    assert_eq!(history::failure(&history), Some(expected));
}

#[tokio::test]
async fn a_missing_function_is_the_error_of_the_state_that_invoked_it() {
    let history = recorded("lambda-no-such-function").await;
    let failure = history::failure(&history).unwrap();
    assert_eq!((failure.state, failure.error), (Some("Start".into()), Some("Lambda.ResourceNotFoundException".into())));
    assert!(failure.cause.unwrap().starts_with("Function not found: arn:"));
}

#[tokio::test]
async fn a_failed_map_that_was_caught_is_a_step_and_no_failure() {
    let history = recorded("inline-map-failure-caught").await;
    assert_eq!(history::failure(&history), None);
    let steps: Vec<String> = history::path(&history).iter().map(ToString::to_string).collect();
    assert_eq!(steps, ["StartState", "MapState×1", "FinalCaught"]);
    let iteration = history.iter().find(|event| event.kind == EventKind::IterationFailed { index: 0 }).unwrap();
    assert_eq!(iteration.name.as_deref(), Some("MapState"));
    let exited = EventKind::StateExited(StateKind::Map);
    assert_eq!(history.iter().filter(|event| event.kind == exited).count(), 1);
}
