//! Calls that a state makes of S3 and of Step Functions itself, without a function.

use std::time::Duration;

use aws_sdk_sfn::{operation::describe_execution::DescribeExecutionOutput, types::ExecutionStatus};
use sandbox::faults::{Effect, Moment, Service, Target};

use crate::harness::World;

const CALLER: &str = "arn:aws:states:eu-west-1:000000000000:stateMachine:caller";
const OTHER: &str = "arn:aws:states:eu-west-1:000000000000:stateMachine:other";

/// Runs the machine whose states keep an object, begin an execution of another machine and look at it.
async fn run(world: &World) -> DescribeExecutionOutput {
    let arn = world.states.start_execution().state_machine_arn(CALLER).send().await.unwrap().execution_arn;
    let end = async {
        loop {
            let described = world.states.describe_execution().execution_arn(&arn).send().await.unwrap();
            if described.status != ExecutionStatus::Running {
                return described;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), end).await.unwrap()
}

/// How many executions of the other machine were begun.
async fn begun(world: &World) -> usize {
    world.states.list_executions().state_machine_arn(OTHER).send().await.unwrap().executions.len()
}

#[tokio::test]
async fn the_calls_of_a_state_meet_rules_by_their_names_and_that_of_the_state() {
    let world = World::start().await;
    let keep = Target::operation(Service::S3, "PutObject").state("Keep");
    let begin = Target::operation(Service::States, "StartExecution").state("Begin");
    let look = Target::operation(Service::States, "DescribeExecution").state("Look");
    for (target, effect, error, objects, executions) in [
        (&keep, Effect::error("SlowDown"), "S3.S3Exception", 0, 0),
        (&keep, Effect::Drop(Moment::Before), "S3.SdkClientException", 0, 0),
        (&keep, Effect::Drop(Moment::After), "S3.SdkClientException", 1, 0),
        (&begin, Effect::error("ThrottlingException"), "StepFunctions.ThrottlingException", 1, 0),
        (&begin, Effect::Drop(Moment::Before), "StepFunctions.SdkClientException", 1, 0),
        (&begin, Effect::Drop(Moment::After), "StepFunctions.SdkClientException", 1, 1),
        (&look, Effect::error("ThrottlingException"), "Sfn.ThrottlingException", 1, 1),
        (&look, Effect::Drop(Moment::After), "Sfn.SdkClientException", 1, 1),
    ] {
        let (kept, started) = (world.versions("kept").await, begun(&world).await);
        let id = world.fault(target.clone(), effect.clone());
        let ended = run(&world).await;
        assert_eq!(ended.error(), Some(error), "{effect:?}: {:?}", ended.cause);
        assert_eq!(world.fired(&id), 1, "{effect:?}");
        world.sandbox.faults().clear();
        let effects = (world.versions("kept").await - kept, begun(&world).await - started);
        assert_eq!(effects, (objects, executions), "{effect:?}: {error}");
    }
}

#[tokio::test]
async fn a_rule_about_another_state_or_about_functions_leaves_the_calls_of_a_state_alone() {
    let world = World::start().await;
    for target in [
        Target::operation(Service::S3, "PutObject").state("Begin"),
        Target::operation(Service::States, "StartExecution").state("Keep"),
        Target { function: Some("*".to_owned()), ..Target::operation(Service::S3, "PutObject") },
    ] {
        world.fault(target, Effect::Drop(Moment::Before));
    }
    let ended = run(&world).await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded, "{:?}: {:?}", ended.error, ended.cause);
}
