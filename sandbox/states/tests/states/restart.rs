//! A sandbox that is stopped and started again on the same store.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::support::{Answer, Script, World, machine, task};

/// A service over the store of another, which was shut down.
async fn started_again(world: World, runner: &Arc<Script>) -> World {
    world.states.shutdown().await.unwrap();
    let again = World::over(Arc::clone(&world.store), runner);
    again.states.resume();
    again
}

async fn settle() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn machines_executions_and_histories_are_found_again() {
    let script = Script::answers([]);
    let world = World::new(&script);
    let ended = world.run(&machine("A", json!({"A": task(json!({"End": true}))})), &json!({"a": 1})).await;
    let arn = ended.described["executionArn"].clone();
    let again = started_again(world, &script).await;
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
    let world = World::new(&script);
    let machine = world.create("m", &definition).await;
    let arn = world.start(&machine, &json!({})).await;
    settle().await;
    assert_eq!(script.count(), 1);
    let again = started_again(world, &script).await;
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
    let world = World::new(&first);
    let machine = world.create("m", &machine("M", json!({"M": map}))).await;
    let arn = world.start(&machine, &json!(["a", "stuck", "b", "stuck", "c"])).await;
    settle().await;
    assert_eq!(first.arguments(), ["a", "stuck", "b", "stuck"].map(Value::from));
    let second = Script::answers([]);
    let again = started_again(world, &second).await;
    let described = again.end(&arn).await;
    let done = ["a", "stuck", "b", "stuck", "c"].map(|item| json!({"done": item}));
    assert_eq!(described["output"], json!(done).to_string());
    assert_eq!(second.arguments(), ["stuck", "stuck", "c"].map(Value::from));
    let history = again.history(&arn).await;
    let count = |kind: &str| history.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((count("MapStateStarted"), count("MapIterationStarted"), count("MapIterationSucceeded")), (1, 5, 5));
}

#[tokio::test(start_paused = true)]
async fn an_iteration_that_had_begun_and_not_entered_a_state_enters_it() {
    let processor =
        json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}});
    let map = json!({"Type": "Map", "Items": "{% $states.input %}", "ItemProcessor": processor, "End": true});
    let world = World::new(&Script::answers([Answer::Never]));
    let machine = world.create("m", &machine("M", json!({"M": map}))).await;
    let arn = world.start(&machine, &json!(["a"])).await;
    settle().await;
    world.states.shutdown().await.unwrap();
    // As a kill right after MapIterationStarted leaves it.
    for id in 5..=7 {
        world.store.delete("states.history", &format!("{arn}#{id:08}")).unwrap();
    }
    let frames: Vec<(String, Value)> = world.store.load("states.frames").unwrap();
    let (key, mut frame) = frames.into_iter().find(|(key, _)| key.ends_with("#/0")).unwrap();
    frame["entered_event"] = json!(0);
    world.store.put("states.frames", &key, &frame).unwrap();

    let script = Script::answers([]);
    let again = started_again(world, &script).await;
    assert_eq!(again.end(&arn).await["output"], "[\"a\"]");
    let history = again.history(&arn).await;
    let line = |event: &Value| (event["type"].as_str().unwrap().to_owned(), event["previousEventId"].as_u64().unwrap());
    let lines: Vec<(String, u64)> = history.iter().map(line).collect();
    assert_eq!(lines[3..5], [("MapIterationStarted".to_owned(), 3), ("TaskStateEntered".to_owned(), 4)]);
    assert_eq!((script.count(), lines.len()), (1, 13));
}

#[tokio::test(start_paused = true)]
async fn an_execution_whose_last_state_was_left_and_whose_end_was_not_written_ends() {
    let script = Script::answers([]);
    let world = World::new(&script);
    let ended = world.run(&machine("A", json!({"A": task(json!({"Output": 7, "End": true}))})), &json!({})).await;
    let arn = ended.described["executionArn"].as_str().unwrap().to_owned();
    world.states.shutdown().await.unwrap();
    // As a kill right before ExecutionSucceeded leaves it.
    world.store.delete("states.history", &format!("{arn}#{:08}", 7)).unwrap();
    let (_, mut record) = world.store.load::<Value>("states.executions").unwrap().remove(0);
    record["status"] = json!("RUNNING");
    world.store.put("states.executions", &arn, &record).unwrap();
    let frame = json!({"state": "A", "kind": "Task", "input": {}, "variables": {}, "entered": 0, "entered_event": 2,
                       "progress": {"Succeeded": 7}});
    world.store.put("states.frames", &format!("{arn}#"), &frame).unwrap();
    let again = started_again(world, &script).await;
    assert_eq!(again.end(&arn).await["output"], "7");
    assert_eq!((script.count(), again.history(&arn).await.len()), (1, ended.history.len()));
}

#[tokio::test(start_paused = true)]
async fn a_history_is_paged_in_both_directions_when_it_is_read_from_the_store() {
    let states = json!({"A": task(json!({"Next": "B"})), "B": task(json!({"End": true}))});
    let world = World::new(&Script::answers([]));
    let ended = world.run(&machine("A", states), &json!({})).await;
    for reverse in [false, true] {
        let (mut events, mut token) = (Vec::new(), Value::Null);
        loop {
            let body = json!({"executionArn": ended.described["executionArn"], "maxResults": 3, "reverseOrder": reverse,
                              "nextToken": token});
            let page = world.ask("GetExecutionHistory", body).await;
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
async fn an_execution_that_is_resumed_can_be_stopped() {
    let script = Script::answers([Answer::Never, Answer::Never]);
    let world = World::new(&script);
    let machine = world.create("m", &machine("A", json!({"A": task(json!({"End": true}))}))).await;
    let arn = world.start(&machine, &json!({})).await;
    settle().await;
    let again = started_again(world, &script).await;
    settle().await;
    again.ask("StopExecution", json!({"executionArn": arn})).await;
    assert_eq!(again.end(&arn).await["status"], "ABORTED");
}

#[tokio::test(start_paused = true)]
async fn only_what_was_interrupted_is_resumed_and_only_once() {
    let first = Script::answers([Answer::Never]);
    let world = World::new(&first);
    let machine = world.create("m", &machine("A", json!({"A": task(json!({"End": true}))}))).await;
    world.start(&machine, &json!({})).await;
    settle().await;
    world.states.shutdown().await.unwrap();
    let second = Script::answers([Answer::Never, Answer::Never]);
    let again = World::over(Arc::clone(&world.store), &second);
    again.start(&machine, &json!({})).await;
    assert_eq!((again.states.resume(), again.states.resume()), (1, 0));
    settle().await;
    assert_eq!(second.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_after_a_shutdown() {
    let world = World::new(&Script::answers([]));
    let machine = world.create("m", &machine("A", json!({"A": {"Type": "Fail"}}))).await;
    let failed = world.start(&machine, &json!({})).await;
    world.end(&failed).await;
    world.states.shutdown().await.unwrap();
    let (code, _) = world.refused("StartExecution", json!({"stateMachineArn": machine})).await;
    assert_eq!(code, "ServiceUnavailable");
    let (code, _) = world.refused("RedriveExecution", json!({"executionArn": failed})).await;
    assert_eq!(code, "ServiceUnavailable");
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_a_restart_runs_every_iteration_of_the_map() {
    let processor =
        json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}});
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let map = json!({"Type": "Map", "ItemProcessor": processor, "Retry": retry, "End": true});
    let world = World::new(&Script::answers([Answer::Arguments, Answer::Never]));
    let machine = world.create("m", &machine("M", json!({"M": map}))).await;
    let arn = world.start(&machine, &json!(["a", "b"])).await;
    settle().await;
    let second = Script::answers([Answer::Error("Bad", "")]);
    let again = started_again(world, &second).await;
    assert_eq!(again.end(&arn).await["output"], "[\"a\",\"b\"]");
    assert_eq!(second.arguments(), ["b", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_machine_may_take_counts_from_its_start_also_after_a_restart() {
    let mut definition = machine("A", json!({"A": task(json!({"End": true}))}));
    definition["TimeoutSeconds"] = json!(3600);
    let script = Script::new(|_, _| Answer::Never);
    let world = World::new(&script);
    let machine = world.create("m", &definition).await;
    let arn = world.start(&machine, &json!({})).await;
    settle().await;
    world.states.shutdown().await.unwrap();
    let (_, mut record) = world.store.load::<Value>("states.executions").unwrap().remove(0);
    record["started"] = json!(record["started"].as_i64().unwrap() - 3_590_000);
    world.store.put("states.executions", &arn, &record).unwrap();
    let before = tokio::time::Instant::now();
    let again = started_again(world, &script).await;
    assert_eq!(again.end(&arn).await["status"], "TIMED_OUT");
    assert!(before.elapsed() < Duration::from_mins(1), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_wait_waits_for_what_is_left_of_it() {
    let script = Script::answers([]);
    let world = World::new(&script);
    let definition = machine("W", json!({"W": {"Type": "Wait", "Seconds": 3600, "End": true}}));
    let machine = world.create("m", &definition).await;
    let arn = world.start(&machine, &json!({})).await;
    settle().await;
    world.states.shutdown().await.unwrap();
    let (key, mut frame) = world.store.load::<Value>("states.frames").unwrap().remove(0);
    frame["entered"] = json!(frame["entered"].as_i64().unwrap() - 3_590_000);
    world.store.put("states.frames", &key, &frame).unwrap();
    let before = tokio::time::Instant::now();
    let again = started_again(world, &script).await;
    assert_eq!(again.end(&arn).await["status"], "SUCCEEDED");
    assert!(before.elapsed() < Duration::from_mins(1), "{:?}", before.elapsed());
}
