//! Retry, Catch, timeouts and failing expressions.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Fixture, Script, machine, run, task};

const HANDLED: &str = r#"{"Type": "Pass", "End": true}"#;

fn handled() -> Value {
    serde_json::from_str(HANDLED).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_retrier_waits_its_interval_and_the_count_is_readable() {
    let fields = json!({
        "Arguments": {"try": "{% $states.context.State.RetryCount %}"}, "End": true,
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 10, "BackoffRate": 3, "MaxAttempts": 2}],
    });
    let script = Script::answers([Answer::Error("Busy", "1"), Answer::Error("Busy", "2")]);
    let before = tokio::time::Instant::now();
    let ended = Fixture::new(&script).run(&machine("A", json!({"A": task(fields)})), &json!({})).await;
    assert_eq!(ended.output(), json!({"try": 2}));
    assert_eq!(script.arguments(), [json!({"try": 0}), json!({"try": 1}), json!({"try": 2})]);
    assert_eq!(before.elapsed().as_secs(), 40);
    assert_eq!(ended.of("TaskStateEntered").len(), 1, "a retry does not enter the state again");
}

#[tokio::test(start_paused = true)]
async fn retry_counters_restart_at_each_entry() {
    let retry = json!([{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]);
    let again = json!([{"Condition": "{% $exists($round) and $round = 2 %}", "Next": "End"}]);
    let definition = machine(
        "A",
        json!({
            "A": task(json!({"Retry": retry, "Next": "B"})),
            "B": {"Type": "Choice", "Choices": again, "Default": "A", "Assign": {"round": 2}},
            "End": {"Type": "Succeed"},
        }),
    );
    let busy = || Answer::Error("Busy", "");
    let ended = run(&definition, &json!({}), [busy(), Answer::Arguments, busy(), Answer::Arguments]).await;
    assert_eq!(ended.status(), "SUCCEEDED");
    assert_eq!(ended.of("TaskFailed").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_catcher_receives_the_error_output_and_applies_its_fields() {
    let fields = json!({
        "Catch": [
            {"ErrorEquals": ["Other"], "Next": "Unused"},
            {"ErrorEquals": ["Source.Gone"], "Next": "Handled", "Assign": {"why": "{% $states.errorOutput.Error %}"},
             "Output": {"cause": "{% $states.errorOutput.Cause %}", "had": "{% $states.input.k %}"}},
        ],
        "End": true,
    });
    let states = json!({
        "A": task(fields), "Unused": handled(),
        "Handled": {"Type": "Pass", "Output": ["{% $why %}", "{% $states.input %}"], "End": true},
    });
    let ended = run(&machine("A", states), &json!({"k": 7}), [Answer::Error("Source.Gone", "why not")]).await;
    assert_eq!(ended.output(), json!(["Source.Gone", {"cause": "why not", "had": 7}]));
    let left = &ended.of("TaskStateExited")[0]["stateExitedEventDetails"];
    assert_eq!(left["assignedVariables"], json!({"why": "\"Source.Gone\""}));
}

#[tokio::test(start_paused = true)]
async fn an_unhandled_error_fails_the_execution() {
    let fields = json!({
        "Retry": [{"ErrorEquals": ["Other"]}], "Catch": [{"ErrorEquals": ["Another"], "Next": "Handled"}], "End": true,
    });
    let states = json!({"A": task(fields), "Handled": handled()});
    let ended = run(&machine("A", states), &json!({}), [Answer::Error("Boom", "{\"errorType\":\"Boom\"}")]).await;
    assert_eq!((ended.status(), ended.error(), ended.cause()), ("FAILED", "Boom", "{\"errorType\":\"Boom\"}"));
    assert_eq!(ended.described["redriveStatus"], "REDRIVABLE");
    assert_eq!(ended.types().last(), Some(&"ExecutionFailed"));
    assert!(ended.of("TaskStateExited").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_over_its_timeout_can_be_retried() {
    let fields =
        json!({"TimeoutSeconds": 5, "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}], "End": true});
    let script = Script::answers([Answer::Never, Answer::After(Duration::from_secs(4))]);
    let ended = Fixture::new(&script).run(&machine("A", json!({"A": task(fields)})), &json!({})).await;
    assert_eq!(ended.status(), "SUCCEEDED");
    let timed_out = &ended.of("TaskTimedOut")[0]["taskTimedOutEventDetails"];
    assert_eq!(timed_out, &json!({"error": "States.Timeout", "resource": "invoke", "resourceType": "lambda"}));
}

#[tokio::test(start_paused = true)]
async fn a_machine_over_its_timeout_is_timed_out() {
    let mut definition = machine("A", json!({"A": task(json!({"End": true}))}));
    definition["TimeoutSeconds"] = json!(30);
    let before = tokio::time::Instant::now();
    let ended = run(&definition, &json!({}), [Answer::Never]).await;
    assert_eq!((ended.status(), ended.error()), ("TIMED_OUT", ""));
    assert!((29..32).contains(&before.elapsed().as_secs()));
    assert_eq!(ended.types().last(), Some(&"ExecutionTimedOut"));
    assert_eq!(ended.described["redriveStatus"], "REDRIVABLE");
}

#[tokio::test(start_paused = true)]
async fn an_undefined_expression_fails_the_state_and_names_the_field() {
    let states = json!({"E": {"Type": "Pass", "Output": {"v": "{% $states.input.missing %}"}, "End": true}});
    let ended = run(&machine("E", states), &json!({}), []).await;
    assert_eq!((ended.status(), ended.error()), ("FAILED", "States.QueryEvaluationError"));
    assert_eq!(
        ended.cause(),
        "An error occurred while executing the state 'E' (entered at the event id #2). The JSONata expression \
         '$states.input.missing' specified for the field 'Output/v' returned nothing (undefined)."
    );
    let failed = &ended.of("EvaluationFailed")[0]["evaluationFailedEventDetails"];
    assert_eq!((&failed["state"], &failed["location"]), (&json!("E"), &json!("Output/v")));
}

#[tokio::test(start_paused = true)]
async fn a_value_of_the_wrong_type_is_reported_by_field() {
    let cases = [
        (
            json!({"Type": "Choice", "Choices": [{"Condition": "{% 'x' %}", "Next": "End"}]}),
            "Choices[0]/Condition",
            "boolean",
        ),
        (json!({"Type": "Wait", "Seconds": "{% 'x' %}", "Next": "End"}), "Seconds", "number"),
        (json!({"Type": "Wait", "Seconds": "{% -1 %}", "Next": "End"}), "Seconds", "number"),
        (json!({"Type": "Wait", "Seconds": "{% 100000000 %}", "Next": "End"}), "Seconds", "number"),
        (json!({"Type": "Wait", "Timestamp": "{% 'soon' %}", "Next": "End"}), "Timestamp", "timestamp"),
        (task(json!({"TimeoutSeconds": "{% 'x' %}", "Next": "End"})), "TimeoutSeconds", "number"),
        (json!({"Type": "Fail", "Error": "{% 1 %}"}), "Error", "string"),
        (json!({"Type": "Fail", "Error": "E", "Cause": "{% 1 %}"}), "Cause", "string"),
    ];
    for (state, location, expected) in cases {
        let mut states = json!({"S": state, "End": {"Type": "Succeed"}});
        if states["S"]["Type"] == "Fail" {
            states.as_object_mut().unwrap().remove("End");
        }
        let ended = run(&machine("S", states), &json!({}), []).await;
        assert_eq!(ended.error(), "States.QueryEvaluationError", "{location}");
        let sentence =
            format!("specified for the field '{location}' returned an unexpected result type. Expected '{expected}'");
        assert!(ended.cause().contains(&sentence), "{}", ended.cause());
    }
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_fails_after_the_call_can_be_caught() {
    let catch = json!([{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Handled"}]);
    let fields = json!({"Output": "{% $states.result.missing %}", "Catch": catch, "End": true});
    let states = json!({"A": task(fields), "Handled": handled()});
    let ended = run(&machine("A", states), &json!({}), []).await;
    assert_eq!(ended.output()["Error"], "States.QueryEvaluationError");
    assert_eq!(ended.types()[4..8], ["TaskSucceeded", "EvaluationFailed", "TaskStateExited", "PassStateEntered"]);
}

/// "the interpreter scans through the catchers in the order listed in the array"
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>).
#[tokio::test(start_paused = true)]
async fn the_first_matching_catcher_handles_the_error() {
    let catch = json!([{"ErrorEquals": ["Bad"], "Next": "Handled", "Output": "first"},
                       {"ErrorEquals": ["States.ALL"], "Next": "Handled", "Output": "second"}]);
    let states = json!({"A": task(json!({"Catch": catch, "End": true})), "Handled": handled()});
    for (error, output) in [("Bad", "first"), ("Other", "second")] {
        let ended = run(&machine("A", states.clone()), &json!({}), [Answer::Error(error, "")]).await;
        assert_eq!(ended.output(), output);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_expression_of_a_catcher_is_reported_with_its_location() {
    for (field, value, error) in [
        ("Output", json!({"x": "{% $states.errorOutput.missing %}"}), "States.QueryEvaluationError"),
        ("Assign", json!({"x": "{% $states.errorOutput.missing %}"}), "States.QueryEvaluationError"),
        ("Output", json!({"x": "{% $pad('', 262144, 'x') %}"}), "States.DataLimitExceeded"),
    ] {
        let mut catcher = json!({"ErrorEquals": ["Bad"], "Next": "Handled"});
        catcher[field] = value;
        let catch = json!([{"ErrorEquals": ["Other"], "Next": "Handled"}, catcher]);
        let small = json!({"Type": "Pass", "Output": "small", "End": true});
        let states = json!({"A": task(json!({"Catch": catch, "End": true})), "Handled": small});
        let ended = run(&machine("A", states), &json!({}), [Answer::Error("Bad", "")]).await;
        assert_eq!((ended.status(), ended.error()), ("FAILED", error), "{field}");
        if error == "States.QueryEvaluationError" {
            let failed = &ended.of("EvaluationFailed")[0]["evaluationFailedEventDetails"];
            assert_eq!(failed["location"], json!(format!("Catch[1]/{field}/x")));
        }
    }
}

/// AWS accepts the definition. Neither Retry nor Catch resolves the error, because it is `States.Runtime`.
#[tokio::test(start_paused = true)]
async fn a_resource_of_another_partition_fails_the_execution() {
    let handled = json!({
        "Resource": "arn:aws-us-gov:states:::lambda:invoke",
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Handled"}],
        "End": true,
    });
    let definition = machine("Call", json!({"Call": task(handled), "Handled": {"Type": "Succeed"}}));
    let ended = run(&definition, &json!({}), []).await;
    assert_eq!((ended.status(), ended.error()), ("FAILED", "States.Runtime"));
    assert_eq!(
        ended.cause(),
        "An error occurred while executing the state 'Call' (entered at the event id #2). The resource belongs to a \
         different partition from the running execution. Expected 'aws', was 'aws-us-gov'."
    );
    assert_eq!(ended.types(), ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]);
}
