//! Histories recorded from AWS (see `tests/data/README.md`), compared event by event with those of the same machines,
//! translated to `JSONata`.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::support::{Answer, Fixture, Script, machine, task};

/// The recorded events.
fn recording(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("{name}.json"));
    let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    recording["recorded"]["get_execution_history"]["events"].as_array().unwrap().clone()
}

/// The detail field of an event and its name.
fn details(event: &Value) -> Option<(&String, &Map<String, Value>)> {
    let found = event.as_object()?.iter().find(|(name, _)| name.ends_with("EventDetails"))?;
    Some((found.0, found.1.as_object()?))
}

/// The recordings contain the JSON text of inputs and outputs as values, and plain text as text.
fn same(recorded: &Value, ours: &Value) -> bool {
    let read = |value: &Value| value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    recorded == ours || read(ours).is_some_and(|ours| *recorded == ours || read(recorded) == Some(ours))
}

/// Compares complete histories. Values of `ignored` fields may differ, but both sides must have the fields.
#[track_caller]
fn assert_same(recorded: &[Value], ours: &[Value], ignored: &[&str]) {
    let line = |event: &Value| format!("{} after {}: {}", event["id"], event["previousEventId"], event["type"]);
    let lines = |events: &[Value]| events.iter().map(line).collect::<Vec<_>>();
    assert_eq!(lines(ours), lines(recorded));
    for (recorded, ours) in recorded.iter().zip(ours) {
        let (Some((name, fields)), Some((our_name, our_fields))) = (details(recorded), details(ours)) else {
            assert_eq!(details(ours), details(recorded), "{}", line(recorded));
            continue;
        };
        assert_eq!(our_name, name, "{}", line(recorded));
        let sorted = |fields: &Map<String, Value>| {
            let mut names: Vec<String> = fields.keys().cloned().collect();
            names.sort();
            names
        };
        assert_eq!(sorted(our_fields), sorted(fields), "{}", line(recorded));
        for (name, value) in fields.iter().filter(|(name, _)| !ignored.contains(&name.as_str())) {
            assert!(same(value, &our_fields[name]), "{}: {name} is {}, was {value}", line(recorded), our_fields[name]);
        }
    }
}

/// The input of a recorded execution.
fn recorded_input(events: &[Value]) -> Value {
    events[0]["executionStartedEventDetails"]["input"].clone()
}

/// Runs a translated machine with the recorded input and answers, and compares the histories.
async fn conforms(name: &str, definition: &Value, answers: Vec<Answer>, ignored: &[&str]) {
    let recorded = recording(name);
    let ended = Fixture::new(&Script::answers(answers)).run(definition, &recorded_input(&recorded)).await;
    let ignored = [&["roleArn", "region"], ignored].concat();
    assert_same(&recorded, &ended.history, &ignored);
}

/// The answers of the recorded Tasks.
fn recorded_answers(name: &str) -> Vec<Answer> {
    let leak = |value: &Value| -> &'static str {
        Box::leak(value.as_str().map_or_else(|| value.to_string(), str::to_owned).into_boxed_str())
    };
    recording(name)
        .iter()
        .filter_map(|event| match event["type"].as_str()? {
            "TaskSucceeded" => Some(Answer::Value(event["taskSucceededEventDetails"]["output"].clone())),
            "TaskFailed" => {
                let failed = &event["taskFailedEventDetails"];
                Some(Answer::Error(leak(&failed["error"]), leak(&failed["cause"])))
            }
            _ => None,
        })
        .collect()
}

fn pass(fields: Value) -> Value {
    let mut pass = json!({"Type": "Pass"});
    pass.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    pass
}

/// A Task that passes its input's `FunctionName` and `Payload` to Lambda.
fn invoke(fields: Value) -> Value {
    let mut state = task(json!({
        "Arguments": {"FunctionName": "{% $states.input.FunctionName %}", "Payload": "{% $states.input.Payload %}"},
    }));
    state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    state
}

fn failing_map(fields: Value) -> Value {
    let fail = json!({"Type": "Fail", "Error": "HandleItemFailError", "Cause": "HandleItemFailCause"});
    let mut map = json!({
        "Type": "Map", "Items": "{% $states.input.arr %}", "MaxConcurrency": 1, "Next": "Final",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "HandleItemFail", "States": {"HandleItemFail": fail},
        },
    });
    map.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    map
}

#[tokio::test(start_paused = true)]
async fn an_inline_map() {
    let items = json!([1, "Hello", {}, null, 3.3, 3, 4, 5]);
    let map = json!({
        "Type": "Map", "Items": "{% $states.input.arr %}", "MaxConcurrency": 1, "Output": "{% $states.input %}",
        "ItemProcessor": {"StartAt": "HandleItem", "States": {"HandleItem": pass(json!({"End": true}))}}, "Next": "Final",
    });
    let start = pass(json!({"Output": {"arr": items}, "Next": "MapState"}));
    let states = json!({"StartState": start, "MapState": map, "Final": pass(json!({"End": true}))});
    conforms("inline-map", &machine("StartState", states), vec![], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_inline_map_that_is_retried() {
    let map = failing_map(json!({"Retry": [{"ErrorEquals": ["HandleItemFailError"], "MaxAttempts": 2}]}));
    let start = pass(json!({"Output": {"arr": [1]}, "Next": "MapState"}));
    let states = json!({"StartState": start, "MapState": map, "Final": pass(json!({"End": true}))});
    conforms("inline-map-retried", &machine("StartState", states), vec![], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_inline_map_whose_failure_is_caught() {
    let map = failing_map(json!({"Catch": [{"ErrorEquals": ["HandleItemFailError"], "Next": "FinalCaught"}]}));
    let start = pass(json!({"Output": {"arr": [1]}, "Next": "MapState"}));
    let end = || pass(json!({"End": true}));
    let states = json!({"StartState": start, "MapState": map, "Final": end(), "FinalCaught": end()});
    conforms("inline-map-failure-caught", &machine("StartState", states), vec![], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_parallel_whose_failure_is_caught() {
    let fail = json!({"Type": "Fail", "Error": "FailureType", "Cause": "Cause description"});
    let parallel = json!({
        "Type": "Parallel", "Branches": [{"StartAt": "Branch1", "States": {"Branch1": fail}}],
        "Catch": [{"ErrorEquals": ["FailureType"], "Next": "FinalCaught"}], "Next": "Final",
    });
    let end = || pass(json!({"End": true}));
    let states = json!({"ParallelState": parallel, "Final": end(), "FinalCaught": end()});
    conforms("parallel-failure-caught", &machine("ParallelState", states), vec![], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_answers() {
    let last = json!({"Output": "{% $merge([$states.input, {'final': $states.input}]) %}", "End": true});
    let states = json!({"Start": invoke(json!({"Next": "EndWithFinal"})), "EndWithFinal": pass(last)});
    let name = "lambda-invoke-success";
    conforms(name, &machine("Start", states), recorded_answers(name), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_error_is_caught() {
    let handler = "EndWithStateTaskFailedHandler";
    let catch = json!([{"ErrorEquals": ["States.TaskFailed"], "Next": handler}]);
    let output = json!("{% $merge([$states.input, {'task_failed_error': $states.input}]) %}");
    let states = json!({
        "Start": invoke(json!({"Catch": catch, "End": true})),
        handler: pass(json!({"Output": output, "End": true})),
    });
    let name = "lambda-error-caught";
    conforms(name, &machine("Start", states), recorded_answers(name), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_retried_until_the_error_is_caught() {
    let fields = json!({
        "Arguments": {
            "Payload": {"ThisContextObject": "{% $states.context %}", "ThisState": "{% $states.input %}"},
            "FunctionName": "{% $states.input.FunctionName %}",
        },
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "HandleError"}],
        "End": true,
    });
    let states = json!({"InvokeLambdaWithRetry": task(fields), "HandleError": pass(json!({"End": true}))});
    let name = "lambda-retries";
    conforms(name, &machine("InvokeLambdaWithRetry", states), recorded_answers(name), &["parameters"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_times_out() {
    let state = invoke(json!({"TimeoutSeconds": "{% $states.input.TimeoutSecondsValue %}", "End": true}));
    let definition = machine("Start", json!({"Start": state}));
    conforms("lambda-state-timeout", &definition, vec![Answer::Never], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_does_not_exist() {
    let name = "lambda-no-such-function";
    let definition = machine("Start", json!({"Start": invoke(json!({"End": true}))}));
    conforms(name, &definition, recorded_answers(name), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_with_a_custom_error() {
    let catch = json!([{"ErrorEquals": ["CustomException"], "Next": "ErrorMatched"}]);
    let states = json!({
        "InvokeLambda": invoke(json!({"Catch": catch, "End": true})), "ErrorMatched": pass(json!({"End": true})),
    });
    let name = "lambda-custom-error-fails-execution";
    conforms(name, &machine("InvokeLambda", states), recorded_answers(name), &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_too_large() {
    let catch = json!([{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "HandleDataLimitExceeded"}]);
    let states = json!({
        "InvokeLambda": invoke(json!({"Catch": catch, "End": true})),
        "HandleDataLimitExceeded": pass(json!({"End": true})),
    });
    let answer = Answer::Value(json!("\u{e4}".repeat(200_000)));
    conforms("data-limit-exceeded", &machine("InvokeLambda", states), vec![answer], &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_distributed_map_over_the_list_of_a_bucket() {
    let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "PassItem",
                           "States": {"PassItem": pass(json!({"End": true}))}});
    let reader = json!({"Resource": "arn:aws:states:::s3:listObjectsV2",
                        "Arguments": {"Bucket": "{% $states.input.Bucket %}"}});
    let map =
        json!({"Type": "Map", "MaxConcurrency": 1, "ItemReader": reader, "ItemProcessor": processor, "End": true});
    let listed =
        json!({"Contents": [{"ETag": "e", "Key": "file_0.txt", "LastModified": "2023-09-21T13:54:23Z", "Size": 12}]});
    let definition = machine("MapState", json!({"MapState": map}));
    let ignored = ["mapRunArn", "output"];
    conforms("distributed-map-list-objects", &definition, vec![Answer::Value(listed)], &ignored).await;
}
