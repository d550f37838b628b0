//! Calls that a state makes to S3 and to Step Functions itself, without a function.

use std::time::Duration;

use aws_sdk_sfn::{operation::describe_execution::DescribeExecutionOutput, types::ExecutionStatus};
use sandbox::faults::{Effect, Moment, Service, Target};

use crate::harness::Fixture;

const CALLER: &str = "arn:aws:states:eu-west-1:000000000000:stateMachine:caller";
const OTHER: &str = "arn:aws:states:eu-west-1:000000000000:stateMachine:other";

/// Runs the machine whose states write an object, start an execution of another machine and describe it.
async fn run(fixture: &Fixture) -> DescribeExecutionOutput {
    let arn = fixture.states.start_execution().state_machine_arn(CALLER).send().await.unwrap().execution_arn;
    let end = async {
        loop {
            let described = fixture.states.describe_execution().execution_arn(&arn).send().await.unwrap();
            if described.status != ExecutionStatus::Running {
                return described;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), end).await.unwrap()
}

/// The number of executions of the other machine.
async fn executions_started(fixture: &Fixture) -> usize {
    fixture.states.list_executions().state_machine_arn(OTHER).send().await.unwrap().executions.len()
}

#[tokio::test]
async fn rules_match_a_states_calls_by_operation_and_state() {
    let fixture = Fixture::start().await;
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
        let (kept, started) = (fixture.versions("kept").await, executions_started(&fixture).await);
        let id = fixture.fault(target.clone(), effect.clone());
        let ended = run(&fixture).await;
        assert_eq!(ended.error(), Some(error), "{effect:?}: {:?}", ended.cause);
        assert_eq!(fixture.fired(&id), 1, "{effect:?}");
        fixture.sandbox.faults().clear();
        let effects = (fixture.versions("kept").await - kept, executions_started(&fixture).await - started);
        assert_eq!(effects, (objects, executions), "{effect:?}: {error}");
    }
}

#[tokio::test]
async fn rules_for_other_states_or_functions_do_not_match_a_states_calls() {
    let fixture = Fixture::start().await;
    for target in [
        Target::operation(Service::S3, "PutObject").state("Begin"),
        Target::operation(Service::States, "StartExecution").state("Keep"),
        Target { function: Some("*".to_owned()), ..Target::operation(Service::S3, "PutObject") },
    ] {
        fixture.fault(target, Effect::Drop(Moment::Before));
    }
    let ended = run(&fixture).await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded, "{:?}: {:?}", ended.error, ended.cause);
}
