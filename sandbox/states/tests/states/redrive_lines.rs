//! `RedriveExecution` of Maps and Parallels: which of their lines of work run again.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    redrive_support::{added, failing, map, mapping, redriven, redriven_after_a_restart, step},
    support::{Answer, Script, World, machine},
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
async fn of_a_map_only_the_iteration_that_failed_is_called_again() {
    // By its last attempt, the others are done.
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 5}]);
    let states = json!({"T": step(json!({"Retry": retry, "Next": "U"})), "U": {"Type": "Pass", "End": true}});
    let items = json!(["zero", "one", "two", "three"]);
    let first = failing_for("two");
    let world = World::new(&first);
    let before = world.run(&mapping("T", states), &items).await;
    assert_eq!((before.status(), first.count()), ("FAILED", 5));
    world.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = World::over(Arc::clone(&world.store), &second);
    let after = again.redrive(&before).await;
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
    let mut definition = mapping("T", json!({"T": step(json!({"End": true}))}));
    definition["States"]["M"]["MaxConcurrency"] = json!(1);
    let items = json!(["zero", "one", "two", "three"]);
    let first = failing_for("one");
    let world = World::new(&first);
    let before = world.run(&definition, &items).await;
    assert_eq!(first.arguments(), ["zero", "one"]);
    world.states.shutdown().await.unwrap();
    let second = Script::answers([]);
    let again = World::over(Arc::clone(&world.store), &second);
    let after = again.redrive(&before).await;
    assert_eq!(second.arguments(), ["one", "two", "three"]);
    assert_eq!(after.output(), items);
}

#[tokio::test(start_paused = true)]
async fn of_a_map_those_that_were_aborted_go_on_in_the_state_that_each_was_in() {
    let definition = mapping(
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
    let after = again.redrive(&before).await;
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
    let definition = mapping("T", json!({"T": step(json!({"End": true}))}));
    let large = Answer::Value(json!("x".repeat(200_000)));
    let (before, after, script) = redriven(&definition, &json!([1, 2]), vec![large.clone(), large]).await;
    assert_eq!(before.error(), "States.DataLimitExceeded");
    assert_eq!(script.arguments(), [1, 2, 1, 2].map(Value::from));
    assert_eq!(after.output(), json!([1, 2]));
    assert_eq!(after.of("MapStateStarted").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_map_whose_items_could_not_be_worked_out_starts_when_they_can() {
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
async fn of_a_map_in_a_map_only_the_inner_iterations_that_did_not_succeed_run_again() {
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
async fn of_a_parallel_in_a_map_only_the_branches_that_did_not_succeed_run_again() {
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
async fn after_too_much_data_a_parallel_runs_whole_again() {
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
async fn after_too_much_data_in_one_iteration_all_iterations_run_again() {
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
async fn the_retry_counters_of_a_map_begin_anew() {
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let definition =
        machine("M", json!({"M": map("T", json!({"T": step(json!({"End": true}))}), json!({"Retry": retry}))}));
    let first = Script::answers([failing(), failing()]);
    let second = Script::answers([failing()]);
    let (_, after) = redriven_after_a_restart(&definition, &json!([1]), first, &second).await;
    assert_eq!((after.status(), second.count()), ("SUCCEEDED", 2), "it failed once more and was retried");
}

#[tokio::test(start_paused = true)]
async fn of_a_map_that_was_stopped_or_timed_out_what_had_succeeded_is_kept() {
    for how in ["stop", "timeout"] {
        let mut definition = mapping("T", json!({"T": step(json!({"End": true}))}));
        definition["TimeoutSeconds"] = json!(60);
        let script = Script::answers([Answer::Arguments, Answer::Never]);
        let world = World::new(&script);
        let machine = world.create("m", &definition).await;
        let arn = world.start(&machine, &json!(["a", "b"])).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        if how == "stop" {
            world.ask("StopExecution", json!({"executionArn": arn})).await;
        }
        world.end(&arn).await;
        world.ask("RedriveExecution", json!({"executionArn": arn})).await;
        assert_eq!(world.end(&arn).await["output"], "[\"a\",\"b\"]", "{how}");
        assert_eq!(script.arguments(), ["a", "b", "b"], "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_retry_a_redrive_goes_on_from_the_last_attempt_alone() {
    let more =
        json!({"MaxConcurrency": 1, "Retry": [{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]});
    let definition = machine("M", json!({"M": map("T", json!({"T": step(json!({"End": true}))}), more)}));
    // The first attempt comes to the third item, the second one fails with the first.
    let first = Script::answers([Answer::Arguments, Answer::Arguments, failing(), failing()]);
    let second = Script::answers([]);
    let items = json!(["a", "b", "c"]);
    let (_, after) = redriven_after_a_restart(&definition, &items, first, &second).await;
    assert_eq!(second.arguments(), ["a", "b", "c"]);
    assert_eq!(after.output(), items);
}

#[tokio::test(start_paused = true)]
async fn an_iteration_whose_item_is_gone_is_forgotten() {
    let mut definition = mapping("T", json!({"T": step(json!({"End": true}))}));
    definition["States"]["M"]["MaxConcurrency"] = json!(1);
    definition["States"]["M"]["Items"] = json!("{% $states.context.Execution.RedriveCount > 0 ? [1, 2] : [1, 2, 3] %}");
    let answers = vec![Answer::Arguments, Answer::Arguments, failing()];
    let (_, after, script) = redriven(&definition, &json!({}), answers).await;
    assert_eq!((after.output(), script.count()), (json!([1, 2]), 3));
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_entry_into_the_map_ran_is_not_taken_for_the_work_of_this_one() {
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
async fn the_retry_counters_of_a_parallel_begin_anew() {
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let branches = json!([{"StartAt": "T", "States": {"T": step(json!({"End": true}))}}]);
    let parallel = json!({"Type": "Parallel", "Branches": branches, "Retry": retry, "End": true});
    let first = Script::answers([failing(), failing()]);
    let second = Script::answers([failing()]);
    let definition = machine("P", json!({"P": parallel}));
    let (_, after) = redriven_after_a_restart(&definition, &json!(1), first, &second).await;
    assert_eq!((after.status(), second.count()), ("SUCCEEDED", 2), "it failed once more and was retried");
}
