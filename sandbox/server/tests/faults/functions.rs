//! Failed invocations, and functions that are killed by their calls.

use aws_sdk_sfn::types::ExecutionStatus;
use sandbox::faults::{Effect, ErrorAnswer, Life, Moment, Rule, Service, Target};
use serde_json::json;

use crate::harness::Fixture;

fn invoke() -> Target {
    Target::operation(Service::Lambda, "Invoke")
}

fn function_error(error_type: &str, at: Moment) -> Effect {
    Effect::FunctionError { error_type: error_type.to_owned(), error_message: "on purpose".to_owned(), at }
}

const KILLED: &str = "Error: Runtime exited with error: signal: killed";

#[tokio::test]
async fn a_rule_fails_a_function_before_or_after_its_work() {
    let fixture = Fixture::start().await;
    for (moment, versions) in [(Moment::Before, 0), (Moment::After, 1)] {
        fixture.fault(invoke().function("writer"), function_error("Sandbox.Timedout", moment));
        let failed = fixture.write("key").await.unwrap_err();
        assert_eq!(failed, json!({ "errorType": "Sandbox.Timedout", "errorMessage": "on purpose" }));
        assert_eq!(fixture.versions("key").await, versions, "{moment:?}");
        fixture.sandbox.faults().clear();
    }
    fixture.write("key").await.unwrap();
}

#[tokio::test]
async fn a_kill_does_not_affect_the_next_invocation() {
    let fixture = Fixture::start().await;
    for (key, life, versions) in [("before", Life::Before, 0), ("during", Life::During, 1), ("after", Life::After, 1)] {
        fixture.rule(Rule::new(invoke().function("the-writer"), Effect::Kill(life)).times(1));
        let failed = fixture.write(key).await.unwrap_err();
        assert_eq!(failed["errorType"], "Runtime.ExitError", "{life:?}");
        let message = failed["errorMessage"].as_str().unwrap();
        assert!(message.starts_with("RequestId: ") && message.ends_with(KILLED), "{message}");
        assert_eq!(fixture.versions(key).await, versions, "{life:?}");
        fixture.write(key).await.unwrap();
    }
    assert_eq!(fixture.sandbox.lambda().cold_starts("the-writer"), Ok(4), "a dead worker is not used again");
}

#[tokio::test]
async fn a_function_dies_of_its_call_before_or_after_the_call_takes_effect() {
    let fixture = Fixture::start().await;
    for (moment, versions) in [(Life::Before, 0), (Life::After, 1)] {
        let target = Target::operation(Service::S3, "PutObject").key("key").function("writer");
        let id = fixture.fault(target, Effect::Kill(moment));
        let failed = fixture.write("key").await.unwrap_err();
        assert_eq!(failed["errorType"], "Runtime.ExitError");
        assert_eq!(fixture.versions("key").await, versions, "{moment:?}");
        assert_eq!(fixture.fired(&id), 1);
        // The same call by another caller has no function to kill.
        fixture.put("other", b"x").await;
        fixture.sandbox.faults().clear();
    }
}

#[tokio::test]
async fn a_call_to_s3_is_attributed_to_its_function_and_state() {
    let fixture = Fixture::start().await;
    let put = Target::operation(Service::S3, "PutObject");
    let id = fixture.fault(put.clone().state("Write"), Effect::error("SlowDown"));
    fixture.put("by-the-user", b"x").await;
    fixture.write("by-hand").await.unwrap();
    assert_eq!(fixture.fired(&id), 0, "neither was on behalf of a state");
    fixture.upload("by-an-execution").await;
    let ended = fixture.ended(1).await.remove(0);
    assert_eq!((ended.error.as_str(), fixture.fired(&id)), ("SlowDown", 1), "{ended:?}");
    fixture.sandbox.faults().clear();
    let id = fixture.fault(put.function("the-*"), Effect::error("SlowDown"));
    fixture.put("by-the-user", b"x").await;
    assert_eq!(fixture.write("by-hand").await.unwrap_err()["errorType"], "SlowDown");
    assert_eq!(fixture.fired(&id), 1);
}

#[tokio::test]
async fn a_state_gets_lambda_errors_under_step_functions_names() {
    let fixture = Fixture::start().await;
    let coded = |code: &str| {
        Effect::Error(ErrorAnswer {
            status: None,
            code: code.to_owned(),
            message: Some("on purpose".to_owned()),
            inside200: false,
        })
    };
    let effects = [
        (coded("TooManyRequestsException"), "Lambda.TooManyRequestsException"),
        (coded("EC2ThrottledException"), "Lambda.EC2ThrottledException"),
        (coded("ServiceException"), "Lambda.ServiceException"),
        (coded("AWSLambdaException"), "Lambda.AWSLambdaException"),
        (Effect::Drop(Moment::Before), "Lambda.SdkClientException"),
        (Effect::Drop(Moment::After), "Lambda.SdkClientException"),
        (Effect::Kill(Life::Before), "Runtime.ExitError"),
        (function_error("Internal", Moment::Before), "Internal"),
    ];
    for (count, (effect, error)) in (1..).zip(effects) {
        let expected = matches!(effect, Effect::Error(_)).then_some("on purpose (Service: AWSLambda; Status Code: ");
        fixture.fault(invoke().state("Write"), effect);
        fixture.upload("key").await;
        let ended = fixture.ended(count).await.pop().unwrap();
        assert_eq!((ended.status, ended.error.as_str()), (ExecutionStatus::Failed, error), "{}", ended.cause);
        assert!(expected.is_none_or(|expected| ended.cause.starts_with(expected)), "{}", ended.cause);
        fixture.sandbox.faults().clear();
    }
    assert_eq!(fixture.versions("key").await, 1, "only the last answer was lost after the function's work");
}

/// Both are errors of the SDK in Step Functions, so the cause shows no answer of Lambda.
#[tokio::test]
async fn a_state_gets_an_sdk_error_without_a_status() {
    let fixture = Fixture::start().await;
    for (count, code) in (1..).zip(["ClientExecutionTimeoutException", "SdkClientException"]) {
        fixture.fault(invoke().state("Write"), Effect::error(code));
        fixture.upload("key").await;
        let ended = fixture.ended(count).await.pop().unwrap();
        assert_eq!((ended.status, ended.error), (ExecutionStatus::Failed, format!("Lambda.{code}")));
        assert!(!ended.cause.is_empty() && !ended.cause.contains("Status Code"), "{}", ended.cause);
        fixture.sandbox.faults().clear();
    }
    assert_eq!(fixture.versions("key").await, 0, "the function did not run");
}

#[tokio::test]
async fn a_broken_connection_to_lambda_is_an_sdk_client_exception() {
    let fixture = Fixture::start().await;
    fixture.rule(Rule::new(invoke(), Effect::Drop(Moment::After)).times(1));
    let answer = fixture.plain("lambda", "/2015-03-31/functions/the-writer/invocations", r#"{"key":"key"}"#).await;
    assert_eq!(answer, None);
    assert_eq!(fixture.versions("key").await, 1);
    fixture.rule(Rule::new(invoke(), Effect::error("TooManyRequestsException")).times(1));
    let answer = fixture.plain("lambda", "/2015-03-31/functions/the-writer/invocations", r#"{"key":"key"}"#).await;
    let (status, body) = answer.unwrap();
    assert_eq!((status, body.contains("Rate Exceeded.")), (429, true), "{body}");
}
