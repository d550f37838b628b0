//! Each state type without errors.

use serde_json::json;

use crate::support::{Answer, Fixture, Script, machine, run, task};

#[tokio::test(start_paused = true)]
async fn a_pass_returns_its_output_and_sets_variables() {
    let definition = machine(
        "A",
        json!({
            "A": {"Type": "Pass", "Assign": {"n": "{% $states.input.n + 1 %}"}, "Output": {"fixed": true}, "Next": "B"},
            "B": {"Type": "Pass", "Assign": {"n": "{% $n * 10 %}"},
                  "Output": {"n": "{% $n %}", "in": "{% $states.input %}"}, "Next": "C"},
            "C": {"Type": "Succeed", "Output": "{% $merge([$states.input, {'later': $n}]) %}"},
        }),
    );
    let ended = run(&definition, &json!({"n": 1}), []).await;
    assert_eq!(ended.output(), json!({"n": 2, "in": {"fixed": true}, "later": 20}));
    let left = &ended.of("PassStateExited")[0]["stateExitedEventDetails"];
    assert_eq!(left["assignedVariables"], json!({"n": "2"}));
    assert_eq!(left["assignedVariablesDetails"], json!({"truncated": false}));
    let kept = ended.of("SucceedStateExited")[0]["stateExitedEventDetails"].as_object().unwrap();
    assert!(!kept.contains_key("assignedVariables"), "a state that assigns nothing says nothing of it");
}

#[tokio::test(start_paused = true)]
async fn a_null_output_is_an_output() {
    let ended = run(&machine("A", json!({"A": {"Type": "Pass", "Output": null, "End": true}})), &json!({}), []).await;
    assert_eq!(ended.output(), json!(null));
}

#[tokio::test(start_paused = true)]
async fn a_choice_takes_the_first_true_rule_with_its_output() {
    let definition = machine(
        "C",
        json!({
            "C": {"Type": "Choice", "Default": "Small", "Output": "default", "Choices": [
                {"Condition": "{% $states.input.n > 100 %}", "Next": "Large", "Output": "huge", "Assign": {"v": 1}},
                {"Condition": "{% $states.input.n > 10 %}", "Next": "Large"},
            ]},
            "Large": {"Type": "Pass", "Output": ["large", "{% $states.input %}"], "End": true},
            "Small": {"Type": "Pass", "Output": ["small", "{% $states.input %}"], "End": true},
        }),
    );
    for (n, output) in
        [(1, json!(["small", "default"])), (11, json!(["large", "default"])), (101, json!(["large", "huge"]))]
    {
        assert_eq!(run(&definition, &json!({"n": n}), []).await.output(), output, "n = {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_choice_applies_the_assigns_of_state_and_rule() {
    let states = json!({
        "C": {"Type": "Choice", "Default": "E", "Assign": {"a": "state", "b": "state"}, "Choices": [
            {"Condition": "{% $states.input %}", "Next": "E", "Assign": {"b": "rule"}},
        ]},
        "E": {"Type": "Pass", "Output": ["{% $a %}", "{% $b %}"], "End": true},
    });
    for (matches, output) in [(true, json!(["state", "rule"])), (false, json!(["state", "state"]))] {
        assert_eq!(run(&machine("C", states.clone()), &json!(matches), []).await.output(), output);
    }
}

#[tokio::test(start_paused = true)]
async fn a_choice_without_a_match_fails_by_error_name() {
    let choices = json!([{"Condition": "{% false %}", "Next": "E"}]);
    let states = json!({"C": {"Type": "Choice", "Choices": choices}, "E": {"Type": "Succeed"}});
    let ended = run(&machine("C", states), &json!({}), []).await;
    assert_eq!((ended.status(), ended.error()), ("FAILED", "States.NoChoiceMatched"));
    assert!(ended.cause().starts_with("An error occurred while executing the state 'C' (entered at the event id #2)."));
}

#[tokio::test(start_paused = true)]
async fn a_wait_waits_its_seconds() {
    let definition = machine(
        "W",
        json!({
            "W": {"Type": "Wait", "Seconds": "{% $states.input.seconds %}", "Next": "T"},
            "T": {"Type": "Wait", "Timestamp": "2001-01-01T00:00:00Z", "Assign": {"x": 1}, "Output": "done", "End": true},
        }),
    );
    let before = tokio::time::Instant::now();
    let ended = run(&definition, &json!({"seconds": 60}), []).await;
    assert_eq!(ended.output(), json!("done"));
    let waited = before.elapsed().as_secs();
    // The time that has passed on the wall clock since the entry into the state is subtracted.
    assert!((50..=60).contains(&waited), "waited {waited} s");
}

#[tokio::test(start_paused = true)]
async fn waits_and_back_off_are_scaled_and_timeouts_are_not() {
    let fields = json!({
        "TimeoutSeconds": 10, "Next": "W",
        "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1000, "MaxAttempts": 1}],
    });
    let definition = machine("A", json!({"A": task(fields), "W": {"Type": "Wait", "Seconds": 2000, "End": true}}));
    let before = tokio::time::Instant::now();
    let ended = Fixture::scaled(0.01, &Script::answers([Answer::Never])).run(&definition, &json!({})).await;
    assert_eq!(ended.status(), "SUCCEEDED");
    // Minus the time that has passed on the wall clock since the entry into the Wait.
    let waited = before.elapsed().as_secs();
    assert!((10 + 10 + 15..=10 + 10 + 20).contains(&waited), "waited {waited} s");
}

#[tokio::test(start_paused = true)]
async fn a_fail_can_have_an_expression_as_error() {
    let states = json!({"F": {"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "{% 'no ' & 'way' %}"}});
    let ended = run(&machine("F", states), &json!({"e": "My.Error"}), []).await;
    assert_eq!((ended.status(), ended.error(), ended.cause()), ("FAILED", "My.Error", "no way"));
    assert_eq!(ended.types(), ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_receives_its_arguments_and_its_result_is_readable() {
    let fields = json!({
        "TimeoutSeconds": "{% $states.input.limit %}", "HeartbeatSeconds": 5,
        "Assign": {"code": "{% $states.result.StatusCode %}"}, "Output": "{% $states.result.Payload %}", "Next": "B",
    });
    let definition = machine(
        "A",
        json!({"A": task(fields), "B": {"Type": "Pass", "Output": ["{% $code %}", "{% $states.input %}"], "End": true}}),
    );
    let script = Script::answers([Answer::Value(json!({"Payload": {"ok": true}, "StatusCode": 200}))]);
    let ended = Fixture::new(&script).run(&definition, &json!({"limit": 9})).await;
    assert_eq!(ended.output(), json!([200, {"ok": true}]));
    assert_eq!(script.arguments(), [json!({"FunctionName": "f", "Payload": {"limit": 9}})]);
    let scheduled = &ended.of("TaskScheduled")[0]["taskScheduledEventDetails"];
    assert_eq!(
        scheduled,
        &json!({
            "parameters": "{\"FunctionName\":\"f\",\"Payload\":{\"limit\":9}}", "region": "eu-central-1",
            "resource": "invoke", "resourceType": "lambda", "timeoutInSeconds": 9, "heartbeatInSeconds": 5,
        })
    );
}

#[tokio::test(start_paused = true)]
async fn the_context_object_describes_execution_and_state() {
    let inner =
        json!({"StartAt": "I", "States": {"I": {"Type": "Pass", "Output": "{% $states.context.Map %}", "End": true}}});
    let definition = machine(
        "A",
        json!({
            "A": {"Type": "Pass", "Assign": {"seen": "{% $states.context %}"}, "Next": "M"},
            "M": {"Type": "Map", "Items": ["x", "y"], "ItemProcessor": inner,
                  "Output": {"seen": "{% $seen %}", "items": "{% $states.result %}"}, "End": true},
        }),
    );
    let ended = run(&definition, &json!({"in": 1}), []).await;
    let output = ended.output();
    let seen = &output["seen"];
    assert_eq!(seen["Execution"]["Input"], json!({"in": 1}));
    assert_eq!(seen["Execution"]["Id"], ended.described["executionArn"]);
    assert_eq!(seen["Execution"]["RoleArn"], json!("arn:aws:iam::000000000000:role/machine"));
    assert_eq!(seen["Execution"]["RedriveCount"], json!(0));
    assert_eq!(seen["StateMachine"]["Name"], json!("machine"));
    assert_eq!(seen["State"]["Name"], json!("A"));
    assert!(seen["State"].get("RetryCount").is_none(), "a Pass is never tried again");
    assert!(seen["State"]["EnteredTime"].as_str().unwrap().ends_with('Z'));
    assert_eq!(output["items"], json!([{"Item": {"Index": 0, "Value": "x"}}, {"Item": {"Index": 1, "Value": "y"}}]));
}

#[tokio::test(start_paused = true)]
async fn the_execution_input_is_readable_in_every_state() {
    let states = json!({
        "A": {"Type": "Pass", "Output": "other", "Next": "B"},
        "B": {"Type": "Pass", "Output": ["{% $states.input %}", "{% $states.context.Execution.Input %}"], "End": true},
    });
    assert_eq!(run(&machine("A", states), &json!({"in": 1}), []).await.output(), json!(["other", {"in": 1}]));
}
