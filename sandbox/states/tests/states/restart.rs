//! A sandbox that restarts on the same store.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::support::{Answer, Fixture, Script, machine, task};

/// A service on the store of another one, which is shut down first.
async fn started_again(fixture: Fixture, runner: &Arc<Script>) -> Fixture {
    fixture.states.shutdown().await.unwrap();
    let again = Fixture::over(Arc::clone(&fixture.store), runner);
    again.states.resume();
    again
}

async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn machines_executions_and_histories_survive_a_restart() {
    let script = Script::answers([]);
    let fixture = Fixture::new(&script);
    let ended = fixture.run(&machine("A", json!({"A": task(json!({"End": true}))})), &json!({"a": 1})).await;
    let arn = ended.described["executionArn"].clone();
    let again = started_again(fixture, &script).await;
    assert_eq!(again.ask("DescribeExecution", json!({"executionArn": arn})).await, ended.described);
    assert_eq!(again.history(arn.as_str().unwrap()).await, ended.history);
    let machine = again.ask("ListStateMachines", json!({})).await["stateMachines"][0]["stateMachineArn"].clone();
    let next = again.start(machine.as_str().unwrap(), &json!({})).await;
    assert_eq!(again.end(&next).await["status"], "SUCCEEDED");
    let listed = again.ask("ListExecutions", json!({"stateMachineArn": machine})).await;
    assert_eq!(listed["executions"][0]["executionArn"], json!(next), "the newest is first after a restart too");
}

#[tokio::test(start_paused = true)]
async fn a_running_task_is_called_again_with_its_variables_and_input() {
    let definition = machine(
        "A",
        json!({
            "A": {"Type": "Pass", "Assign": {"v": "kept"}, "Output": "in", "Next": "B"},
            "B": task(json!({"Arguments": ["{% $v %}", "{% $states.input %}"], "End": true})),
        }),
    );
    let script = Script::answers([Answer::Never]);
    let fixture = Fixture::new(&script);
    let machine = fixture.create("m", &definition).await;
    let arn = fixture.start(&machine, &json!({})).await;
    settle().await;
    assert_eq!(script.count(), 1);
    let again = started_again(fixture, &script).await;
    let described = again.end(&arn).await;
    assert_eq!(described["output"], "[\"kept\",\"in\"]");
    let history = again.history(&arn).await;
    let types: Vec<&str> = history.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        types[4..],
        [
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskScheduled",
            "TaskStarted",
            "TaskSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded"
        ][1..]
    );
    let previous: Vec<u64> = history.iter().map(|event| event["previousEventId"].as_u64().unwrap()).collect();
    assert_eq!(previous, [0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}

#[tokio::test(start_paused = true)]
async fn finished_iterations_of_a_map_are_not_run_again() {
    let processor = json!({"StartAt": "T", "States": {
        "T": task(json!({"Arguments": "{% $states.input %}", "Next": "U"})),
        "U": {"Type": "Pass", "Output": {"done": "{% $states.input %}"}, "End": true},
    }});
    let map = json!({"Type": "Map", "Items": "{% $states.input %}", "MaxConcurrency": 2, "ItemProcessor": processor, "End": true});
    let first = Script::new(|call, _| if call.arguments == json!("stuck") { Answer::Never } else { Answer::Arguments });
    let fixture = Fixture::new(&first);
    let machine = fixture.create("m", &machine("M", json!({"M": map}))).await;
    let arn = fixture.start(&machine, &json!(["a", "stuck", "b", "stuck", "c"])).await;
    settle().await;
    assert_eq!(first.arguments(), ["a", "stuck", "b", "stuck"].map(Value::from));
    let second = Script::answers([]);
    let again = started_again(fixture, &second).await;
    let described = again.end(&arn).await;
    let done = ["a", "stuck", "b", "stuck", "c"].map(|item| json!({"done": item}));
    assert_eq!(described["output"], json!(done).to_string());
    assert_eq!(second.arguments(), ["stuck", "stuck", "c"].map(Value::from));
    let history = again.history(&arn).await;
    let count = |kind: &str| history.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((count("MapStateStarted"), count("MapIterationStarted"), count("MapIterationSucceeded")), (1, 5, 5));
}

#[tokio::test(start_paused = true)]
async fn an_iteration_killed_before_its_first_state_enters_it() {
    let processor =
        json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}});
    let map = json!({"Type": "Map", "Items": "{% $states.input %}", "ItemProcessor": processor, "End": true});
    let fixture = Fixture::new(&Script::answers([Answer::Never]));
    let machine = fixture.create("m", &machine("M", json!({"M": map}))).await;
    let arn = fixture.start(&machine, &json!(["a"])).await;
    settle().await;
    fixture.states.shutdown().await.unwrap();
    // The data after a kill right after MapIterationStarted.
    for id in 5..=7 {
        fixture.store.delete("states.history", &format!("{arn}#{id:08}")).unwrap();
    }
    let frames: Vec<(String, Value)> = fixture.store.load("states.frames").unwrap();
    let (key, mut frame) = frames.into_iter().find(|(key, _)| key.ends_with("#/0")).unwrap();
    frame["entered_event"] = json!(0);
    fixture.store.put("states.frames", &key, &frame).unwrap();

    let script = Script::answers([]);
    let again = started_again(fixture, &script).await;
    assert_eq!(again.end(&arn).await["output"], "[\"a\"]");
    let history = again.history(&arn).await;
    let line = |event: &Value| (event["type"].as_str().unwrap().to_owned(), event["previousEventId"].as_u64().unwrap());
    let lines: Vec<(String, u64)> = history.iter().map(line).collect();
    assert_eq!(lines[3..5], [("MapIterationStarted".to_owned(), 3), ("TaskStateEntered".to_owned(), 4)]);
    assert_eq!((script.count(), lines.len()), (1, 13));
}

#[tokio::test(start_paused = true)]
async fn an_execution_killed_before_its_last_event_ends() {
    let script = Script::answers([]);
    let fixture = Fixture::new(&script);
    let ended = fixture.run(&machine("A", json!({"A": task(json!({"Output": 7, "End": true}))})), &json!({})).await;
    let arn = ended.described["executionArn"].as_str().unwrap().to_owned();
    fixture.states.shutdown().await.unwrap();
    // The data after a kill right before ExecutionSucceeded.
    fixture.store.delete("states.history", &format!("{arn}#{:08}", 7)).unwrap();
    let (_, mut record) = fixture.store.load::<Value>("states.executions").unwrap().remove(0);
    record["status"] = json!("RUNNING");
    fixture.store.put("states.executions", &arn, &record).unwrap();
    let frame = json!({"state": "A", "kind": "Task", "input": {}, "variables": {}, "entered": 0, "entered_event": 2,
                       "progress": {"Succeeded": 7}});
    fixture.store.put("states.frames", &format!("{arn}#"), &frame).unwrap();
    let again = started_again(fixture, &script).await;
    assert_eq!(again.end(&arn).await["output"], "7");
    assert_eq!((script.count(), again.history(&arn).await.len()), (1, ended.history.len()));
}

#[tokio::test(start_paused = true)]
async fn a_stored_history_is_paged_in_both_directions() {
    let states = json!({"A": task(json!({"Next": "B"})), "B": task(json!({"End": true}))});
    let fixture = Fixture::new(&Script::answers([]));
    let ended = fixture.run(&machine("A", states), &json!({})).await;
    for reverse in [false, true] {
        let (mut events, mut token) = (Vec::new(), Value::Null);
        loop {
            let body = json!({"executionArn": ended.described["executionArn"], "maxResults": 3, "reverseOrder": reverse,
                              "nextToken": token});
            let page = fixture.ask("GetExecutionHistory", body).await;
            events.extend(page["events"].as_array().unwrap().clone());
            token = page["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        if reverse {
            events.reverse();
        }
        assert_eq!(events, ended.history);
    }
}

#[tokio::test(start_paused = true)]
async fn a_resumed_execution_can_be_stopped() {
    let script = Script::answers([Answer::Never, Answer::Never]);
    let fixture = Fixture::new(&script);
    let machine = fixture.create("m", &machine("A", json!({"A": task(json!({"End": true}))}))).await;
    let arn = fixture.start(&machine, &json!({})).await;
    settle().await;
    let again = started_again(fixture, &script).await;
    settle().await;
    again.ask("StopExecution", json!({"executionArn": arn})).await;
    assert_eq!(again.end(&arn).await["status"], "ABORTED");
}

#[tokio::test(start_paused = true)]
async fn only_interrupted_executions_are_resumed_and_only_once() {
    let first = Script::answers([Answer::Never]);
    let fixture = Fixture::new(&first);
    let machine = fixture.create("m", &machine("A", json!({"A": task(json!({"End": true}))}))).await;
    fixture.start(&machine, &json!({})).await;
    settle().await;
    fixture.states.shutdown().await.unwrap();
    let second = Script::answers([Answer::Never, Answer::Never]);
    let again = Fixture::over(Arc::clone(&fixture.store), &second);
    again.start(&machine, &json!({})).await;
    assert_eq!((again.states.resume(), again.states.resume()), (1, 0));
    settle().await;
    assert_eq!(second.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_after_a_shutdown() {
    let fixture = Fixture::new(&Script::answers([]));
    let machine = fixture.create("m", &machine("A", json!({"A": {"Type": "Fail"}}))).await;
    let failed = fixture.start(&machine, &json!({})).await;
    fixture.end(&failed).await;
    fixture.states.shutdown().await.unwrap();
    let (code, _) = fixture.refused("StartExecution", json!({"stateMachineArn": machine})).await;
    assert_eq!(code, "ServiceUnavailable");
    let (code, _) = fixture.refused("RedriveExecution", json!({"executionArn": failed})).await;
    assert_eq!(code, "ServiceUnavailable");
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_a_restart_runs_every_iteration_of_the_map() {
    let processor =
        json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}});
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let map = json!({"Type": "Map", "ItemProcessor": processor, "Retry": retry, "End": true});
    let fixture = Fixture::new(&Script::answers([Answer::Arguments, Answer::Never]));
    let machine = fixture.create("m", &machine("M", json!({"M": map}))).await;
    let arn = fixture.start(&machine, &json!(["a", "b"])).await;
    settle().await;
    let second = Script::answers([Answer::Error("Bad", "")]);
    let again = started_again(fixture, &second).await;
    assert_eq!(again.end(&arn).await["output"], "[\"a\",\"b\"]");
    assert_eq!(second.arguments(), ["b", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn the_machine_timeout_starts_at_the_start_even_after_a_restart() {
    let mut definition = machine("A", json!({"A": task(json!({"End": true}))}));
    definition["TimeoutSeconds"] = json!(3600);
    let script = Script::new(|_, _| Answer::Never);
    let fixture = Fixture::new(&script);
    let machine = fixture.create("m", &definition).await;
    let arn = fixture.start(&machine, &json!({})).await;
    settle().await;
    fixture.states.shutdown().await.unwrap();
    let (_, mut record) = fixture.store.load::<Value>("states.executions").unwrap().remove(0);
    record["started"] = json!(record["started"].as_i64().unwrap() - 3_590_000);
    fixture.store.put("states.executions", &arn, &record).unwrap();
    let before = tokio::time::Instant::now();
    let again = started_again(fixture, &script).await;
    assert_eq!(again.end(&arn).await["status"], "TIMED_OUT");
    assert!(before.elapsed() < Duration::from_mins(1), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_wait_waits_for_its_remaining_time() {
    let script = Script::answers([]);
    let fixture = Fixture::new(&script);
    let definition = machine("W", json!({"W": {"Type": "Wait", "Seconds": 3600, "End": true}}));
    let machine = fixture.create("m", &definition).await;
    let arn = fixture.start(&machine, &json!({})).await;
    settle().await;
    fixture.states.shutdown().await.unwrap();
    let (key, mut frame) = fixture.store.load::<Value>("states.frames").unwrap().remove(0);
    frame["entered"] = json!(frame["entered"].as_i64().unwrap() - 3_590_000);
    fixture.store.put("states.frames", &key, &frame).unwrap();
    let before = tokio::time::Instant::now();
    let again = started_again(fixture, &script).await;
    assert_eq!(again.end(&arn).await["status"], "SUCCEEDED");
    assert!(before.elapsed() < Duration::from_mins(1), "{:?}", before.elapsed());
}
