//! Failing calls to Step Functions, SNS and EventBridge, over HTTP and from a Task.

use aws_sdk_sfn::error::ProvideErrorMetadata;
use sandbox::faults::{Effect, Moment, Rule, Service, Target};

use crate::harness::{Fixture, failure};

#[tokio::test]
async fn step_functions_errors_and_broken_connections_reach_the_sdk() {
    let fixture = Fixture::start().await;
    let target = Target::operation(Service::States, "StartExecution");
    let start =
        || fixture.states.start_execution().state_machine_arn(&fixture.outputs.outputs["MachineArn"]).input("{}");
    fixture.rule(Rule::new(target.clone(), Effect::error("ThrottlingException")).times(1));
    assert_eq!(start().send().await.unwrap_err().code(), Some("ThrottlingException"));
    fixture.rule(Rule::new(target.clone(), Effect::Drop(Moment::Before)).times(1));
    assert!(start().send().await.unwrap_err().as_service_error().is_none(), "no answer came");
    assert_eq!(fixture.executions().await.len(), 0);
    fixture.rule(Rule::new(target, Effect::Drop(Moment::After)).times(1));
    assert!(start().send().await.unwrap_err().as_service_error().is_none(), "no answer came");
    assert_eq!(fixture.ended(1).await.len(), 1, "it was started");
}

#[tokio::test]
async fn sns_errors_and_broken_connections_reach_the_sdk() {
    let fixture = Fixture::start().await;
    let target = Target::operation(Service::Sns, "Publish");
    let publish = || fixture.sns.publish().topic_arn(&fixture.outputs.outputs["TopicArn"]).message("m");
    for (code, status) in [("InternalFailure", 500), ("AuthorizationError", 403), ("Throttled", 429)] {
        fixture.rule(Rule::new(target.clone(), Effect::error(code)).times(1));
        assert_eq!(failure(publish().send().await), (status, code.to_owned()));
    }
    for (moment, messages) in [(Moment::Before, 0), (Moment::After, 1)] {
        fixture.rule(Rule::new(target.clone(), Effect::Drop(moment)).times(1));
        assert_eq!(failure(publish().send().await).0, 0);
        assert_eq!(fixture.sandbox.sns().messages().unwrap().len(), messages, "{moment:?}");
    }
}

#[tokio::test]
async fn a_task_gets_sns_errors_under_step_functions_names() {
    let fixture = Fixture::start().await;
    let target = Target::operation(Service::Sns, "Publish").state("Tell");
    for (count, (effect, error)) in (1..).zip([
        (Effect::error("NotFound"), "SNS.NotFoundException"),
        (Effect::Drop(Moment::After), "SNS.SdkClientException"),
    ]) {
        fixture.fault(target.clone(), effect);
        fixture.upload("key").await;
        let ended = fixture.ended(count).await.pop().unwrap();
        assert_eq!(ended.error, error, "{}", ended.cause);
        fixture.sandbox.faults().clear();
    }
    assert_eq!(fixture.sandbox.sns().messages().unwrap().len(), 1, "one answer was lost after the message was sent");
}

#[tokio::test]
async fn eventbridge_rejects_events_and_retries_a_failed_target() {
    let fixture = Fixture::start().await;
    fixture.rule(Rule::new(Target::operation(Service::Events, "PutEvents"), Effect::error("InternalException")));
    let entry = r#"{"Entries":[{"Source":"a","DetailType":"b","Detail":"{}"}]}"#;
    let (status, body) = fixture.events("PutEvents", entry).await.unwrap();
    assert_eq!((status, body.contains("InternalException")), (500, true), "{body}");

    let start = Target::operation(Service::States, "StartExecution");
    let id = fixture.rule(Rule::new(start.clone(), Effect::error("ThrottlingException")).times(2));
    let lost = fixture.rule(Rule::new(start, Effect::Drop(Moment::After)).times(1));
    fixture.upload("key").await;
    fixture.sandbox.events().drained().await;
    assert_eq!((fixture.fired(&id), fixture.fired(&lost)), (2, 1));
    assert_eq!(fixture.ended(1).await.len(), 1, "the execution whose start had no answer is not started twice");
}
