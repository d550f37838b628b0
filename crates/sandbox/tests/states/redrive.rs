//! `RedriveExecution`: what runs again after a failure, and what is refused.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::support::{Answer, Ended, Script, World, machine, task, text};

fn failing() -> Answer {
    Answer::Error("Bad", "why")
}

/// A Task that hands its input on.
fn step(more: Value) -> Value {
    let mut fields = json!({"Arguments": "{% $states.input %}"});
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task(fields)
}

/// A Map over the input whose iterations run these states.
fn map(start: &str, states: Value) -> Value {
    let processor = json!({"StartAt": start, "States": states});
    machine("M", json!({"M": {"Type": "Map", "ItemProcessor": processor, "End": true}}))
}

async fn redrive(world: &World, ended: &Ended) -> Ended {
    let arn = text(&ended.described["executionArn"]);
    world.ask("RedriveExecution", json!({"executionArn": arn})).await;
    let described = world.end(&arn).await;
    Ended { history: world.history(&arn).await, described }
}

/// Runs a machine whose Tasks answer in turn, and redrives it once.
async fn redriven(definition: &Value, input: &Value, answers: Vec<Answer>) -> (Ended, Ended, Arc<Script>) {
    let script = Script::answers(answers);
    let world = World::new(&script);
    let before = world.run(definition, input).await;
    assert_eq!(before.status(), "FAILED", "{}", before.described);
    let after = redrive(&world, &before).await;
    (before, after, script)
}

/// The types of the events that a redrive added.
fn added<'a>(before: &Ended, after: &'a Ended) -> Vec<&'a str> {
    assert_eq!(after.history[..before.history.len()], before.history, "what was written stays");
    after.types()[before.history.len()..].to_vec()
}

#[tokio::test(start_paused = true)]
async fn the_failed_task_is_called_again_with_its_input_and_variables_and_what_succeeded_is_kept() {
    let definition = machine(
        "A",
        json!({
            "A": step(json!({"Assign": {"v": "kept"}, "Output": "from A", "Next": "B"})),
            "B": step(json!({"Arguments": ["{% $v %}", "{% $states.input %}"], "Next": "C"})),
            "C": {"Type": "Pass", "Output": ["{% $v %}", "{% $states.input %}"], "End": true},
        }),
    );
    let (before, after, script) = redriven(&definition, &json!("in"), vec![Answer::Arguments, failing()]).await;
    assert_eq!(script.arguments(), [json!("in"), json!(["kept", "from A"]), json!(["kept", "from A"])]);
    assert_eq!(after.output(), json!(["kept", ["kept", "from A"]]));
    for name in ["executionArn", "name", "stateMachineArn", "input", "startDate"] {
        assert_eq!(after.described[name], before.described[name], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_history_goes_on_after_its_end() {
    let definition = machine("A", json!({"A": step(json!({"End": true}))}));
    let (before, after, _) = redriven(&definition, &json!({}), vec![failing()]).await;
    let expected =
        ["ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"];
    assert_eq!(added(&before, &after), expected);
    let line = |event: &Value| (event["id"].as_u64().unwrap(), event["previousEventId"].as_u64().unwrap());
    let lines: Vec<(u64, u64)> = after.history.iter().map(line).collect();
    assert_eq!(lines[5..], [(6, 5), (7, 6), (8, 7), (9, 8), (10, 9), (11, 10), (12, 11)]);
    assert_eq!(after.history[6]["executionRedrivenEventDetails"], json!({"redriveCount": 1}));
}

/// A runner that fails the iteration of one item.
fn failing_for(item: &'static str) -> Arc<Script> {
    Script::new(move |call, _| if call.arguments == json!(item) { failing() } else { Answer::Arguments })
}

#[tokio::test(start_paused = true)]
async fn of_a_map_only_the_iteration_that_failed_is_called_again() {
    // By its last attempt, the others are done.
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 5}]);
    let states = json!({"T": step(json!({"Retry": retry, "Next": "U"})), "U": {"Type": "Pass", "End": true}});
    let items = json!(["zero", "one", "two", "three"]);
    let first = failing_for("two");
    let world = World::new(&first);
    let before = world.run(&map("T", states), &items).await;
    assert_eq!((before.status(), first.count()), ("FAILED", 5));
    world.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = World::over(Arc::clone(&world.store), &second);
    let after = redrive(&again, &before).await;
    assert_eq!(second.arguments(), ["two"]);
    assert_eq!(after.output(), items);
    let count = |kind: &str| after.of(kind).len();
    assert_eq!((count("MapStateStarted"), count("MapIterationStarted"), count("MapIterationSucceeded")), (1, 4, 4));
    assert_eq!(added(&before, &after)[..2], ["ExecutionRedriven", "TaskScheduled"]);
    let scheduled = &after.history[before.history.len() + 1];
    let failed = before.of("TaskFailed")[1];
    assert_eq!(scheduled["previousEventId"], failed["id"], "an iteration goes on from its own last event");
}

#[tokio::test(start_paused = true)]
async fn iterations_that_had_not_begun_begin() {
    let mut definition = map("T", json!({"T": step(json!({"End": true}))}));
    definition["States"]["M"]["MaxConcurrency"] = json!(1);
    let items = json!(["zero", "one", "two", "three"]);
    let first = failing_for("one");
    let world = World::new(&first);
    let before = world.run(&definition, &items).await;
    assert_eq!(first.arguments(), ["zero", "one"]);
    world.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = World::over(Arc::clone(&world.store), &second);
    let after = redrive(&again, &before).await;
    assert_eq!(second.arguments(), ["one", "two", "three"]);
    assert_eq!(after.output(), items);
}

#[tokio::test(start_paused = true)]
async fn of_a_map_those_that_were_aborted_go_on_in_the_state_that_each_was_in() {
    let definition = map(
        "T",
        json!({
            "T": step(json!({"Assign": {"seen": "{% $states.input %}"}, "Next": "U"})),
            "U": step(json!({"Arguments": {"u": "{% $seen %}"}, "End": true})),
        }),
    );
    // 0 is done, 1 waits in U, 2 waits in T, 3 fails in U.
    let first = Script::new(|call, _| match (call.arguments.as_u64(), call.arguments["u"].as_u64()) {
        (Some(2), _) | (_, Some(1)) => Answer::Never,
        (_, Some(3)) => Answer::Error("Bad", "why"),
        _ => Answer::Arguments,
    });
    let world = World::new(&first);
    let before = world.run(&definition, &json!([0, 1, 2, 3])).await;
    assert_eq!((before.status(), first.count()), ("FAILED", 7));
    world.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = World::over(Arc::clone(&world.store), &second);
    let after = redrive(&again, &before).await;
    let mut called: Vec<String> = second.arguments().iter().map(Value::to_string).collect();
    called.sort();
    assert_eq!(called, ["2", "{\"u\":1}", "{\"u\":2}", "{\"u\":3}"]);
    assert_eq!(after.output(), json!([{"u": 0}, {"u": 1}, {"u": 2}, {"u": 3}]));
}

#[tokio::test(start_paused = true)]
async fn of_a_parallel_only_the_branches_that_did_not_succeed_run_again() {
    let branch = |name: &str| json!({"StartAt": name, "States": {name: step(json!({"Arguments": name, "End": true}))}});
    let parallel = json!({"Type": "Parallel", "Branches": [branch("L"), branch("C"), branch("R")], "End": true});
    let definition = machine("P", json!({"P": parallel}));
    let answers = vec![Answer::Arguments, Answer::Never, failing()];
    let (before, after, script) = redriven(&definition, &json!({}), answers).await;
    assert_eq!(script.arguments()[3..], ["C", "R"].map(Value::from));
    assert_eq!(after.output(), json!(["L", "C", "R"]));
    assert_eq!(before.of("ParallelStateStarted").len(), after.of("ParallelStateStarted").len());
}

#[tokio::test(start_paused = true)]
async fn after_too_much_data_a_map_runs_whole_again() {
    let definition = map("T", json!({"T": step(json!({"End": true}))}));
    let large = Answer::Value(json!("x".repeat(200_000)));
    let (before, after, script) = redriven(&definition, &json!([1, 2]), vec![large.clone(), large]).await;
    assert_eq!(before.error(), "States.DataLimitExceeded");
    assert_eq!(script.arguments(), [1, 2, 1, 2].map(Value::from));
    assert_eq!(after.output(), json!([1, 2]));
    assert_eq!(after.of("MapStateStarted").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_map_whose_items_could_not_be_worked_out_starts_when_they_can() {
    let mut definition = map("T", json!({"T": step(json!({"End": true}))}));
    definition["States"]["M"]["Items"] =
        json!("{% $states.context.Execution.RedriveCount > 0 ? [$states.input] : 'none' %}");
    let (before, after, _) = redriven(&definition, &json!(7), vec![]).await;
    assert_eq!(before.error(), "States.QueryEvaluationError");
    assert_eq!(after.output(), json!([7]));
    assert_eq!(after.of("MapStateStarted").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_choice_inside_an_iteration_is_evaluated_again_without_the_task_before_it() {
    let rule = json!([{"Condition": "{% $states.context.Execution.RedriveCount > 0 %}", "Next": "Done"}]);
    let states = json!({
        "T": step(json!({"Next": "Which"})),
        "Which": {"Type": "Choice", "Choices": rule},
        "Done": {"Type": "Pass", "Output": "{% $states.context.Map.Item.Value %}", "End": true},
    });
    let (before, after, script) = redriven(&map("T", states), &json!(["a"]), vec![]).await;
    assert_eq!(before.error(), "States.NoChoiceMatched");
    assert_eq!(script.count(), 1, "the Task is not called twice");
    assert_eq!(after.output(), json!(["a"]));
    assert!(!added(&before, &after).contains(&"ChoiceStateEntered"));
}

#[tokio::test(start_paused = true)]
async fn a_fail_state_is_entered_again_and_fails_again() {
    let definition = machine("F", json!({"F": {"Type": "Fail", "Error": "Enough", "Cause": "it is"}}));
    let (before, after, _) = redriven(&definition, &json!({}), vec![]).await;
    assert_eq!(added(&before, &after), ["ExecutionRedriven", "FailStateEntered", "ExecutionFailed"]);
    assert_eq!((after.status(), after.error(), after.cause()), ("FAILED", "Enough", "it is"));
    assert_eq!(
        (&after.described["redriveCount"], &after.described["redriveStatus"]),
        (&json!(1), &json!("REDRIVABLE"))
    );
}

#[tokio::test(start_paused = true)]
async fn retry_counters_begin_anew() {
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 2, "IntervalSeconds": 1}]);
    let definition = machine("A", json!({"A": step(json!({"Retry": retry, "End": true}))}));
    let (before, after, script) = redriven(&definition, &json!({}), vec![failing(); 5]).await;
    assert_eq!(before.of("TaskScheduled").len(), 3);
    assert_eq!((after.status(), script.count()), ("SUCCEEDED", 6));
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_timed_out_has_its_whole_time_again() {
    let mut definition = machine("A", json!({"A": step(json!({"End": true}))}));
    definition["TimeoutSeconds"] = json!(60);
    let script = Script::answers([Answer::Never, Answer::After(Duration::from_secs(59))]);
    let world = World::new(&script);
    let before = world.run(&definition, &json!({})).await;
    assert_eq!((before.status(), &before.described["redriveStatus"]), ("TIMED_OUT", &json!("REDRIVABLE")));
    let after = redrive(&world, &before).await;
    assert_eq!((after.status(), script.count()), ("SUCCEEDED", 2));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_timed_out_has_its_whole_time_again() {
    let definition = machine("A", json!({"A": step(json!({"TimeoutSeconds": 10, "End": true}))}));
    let answers = vec![Answer::Never, Answer::After(Duration::from_secs(9))];
    let (before, after, _) = redriven(&definition, &json!({}), answers).await;
    assert_eq!((before.error(), after.status()), ("States.Timeout", "SUCCEEDED"));
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_was_stopped_goes_on_and_can_be_stopped_again() {
    let script = Script::answers([Answer::Never, Answer::Never]);
    let world = World::new(&script);
    let machine = world.create("m", &machine("A", json!({"A": step(json!({"End": true}))}))).await;
    let arn = world.start(&machine, &json!({})).await;
    let named = json!({"executionArn": arn});
    for called in 1..=2 {
        while script.count() < called {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.ask("StopExecution", named.clone()).await;
        assert_eq!(world.ask("DescribeExecution", named.clone()).await["status"], "ABORTED");
        world.ask("RedriveExecution", named.clone()).await;
    }
    let described = world.end(&arn).await;
    assert_eq!((&described["status"], &described["redriveCount"]), (&json!("SUCCEEDED"), &json!(2)));
    assert!(described.get("error").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_aborted_waits_again_and_not_for_a_time_that_has_passed() {
    let timestamp =
        "{% $states.context.Execution.RedriveCount > 0 ? '2020-01-01T00:00:00Z' : '2099-01-01T00:00:00Z' %}";
    for (until, waits) in [(json!({"Seconds": 50}), true), (json!({"Timestamp": timestamp}), false)] {
        let mut wait = json!({"Type": "Wait", "End": true});
        wait.as_object_mut().unwrap().extend(until.as_object().unwrap().clone());
        let states = json!({"W": wait});
        let world = World::new(&Script::answers([]));
        let machine = world.create("m", &machine("W", states)).await;
        let arn = world.start(&machine, &json!({})).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.ask("StopExecution", json!({"executionArn": arn})).await;
        let before = tokio::time::Instant::now();
        world.ask("RedriveExecution", json!({"executionArn": arn})).await;
        assert_eq!(world.end(&arn).await["status"], "SUCCEEDED");
        assert_eq!(before.elapsed() > Duration::from_secs(49), waits);
    }
}

#[tokio::test(start_paused = true)]
async fn the_definition_is_the_one_that_the_execution_started_with() {
    let script = Script::answers([failing()]);
    let world = World::new(&script);
    let definition =
        machine("A", json!({"A": step(json!({"Next": "B"})), "B": {"Type": "Pass", "Output": "old", "End": true}}));
    let before = world.run(&definition, &json!({})).await;
    let changed =
        machine("A", json!({"A": step(json!({"Next": "B"})), "B": {"Type": "Pass", "Output": "new", "End": true}}));
    let body = json!({"stateMachineArn": before.described["stateMachineArn"], "definition": changed.to_string()});
    world.ask("UpdateStateMachine", body).await;
    assert_eq!(redrive(&world, &before).await.output(), "old");
}

#[tokio::test(start_paused = true)]
async fn the_context_tells_how_often_and_when_the_execution_was_redriven() {
    let arguments = "{% [$states.context.Execution.RedriveCount, $exists($states.context.Execution.RedriveTime)] %}";
    let definition = machine("A", json!({"A": step(json!({"Arguments": arguments, "End": true}))}));
    let (_, _, script) = redriven(&definition, &json!({}), vec![failing()]).await;
    assert_eq!(script.arguments(), [json!([0, false]), json!([1, true])]);
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_redriven_after_restarts_before_and_during_its_redrive() {
    let first = Script::answers([failing()]);
    let world = World::new(&first);
    let before = world.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!("in")).await;
    world.states.shutdown().await.unwrap();

    let second = Script::answers([Answer::Never]);
    let world = World::over(Arc::clone(&world.store), &second);
    assert_eq!(world.states.resume(), 0);
    let arn = text(&before.described["executionArn"]);
    world.ask("RedriveExecution", json!({"executionArn": arn})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.states.shutdown().await.unwrap();

    let third = Script::answers([]);
    let world = World::over(Arc::clone(&world.store), &third);
    assert_eq!(world.states.resume(), 1);
    let described = world.end(&arn).await;
    assert_eq!((&described["status"], &described["redriveCount"]), (&json!("SUCCEEDED"), &json!(1)));
    assert_eq!((second.arguments(), third.arguments()), (vec![json!("in")], vec![json!("in")]));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_redriven_is_refused_with_the_reason_that_describe_gives() {
    let world = World::new(&Script::answers([Answer::Arguments, Answer::Never, failing()]));
    let machine = world.create("m", &machine("A", json!({"A": step(json!({"End": true}))}))).await;
    let succeeded = world.start(&machine, &json!({})).await;
    world.end(&succeeded).await;
    let running = world.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let orphaned = world.start(&machine, &json!({})).await;
    world.end(&orphaned).await;
    world.ask("DeleteStateMachine", json!({"stateMachineArn": machine})).await;
    for (arn, reason) in [
        (succeeded, "Execution is SUCCEEDED and cannot be redriven"),
        (running, "Execution is RUNNING and cannot be redriven"),
        (orphaned, "State machine is in DELETING status"),
    ] {
        refused(&world, &arn, reason).await;
    }
    let (code, _) = world.refused("RedriveExecution", json!({"executionArn": "arn:x"})).await;
    assert_eq!(code, "ExecutionDoesNotExist");
}

async fn refused(world: &World, arn: &str, reason: &str) {
    let (code, message) = world.refused("RedriveExecution", json!({"executionArn": arn})).await;
    assert_eq!((code.as_str(), message), ("ExecutionNotRedrivable", format!("{reason}: '{arn}'")));
    let described = world.ask("DescribeExecution", json!({"executionArn": arn})).await;
    assert_eq!(described["redriveStatus"], "NOT_REDRIVABLE");
    assert_eq!(described["redriveStatusReason"], reason);
    assert_eq!(described["redriveCount"], 0);
}

#[tokio::test(start_paused = true)]
async fn fourteen_days_after_its_end_an_execution_cannot_be_redriven_nor_a_year_after_its_start() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let script = Script::answers([failing()]);
    let world = World::new(&script);
    let ended = world.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!({})).await;
    let arn = text(&ended.described["executionArn"]);
    world.states.shutdown().await.unwrap();
    let now = i64::try_from(time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap();
    for (started, stopped, reason) in [
        (15 * DAY, 14 * DAY + 1, Some("Execution redrivable period exceeded")),
        (366 * DAY, DAY, Some("Execution has exceeded the max execution time")),
        (15 * DAY, 14 * DAY - 60_000, None),
    ] {
        let mut record: Value = world.store.load("states.executions").unwrap().remove(0).1;
        record["started"] = json!(now - started);
        record["stopped"] = json!(now - stopped);
        world.store.put("states.executions", &arn, &record).unwrap();
        let again = World::over(Arc::clone(&world.store), &script);
        match reason {
            Some(reason) => refused(&again, &arn, reason).await,
            None => assert_eq!(redrive(&again, &ended).await.status(), "SUCCEEDED"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_client_token_redrives_once() {
    let world = World::new(&Script::answers([failing(), failing(), failing()]));
    let ended = world.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!({})).await;
    let arn = text(&ended.described["executionArn"]);
    let with = |token: &str| json!({"executionArn": arn, "clientToken": token});
    let first = world.ask("RedriveExecution", with("a")).await;
    assert_eq!(world.ask("RedriveExecution", with("a")).await, first, "while it runs");
    let described = world.end(&arn).await;
    assert_eq!(described["redriveDate"], first["redriveDate"]);
    assert_eq!(world.ask("RedriveExecution", with("a")).await, first, "after it has ended");
    assert_eq!(world.end(&arn).await["redriveCount"], 1);
    world.ask("RedriveExecution", with("b")).await;
    assert_eq!(world.end(&arn).await["redriveCount"], 2);
    for token in ["", "a b", &"x".repeat(65)] {
        assert_eq!(world.refused("RedriveExecution", with(token)).await.0, "ValidationException");
    }
}

#[tokio::test(start_paused = true)]
async fn executions_are_listed_by_whether_they_were_redriven() {
    let world = World::new(&Script::answers([failing(), Answer::Arguments]));
    let machine = world.create("m", &machine("A", json!({"A": step(json!({"End": true}))}))).await;
    let mut arns = Vec::new();
    for _ in 0..2 {
        let arn = world.start(&machine, &json!({})).await;
        world.end(&arn).await;
        arns.push(arn);
    }
    let redriven = world.ask("RedriveExecution", json!({"executionArn": arns[0]})).await;
    world.end(&arns[0]).await;
    let list = |filter: Value| json!({"stateMachineArn": machine, "redriveFilter": filter});
    let listed = async |filter: Value| {
        let answer = world.ask("ListExecutions", list(filter)).await;
        answer["executions"].as_array().unwrap().clone()
    };
    let found = listed(json!("REDRIVEN")).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["executionArn"], &found[0]["redriveCount"]), (&json!(arns[0]), &json!(1)));
    assert_eq!(found[0]["redriveDate"], redriven["redriveDate"]);
    let found = listed(json!("NOT_REDRIVEN")).await;
    assert_eq!((found.len(), &found[0]["executionArn"]), (1, &json!(arns[1])));
    assert!(found[0].get("redriveDate").is_none());
    assert_eq!(listed(json!(null)).await.len(), 2);
    assert_eq!(world.refused("ListExecutions", list(json!("x"))).await.0, "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn the_event_bus_is_told_that_a_redriven_execution_runs() {
    let world = World::new(&Script::answers([failing()]));
    let before = world.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!({})).await;
    redrive(&world, &before).await;
    tokio::task::yield_now().await;
    let events = world.events.0.lock().unwrap();
    let of = |name: &str| -> Vec<Value> { events.iter().map(|event| event["detail"][name].clone()).collect() };
    assert_eq!(of("status"), ["RUNNING", "FAILED", "RUNNING", "SUCCEEDED"]);
    assert_eq!(of("redriveCount"), [0, 0, 1, 1]);
    assert_eq!(of("redriveStatus"), ["NOT_REDRIVABLE", "REDRIVABLE", "NOT_REDRIVABLE", "NOT_REDRIVABLE"]);
    assert_eq!(of("redriveDate")[..2], [json!(null), json!(null)]);
    let again = &events[2]["detail"];
    assert!(again["redriveDate"].is_i64(), "milliseconds, like the other dates: {again}");
    assert_eq!((&again["stopDate"], &again["error"], &again["cause"]), (&json!(null), &json!(null), &json!(null)));
}
