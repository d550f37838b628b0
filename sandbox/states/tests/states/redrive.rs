//! `RedriveExecution`: what runs again after a failure, and with what.
//!
//! Which test holds which sentence of AWS, in this folder. Versions, aliases and executions from before November 2023
//! do not exist in the sandbox; what only the console shows is left out.
//!
//! "Restarting state machine executions with redrive"
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>):
//!
//! | AWS | test |
//! |---|---|
//! | failed, aborted, or timed out executions | `the_failed_task_is_called_again_…`, `an_execution_that_was_stopped_…`, `an_execution_that_timed_out_…` |
//! | continues from the unsuccessful step and uses the same input; the results of successful steps are not rerun | `the_failed_task_is_called_again_with_its_input_and_variables_and_what_succeeded_is_kept` |
//! | the same definition, execution ARN | `the_definition_is_the_one_that_the_execution_started_with`, `the_failed_task_…` |
//! | the state machine level timeout is reset to 0 | `the_time_that_a_machine_may_take_counts_from_its_redrive_…` |
//! | the status isn't SUCCEEDED | `redrive_api::what_cannot_be_redriven_is_refused_with_the_reason_that_describe_gives` |
//! | 14 days from the end; open for at most a year | `redrive_api::fourteen_days_after_its_end_…` |
//! | less than 24,999 events | `redrive_api::the_history_must_have_less_than_24999_events` |
//! | Pass: after a failure before it not executed | `a_pass_whose_own_expression_failed_is_evaluated_again_and_those_before_it_are_not` |
//! | Task: scheduled and started again; its `TimeoutSeconds` is reset to 0 | `the_history_goes_on_after_its_end`, `a_task_that_timed_out_has_its_whole_time_again` |
//! | Choice: reevaluates the rules | `redrive_lines::a_choice_inside_an_iteration_is_evaluated_again_…` |
//! | Wait: exited for a timestamp in the past | `a_wait_that_was_aborted_waits_again_and_not_for_a_time_that_has_passed` |
//! | Succeed: not redriven | `what_entered_a_succeed_state_is_not_redriven` |
//! | Fail: reenters and fails again | `a_fail_state_is_entered_again_and_fails_again` |
//! | Parallel: only the branches that failed or aborted | `redrive_lines::of_a_parallel_only_the_branches_…` |
//! | Inline Map: only the iterations that failed or aborted | `redrive_lines::of_a_map_only_…`, `…of_a_map_those_that_were_aborted_…` |
//! | after `States.DataLimitExceeded` all of them | `redrive_lines::after_too_much_data_…`, `map_runs::after_too_much_data_…` |
//! | Distributed Map: the unsuccessful child workflows | `map_runs::standard_children_that_failed_…`, `map_runs::express_children_…` |
//! | the `ExecutionRedriven` event is appended | `the_history_goes_on_after_its_end` |
//! | Task, Parallel, Inline Map: the retry count is reset to 0 | `retry_counters_begin_anew`, `redrive_lines::the_retry_counters_of_a_map_…`, `…of_a_parallel_…` |
//!
//! "Redriving Map Runs" (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html>):
//!
//! | AWS | test |
//! |---|---|
//! | a Map Run that wasn't started is started by the redrive | `map_run_redrives::a_map_run_that_was_not_started_is_started_by_the_redrive` |
//! | 1,000 redrives of a Map Run, then `States.Runtime` | `map_runs::a_map_run_is_redriven_at_most_a_thousand_times` |
//! | children over the event limit count as failed | `map_run_redrives::a_child_whose_history_is_full_stays_failed_and_counts_as_failed` |
//! | a new Map Run after `States.DataLimitExceeded` and an interpolation error | `map_runs::after_too_much_data_and_after_an_expression_that_failed_…` |
//! | a Map Run that still cancels or waits for its children completes before the redrive | `map_run_redrives::children_that_still_run_are_waited_for_before_they_are_redriven` |
//! | Express: those that failed or timed out start over, always, under the same ARN | `map_runs::express_children_…`, `map_run_rounds::an_express_child_is_started_over_…` |
//! | Standard: failed, timed out or canceled, from the last state; not always redrivable, its last error is permanent | `map_runs::standard_children_…`, `map_runs::a_stop_of_the_parent_…`, `map_runs::a_child_that_cannot_be_redriven_any_more_stays_failed` |
//! | pending redrive beyond the concurrency limit, reset to 0 at the end | `map_runs::children_that_wait_for_their_redrive_are_pending` |
//! | the same input; that of the bucket where no child was started | `map_runs::a_map_run_whose_items_could_not_be_read_…`, `map_run_redrives::items_that_were_not_read_…` |
//! | needs `states:RedriveExecution` on the children | `map_run_redrives::no_child_is_redriven_that_the_role_may_not_redrive` |
//!
//! AWS says nothing of executions that a Task waits for (`states:startExecution.sync`): such a Task is scheduled again
//! like any other (`nested::a_redrive_starts_another_execution_…`).

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    redrive_support::{added, failing, redriven, redriven_after_a_restart, step},
    support::{Answer, Ended, Script, World, machine, text},
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

#[tokio::test(start_paused = true)]
async fn what_entered_a_succeed_state_is_not_redriven() {
    let world = World::new(&Script::answers([failing()]));
    let branches = json!([
        {"StartAt": "S", "States": {"S": {"Type": "Succeed", "Output": "{% $uuid() %}"}}},
        {"StartAt": "T", "States": {"T": step(json!({"End": true}))}},
    ]);
    let states = json!({"P": {"Type": "Parallel", "Branches": branches, "Next": "E"}, "E": {"Type": "Succeed"}});
    let before = world.run(&machine("P", states), &json!("in")).await;
    let exited = |ended: &Ended| {
        let exited = ended.of("SucceedStateExited").into_iter().map(|event| event["stateExitedEventDetails"].clone());
        exited.collect::<Vec<_>>()
    };
    assert_eq!((before.status(), exited(&before).len()), ("FAILED", 1));
    let after = world.redrive(&before).await;
    assert_eq!(
        exited(&after).len(),
        2,
        "that of the branch is not entered again, and the last one is: {:?}",
        after.types()
    );
    assert_eq!(json!(after.output()[0].to_string()), exited(&before)[0]["output"]);
    let (code, _) = world.refused("RedriveExecution", json!({"executionArn": after.described["executionArn"]})).await;
    assert_eq!(code, "ExecutionNotRedrivable");
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_machine_may_take_counts_from_its_redrive_also_after_a_restart() {
    let mut definition = machine("A", json!({"A": step(json!({"End": true}))}));
    definition["TimeoutSeconds"] = json!(60);
    let slow = Script::new(|_, _| Answer::After(Duration::from_secs(30)));
    let world = World::new(&Script::answers([failing()]));
    let before = world.run(&definition, &json!({})).await;
    let arn = text(&before.described["executionArn"]);
    // As if so many seconds had passed since one of its dates.
    let passed = |world: &World, date: &str, seconds: i64| {
        let (_, mut record) = world.store.load::<Value>("states.executions").unwrap().remove(0);
        record[date] = json!(record[date].as_i64().unwrap() - seconds * 1000);
        world.store.put("states.executions", &arn, &record).unwrap();
    };
    world.states.shutdown().await.unwrap();
    passed(&world, "started", 3600);
    let world = World::over(Arc::clone(&world.store), &slow);
    world.ask("RedriveExecution", json!({"executionArn": arn})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.states.shutdown().await.unwrap();
    for (since_the_redrive, status) in [(50, "TIMED_OUT"), (20, "SUCCEEDED")] {
        let (key, before) = world.store.load::<Value>("states.executions").unwrap().remove(0);
        passed(&world, "redriven", since_the_redrive);
        let again = World::over(Arc::clone(&world.store), &slow);
        again.states.resume();
        assert_eq!(again.end(&arn).await["status"], status, "{since_the_redrive} seconds after the redrive");
        again.states.shutdown().await.unwrap();
        world.store.put("states.executions", &key, &before).unwrap();
    }
}
