//! `RedriveExecution` of Map and Parallel: which of their flows run again.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    redrive_support::{added, failing, map, mapping, redriven, redriven_after_a_restart, step},
    support::{Answer, Fixture, Script, machine},
};

/// The arguments of the calls as text, sorted.
fn called(script: &Script) -> Vec<String> {
    let mut called: Vec<String> = script.arguments().iter().map(Value::to_string).collect();
    called.sort();
    called
}

/// A runner that fails the iteration of one item.
fn failing_for(item: &'static str) -> Arc<Script> {
    Script::new(move |call, _| if call.arguments == json!(item) { failing() } else { Answer::Arguments })
}

#[tokio::test(start_paused = true)]
async fn only_the_failed_iteration_of_a_map_runs_again() {
    // At the last attempt, the other iterations have ended.
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 5}]);
    let states = json!({"T": step(json!({"Retry": retry, "Next": "U"})), "U": {"Type": "Pass", "End": true}});
    let items = json!(["zero", "one", "two", "three"]);
    let first = failing_for("two");
    let fixture = Fixture::new(&first);
    let before = fixture.run(&mapping("T", states), &items).await;
    assert_eq!((before.status(), first.count()), ("FAILED", 5));
    fixture.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = Fixture::over(Arc::clone(&fixture.store), &second);
    let after = again.redrive(&before).await;
    assert_eq!(second.arguments(), ["two"]);
    assert_eq!(after.output(), items);
    let count = |kind: &str| after.of(kind).len();
    assert_eq!((count("MapStateStarted"), count("MapIterationStarted"), count("MapIterationSucceeded")), (1, 4, 4));
    assert_eq!(added(&before, &after)[..2], ["ExecutionRedriven", "TaskScheduled"]);
    let scheduled = &after.history[before.history.len() + 1];
    let failed = before.of("TaskFailed")[1];
    assert_eq!(scheduled["previousEventId"], failed["id"], "an iteration continues after its own last event");
}

#[tokio::test(start_paused = true)]
async fn iterations_that_had_not_started_start() {
    let mut definition = mapping("T", json!({"T": step(json!({"End": true}))}));
    definition["States"]["M"]["MaxConcurrency"] = json!(1);
    let items = json!(["zero", "one", "two", "three"]);
    let first = failing_for("one");
    let fixture = Fixture::new(&first);
    let before = fixture.run(&definition, &items).await;
    assert_eq!(first.arguments(), ["zero", "one"]);
    fixture.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = Fixture::over(Arc::clone(&fixture.store), &second);
    let after = again.redrive(&before).await;
    assert_eq!(second.arguments(), ["one", "two", "three"]);
    assert_eq!(after.output(), items);
}

#[tokio::test(start_paused = true)]
async fn aborted_iterations_continue_in_their_state() {
    let definition = mapping(
        "T",
        json!({
            "T": step(json!({"Assign": {"seen": "{% $states.input %}"}, "Next": "U"})),
            "U": step(json!({"Arguments": {"u": "{% $seen %}"}, "End": true})),
        }),
    );
    // 0 has ended, 1 waits in U, 2 waits in T, 3 fails in U.
    let first = Script::new(|call, _| match (call.arguments.as_u64(), call.arguments["u"].as_u64()) {
        (Some(2), _) | (_, Some(1)) => Answer::Never,
        (_, Some(3)) => Answer::Error("Bad", "why"),
        _ => Answer::Arguments,
    });
    let fixture = Fixture::new(&first);
    let before = fixture.run(&definition, &json!([0, 1, 2, 3])).await;
    assert_eq!((before.status(), first.count()), ("FAILED", 7));
    fixture.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = Fixture::over(Arc::clone(&fixture.store), &second);
    let after = again.redrive(&before).await;
    let mut called: Vec<String> = second.arguments().iter().map(Value::to_string).collect();
    called.sort();
    assert_eq!(called, ["2", "{\"u\":1}", "{\"u\":2}", "{\"u\":3}"]);
    assert_eq!(after.output(), json!([{"u": 0}, {"u": 1}, {"u": 2}, {"u": 3}]));
}

#[tokio::test(start_paused = true)]
async fn only_unsuccessful_branches_of_a_parallel_run_again() {
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
async fn after_a_data_limit_error_a_map_runs_completely_again() {
    let definition = mapping("T", json!({"T": step(json!({"End": true}))}));
    let large = Answer::Value(json!("x".repeat(200_000)));
    let (before, after, script) = redriven(&definition, &json!([1, 2]), vec![large.clone(), large]).await;
    assert_eq!(before.error(), "States.DataLimitExceeded");
    assert_eq!(script.arguments(), [1, 2, 1, 2].map(Value::from));
    assert_eq!(after.output(), json!([1, 2]));
    assert_eq!(after.of("MapStateStarted").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_map_whose_items_failed_to_evaluate_starts_at_the_redrive() {
    let mut definition = mapping("T", json!({"T": step(json!({"End": true}))}));
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
    let (before, after, script) = redriven(&mapping("T", states), &json!(["a"]), vec![]).await;
    assert_eq!(before.error(), "States.NoChoiceMatched");
    assert_eq!(script.count(), 1, "the Task is not called twice");
    assert_eq!(after.output(), json!(["a"]));
    assert!(!added(&before, &after).contains(&"ChoiceStateEntered"));
}

#[tokio::test(start_paused = true)]
async fn only_unsuccessful_inner_iterations_of_nested_maps_run_again() {
    let inner = map("T", json!({"T": step(json!({"End": true}))}), json!({}));
    let definition = machine("M", json!({"M": map("I", json!({"I": inner}), json!({"MaxConcurrency": 1}))}));
    let first = Script::new(|call, _| match call.arguments.as_u64() {
        Some(4) => failing(),
        _ => Answer::Arguments,
    });
    let second = Script::answers([]);
    let items = json!([[1, 2], [3, 4], [5]]);
    let (before, after) = redriven_after_a_restart(&definition, &items, first, &second).await;
    assert_eq!(before.error(), "Bad");
    assert_eq!(called(&second), ["4", "5"]);
    assert_eq!(after.output(), items);
    assert_eq!(after.of("MapStateStarted").len(), 4, "one outer Map, three inner ones, each once");
}

#[tokio::test(start_paused = true)]
async fn only_unsuccessful_branches_of_a_parallel_in_a_map_run_again() {
    let branch = |name: &str| json!({"StartAt": name, "States": {name: step(json!({"Arguments": [name, "{% $states.input %}"], "End": true}))}});
    let parallel = json!({"Type": "Parallel", "Branches": [branch("L"), branch("R")], "End": true});
    let definition = machine("M", json!({"M": map("P", json!({"P": parallel}), json!({"MaxConcurrency": 1}))}));
    let first = Script::new(|call, _| if call.arguments == json!(["R", "b"]) { failing() } else { Answer::Arguments });
    let second = Script::answers([]);
    let (_, after) = redriven_after_a_restart(&definition, &json!(["a", "b"]), first, &second).await;
    assert_eq!(called(&second), ["[\"R\",\"b\"]"]);
    assert_eq!(after.output(), json!([[["L", "a"], ["R", "a"]], [["L", "b"], ["R", "b"]]]));
}

#[tokio::test(start_paused = true)]
async fn after_a_data_limit_error_a_parallel_runs_completely_again() {
    let branch = |name: &str| json!({"StartAt": name, "States": {name: step(json!({"Arguments": name, "End": true}))}});
    let parallel = json!({"Type": "Parallel", "Branches": [branch("L"), branch("R")], "End": true});
    let large = || Answer::Value(json!("x".repeat(200_000)));
    let second = Script::answers([]);
    let definition = machine("P", json!({"P": parallel}));
    let first = Script::answers([large(), large()]);
    let (before, after) = redriven_after_a_restart(&definition, &json!({}), first, &second).await;
    assert_eq!(before.error(), "States.DataLimitExceeded");
    assert_eq!(called(&second), ["\"L\"", "\"R\""]);
    assert_eq!((after.output(), after.of("ParallelStateStarted").len()), (json!(["L", "R"]), 2));
}

#[tokio::test(start_paused = true)]
async fn after_a_data_limit_error_all_iterations_run_again() {
    let definition =
        machine("M", json!({"M": map("T", json!({"T": step(json!({"End": true}))}), json!({"MaxConcurrency": 1}))}));
    let first = Script::answers([Answer::Arguments, Answer::Value(json!("x".repeat(300_000)))]);
    let second = Script::answers([]);
    let (before, after) = redriven_after_a_restart(&definition, &json!([1, 2, 3]), first, &second).await;
    assert_eq!(before.error(), "States.DataLimitExceeded");
    assert_eq!(called(&second), ["1", "2", "3"]);
    assert_eq!(after.output(), json!([1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn the_retry_counters_of_a_map_restart() {
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let definition =
        machine("M", json!({"M": map("T", json!({"T": step(json!({"End": true}))}), json!({"Retry": retry}))}));
    let first = Script::answers([failing(), failing()]);
    let second = Script::answers([failing()]);
    let (_, after) = redriven_after_a_restart(&definition, &json!([1]), first, &second).await;
    assert_eq!((after.status(), second.count()), ("SUCCEEDED", 2), "it failed once more and was retried");
}

#[tokio::test(start_paused = true)]
async fn successful_iterations_of_a_stopped_map_are_kept() {
    for how in ["stop", "timeout"] {
        let mut definition = mapping("T", json!({"T": step(json!({"End": true}))}));
        definition["TimeoutSeconds"] = json!(60);
        let script = Script::answers([Answer::Arguments, Answer::Never]);
        let fixture = Fixture::new(&script);
        let machine = fixture.create("m", &definition).await;
        let arn = fixture.start(&machine, &json!(["a", "b"])).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if how == "stop" {
            fixture.ask("StopExecution", json!({"executionArn": arn})).await;
        }
        fixture.end(&arn).await;
        fixture.ask("RedriveExecution", json!({"executionArn": arn})).await;
        assert_eq!(fixture.end(&arn).await["output"], "[\"a\",\"b\"]", "{how}");
        assert_eq!(script.arguments(), ["a", "b", "b"], "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redrive_continues_only_the_last_attempt() {
    let more =
        json!({"MaxConcurrency": 1, "Retry": [{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]});
    let definition = machine("M", json!({"M": map("T", json!({"T": step(json!({"End": true}))}), more)}));
    // The first attempt reaches the third item, the second one fails at the first.
    let first = Script::answers([Answer::Arguments, Answer::Arguments, failing(), failing()]);
    let second = Script::answers([]);
    let items = json!(["a", "b", "c"]);
    let (_, after) = redriven_after_a_restart(&definition, &items, first, &second).await;
    assert_eq!(second.arguments(), ["a", "b", "c"]);
    assert_eq!(after.output(), items);
}

#[tokio::test(start_paused = true)]
async fn an_iteration_without_its_item_is_removed() {
    let mut definition = mapping("T", json!({"T": step(json!({"End": true}))}));
    definition["States"]["M"]["MaxConcurrency"] = json!(1);
    definition["States"]["M"]["Items"] = json!("{% $states.context.Execution.RedriveCount > 0 ? [1, 2] : [1, 2, 3] %}");
    let answers = vec![Answer::Arguments, Answer::Arguments, failing()];
    let (_, after, script) = redriven(&definition, &json!({}), answers).await;
    assert_eq!((after.output(), script.count()), (json!([1, 2]), 3));
}

#[tokio::test(start_paused = true)]
async fn iterations_of_an_earlier_entry_are_ignored() {
    let items = "{% $exists($turn) and $states.context.Execution.RedriveCount = 0 ? 'none' : ['a'] %}";
    let more = json!({"Items": items, "Assign": {"turn": "{% $exists($turn) ? $turn + 1 : 1 %}"}, "Next": "Which"});
    let mut again = map("T", json!({"T": step(json!({"End": true}))}), more);
    again.as_object_mut().unwrap().remove("End");
    let twice = json!([{"Condition": "{% $turn = 2 %}", "Next": "Done"}]);
    let states = json!({
        "M": again,
        "Which": {"Type": "Choice", "Choices": twice, "Default": "M"},
        "Done": {"Type": "Pass", "End": true},
    });
    let (before, after, script) = redriven(&machine("M", states), &json!({}), vec![]).await;
    assert_eq!((before.error(), after.status()), ("States.QueryEvaluationError", "SUCCEEDED"));
    assert_eq!(script.arguments(), ["a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn the_retry_counters_of_a_parallel_restart() {
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let branches = json!([{"StartAt": "T", "States": {"T": step(json!({"End": true}))}}]);
    let parallel = json!({"Type": "Parallel", "Branches": branches, "Retry": retry, "End": true});
    let first = Script::answers([failing(), failing()]);
    let second = Script::answers([failing()]);
    let definition = machine("P", json!({"P": parallel}));
    let (_, after) = redriven_after_a_restart(&definition, &json!(1), first, &second).await;
    assert_eq!((after.status(), second.count()), ("SUCCEEDED", 2), "it failed once more and was retried");
}
