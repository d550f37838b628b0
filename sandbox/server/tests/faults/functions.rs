//! Invocations that go wrong, and functions that die of what they call.

use aws_sdk_sfn::types::ExecutionStatus;
use sandbox::faults::{Effect, ErrorAnswer, Life, Moment, Rule, Service, Target};
use serde_json::json;

use crate::harness::World;

fn invoke() -> Target {
    Target::operation(Service::Lambda, "Invoke")
}

fn function_error(error_type: &str, at: Moment) -> Effect {
    Effect::FunctionError { error_type: error_type.to_owned(), error_message: "on purpose".to_owned(), at }
}

const KILLED: &str = "Error: Runtime exited with error: signal: killed";

#[tokio::test]
async fn a_function_fails_before_or_after_its_work_by_the_name_that_a_rule_gives() {
    let world = World::start().await;
    for (moment, versions) in [(Moment::Before, 0), (Moment::After, 1)] {
        world.fault(invoke().function("writer"), function_error("Sandbox.Timedout", moment));
        let failed = world.write("key").await.unwrap_err();
        assert_eq!(failed, json!({ "errorType": "Sandbox.Timedout", "errorMessage": "on purpose" }));
        assert_eq!(world.versions("key").await, versions, "{moment:?}");
        world.sandbox.faults().clear();
    }
    world.write("key").await.unwrap();
}

#[tokio::test]
async fn a_function_is_killed_before_during_or_after_its_work_and_the_next_invocation_is_well() {
    let world = World::start().await;
    for (key, life, versions) in [("before", Life::Before, 0), ("during", Life::During, 1), ("after", Life::After, 1)] {
        world.rule(Rule::new(invoke().function("the-writer"), Effect::Kill(life)).times(1));
        let failed = world.write(key).await.unwrap_err();
        assert_eq!(failed["errorType"], "Runtime.ExitError", "{life:?}");
        let message = failed["errorMessage"].as_str().unwrap();
        assert!(message.starts_with("RequestId: ") && message.ends_with(KILLED), "{message}");
        assert_eq!(world.versions(key).await, versions, "{life:?}");
        world.write(key).await.unwrap();
    }
    assert_eq!(world.sandbox.lambda().cold_starts("the-writer"), Ok(4), "a dead worker is not used again");
}

#[tokio::test]
async fn a_function_dies_of_its_call_before_or_after_the_call_takes_effect() {
    let world = World::start().await;
    for (moment, versions) in [(Life::Before, 0), (Life::After, 1)] {
        let target = Target::operation(Service::S3, "PutObject").key("key").function("writer");
        let id = world.fault(target, Effect::Kill(moment));
        let failed = world.write("key").await.unwrap_err();
        assert_eq!(failed["errorType"], "Runtime.ExitError");
        assert_eq!(world.versions("key").await, versions, "{moment:?}");
        assert_eq!(world.fired(&id), 1);
        // The same call by somebody else has nobody to kill.
        world.put("other", b"x").await;
        world.sandbox.faults().clear();
    }
}

#[tokio::test]
async fn a_call_of_s3_belongs_to_the_function_and_the_state_that_made_it() {
    let world = World::start().await;
    let put = Target::operation(Service::S3, "PutObject");
    let id = world.fault(put.clone().state("Write"), Effect::error("SlowDown"));
    world.put("by-the-user", b"x").await;
    world.write("by-hand").await.unwrap();
    assert_eq!(world.fired(&id), 0, "neither was on behalf of a state");
    world.upload("by-an-execution").await;
    let ended = world.ended(1).await.remove(0);
    assert_eq!((ended.error.as_str(), world.fired(&id)), ("SlowDown", 1), "{ended:?}");
    world.sandbox.faults().clear();
    let id = world.fault(put.function("the-*"), Effect::error("SlowDown"));
    world.put("by-the-user", b"x").await;
    assert_eq!(world.write("by-hand").await.unwrap_err()["errorType"], "SlowDown");
    assert_eq!(world.fired(&id), 1);
}

#[tokio::test]
async fn a_state_sees_lambdas_own_errors_by_the_names_that_step_functions_gives_them() {
    let world = World::start().await;
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
        (coded("ServiceException"), "Lambda.ServiceException"),
        (coded("AWSLambdaException"), "Lambda.AWSLambdaException"),
        (Effect::Drop(Moment::Before), "Lambda.SdkClientException"),
        (Effect::Drop(Moment::After), "Lambda.SdkClientException"),
        (Effect::Kill(Life::Before), "Runtime.ExitError"),
        (function_error("Internal", Moment::Before), "Internal"),
    ];
    for (count, (effect, error)) in (1..).zip(effects) {
        let told = matches!(effect, Effect::Error(_)).then_some("on purpose (Service: AWSLambda; Status Code: ");
        world.fault(invoke().state("Write"), effect);
        world.upload("key").await;
        let ended = world.ended(count).await.pop().unwrap();
        assert_eq!((ended.status, ended.error.as_str()), (ExecutionStatus::Failed, error), "{}", ended.cause);
        assert!(told.is_none_or(|told| ended.cause.starts_with(told)), "{}", ended.cause);
        world.sandbox.faults().clear();
    }
    assert_eq!(world.versions("key").await, 1, "only the last answer was lost after the function's work");
}

#[tokio::test]
async fn a_broken_connection_to_lambda_itself_is_one() {
    let world = World::start().await;
    world.rule(Rule::new(invoke(), Effect::Drop(Moment::After)).times(1));
    let answer = world.plain("lambda", "/2015-03-31/functions/the-writer/invocations", r#"{"key":"key"}"#).await;
    assert_eq!(answer, None);
    assert_eq!(world.versions("key").await, 1);
    world.rule(Rule::new(invoke(), Effect::error("TooManyRequestsException")).times(1));
    let answer = world.plain("lambda", "/2015-03-31/functions/the-writer/invocations", r#"{"key":"key"}"#).await;
    let (status, body) = answer.unwrap();
    assert_eq!((status, body.contains("Rate Exceeded.")), (429, true), "{body}");
}
