//! Map and Parallel.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};

use crate::support::{Answer, Fixture, Script, machine, run, task};

fn map(more: Value) -> Value {
    let mut map = json!({
        "Type": "Map", "Items": "{% $states.input %}", "End": true,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "T", "States": {"T": task(json!({"End": true}))}},
    });
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    machine("M", json!({"M": map}))
}

#[tokio::test(start_paused = true)]
async fn results_have_the_order_of_the_items() {
    let script = Script::new(|call, _| Answer::After(Duration::from_secs(10 - call.arguments.as_u64().unwrap())));
    let processor =
        json!({"StartAt": "T", "States": {"T": task(json!({"Arguments": "{% $states.input %}", "End": true}))}});
    let ended = Fixture::new(&script).run(&map(json!({"ItemProcessor": processor})), &json!([1, 5, 3])).await;
    assert_eq!(ended.output(), json!([1, 5, 3]));
}

#[tokio::test(start_paused = true)]
async fn at_most_max_concurrency_iterations_run_and_never_more_than_40() {
    let items = json!((0..100).collect::<Vec<_>>());
    for (fields, most) in [
        (json!({}), 40),
        (json!({"MaxConcurrency": 0}), 40),
        (json!({"MaxConcurrency": 3}), 3),
        (json!({"MaxConcurrency": "{% 7 %}"}), 7),
        (json!({"MaxConcurrency": 90}), 40),
    ] {
        let script = Script::new(|_, _| Answer::After(Duration::from_secs(1)));
        let ended = Fixture::new(&script).run(&map(fields.clone()), &items).await;
        assert_eq!(ended.status(), "SUCCEEDED");
        assert_eq!(script.most.load(Ordering::SeqCst), most, "{fields}");
        assert_eq!(script.count(), 100);
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_selector_builds_the_input_from_the_item() {
    let selector = json!({"i": "{% $states.context.Map.Item.Index %}", "v": "{% $states.context.Map.Item.Value %}"});
    let script = Script::answers([]);
    Fixture::new(&script).run(&map(json!({"ItemSelector": selector, "MaxConcurrency": 1})), &json!(["a", "b"])).await;
    let payloads: Vec<Value> = script.arguments().iter().map(|arguments| arguments["Payload"].clone()).collect();
    assert_eq!(payloads, [json!({"i": 0, "v": "a"}), json!({"i": 1, "v": "b"})]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_an_empty_result() {
    let ended = run(&map(json!({})), &json!([]), []).await;
    assert_eq!(ended.output(), json!([]));
    assert_eq!(
        ended.types(),
        [
            "ExecutionStarted",
            "MapStateEntered",
            "MapStateStarted",
            "MapStateSucceeded",
            "MapStateExited",
            "ExecutionSucceeded"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn items_that_are_not_a_list_fail_by_error_name() {
    let ended = run(&map(json!({})), &json!({"a": 1}), []).await;
    assert_eq!(ended.error(), "States.QueryEvaluationError");
    assert!(
        ended.cause().contains("'Items' returned an unexpected result type. Expected 'array'"),
        "{}",
        ended.cause()
    );
}

#[tokio::test(start_paused = true)]
async fn iterations_can_read_but_not_change_outer_variables() {
    let inner = json!({"StartAt": "I", "States": {
        "I": {"Type": "Pass", "Assign": {"own": "{% $outer & $states.input %}", "outer": "changed"}, "Next": "J"},
        "J": {"Type": "Pass", "Output": "{% $own %}", "End": true},
    }});
    let definition = machine(
        "A",
        json!({
            "A": {"Type": "Pass", "Assign": {"outer": "o"}, "Next": "M"},
            "M": {"Type": "Map", "Items": ["1", "2"], "ItemProcessor": inner, "Next": "E"},
            "E": {"Type": "Pass", "Output": ["{% $outer %}", "{% $states.input %}", "{% $exists($own) %}"], "End": true},
        }),
    );
    assert_eq!(run(&definition, &json!({}), []).await.output(), json!(["o", ["o1", "o2"], false]));
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_aborts_the_other_iterations() {
    let script = Script::new(|call, _| match call.arguments["Payload"].as_str() {
        Some("bad") => Answer::Error("Bad", "item"),
        _ => Answer::Never,
    });
    let ended = Fixture::new(&script).run(&map(json!({"MaxConcurrency": 2})), &json!(["good", "bad", "later"])).await;
    // Types and previousEventId as in LocalStack's recording of AWS "test_service_lambda_map_timeout" (10-03-2024).
    assert_eq!((ended.status(), ended.error(), ended.cause()), ("FAILED", "Bad", "item"));
    assert_eq!(script.count(), 2, "the third iteration never starts");
    let types = ended.types();
    let at = types.iter().position(|kind| *kind == "MapIterationFailed").unwrap();
    assert_eq!(
        types[at..],
        [
            "MapIterationFailed",
            "TaskStateAborted",
            "MapIterationAborted",
            "TaskStateAborted",
            "MapStateFailed",
            "ExecutionFailed"
        ]
    );
    let failed = &ended.of("TaskFailed")[0]["id"];
    for event in &ended.history[at..ended.history.len() - 1] {
        assert_eq!(&event["previousEventId"], failed, "{event}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_iteration_input_aborts_running_iterations() {
    let selector = json!("{% $states.context.Map.Item.Value = 'bad' ? $nothing : $states.context.Map.Item.Value %}");
    let definition = map(json!({"ItemSelector": selector}));
    let ended = run(&definition, &json!(["a", "b", "bad", "c"]), [Answer::Never, Answer::Never]).await;
    assert_eq!(ended.error(), "States.QueryEvaluationError");
    assert_eq!(
        ended.types()[3..],
        [
            "MapIterationStarted",
            "MapIterationStarted",
            "EvaluationFailed",
            "MapIterationAborted",
            "MapIterationAborted",
            "MapStateFailed",
            "ExecutionFailed"
        ]
    );
    let started = &ended.of("MapStateStarted")[0]["id"];
    assert_eq!(&ended.of("EvaluationFailed")[0]["previousEventId"], started, "the iteration had not begun");
}

#[tokio::test(start_paused = true)]
async fn a_map_is_retried_completely_and_caught_by_its_iterations_error() {
    let retry = json!([{"ErrorEquals": ["Bad"], "MaxAttempts": 1, "IntervalSeconds": 1}]);
    let failing = || Answer::Error("Bad", "");
    let ended = run(&map(json!({"Retry": retry})), &json!([1]), [failing()]).await;
    assert_eq!(ended.status(), "SUCCEEDED");
    assert_eq!(ended.of("MapStateStarted").len(), 2);
    assert!(ended.of("MapStateFailed").is_empty());

    let mut definition = map(json!({"Retry": retry, "Catch": [{"ErrorEquals": ["Bad"], "Next": "H"}]}));
    definition["States"]["H"] = json!({"Type": "Pass", "End": true});
    let ended = run(&definition, &json!([1]), [failing(), failing()]).await;
    assert_eq!(ended.output(), json!({"Error": "Bad", "Cause": ""}));
}

#[tokio::test(start_paused = true)]
async fn branches_run_concurrently_with_one_input_and_ordered_outputs() {
    let branch = |name: &str, seconds: u32| {
        json!({"StartAt": name, "States": {
            name: {"Type": "Wait", "Seconds": seconds, "Output": ["{% $states.input %}", name], "End": true},
        }})
    };
    let parallel = json!({"Type": "Parallel", "Arguments": "{% $states.input.x %}", "Branches": [branch("L", 60), branch("R", 30)],
                          "Output": {"both": "{% $states.result %}"}, "End": true});
    let before = tokio::time::Instant::now();
    let ended = run(&machine("P", json!({"P": parallel})), &json!({"x": 5}), []).await;
    assert_eq!(ended.output(), json!({"both": [[5, "L"], [5, "R"]]}));
    assert!(before.elapsed().as_secs() < 70, "not one after the other");
    let started = &ended.of("ParallelStateStarted")[0]["id"];
    for entered in ended.of("WaitStateEntered") {
        assert_eq!(&entered["previousEventId"], started);
    }
}

#[tokio::test(start_paused = true)]
async fn states_inside_an_aborted_branch_are_aborted() {
    let inner = json!({"StartAt": "T", "States": {"T": task(json!({"End": true}))}});
    let branches = json!([
        {"StartAt": "M", "States": {"M": {"Type": "Map", "Items": [1], "ItemProcessor": inner, "End": true}}},
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "Next": "F"}, "F": {"Type": "Fail", "Error": "Enough"}}},
    ]);
    let definition = machine("P", json!({"P": {"Type": "Parallel", "Branches": branches, "End": true}}));
    let ended = run(&definition, &json!({}), [Answer::Never]).await;
    assert_eq!(ended.error(), "Enough");
    let types = ended.types();
    let at = types.iter().position(|kind| *kind == "FailStateEntered").unwrap();
    assert_eq!(
        types[at + 1..],
        ["MapIterationAborted", "TaskStateAborted", "MapStateAborted", "ParallelStateFailed", "ExecutionFailed"]
    );
}

#[tokio::test(start_paused = true)]
async fn only_running_states_inside_a_branch_are_aborted() {
    let inner = json!({"StartAt": "T", "States": {"T": task(json!({"End": true}))}});
    let branches = json!([
        {"StartAt": "M", "States": {"M": {"Type": "Map", "Items": ["done", "stuck"], "ItemProcessor": inner, "End": true}}},
        {"StartAt": "L", "States": {"L": {"Type": "Wait", "Seconds": 99, "End": true}}},
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "Next": "F"}, "F": {"Type": "Fail", "Error": "Enough"}}},
    ]);
    let definition = machine("P", json!({"P": {"Type": "Parallel", "Branches": branches, "End": true}}));
    let script = Script::new(|call, _| match call.arguments["Payload"].as_str() {
        Some("stuck") => Answer::Never,
        _ => Answer::Arguments,
    });
    let ended = Fixture::new(&script).run(&definition, &json!({})).await;
    let types = ended.types();
    let at = types.iter().position(|kind| *kind == "FailStateEntered").unwrap();
    assert_eq!(
        types[at + 1..],
        [
            "MapIterationAborted",
            "TaskStateAborted",
            "MapStateAborted",
            "WaitStateAborted",
            "ParallelStateFailed",
            "ExecutionFailed"
        ]
    );
    assert_eq!(ended.of("MapIterationAborted")[0]["mapIterationAbortedEventDetails"]["index"], 1);
}

/// "Maximum input or output size for a task, state, or execution"
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>).
#[tokio::test(start_paused = true)]
async fn inputs_and_outputs_of_map_and_parallel_are_limited_in_size() {
    let small = json!({"StartAt": "S", "States": {"S": {"Type": "Pass", "Output": "small", "End": true}}});
    let large = "{% $pad('', 262144, 'x') %}";
    let part = json!({"StartAt": "S", "States": {"S": {"Type": "Pass", "Output": "{% $pad('', 100000, 'x') %}", "End": true}}});
    for (what, state) in [
        ("Arguments", json!({"Type": "Parallel", "Arguments": large, "Branches": [small], "End": true})),
        (
            "ItemSelector",
            json!({"Type": "Map", "Items": [1], "ItemSelector": large, "ItemProcessor": small, "End": true}),
        ),
        (
            "the results together",
            json!({"Type": "Map", "Items": [1, 2, 3], "ItemProcessor": part, "Output": "small", "End": true}),
        ),
    ] {
        let ended = run(&machine("M", json!({"M": state})), &json!({}), []).await;
        assert_eq!((ended.status(), ended.error()), ("FAILED", "States.DataLimitExceeded"), "{what}");
    }
}
