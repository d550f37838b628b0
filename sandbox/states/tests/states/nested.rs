//! Machines that start other machines and call Step Functions.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::support::{Answer, ROLE, Script, World, machine, task, text};

/// A machine of one Task that calls Step Functions.
fn calling(call: &str, arguments: Value) -> Value {
    let resource = format!("arn:aws:states:::{call}");
    machine("A", json!({"A": {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": true}}))
}

/// The same as the processor of a Map, or as a branch.
fn without_language(machine: &Value) -> Value {
    let mut graph = machine.clone();
    graph.as_object_mut().unwrap().remove("QueryLanguage");
    graph
}

/// A machine of one Task of Lambda.
fn inner() -> Value {
    machine("T", json!({"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}))
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_waited_for_hands_its_output_on() {
    let world = World::new(&Script::answers([]));
    let other = world.create("inner", &inner()).await;
    for (call, output) in [("startExecution.sync:2", json!({"a": 1})), ("startExecution.sync", json!("{\"a\":1}"))] {
        let arguments = json!({"StateMachineArn": other, "Input": {"a": 1}, "Name": call.replace(':', "-")});
        let machine = world.create(&call.replace(':', "-"), &calling(&format!("states:{call}"), arguments)).await;
        let arn = world.start(&machine, &json!({})).await;
        let described = world.end(&arn).await;
        let result: Value = serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
        assert_eq!((&result["Output"], &result["Input"]), (&output, &output), "{call}");
        assert_eq!((&result["Status"], &result["StateMachineArn"]), (&json!("SUCCEEDED"), &json!(other)));
        assert_eq!(result["RedriveStatus"], "NOT_REDRIVABLE");
        assert_eq!(result["RedriveStatusReason"], "Execution is SUCCEEDED and cannot be redriven");
        let history = world.history(&arn).await;
        let types: Vec<&str> = history.iter().map(|event| event["type"].as_str().unwrap()).collect();
        let expected = ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"];
        assert_eq!(types[2..7], expected);
        let submitted = &history[4]["taskSubmittedEventDetails"];
        assert_eq!((&submitted["resource"], &submitted["resourceType"]), (&json!(call), &json!("states")));
        let first: Value = serde_json::from_str(submitted["output"].as_str().unwrap()).unwrap();
        assert_eq!(first["ExecutionArn"], result["ExecutionArn"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_not_waited_for_goes_on_alone() {
    let world = World::new(&Script::answers([Answer::After(Duration::from_mins(1))]));
    let other = world.create("inner", &inner()).await;
    let arguments = json!({"StateMachineArn": other});
    let ended = world.run(&calling("states:startExecution", arguments), &json!({})).await;
    let started = text(&ended.output()["ExecutionArn"]);
    let described = world.ask("DescribeExecution", json!({"executionArn": started})).await;
    assert_eq!((&described["status"], &described["input"]), (&json!("RUNNING"), &json!("{}")));
    assert_eq!(world.end(&started).await["status"], "SUCCEEDED");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_waited_for_is_a_task_that_failed_with_the_execution_as_its_cause() {
    let world = World::new(&Script::answers([Answer::Error("Bad", "why")]));
    let other = world.create("inner", &inner()).await;
    let ended =
        world.run(&calling("states:startExecution.sync:2", json!({"StateMachineArn": other})), &json!({})).await;
    assert_eq!(ended.error(), "States.TaskFailed");
    let cause: Value = serde_json::from_str(ended.cause()).unwrap();
    assert_eq!((&cause["Status"], &cause["Error"], &cause["Cause"]), (&json!("FAILED"), &json!("Bad"), &json!("why")));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_started_is_an_error_of_step_functions() {
    let world = World::new(&Script::answers([]));
    let nobody = "arn:aws:states:eu-central-1:000000000000:stateMachine:nobody";
    for (call, error) in [
        ("states:startExecution.sync:2", "StepFunctions.StateMachineDoesNotExistException"),
        ("aws-sdk:sfn:startExecution", "Sfn.StateMachineDoesNotExistException"),
    ] {
        let world = World::over(Arc::clone(&world.store), &Script::answers([]));
        let machine = world.create(&call.replace(':', "-"), &calling(call, json!({"StateMachineArn": nobody}))).await;
        let described = world.end(&world.start(&machine, &json!({})).await).await;
        assert_eq!(described["error"], error, "{described}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_nobody_waits_for_any_more_is_stopped() {
    for how in ["stop", "timeout"] {
        let script = Script::answers([Answer::Never]);
        let world = World::new(&script);
        let other = world.create("inner", &inner()).await;
        let mut definition = calling("states:startExecution.sync:2", json!({"StateMachineArn": other}));
        definition["States"]["A"]["TimeoutSeconds"] = json!(60);
        let machine = world.create("outer", &definition).await;
        let arn = world.start(&machine, &json!({})).await;
        while script.count() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if how == "stop" {
            world.ask("StopExecution", json!({"executionArn": arn})).await;
        }
        assert_eq!(world.end(&arn).await["status"], if how == "stop" { "ABORTED" } else { "FAILED" });
        let listed = world.ask("ListExecutions", json!({"stateMachineArn": other})).await;
        let inner = text(&listed["executions"][0]["executionArn"]);
        assert_eq!(world.end(&inner).await["status"], "ABORTED", "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_waited_for_is_found_again_after_a_restart() {
    let first = Script::answers([Answer::Never]);
    let world = World::new(&first);
    let other = world.create("inner", &inner()).await;
    let machine =
        world.create("outer", &calling("states:startExecution.sync:2", json!({"StateMachineArn": other}))).await;
    let arn = world.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = World::over(Arc::clone(&world.store), &second);
    assert_eq!(again.states.resume(), 2);
    assert_eq!(again.end(&arn).await["status"], "SUCCEEDED");
    let listed = again.ask("ListExecutions", json!({"stateMachineArn": other})).await;
    assert_eq!((listed["executions"].as_array().unwrap().len(), second.count()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_machine_redrives_an_execution_and_reads_how_it_stands() {
    let world = World::new(&Script::answers([Answer::Error("Bad", "why")]));
    let other = world.create("inner", &inner()).await;
    let failed = world.start(&other, &json!({"a": 1})).await;
    world.end(&failed).await;
    let arguments = json!({"ExecutionArn": failed});
    let redrive = world.create("redrive", &calling("aws-sdk:sfn:redriveExecution", arguments.clone())).await;
    let described = world.end(&world.start(&redrive, &json!({})).await).await;
    let date = described["output"].as_str().unwrap();
    assert!(date.starts_with("{\"RedriveDate\":\"20"), "times are text: {date}");
    assert_eq!(world.end(&failed).await["status"], "SUCCEEDED");
    let describe = world.create("describe", &calling("aws-sdk:sfn:describeExecution", arguments)).await;
    let described = world.end(&world.start(&describe, &json!({})).await).await;
    let output: Value = serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
    assert_eq!((&output["Status"], &output["Output"]), (&json!("SUCCEEDED"), &json!("{\"a\":1}")));
    let unknown = world.create("unknown", &calling("aws-sdk:sfn:deleteStateMachine", json!({}))).await;
    let described = world.end(&world.start(&unknown, &json!({})).await).await;
    assert!(text(&described["cause"]).contains("aws-sdk:sfn:deleteStateMachine"), "{described}");
}

/// "Service integration with Step Functions"
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/stepfunctions-iam.html>): the role has to be granted
/// states:StartExecution.
#[tokio::test(start_paused = true)]
async fn nothing_is_started_that_the_role_may_not_start() {
    for call in ["states:startExecution", "states:startExecution.sync:2", "aws-sdk:sfn:startExecution"] {
        let world = World::new(&Script::forbidding("states:StartExecution"));
        let other = world.create("inner", &inner()).await;
        let ended = world.run(&calling(call, json!({"StateMachineArn": other})), &json!({})).await;
        assert_eq!(ended.error(), "States.Permissions", "{call}");
        assert!(ended.cause().ends_with(&format!("may not states:StartExecution {other}")), "{}", ended.cause());
        let listed = world.ask("ListExecutions", json!({"stateMachineArn": other})).await;
        assert_eq!(listed["executions"], json!([]), "{call}");
    }
}

/// The same page: a machine that waits for what it starts needs to put a rule of `EventBridge`'s, or it is not created.
#[tokio::test(start_paused = true)]
async fn a_machine_that_waits_for_executions_is_refused_without_the_permission_for_the_rule_that_tells_of_their_end() {
    let nobody = "arn:aws:states:eu-central-1:000000000000:stateMachine:nobody";
    let calls = |call: &str| calling(call, json!({"StateMachineArn": nobody}));
    let waiting = calls("states:startExecution.sync:2");
    let branch =
        json!({"Type": "Parallel", "Branches": [without_language(&calls("states:startExecution.sync"))], "End": true});
    let item = json!({"Type": "Map", "ItemProcessor": without_language(&waiting), "End": true});
    for action in ["events:PutRule", "events:PutTargets", "events:DescribeRule"] {
        let world = World::new(&Script::forbidding(action));
        for definition in [&waiting, &machine("P", json!({"P": branch})), &machine("M", json!({"M": item}))] {
            let body = json!({"name": "m", "definition": definition.to_string(), "roleArn": ROLE});
            let (code, message) = world.refused("CreateStateMachine", body).await;
            assert_eq!(code, "AccessDeniedException", "without {action}: {message}");
            assert_eq!(message, format!("'{ROLE}' is not authorized to create managed-rule."));
        }
        let other = world.create("other", &calls("states:startExecution")).await;
        let body = json!({"stateMachineArn": other, "definition": waiting.to_string()});
        assert_eq!(world.refused("UpdateStateMachine", body).await.0, "AccessDeniedException", "without {action}");
    }
}

/// The same page, and "Run a job (.sync)"
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html>): it is
/// `DescribeExecution` by which Step Functions learns what became of the execution.
#[tokio::test(start_paused = true)]
async fn the_end_of_an_execution_that_is_waited_for_is_not_read_without_permission() {
    let world = World::new(&Script::forbidding("states:DescribeExecution"));
    let other = world.create("inner", &inner()).await;
    for call in ["states:startExecution.sync", "states:startExecution.sync:2"] {
        let machine = world.create(&call.replace(':', "-"), &calling(call, json!({"StateMachineArn": other}))).await;
        let described = world.end(&world.start(&machine, &json!({})).await).await;
        assert_eq!((&described["status"], &described["error"]), (&json!("FAILED"), &json!("States.Permissions")));
        let listed = world.ask("ListExecutions", json!({"stateMachineArn": other})).await;
        let inner = text(&listed["executions"][0]["executionArn"]);
        let cause = text(&described["cause"]);
        assert!(cause.ends_with(&format!("may not states:DescribeExecution {inner}")), "{cause}");
    }
}

/// The same pages: "it is possible that Step Functions will be unable to cancel the task", for one because "your IAM
/// execution role lacks permission to make the corresponding API call".
#[tokio::test(start_paused = true)]
async fn an_execution_that_the_role_may_not_stop_goes_on_when_nobody_waits_for_it_any_more() {
    let world = World::new(&Script::forbidding("states:StopExecution"));
    let wait = machine("W", json!({"W": {"Type": "Wait", "Seconds": 60, "End": true}}));
    let other = world.create("inner", &wait).await;
    let outer = calling("states:startExecution.sync:2", json!({"StateMachineArn": other}));
    let machine = world.create("outer", &outer).await;
    let arn = world.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.ask("StopExecution", json!({"executionArn": arn})).await;
    assert_eq!(world.end(&arn).await["status"], "ABORTED");
    let listed = world.ask("ListExecutions", json!({"stateMachineArn": other})).await;
    let inner = text(&listed["executions"][0]["executionArn"]);
    assert_eq!(world.end(&inner).await["status"], "SUCCEEDED");
}

#[tokio::test(start_paused = true)]
async fn every_task_that_gives_no_name_starts_an_execution_of_its_own() {
    let world = World::new(&Script::new(|_, _| Answer::Never));
    let other = world.create("inner", &inner()).await;
    let mut definition = calling("states:startExecution", json!({"StateMachineArn": other}));
    definition["States"]["B"] = definition["States"]["A"].clone();
    definition["States"]["A"]["Next"] = json!("B");
    definition["States"]["A"].as_object_mut().unwrap().remove("End");
    assert_eq!(world.run(&definition, &json!({})).await.status(), "SUCCEEDED");
    let listed = world.ask("ListExecutions", json!({"stateMachineArn": other})).await;
    assert_eq!(listed["executions"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_retry_starts_another_execution() {
    let world = World::new(&Script::answers([Answer::Error("Bad", "why")]));
    let other = world.create("inner", &inner()).await;
    let mut definition = calling("states:startExecution.sync:2", json!({"StateMachineArn": other}));
    definition["States"]["A"]["Retry"] = json!([{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1}]);
    assert_eq!(world.run(&definition, &json!({})).await.output()["Status"], "SUCCEEDED");
    let listed = world.ask("ListExecutions", json!({"stateMachineArn": other})).await;
    let statuses: Vec<&Value> = listed["executions"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["SUCCEEDED", "FAILED"]);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_waited_for_and_times_out_or_is_stopped_is_a_task_that_failed() {
    for status in ["TIMED_OUT", "ABORTED"] {
        let script = Script::answers([Answer::Never]);
        let world = World::new(&script);
        let mut definition = inner();
        definition["TimeoutSeconds"] = json!(60);
        let other = world.create("inner", &definition).await;
        let machine =
            world.create("outer", &calling("states:startExecution.sync:2", json!({"StateMachineArn": other}))).await;
        let arn = world.start(&machine, &json!({})).await;
        while script.count() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if status == "ABORTED" {
            let listed = world.ask("ListExecutions", json!({"stateMachineArn": other})).await;
            let body = json!({"executionArn": listed["executions"][0]["executionArn"]});
            world.ask("StopExecution", body).await;
        }
        let described = world.end(&arn).await;
        assert_eq!((&described["status"], &described["error"]), (&json!("FAILED"), &json!("States.TaskFailed")));
        let cause: Value = serde_json::from_str(described["cause"].as_str().unwrap()).unwrap();
        assert_eq!(cause["Status"], status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_reads_a_history_with_the_names_and_times_of_an_sdk() {
    let world = World::new(&Script::answers([]));
    let other = world.create("inner", &inner()).await;
    let done = world.start(&other, &json!({})).await;
    world.end(&done).await;
    let definition = calling("aws-sdk:sfn:getExecutionHistory", json!({"ExecutionArn": done}));
    let event = &world.run(&definition, &json!({})).await.output()["Events"][0];
    assert_eq!((&event["Type"], &event["Id"]), (&json!("ExecutionStarted"), &json!(1)));
    assert!(text(&event["Timestamp"]).starts_with("20"), "times are text: {event}");
}

#[tokio::test(start_paused = true)]
async fn an_execution_whose_input_and_output_are_too_large_together_fails_the_task_that_waited_for_it() {
    let world = World::new(&Script::answers([]));
    let other = world.create("inner", &inner()).await;
    let arguments = json!({"StateMachineArn": other, "Input": {"x": "{% $pad('', 200000, 'x') %}"}});
    let ended = world.run(&calling("states:startExecution.sync:2", arguments), &json!({})).await;
    assert_eq!((ended.error(), ended.of("TaskFailed").len()), ("States.DataLimitExceeded", 1));
}

/// A redrive schedules the Task again (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>),
/// which is another start; a name that an execution has or had belongs to that one
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>).
#[tokio::test(start_paused = true)]
async fn a_redrive_starts_another_execution_and_under_the_name_of_the_first_none() {
    for (name, error) in [(json!(null), None), (json!("once"), Some("StepFunctions.ExecutionAlreadyExistsException"))] {
        let world = World::new(&Script::answers([Answer::Error("Bad", "why")]));
        let other = world.create("inner", &inner()).await;
        let mut arguments = json!({"StateMachineArn": other, "Name": name});
        if name.is_null() {
            arguments.as_object_mut().unwrap().remove("Name");
        }
        let before = world.run(&calling("states:startExecution.sync:2", arguments), &json!({})).await;
        assert_eq!(before.error(), "States.TaskFailed");
        let after = world.redrive(&before).await;
        let listed = world.ask("ListExecutions", json!({"stateMachineArn": other})).await;
        let shown = |one: &Value| (text(&one["status"]), one["redriveCount"].clone());
        let shown: Vec<_> = listed["executions"].as_array().unwrap().iter().map(shown).collect();
        let mut expected = vec![("FAILED".to_owned(), json!(0))];
        match error {
            Some(error) => assert_eq!(after.error(), error),
            None => expected.insert(0, ("SUCCEEDED".to_owned(), json!(0))),
        }
        assert_eq!(shown, expected);
    }
}
