//! `RedriveExecution`: what runs again after a failure, and with what.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    redrive_support::{added, failing, redriven, redriven_after_a_restart, step},
    support::{Answer, Script, World, machine, text},
};

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
    let after = world.redrive(&before).await;
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

/// "Redrive behavior of individual states": a Wait waits its seconds again
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>).
#[tokio::test(start_paused = true)]
async fn a_wait_that_was_entered_long_ago_waits_its_seconds_again() {
    for how in ["stop", "timeout"] {
        let mut definition = machine("W", json!({"W": {"Type": "Wait", "Seconds": 50, "End": true}}));
        definition["TimeoutSeconds"] = json!(if how == "stop" { 60 } else { 2 });
        let world = World::new(&Script::answers([]));
        let machine = world.create("m", &definition).await;
        let arn = world.start(&machine, &json!({})).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if how == "stop" {
            world.ask("StopExecution", json!({"executionArn": arn})).await;
        }
        world.end(&arn).await;
        world.states.shutdown().await.unwrap();
        let (key, mut frame) = world.store.load::<Value>("states.frames").unwrap().remove(0);
        frame["entered"] = json!(frame["entered"].as_i64().unwrap() - 3_600_000);
        world.store.put("states.frames", &key, &frame).unwrap();
        let again = World::over(Arc::clone(&world.store), &Script::answers([]));
        again.ask("RedriveExecution", json!({"executionArn": arn})).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let described = again.ask("DescribeExecution", json!({"executionArn": arn})).await;
        assert_eq!(described["status"], "RUNNING", "{how}");
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
    assert_eq!(world.redrive(&before).await.output(), "old");
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
async fn a_pass_whose_own_expression_failed_is_evaluated_again_and_those_before_it_are_not() {
    let states = json!({
        "A": {"Type": "Pass", "Assign": {"v": "{% $uuid() %}"}, "Next": "B"},
        "B": {"Type": "Pass", "Output": "{% $states.context.Execution.RedriveCount > 0 ? $v : $nothing %}", "End": true},
    });
    let nobody = Script::answers([]);
    let (before, after) =
        redriven_after_a_restart(&machine("A", states), &json!({}), Script::answers([]), &nobody).await;
    assert_eq!(before.error(), "States.QueryEvaluationError");
    let assigned = text(&before.of("PassStateExited")[0]["stateExitedEventDetails"]["assignedVariables"]["v"]);
    assert_eq!(after.output().to_string(), assigned);
    assert_eq!(after.of("PassStateEntered").len(), 2, "neither is entered again");
}
