//! `RedriveExecution`: what runs again after a failure, and with which data.
//!
//! The tests for each statement of AWS, in this folder. The sandbox has no versions, no aliases and no executions from
//! before November 2023. Statements about the console are omitted.
//!
//! "Restarting state machine executions with redrive"
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>):
//!
//! - failed, aborted, or timed out executions: `the_failed_task_is_called_again_with_its_input_and_variables`,
//!   `a_stopped_execution_continues_and_can_be_stopped_again`, `a_timed_out_execution_gets_its_full_timeout_again`
//! - continues from the unsuccessful step and uses the same input; the results of successful steps are not rerun:
//!   `the_failed_task_is_called_again_with_its_input_and_variables`
//! - the same definition, execution ARN: `a_redrive_uses_the_original_definition`,
//!   `the_failed_task_is_called_again_with_its_input_and_variables`
//! - the state machine level timeout is reset to 0: `the_machine_timeout_starts_at_the_redrive_even_after_a_restart`
//! - the status isn't SUCCEEDED: `redrive_api::a_refused_redrive_has_the_reason_of_describe_execution`
//! - 14 days from the end; open for at most a year:
//!   `redrive_api::an_execution_is_redrivable_for_14_days_and_within_a_year`
//! - less than 24,999 events: `redrive_api::a_redrive_requires_fewer_than_24999_events`
//! - Pass, not executed after a failure before it: `only_the_pass_that_failed_is_evaluated_again`
//! - Task, scheduled and started again; its `TimeoutSeconds` is reset to 0: `the_history_continues_after_its_end`,
//!   `a_timed_out_task_gets_its_full_timeout_again`
//! - Choice, reevaluates the rules:
//!   `redrive_flows::a_choice_inside_an_iteration_is_evaluated_again_without_the_task_before_it`
//! - Wait, exited for a timestamp in the past: `an_aborted_wait_waits_again_except_for_a_past_timestamp`
//! - Succeed, not redriven: `an_execution_in_a_succeed_state_is_not_redriven`
//! - Fail, reenters and fails again: `a_fail_state_is_entered_again_and_fails_again`
//! - Parallel, only the branches that failed or aborted:
//!   `redrive_flows::only_unsuccessful_branches_of_a_parallel_run_again`
//! - Inline Map, only the iterations that failed or aborted:
//!   `redrive_flows::only_the_failed_iteration_of_a_map_runs_again`,
//!   `redrive_flows::aborted_iterations_continue_in_their_state`
//! - after `States.DataLimitExceeded` all of them:
//!   `redrive_flows::after_a_data_limit_error_a_map_runs_completely_again`,
//!   `map_runs::data_limit_and_expression_errors_start_a_new_map_run`
//! - Distributed Map, the unsuccessful child workflows:
//!   `map_runs::failed_standard_children_continue_from_the_failed_state`,
//!   `map_runs::failed_express_children_restart_under_the_same_arn`
//! - the `ExecutionRedriven` event is appended: `the_history_continues_after_its_end`
//! - Task, Parallel, Inline Map, the retry count is reset to 0: `retry_counters_restart`,
//!   `redrive_flows::the_retry_counters_of_a_map_restart`, `redrive_flows::the_retry_counters_of_a_parallel_restart`
//!
//! "Redriving Map Runs" (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html>):
//!
//! - a Map Run that wasn't started is started by the redrive:
//!   `map_run_redrives::a_map_run_that_was_not_started_is_started_by_the_redrive`
//! - 1,000 redrives of a Map Run, then `States.Runtime`: `map_runs::a_map_run_is_redriven_at_most_a_thousand_times`
//! - children over the event limit count as failed:
//!   `map_run_redrives::a_child_whose_history_is_full_stays_failed_and_counts_as_failed`
//! - a new Map Run after `States.DataLimitExceeded` and an interpolation error:
//!   `map_runs::data_limit_and_expression_errors_start_a_new_map_run`
//! - a Map Run that still cancels or waits for its children completes before the redrive:
//!   `map_run_redrives::a_redrive_waits_for_children_that_still_run`
//! - Express, those that failed or timed out restart, always, under the same ARN:
//!   `map_runs::failed_express_children_restart_under_the_same_arn`,
//!   `map_run_rounds::an_express_child_restarts_at_any_age_with_five_minutes`
//! - Standard, failed, timed out or canceled, from the last state; not always redrivable, its last error is permanent:
//!   `map_runs::failed_standard_children_continue_from_the_failed_state`,
//!   `map_runs::a_redrive_continues_children_aborted_with_their_parent`,
//!   `map_runs::a_child_past_its_redrive_period_stays_failed`
//! - pending redrive beyond the concurrency limit, reset to 0 at the end:
//!   `map_runs::children_that_wait_for_their_redrive_are_pending`
//! - the same input; that of the bucket if no child was started: `map_runs::a_redrive_reads_unread_items_only_once`,
//!   `map_run_redrives::a_redrive_reads_items_that_were_not_read_before`
//! - needs `states:RedriveExecution` on the children:
//!   `map_run_redrives::a_child_is_redriven_only_with_the_roles_permission`
//!
//! AWS does not document executions that a Task waits for (`states:startExecution.sync`). Such a Task is scheduled
//! again like any other (`nested::a_redrive_starts_a_new_execution_unless_its_name_is_given`).

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    redrive_support::{added, failing, redriven, redriven_after_a_restart, step},
    support::{Answer, Ended, Fixture, Script, machine, text},
};

#[tokio::test(start_paused = true)]
async fn the_failed_task_is_called_again_with_its_input_and_variables() {
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
async fn the_history_continues_after_its_end() {
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
async fn retry_counters_restart() {
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 2, "IntervalSeconds": 1}]);
    let definition = machine("A", json!({"A": step(json!({"Retry": retry, "End": true}))}));
    let (before, after, script) = redriven(&definition, &json!({}), vec![failing(); 5]).await;
    assert_eq!(before.of("TaskScheduled").len(), 3);
    assert_eq!((after.status(), script.count()), ("SUCCEEDED", 6));
}

#[tokio::test(start_paused = true)]
async fn a_timed_out_execution_gets_its_full_timeout_again() {
    let mut definition = machine("A", json!({"A": step(json!({"End": true}))}));
    definition["TimeoutSeconds"] = json!(60);
    let script = Script::answers([Answer::Never, Answer::After(Duration::from_secs(59))]);
    let fixture = Fixture::new(&script);
    let before = fixture.run(&definition, &json!({})).await;
    assert_eq!((before.status(), &before.described["redriveStatus"]), ("TIMED_OUT", &json!("REDRIVABLE")));
    let after = fixture.redrive(&before).await;
    assert_eq!((after.status(), script.count()), ("SUCCEEDED", 2));
}

#[tokio::test(start_paused = true)]
async fn a_timed_out_task_gets_its_full_timeout_again() {
    let definition = machine("A", json!({"A": step(json!({"TimeoutSeconds": 10, "End": true}))}));
    let answers = vec![Answer::Never, Answer::After(Duration::from_secs(9))];
    let (before, after, _) = redriven(&definition, &json!({}), answers).await;
    assert_eq!((before.error(), after.status()), ("States.Timeout", "SUCCEEDED"));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_execution_continues_and_can_be_stopped_again() {
    let script = Script::answers([Answer::Never, Answer::Never]);
    let fixture = Fixture::new(&script);
    let machine = fixture.create("m", &machine("A", json!({"A": step(json!({"End": true}))}))).await;
    let arn = fixture.start(&machine, &json!({})).await;
    let named = json!({"executionArn": arn});
    for called in 1..=2 {
        while script.count() < called {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        fixture.ask("StopExecution", named.clone()).await;
        assert_eq!(fixture.ask("DescribeExecution", named.clone()).await["status"], "ABORTED");
        fixture.ask("RedriveExecution", named.clone()).await;
    }
    let described = fixture.end(&arn).await;
    assert_eq!((&described["status"], &described["redriveCount"]), (&json!("SUCCEEDED"), &json!(2)));
    assert!(described.get("error").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_aborted_wait_waits_again_except_for_a_past_timestamp() {
    let timestamp =
        "{% $states.context.Execution.RedriveCount > 0 ? '2020-01-01T00:00:00Z' : '2099-01-01T00:00:00Z' %}";
    for (until, waits) in [(json!({"Seconds": 50}), true), (json!({"Timestamp": timestamp}), false)] {
        let mut wait = json!({"Type": "Wait", "End": true});
        wait.as_object_mut().unwrap().extend(until.as_object().unwrap().clone());
        let states = json!({"W": wait});
        let fixture = Fixture::new(&Script::answers([]));
        let machine = fixture.create("m", &machine("W", states)).await;
        let arn = fixture.start(&machine, &json!({})).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        fixture.ask("StopExecution", json!({"executionArn": arn})).await;
        let before = tokio::time::Instant::now();
        fixture.ask("RedriveExecution", json!({"executionArn": arn})).await;
        assert_eq!(fixture.end(&arn).await["status"], "SUCCEEDED");
        assert_eq!(before.elapsed() > Duration::from_secs(49), waits);
    }
}

/// "Redrive behavior of individual states": a Wait waits its seconds again
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>).
#[tokio::test(start_paused = true)]
async fn a_wait_entered_long_ago_waits_its_seconds_again() {
    for how in ["stop", "timeout"] {
        let mut definition = machine("W", json!({"W": {"Type": "Wait", "Seconds": 50, "End": true}}));
        definition["TimeoutSeconds"] = json!(if how == "stop" { 60 } else { 2 });
        let fixture = Fixture::new(&Script::answers([]));
        let machine = fixture.create("m", &definition).await;
        let arn = fixture.start(&machine, &json!({})).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if how == "stop" {
            fixture.ask("StopExecution", json!({"executionArn": arn})).await;
        }
        fixture.end(&arn).await;
        fixture.states.shutdown().await.unwrap();
        let (key, mut frame) = fixture.store.load::<Value>("states.frames").unwrap().remove(0);
        frame["entered"] = json!(frame["entered"].as_i64().unwrap() - 3_600_000);
        fixture.store.put("states.frames", &key, &frame).unwrap();
        let again = Fixture::over(Arc::clone(&fixture.store), &Script::answers([]));
        again.ask("RedriveExecution", json!({"executionArn": arn})).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let described = again.ask("DescribeExecution", json!({"executionArn": arn})).await;
        assert_eq!(described["status"], "RUNNING", "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redrive_uses_the_original_definition() {
    let script = Script::answers([failing()]);
    let fixture = Fixture::new(&script);
    let definition =
        machine("A", json!({"A": step(json!({"Next": "B"})), "B": {"Type": "Pass", "Output": "old", "End": true}}));
    let before = fixture.run(&definition, &json!({})).await;
    let changed =
        machine("A", json!({"A": step(json!({"Next": "B"})), "B": {"Type": "Pass", "Output": "new", "End": true}}));
    let body = json!({"stateMachineArn": before.described["stateMachineArn"], "definition": changed.to_string()});
    fixture.ask("UpdateStateMachine", body).await;
    assert_eq!(fixture.redrive(&before).await.output(), "old");
}

#[tokio::test(start_paused = true)]
async fn the_context_contains_redrive_count_and_time() {
    let arguments = "{% [$states.context.Execution.RedriveCount, $exists($states.context.Execution.RedriveTime)] %}";
    let definition = machine("A", json!({"A": step(json!({"Arguments": arguments, "End": true}))}));
    let (_, _, script) = redriven(&definition, &json!({}), vec![failing()]).await;
    assert_eq!(script.arguments(), [json!([0, false]), json!([1, true])]);
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_redriven_after_restarts_before_and_during_its_redrive() {
    let first = Script::answers([failing()]);
    let fixture = Fixture::new(&first);
    let before = fixture.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!("in")).await;
    fixture.states.shutdown().await.unwrap();

    let second = Script::answers([Answer::Never]);
    let fixture = Fixture::over(Arc::clone(&fixture.store), &second);
    assert_eq!(fixture.states.resume(), 0);
    let arn = text(&before.described["executionArn"]);
    fixture.ask("RedriveExecution", json!({"executionArn": arn})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.states.shutdown().await.unwrap();

    let third = Script::answers([]);
    let fixture = Fixture::over(Arc::clone(&fixture.store), &third);
    assert_eq!(fixture.states.resume(), 1);
    let described = fixture.end(&arn).await;
    assert_eq!((&described["status"], &described["redriveCount"]), (&json!("SUCCEEDED"), &json!(1)));
    assert_eq!((second.arguments(), third.arguments()), (vec![json!("in")], vec![json!("in")]));
}

#[tokio::test(start_paused = true)]
async fn only_the_pass_that_failed_is_evaluated_again() {
    let states = json!({
        "A": {"Type": "Pass", "Assign": {"v": "{% $uuid() %}"}, "Next": "B"},
        "B": {"Type": "Pass", "Output": "{% $states.context.Execution.RedriveCount > 0 ? $v : $nothing %}", "End": true},
    });
    let no_answers = Script::answers([]);
    let (before, after) =
        redriven_after_a_restart(&machine("A", states), &json!({}), Script::answers([]), &no_answers).await;
    assert_eq!(before.error(), "States.QueryEvaluationError");
    let assigned = text(&before.of("PassStateExited")[0]["stateExitedEventDetails"]["assignedVariables"]["v"]);
    assert_eq!(after.output().to_string(), assigned);
    assert_eq!(after.of("PassStateEntered").len(), 2, "neither is entered again");
}

#[tokio::test(start_paused = true)]
async fn an_execution_in_a_succeed_state_is_not_redriven() {
    let fixture = Fixture::new(&Script::answers([failing()]));
    let branches = json!([
        {"StartAt": "S", "States": {"S": {"Type": "Succeed", "Output": "{% $uuid() %}"}}},
        {"StartAt": "T", "States": {"T": step(json!({"End": true}))}},
    ]);
    let states = json!({"P": {"Type": "Parallel", "Branches": branches, "Next": "E"}, "E": {"Type": "Succeed"}});
    let before = fixture.run(&machine("P", states), &json!("in")).await;
    let exited = |ended: &Ended| {
        let exited = ended.of("SucceedStateExited").into_iter().map(|event| event["stateExitedEventDetails"].clone());
        exited.collect::<Vec<_>>()
    };
    assert_eq!((before.status(), exited(&before).len()), ("FAILED", 1));
    let after = fixture.redrive(&before).await;
    assert_eq!(
        exited(&after).len(),
        2,
        "that of the branch is not entered again, and the last one is: {:?}",
        after.types()
    );
    assert_eq!(json!(after.output()[0].to_string()), exited(&before)[0]["output"]);
    let (code, _) = fixture.refused("RedriveExecution", json!({"executionArn": after.described["executionArn"]})).await;
    assert_eq!(code, "ExecutionNotRedrivable");
}

#[tokio::test(start_paused = true)]
async fn the_machine_timeout_starts_at_the_redrive_even_after_a_restart() {
    let mut definition = machine("A", json!({"A": step(json!({"End": true}))}));
    definition["TimeoutSeconds"] = json!(60);
    let slow = Script::new(|_, _| Answer::After(Duration::from_secs(30)));
    let fixture = Fixture::new(&Script::answers([failing()]));
    let before = fixture.run(&definition, &json!({})).await;
    let arn = text(&before.described["executionArn"]);
    // Moves one of the dates back by a number of seconds.
    let passed = |fixture: &Fixture, date: &str, seconds: i64| {
        let (_, mut record) = fixture.store.load::<Value>("states.executions").unwrap().remove(0);
        record[date] = json!(record[date].as_i64().unwrap() - seconds * 1000);
        fixture.store.put("states.executions", &arn, &record).unwrap();
    };
    fixture.states.shutdown().await.unwrap();
    passed(&fixture, "started", 3600);
    let fixture = Fixture::over(Arc::clone(&fixture.store), &slow);
    fixture.ask("RedriveExecution", json!({"executionArn": arn})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.states.shutdown().await.unwrap();
    for (since_the_redrive, status) in [(50, "TIMED_OUT"), (20, "SUCCEEDED")] {
        let (key, before) = fixture.store.load::<Value>("states.executions").unwrap().remove(0);
        passed(&fixture, "redriven", since_the_redrive);
        let again = Fixture::over(Arc::clone(&fixture.store), &slow);
        again.states.resume();
        assert_eq!(again.end(&arn).await["status"], status, "{since_the_redrive} seconds after the redrive");
        again.states.shutdown().await.unwrap();
        fixture.store.put("states.executions", &key, &before).unwrap();
    }
}
