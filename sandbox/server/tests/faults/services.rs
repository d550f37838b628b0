//! Calls of Step Functions, SNS and EventBridge that go wrong, over HTTP and from a Task.

use aws_sdk_sfn::error::ProvideErrorMetadata;
use sandbox::faults::{Effect, Moment, Rule, Service, Target};

use crate::harness::{World, failure};

#[tokio::test]
async fn step_functions_answers_errors_as_its_sdk_reads_them_and_connections_break() {
    let world = World::start().await;
    let target = Target::operation(Service::States, "StartExecution");
    let start = || world.states.start_execution().state_machine_arn(&world.outputs.outputs["MachineArn"]).input("{}");
    world.rule(Rule::new(target.clone(), Effect::error("ThrottlingException")).times(1));
    assert_eq!(start().send().await.unwrap_err().code(), Some("ThrottlingException"));
    world.rule(Rule::new(target.clone(), Effect::Drop(Moment::Before)).times(1));
    assert!(start().send().await.unwrap_err().as_service_error().is_none(), "no answer came");
    assert_eq!(world.executions().await.len(), 0);
    world.rule(Rule::new(target, Effect::Drop(Moment::After)).times(1));
    assert!(start().send().await.unwrap_err().as_service_error().is_none(), "no answer came");
    assert_eq!(world.ended(1).await.len(), 1, "it was started");
}

#[tokio::test]
async fn sns_answers_errors_as_its_sdk_reads_them_and_connections_break() {
    let world = World::start().await;
    let target = Target::operation(Service::Sns, "Publish");
    let publish = || world.sns.publish().topic_arn(&world.outputs.outputs["TopicArn"]).message("m");
    for (code, status) in [("InternalFailure", 500), ("AuthorizationError", 403), ("Throttled", 429)] {
        world.rule(Rule::new(target.clone(), Effect::error(code)).times(1));
        assert_eq!(failure(publish().send().await), (status, code.to_owned()));
    }
    for (moment, messages) in [(Moment::Before, 0), (Moment::After, 1)] {
        world.rule(Rule::new(target.clone(), Effect::Drop(moment)).times(1));
        assert_eq!(failure(publish().send().await).0, 0);
        assert_eq!(world.sandbox.sns().messages().unwrap().len(), messages, "{moment:?}");
    }
}

#[tokio::test]
async fn a_task_that_publishes_sees_errors_of_sns_by_the_names_that_step_functions_gives_them() {
    let world = World::start().await;
    let target = Target::operation(Service::Sns, "Publish").state("Tell");
    for (count, (effect, error)) in (1..).zip([
        (Effect::error("NotFound"), "SNS.NotFoundException"),
        (Effect::Drop(Moment::After), "SNS.SdkClientException"),
    ]) {
        world.fault(target.clone(), effect);
        world.upload("key").await;
        let ended = world.ended(count).await.pop().unwrap();
        assert_eq!(ended.error, error, "{}", ended.cause);
        world.sandbox.faults().clear();
    }
    assert_eq!(world.sandbox.sns().messages().unwrap().len(), 1, "one answer was lost after the message was sent");
}

#[tokio::test]
async fn eventbridge_refuses_events_and_tries_a_target_again_that_is_struck() {
    let world = World::start().await;
    world.rule(Rule::new(Target::operation(Service::Events, "PutEvents"), Effect::error("InternalException")));
    let entry = r#"{"Entries":[{"Source":"a","DetailType":"b","Detail":"{}"}]}"#;
    let (status, body) = world.events("PutEvents", entry).await.unwrap();
    assert_eq!((status, body.contains("InternalException")), (500, true), "{body}");

    let start = Target::operation(Service::States, "StartExecution");
    let id = world.rule(Rule::new(start.clone(), Effect::error("ThrottlingException")).times(2));
    let lost = world.rule(Rule::new(start, Effect::Drop(Moment::After)).times(1));
    world.upload("key").await;
    world.sandbox.events().drained().await;
    assert_eq!((world.fired(&id), world.fired(&lost)), (2, 1));
    assert_eq!(world.ended(1).await.len(), 1, "the execution whose start had no answer is not started twice");
}
