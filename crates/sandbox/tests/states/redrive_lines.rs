//! `RedriveExecution` of Maps in Maps, of Parallels, and at the limits.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Answer, Ended, Script, World, machine, task, text};

fn failing() -> Answer {
    Answer::Error("Bad", "why")
}

/// A Task that hands its input on.
fn step(more: Value) -> Value {
    let mut fields = json!({"Arguments": "{% $states.input %}", "End": true});
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task(fields)
}

/// A Map over its input.
fn map(start: &str, states: Value, more: Value) -> Value {
    let mut map = json!({"Type": "Map", "ItemProcessor": {"StartAt": start, "States": states}, "End": true});
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    map
}

/// Runs a machine, and redrives it on a service that was started again, with other answers.
async fn redriven_after_a_restart(
    definition: &Value,
    input: &Value,
    first: Arc<Script>,
    second: &Arc<Script>,
) -> (Ended, Ended) {
    let world = World::new(&first);
    let before = world.run(definition, input).await;
    assert_eq!(before.status(), "FAILED", "{}", before.described);
    world.states.shutdown().await.unwrap();
    let again = World::over(Arc::clone(&world.store), second);
    let arn = text(&before.described["executionArn"]);
    again.ask("RedriveExecution", json!({"executionArn": arn})).await;
    let described = again.end(&arn).await;
    let history = again.history(&arn).await;
    (before, Ended { described, history })
}

/// The arguments of the calls as text, sorted.
fn called(script: &Script) -> Vec<String> {
    let mut called: Vec<String> = script.arguments().iter().map(Value::to_string).collect();
    called.sort();
    called
}

#[tokio::test(start_paused = true)]
async fn of_a_map_in_a_map_only_the_inner_iterations_that_did_not_succeed_run_again() {
    let inner = map("T", json!({"T": step(json!({}))}), json!({}));
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
    let branch = |name: &str| json!({"StartAt": name, "States": {name: step(json!({"Arguments": [name, "{% $states.input %}"]}))}});
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
    let branch = |name: &str| json!({"StartAt": name, "States": {name: step(json!({"Arguments": name}))}});
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
    let definition = machine("M", json!({"M": map("T", json!({"T": step(json!({}))}), json!({"MaxConcurrency": 1}))}));
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
    let definition = machine("M", json!({"M": map("T", json!({"T": step(json!({}))}), json!({"Retry": retry}))}));
    let first = Script::answers([failing(), failing()]);
    let second = Script::answers([failing()]);
    let (_, after) = redriven_after_a_restart(&definition, &json!([1]), first, &second).await;
    assert_eq!((after.status(), second.count()), ("SUCCEEDED", 2), "it failed once more and was retried");
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
async fn the_history_must_have_less_than_24999_events() {
    let script = Script::answers([failing()]);
    let world = World::new(&script);
    let ended = world.run(&machine("A", json!({"A": step(json!({}))})), &json!({})).await;
    let arn = text(&ended.described["executionArn"]);
    world.states.shutdown().await.unwrap();
    for (events, refused) in [(24_999, true), (24_998, false)] {
        let (_, mut record) = world.store.load::<Value>("states.executions").unwrap().remove(0);
        record["events"] = json!(events);
        world.store.put("states.executions", &arn, &record).unwrap();
        let again = World::over(Arc::clone(&world.store), &script);
        if refused {
            let (code, message) = again.refused("RedriveExecution", json!({"executionArn": arn})).await;
            assert_eq!(
                (code.as_str(), message),
                ("ExecutionNotRedrivable", format!("Execution history event limit exceeded: '{arn}'"))
            );
        } else {
            again.ask("RedriveExecution", json!({"executionArn": arn})).await;
            assert_eq!(again.end(&arn).await["status"], "SUCCEEDED");
        }
    }
}
