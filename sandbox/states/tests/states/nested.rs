//! Machines that start other machines and call Step Functions.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::support::{Answer, Fixture, ROLE, Script, machine, task, text};

/// A machine with one Task that calls Step Functions.
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

/// A machine with one Lambda Task.
fn inner() -> Value {
    machine("T", json!({"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}))
}

#[tokio::test(start_paused = true)]
async fn an_awaited_execution_returns_its_output() {
    let fixture = Fixture::new(&Script::answers([]));
    let other = fixture.create("inner", &inner()).await;
    for (call, output) in [("startExecution.sync:2", json!({"a": 1})), ("startExecution.sync", json!("{\"a\":1}"))] {
        let arguments = json!({"StateMachineArn": other, "Input": {"a": 1}, "Name": call.replace(':', "-")});
        let machine = fixture.create(&call.replace(':', "-"), &calling(&format!("states:{call}"), arguments)).await;
        let arn = fixture.start(&machine, &json!({})).await;
        let described = fixture.end(&arn).await;
        let result: Value = serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
        assert_eq!((&result["Output"], &result["Input"]), (&output, &output), "{call}");
        assert_eq!((&result["Status"], &result["StateMachineArn"]), (&json!("SUCCEEDED"), &json!(other)));
        assert_eq!(result["RedriveStatus"], "NOT_REDRIVABLE");
        assert_eq!(result["RedriveStatusReason"], "Execution is SUCCEEDED and cannot be redriven");
        let history = fixture.history(&arn).await;
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
async fn an_execution_without_sync_continues_independently() {
    let fixture = Fixture::new(&Script::answers([Answer::After(Duration::from_mins(1))]));
    let other = fixture.create("inner", &inner()).await;
    let arguments = json!({"StateMachineArn": other});
    let ended = fixture.run(&calling("states:startExecution", arguments), &json!({})).await;
    let started = text(&ended.output()["ExecutionArn"]);
    let described = fixture.ask("DescribeExecution", json!({"executionArn": started})).await;
    assert_eq!((&described["status"], &described["input"]), (&json!("RUNNING"), &json!("{}")));
    assert_eq!(fixture.end(&started).await["status"], "SUCCEEDED");
}

#[tokio::test(start_paused = true)]
async fn a_failed_awaited_execution_is_the_cause_of_the_task() {
    let fixture = Fixture::new(&Script::answers([Answer::Error("Bad", "why")]));
    let other = fixture.create("inner", &inner()).await;
    let ended =
        fixture.run(&calling("states:startExecution.sync:2", json!({"StateMachineArn": other})), &json!({})).await;
    assert_eq!(ended.error(), "States.TaskFailed");
    let cause: Value = serde_json::from_str(ended.cause()).unwrap();
    assert_eq!((&cause["Status"], &cause["Error"], &cause["Cause"]), (&json!("FAILED"), &json!("Bad"), &json!("why")));
}

#[tokio::test(start_paused = true)]
async fn an_impossible_start_is_a_step_functions_error() {
    let fixture = Fixture::new(&Script::answers([]));
    let missing = "arn:aws:states:eu-central-1:000000000000:stateMachine:missing";
    for (call, error) in [
        ("states:startExecution.sync:2", "StepFunctions.StateMachineDoesNotExistException"),
        ("aws-sdk:sfn:startExecution", "Sfn.StateMachineDoesNotExistException"),
    ] {
        let fixture = Fixture::over(Arc::clone(&fixture.store), &Script::answers([]));
        let machine =
            fixture.create(&call.replace(':', "-"), &calling(call, json!({"StateMachineArn": missing}))).await;
        let described = fixture.end(&fixture.start(&machine, &json!({})).await).await;
        assert_eq!(described["error"], error, "{described}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_stopped_when_its_task_stops_waiting() {
    for how in ["stop", "timeout"] {
        let script = Script::answers([Answer::Never]);
        let fixture = Fixture::new(&script);
        let other = fixture.create("inner", &inner()).await;
        let mut definition = calling("states:startExecution.sync:2", json!({"StateMachineArn": other}));
        definition["States"]["A"]["TimeoutSeconds"] = json!(60);
        let machine = fixture.create("outer", &definition).await;
        let arn = fixture.start(&machine, &json!({})).await;
        while script.count() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if how == "stop" {
            fixture.ask("StopExecution", json!({"executionArn": arn})).await;
        }
        assert_eq!(fixture.end(&arn).await["status"], if how == "stop" { "ABORTED" } else { "FAILED" });
        let listed = fixture.ask("ListExecutions", json!({"stateMachineArn": other})).await;
        let inner = text(&listed["executions"][0]["executionArn"]);
        assert_eq!(fixture.end(&inner).await["status"], "ABORTED", "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_awaited_execution_is_found_after_a_restart() {
    let first = Script::answers([Answer::Never]);
    let fixture = Fixture::new(&first);
    let other = fixture.create("inner", &inner()).await;
    let machine =
        fixture.create("outer", &calling("states:startExecution.sync:2", json!({"StateMachineArn": other}))).await;
    let arn = fixture.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = Fixture::over(Arc::clone(&fixture.store), &second);
    assert_eq!(again.states.resume(), 2);
    assert_eq!(again.end(&arn).await["status"], "SUCCEEDED");
    let listed = again.ask("ListExecutions", json!({"stateMachineArn": other})).await;
    assert_eq!((listed["executions"].as_array().unwrap().len(), second.count()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_task_can_redrive_and_describe_an_execution() {
    let fixture = Fixture::new(&Script::answers([Answer::Error("Bad", "why")]));
    let other = fixture.create("inner", &inner()).await;
    let failed = fixture.start(&other, &json!({"a": 1})).await;
    fixture.end(&failed).await;
    let arguments = json!({"ExecutionArn": failed});
    let redrive = fixture.create("redrive", &calling("aws-sdk:sfn:redriveExecution", arguments.clone())).await;
    let described = fixture.end(&fixture.start(&redrive, &json!({})).await).await;
    let date = described["output"].as_str().unwrap();
    assert!(date.starts_with("{\"RedriveDate\":\"20"), "times are text: {date}");
    assert_eq!(fixture.end(&failed).await["status"], "SUCCEEDED");
    let describe = fixture.create("describe", &calling("aws-sdk:sfn:describeExecution", arguments)).await;
    let described = fixture.end(&fixture.start(&describe, &json!({})).await).await;
    let output: Value = serde_json::from_str(described["output"].as_str().unwrap()).unwrap();
    assert_eq!((&output["Status"], &output["Output"]), (&json!("SUCCEEDED"), &json!("{\"a\":1}")));
    let unknown = fixture.create("unknown", &calling("aws-sdk:sfn:deleteStateMachine", json!({}))).await;
    let described = fixture.end(&fixture.start(&unknown, &json!({})).await).await;
    assert!(text(&described["cause"]).contains("aws-sdk:sfn:deleteStateMachine"), "{described}");
}

/// "Service integration with Step Functions"
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/stepfunctions-iam.html>): the role needs
/// `states:StartExecution`.
#[tokio::test(start_paused = true)]
async fn an_execution_starts_only_with_the_roles_permission() {
    for call in ["states:startExecution", "states:startExecution.sync:2", "aws-sdk:sfn:startExecution"] {
        let fixture = Fixture::new(&Script::forbidding("states:StartExecution"));
        let other = fixture.create("inner", &inner()).await;
        let ended = fixture.run(&calling(call, json!({"StateMachineArn": other})), &json!({})).await;
        assert_eq!(ended.error(), "States.Permissions", "{call}");
        assert!(ended.cause().ends_with(&format!("may not states:StartExecution {other}")), "{}", ended.cause());
        let listed = fixture.ask("ListExecutions", json!({"stateMachineArn": other})).await;
        assert_eq!(listed["executions"], json!([]), "{call}");
    }
}

/// The same page: a machine that waits for executions needs permissions for a rule of `EventBridge`, or it is not
/// created.
#[tokio::test(start_paused = true)]
async fn a_machine_that_waits_for_executions_needs_managed_rule_permission() {
    let missing = "arn:aws:states:eu-central-1:000000000000:stateMachine:missing";
    let calls = |call: &str| calling(call, json!({"StateMachineArn": missing}));
    let waiting = calls("states:startExecution.sync:2");
    let branch =
        json!({"Type": "Parallel", "Branches": [without_language(&calls("states:startExecution.sync"))], "End": true});
    let item = json!({"Type": "Map", "ItemProcessor": without_language(&waiting), "End": true});
    for action in ["events:PutRule", "events:PutTargets", "events:DescribeRule"] {
        let fixture = Fixture::new(&Script::forbidding(action));
        for definition in [&waiting, &machine("P", json!({"P": branch})), &machine("M", json!({"M": item}))] {
            let body = json!({"name": "m", "definition": definition.to_string(), "roleArn": ROLE});
            let (code, message) = fixture.refused("CreateStateMachine", body).await;
            assert_eq!(code, "AccessDeniedException", "without {action}: {message}");
            assert_eq!(message, format!("'{ROLE}' is not authorized to create managed-rule."));
        }
        let other = fixture.create("other", &calls("states:startExecution")).await;
        let body = json!({"stateMachineArn": other, "definition": waiting.to_string()});
        assert_eq!(fixture.refused("UpdateStateMachine", body).await.0, "AccessDeniedException", "without {action}");
    }
}

/// The same page, and "Run a job (.sync)"
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html>): Step Functions reads the result
/// of the execution with `DescribeExecution`.
#[tokio::test(start_paused = true)]
async fn the_end_of_an_awaited_execution_needs_read_permission() {
    let fixture = Fixture::new(&Script::forbidding("states:DescribeExecution"));
    let other = fixture.create("inner", &inner()).await;
    for call in ["states:startExecution.sync", "states:startExecution.sync:2"] {
        let machine = fixture.create(&call.replace(':', "-"), &calling(call, json!({"StateMachineArn": other}))).await;
        let described = fixture.end(&fixture.start(&machine, &json!({})).await).await;
        assert_eq!((&described["status"], &described["error"]), (&json!("FAILED"), &json!("States.Permissions")));
        let listed = fixture.ask("ListExecutions", json!({"stateMachineArn": other})).await;
        let inner = text(&listed["executions"][0]["executionArn"]);
        let cause = text(&described["cause"]);
        assert!(cause.ends_with(&format!("may not states:DescribeExecution {inner}")), "{cause}");
    }
}

/// The same pages: "it is possible that Step Functions will be unable to cancel the task", for example because "your
/// IAM execution role lacks permission to make the corresponding API call".
#[tokio::test(start_paused = true)]
async fn without_stop_permission_an_abandoned_execution_continues() {
    let fixture = Fixture::new(&Script::forbidding("states:StopExecution"));
    let wait = machine("W", json!({"W": {"Type": "Wait", "Seconds": 60, "End": true}}));
    let other = fixture.create("inner", &wait).await;
    let outer = calling("states:startExecution.sync:2", json!({"StateMachineArn": other}));
    let machine = fixture.create("outer", &outer).await;
    let arn = fixture.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.ask("StopExecution", json!({"executionArn": arn})).await;
    assert_eq!(fixture.end(&arn).await["status"], "ABORTED");
    let listed = fixture.ask("ListExecutions", json!({"stateMachineArn": other})).await;
    let inner = text(&listed["executions"][0]["executionArn"]);
    assert_eq!(fixture.end(&inner).await["status"], "SUCCEEDED");
}

#[tokio::test(start_paused = true)]
async fn every_task_without_a_name_starts_its_own_execution() {
    let fixture = Fixture::new(&Script::new(|_, _| Answer::Never));
    let other = fixture.create("inner", &inner()).await;
    let mut definition = calling("states:startExecution", json!({"StateMachineArn": other}));
    definition["States"]["B"] = definition["States"]["A"].clone();
    definition["States"]["A"]["Next"] = json!("B");
    definition["States"]["A"].as_object_mut().unwrap().remove("End");
    assert_eq!(fixture.run(&definition, &json!({})).await.status(), "SUCCEEDED");
    let listed = fixture.ask("ListExecutions", json!({"stateMachineArn": other})).await;
    assert_eq!(listed["executions"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_retry_starts_a_new_execution() {
    let fixture = Fixture::new(&Script::answers([Answer::Error("Bad", "why")]));
    let other = fixture.create("inner", &inner()).await;
    let mut definition = calling("states:startExecution.sync:2", json!({"StateMachineArn": other}));
    definition["States"]["A"]["Retry"] = json!([{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1}]);
    assert_eq!(fixture.run(&definition, &json!({})).await.output()["Status"], "SUCCEEDED");
    let listed = fixture.ask("ListExecutions", json!({"stateMachineArn": other})).await;
    let statuses: Vec<&Value> = listed["executions"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["SUCCEEDED", "FAILED"]);
}

#[tokio::test(start_paused = true)]
async fn an_awaited_execution_that_times_out_or_stops_fails_the_task() {
    for status in ["TIMED_OUT", "ABORTED"] {
        let script = Script::answers([Answer::Never]);
        let fixture = Fixture::new(&script);
        let mut definition = inner();
        definition["TimeoutSeconds"] = json!(60);
        let other = fixture.create("inner", &definition).await;
        let machine =
            fixture.create("outer", &calling("states:startExecution.sync:2", json!({"StateMachineArn": other}))).await;
        let arn = fixture.start(&machine, &json!({})).await;
        while script.count() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if status == "ABORTED" {
            let listed = fixture.ask("ListExecutions", json!({"stateMachineArn": other})).await;
            let body = json!({"executionArn": listed["executions"][0]["executionArn"]});
            fixture.ask("StopExecution", body).await;
        }
        let described = fixture.end(&arn).await;
        assert_eq!((&described["status"], &described["error"]), (&json!("FAILED"), &json!("States.TaskFailed")));
        let cause: Value = serde_json::from_str(described["cause"].as_str().unwrap()).unwrap();
        assert_eq!(cause["Status"], status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_read_by_a_task_has_sdk_names_and_times() {
    let fixture = Fixture::new(&Script::answers([]));
    let other = fixture.create("inner", &inner()).await;
    let done = fixture.start(&other, &json!({})).await;
    fixture.end(&done).await;
    let definition = calling("aws-sdk:sfn:getExecutionHistory", json!({"ExecutionArn": done}));
    let event = &fixture.run(&definition, &json!({})).await.output()["Events"][0];
    assert_eq!((&event["Type"], &event["Id"]), (&json!("ExecutionStarted"), &json!(1)));
    assert!(text(&event["Timestamp"]).starts_with("20"), "times are text: {event}");
}

#[tokio::test(start_paused = true)]
async fn an_awaited_execution_over_the_size_limit_fails_the_task() {
    let fixture = Fixture::new(&Script::answers([]));
    let other = fixture.create("inner", &inner()).await;
    let arguments = json!({"StateMachineArn": other, "Input": {"x": "{% $pad('', 200000, 'x') %}"}});
    let ended = fixture.run(&calling("states:startExecution.sync:2", arguments), &json!({})).await;
    assert_eq!((ended.error(), ended.of("TaskFailed").len()), ("States.DataLimitExceeded", 1));
}

/// A redrive schedules the Task again (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>),
/// which is a new start. The name of an execution cannot be reused
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>).
#[tokio::test(start_paused = true)]
async fn a_redrive_starts_a_new_execution_unless_its_name_is_given() {
    for (name, error) in [(json!(null), None), (json!("once"), Some("StepFunctions.ExecutionAlreadyExistsException"))] {
        let fixture = Fixture::new(&Script::answers([Answer::Error("Bad", "why")]));
        let other = fixture.create("inner", &inner()).await;
        let mut arguments = json!({"StateMachineArn": other, "Name": name});
        if name.is_null() {
            arguments.as_object_mut().unwrap().remove("Name");
        }
        let before = fixture.run(&calling("states:startExecution.sync:2", arguments), &json!({})).await;
        assert_eq!(before.error(), "States.TaskFailed");
        let after = fixture.redrive(&before).await;
        let listed = fixture.ask("ListExecutions", json!({"stateMachineArn": other})).await;
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
