//! The quotas of AWS.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::support::{Answer, Fixture, Script, machine, run, task, text};

const LIMIT: usize = 262_144;

fn caught(names: Value) -> Value {
    let fields = json!({"Catch": [{"ErrorEquals": names, "Next": "Handled"}], "End": true});
    machine("A", json!({"A": task(fields), "Handled": {"Type": "Pass", "End": true}}))
}

fn large() -> Answer {
    Answer::Value(json!("x".repeat(LIMIT)))
}

#[tokio::test(start_paused = true)]
async fn a_result_over_256_kib_is_caught_only_by_name() {
    let ended = run(&caught(json!(["States.DataLimitExceeded"])), &json!({}), [large()]).await;
    assert_eq!(ended.output()["Error"], "States.DataLimitExceeded");
    let failed = &ended.of("TaskFailed")[0]["taskFailedEventDetails"];
    let cause =
        "The state/task 'lambda' returned a result with a size exceeding the maximum number of bytes service limit.";
    assert_eq!(failed["cause"], cause);
    for name in ["States.ALL", "States.TaskFailed"] {
        let ended = run(&caught(json!([name])), &json!({}), [large()]).await;
        assert_eq!((ended.status(), ended.error()), ("FAILED", "States.DataLimitExceeded"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_of_exactly_256_kib_is_accepted() {
    let ended = run(&caught(json!(["States.ALL"])), &json!({}), [Answer::Value(json!("x".repeat(LIMIT - 2)))]).await;
    assert_eq!(ended.output().as_str().map(str::len), Some(LIMIT - 2));
}

#[tokio::test(start_paused = true)]
async fn arguments_and_outputs_over_256_kib_fail_their_state() {
    let double = json!({"Type": "Pass", "Output": "{% $states.input & $states.input %}", "End": true});
    let input = json!("x".repeat(LIMIT - 100));
    let ended = run(&machine("A", json!({"A": double})), &input, []).await;
    assert_eq!(ended.error(), "States.DataLimitExceeded");
    let arguments = task(json!({"Arguments": "{% $states.input & $states.input %}", "End": true}));
    let ended = run(&machine("A", json!({"A": arguments})), &input, []).await;
    assert_eq!(ended.error(), "States.DataLimitExceeded");
    assert!(ended.of("TaskScheduled").is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_assign_is_limited_to_256_kib_and_all_variables_to_10_mib() {
    let assign = |assign: Value| machine("A", json!({"A": {"Type": "Pass", "Assign": assign, "End": true}}));
    let half = json!("x".repeat(LIMIT / 2 - 2));
    let ended = run(&assign(json!({"a": "{% $states.input %}", "b": "{% $states.input %}"})), &half, []).await;
    assert_eq!(ended.status(), "SUCCEEDED", "both together are 256 KiB");
    let ended = run(&assign(json!({"a": "{% $states.input %}", "b": "{% $states.input & 'x' %}"})), &half, []).await;
    assert_eq!(ended.error(), "States.DataLimitExceeded");

    // Each state has its own Assign of 256 KiB.
    let state = |index: usize| {
        let next = format!("A{}", index + 1);
        let state = json!({"Type": "Pass", "Assign": {format!("a{index}"): "{% $states.input %}"}, "Next": next});
        (format!("A{index}"), state)
    };
    let mut states: serde_json::Map<String, Value> = (1..=41).map(state).collect();
    states.insert("A42".to_owned(), json!({"Type": "Succeed"}));
    let ended = run(&machine("A1", Value::Object(states)), &json!("x".repeat(LIMIT - 2)), []).await;
    assert_eq!(ended.error(), "States.DataLimitExceeded");
    assert_eq!(ended.of("PassStateExited").len(), 40, "40 of 256 KiB are 10 MiB");
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_never_ends_fails_at_25000_events() {
    let definition = machine(
        "A",
        json!({
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Choice", "Choices": [{"Condition": false, "Next": "End"}], "Default": "A"},
            "End": {"Type": "Succeed"},
        }),
    );
    let fixture = Fixture::new(&Script::answers([]));
    let ended = fixture.run(&definition, &json!({})).await;
    assert_eq!(ended.status(), "FAILED");
    assert_eq!(ended.cause(), "The execution reached the maximum number of history events (25000).");
    assert_eq!(ended.described["redriveStatusReason"], "Execution history event limit exceeded");
    let body = json!({"executionArn": ended.described["executionArn"], "reverseOrder": true, "maxResults": 2});
    let last = fixture.ask("GetExecutionHistory", body).await;
    let event = |at: usize| (last["events"][at]["id"].as_u64().unwrap(), text(&last["events"][at]["type"]));
    assert_eq!(event(0), (25_000, "ExecutionFailed".to_owned()));
    assert_eq!(event(1), (24_999, "PassStateExited".to_owned()), "the last one that there was room for");
}

/// "Maximum execution history size: 25,000 events"
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>). The limit applies to every type of
/// event of a Map.
#[tokio::test(start_paused = true)]
async fn a_map_fails_at_25000_events_for_any_next_event() {
    let inner = json!({"StartAt": "T", "States": {"T": task(json!({"End": true}))}});
    let map = json!({"Type": "Map", "Items": [1, 2], "MaxConcurrency": 1, "ItemProcessor": inner, "End": true});
    // The Task is scheduled again and ends with four events. The next event ends an iteration, and the one after it
    // starts another.
    for (last, refused) in [(24_995, "MapIterationSucceeded"), (24_994, "MapIterationStarted")] {
        let fixture = Fixture::new(&Script::answers([Answer::Never]));
        let machine = fixture.create("m", &machine("M", json!({"M": map}))).await;
        let arn = fixture.start(&machine, &json!({})).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        fixture.states.shutdown().await.unwrap();
        let (key, mut event) = fixture.store.load::<Value>("states.history").unwrap().pop().unwrap();
        fixture.store.delete("states.history", &key).unwrap();
        event["id"] = json!(last);
        fixture.store.put("states.history", &format!("{arn}#{last:08}"), &event).unwrap();
        let again = Fixture::over(Arc::clone(&fixture.store), &Script::answers([]));
        again.states.resume();
        assert_eq!(again.end(&arn).await["status"], "FAILED");
        let history = again.history(&arn).await;
        let end = history.last().unwrap();
        assert_eq!((&end["id"], &end["type"]), (&json!(25_000), &json!("ExecutionFailed")), "instead of {refused}");
    }
}

/// The API reference of `TaskFailedEventDetails` and `ExecutionFailedEventDetails`
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html>): an error has at
/// most 256 characters, a cause 32,768.
#[tokio::test(start_paused = true)]
async fn error_and_cause_are_truncated_for_every_origin() {
    let (error, cause) = ("é".repeat(256), "ü".repeat(32_768));
    let (long_error, long_cause) = (format!("{error}!").leak(), format!("{cause}!").leak());
    let words = json!({"error": error, "cause": cause});
    let shown = |value: &Value| json!({"error": value["error"], "cause": value["cause"]});

    let definition = machine("A", json!({"A": task(json!({"End": true}))}));
    let ended = run(&definition, &json!({}), [Answer::Error(long_error, long_cause)]).await;
    assert_eq!(shown(&ended.of("TaskFailed")[0]["taskFailedEventDetails"]), words);
    assert_eq!(ended.of("ExecutionFailed")[0]["executionFailedEventDetails"], words);
    assert_eq!(shown(&ended.described), words);

    let ended = run(&caught(json!(["States.ALL"])), &json!({}), [Answer::Error(long_error, long_cause)]).await;
    assert_eq!(ended.output(), json!({"Error": error, "Cause": cause}));

    let by_expression = json!({"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "{% $states.input.c %}"});
    for state in [json!({"Type": "Fail", "Error": long_error, "Cause": long_cause}), by_expression] {
        let ended = run(&machine("F", json!({"F": state})), &json!({"e": long_error, "c": long_cause}), []).await;
        assert_eq!((ended.error(), ended.cause()), (error.as_str(), cause.as_str()));
    }
    let raised = json!({"Type": "Pass", "Output": "{% $error($states.input) %}", "End": true});
    let ended = run(&machine("P", json!({"P": raised})), &json!(long_cause), []).await;
    assert_eq!(ended.cause().chars().count(), 32_768);
    assert_eq!(ended.of("EvaluationFailed")[0]["evaluationFailedEventDetails"]["cause"], ended.cause());
}

#[tokio::test(start_paused = true)]
async fn error_and_cause_of_maximum_length_are_not_truncated() {
    let (error, cause) = ("é".repeat(256).leak(), "ü".repeat(32_768).leak());
    let ended = run(&caught(json!([error])), &json!({}), [Answer::Error(error, cause)]).await;
    assert_eq!(ended.output(), json!({"Error": error, "Cause": cause}));
}
