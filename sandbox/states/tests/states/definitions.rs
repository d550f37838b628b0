//! Invalid definitions, each rejected with the path of the field.

use serde_json::{Value, json};

use crate::support::{Fixture, Script, machine, task};

async fn findings(definition: &Value) -> Vec<(String, String, String)> {
    let fixture = Fixture::new(&Script::answers([]));
    let answer = fixture.ask("ValidateStateMachineDefinition", json!({"definition": definition.to_string()})).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    answer["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (text(&finding["code"]), text(&finding["location"]), text(&finding["message"])))
        .collect()
}

/// A machine with the state under test, `S`, and an end, `E`.
fn with(state: Value) -> Value {
    machine("S", json!({"S": state, "E": {"Type": "Succeed"}}))
}

/// `S` with the end as its next state.
fn next(mut state: Value) -> Value {
    state["Next"] = json!("E");
    with(state)
}

fn map(fields: Value) -> Value {
    let processor = json!({"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}});
    let mut state = json!({"Type": "Map", "ItemProcessor": processor});
    state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    next(state)
}

fn retry(fields: Value) -> Value {
    let mut retrier = json!({"ErrorEquals": ["E"]});
    retrier.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    next(task(json!({"Retry": [retrier]})))
}

/// Checks that each definition is rejected at a path with a message.
async fn refused_at(cases: impl IntoIterator<Item = (Value, &'static str, &'static str)>) {
    for (definition, location, message) in cases {
        let found = findings(&definition).await;
        assert!(
            found.iter().any(|(_, at, what)| at == location && what.contains(message)),
            "{definition} should be refused at {location} ({message}); found {found:?}"
        );
    }
}

#[tokio::test]
async fn an_inconsistent_graph_is_rejected_with_its_path() {
    refused_at([
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}),
            "/QueryLanguage",
            "JSONPath is not supported here; set QueryLanguage to JSONata",
        ),
        (
            json!({"QueryLanguage": "JSONata", "States": {"A": {"Type": "Succeed"}}}),
            "/StartAt",
            "'StartAt' is required",
        ),
        (
            json!({"QueryLanguage": "JSONata", "StartAt": "B", "States": {"A": {"Type": "Succeed"}}}),
            "/StartAt",
            "Missing 'StartAt' target: B",
        ),
        (json!({"QueryLanguage": "JSONata", "StartAt": "B", "States": {}}), "/States", "at least one state"),
        (machine("A", json!({"A": {"Type": "Pass", "Next": "A"}})), "/", "Workflow has no terminal state"),
        (
            machine("A", json!({"A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}})),
            "/States/B",
            "State \"B\" is not reachable.",
        ),
        (with(json!({"Type": "Pass", "Next": "X"})), "/States/S/Next", "Missing 'Next' target: X"),
        (with(json!({"Type": "Pass"})), "/States/S", "must have 'Next' or 'End'"),
        (next(json!({"Type": "Pass", "End": true})), "/States/S", "not both"),
        (next(json!({"Type": "Wait"})), "/States/S", "exactly one of 'Seconds' and 'Timestamp'"),
    ])
    .await;
}

#[tokio::test]
async fn result_and_error_are_available_only_in_their_fields() {
    const RESULT: &str = "'$states.result' is not supported";
    const ERROR: &str = "'$states.errorOutput' is not supported";
    let result = json!({"a": ["{% $states.result.b %}"]});
    let error = json!("{% $states.errorOutput.Cause %}");
    let catch = |fields: Value| {
        let mut catcher = json!({"ErrorEquals": ["E"], "Next": "E"});
        catcher.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        next(task(json!({"Catch": [catcher]})))
    };
    refused_at([
        (next(json!({"Type": "Pass", "Output": result})), "/States/S/Output/a[0]", RESULT),
        (next(json!({"Type": "Pass", "Assign": result})), "/States/S/Assign/a[0]", RESULT),
        (next(task(json!({"Arguments": result}))), "/States/S/Arguments/a[0]", RESULT),
        (map(json!({"ItemSelector": result})), "/States/S/ItemSelector/a[0]", RESULT),
        (next(task(json!({"Output": error}))), "/States/S/Output", ERROR),
        (catch(json!({"Output": result})), "/States/S/Catch[0]/Output/a[0]", RESULT),
        (
            with(json!({"Type": "Choice", "Default": "E", "Choices": [{"Condition": "{% $states.result %}", "Next": "E"}]})),
            "/States/S/Choices[0]/Condition",
            RESULT,
        ),
    ])
    .await;
    for right in [
        next(task(json!({"Output": result, "Assign": result}))),
        map(json!({"Output": result, "Assign": result})),
        catch(json!({"Output": error, "Assign": {"e": error}})),
    ] {
        assert_eq!(findings(&right).await, [], "{right}");
    }
}

#[tokio::test]
async fn an_invalid_variable_name_is_rejected() {
    let long = "n".repeat(81);
    for (name, message) in [
        ("states", "reserved"),
        (long.as_str(), "at most 80 characters"),
        ("1st", "begins with a letter"),
        ("_a", "begins with a letter"),
        ("a-b", "letters, digits and underscores"),
        ("", "begins with a letter"),
    ] {
        let found = findings(&next(json!({"Type": "Pass", "Assign": {name: 1}}))).await;
        let location = format!("/States/S/Assign/{name}");
        assert!(found.iter().any(|(_, at, what)| *at == location && what.contains(message)), "{name}: {found:?}");
    }
    let right = json!({"ü_1": 1, "n".repeat(80): 2});
    assert_eq!(findings(&next(json!({"Type": "Pass", "Assign": right}))).await, []);
}

#[tokio::test]
async fn an_invalid_field_is_rejected_with_its_path() {
    refused_at([
        (next(json!({"Type": "Jump"})), "/States/S/Type", "'Jump' is not one of"),
        (next(json!({"Type": "Pass", "Colour": 1})), "/States/S/Colour", "Field 'Colour' is not supported"),
        (next(json!({"Type": "Pass", "Result": 1})), "/States/S/Result", "belongs to JSONPath"),
        (
            next(json!({"Type": "Pass", "QueryLanguage": "JSONPath"})),
            "/States/S/QueryLanguage",
            "can not be 'JSONPath'",
        ),
        (next(json!({"Type": "Pass", "Assign": 1})), "/States/S/Assign", "JSON object"),
        (next(task(json!({"Credentials": {"RoleArn": "r"}}))), "/States/S/Credentials", "leave Credentials out"),
        (next(json!({"Type": "Pass", "Output": {"a": ["{% 1 + %}"]}})), "/States/S/Output/a[0]", "S0207"),
        (next(json!({"Type": "Task"})), "/States/S/Resource", "'Resource' is required"),
        (
            next(task(json!({"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"}))),
            "/States/S/Resource",
            "job or a token",
        ),
        (
            next(task(json!({"TimeoutSeconds": 0}))),
            "/States/S/TimeoutSeconds",
            "from 1 to 99999999 or a JSONata expression",
        ),
        (
            next(task(json!({"TimeoutSeconds": 5, "HeartbeatSeconds": 5}))),
            "/States/S/HeartbeatSeconds",
            "smaller than TimeoutSeconds",
        ),
        (next(json!({"Type": "Wait", "Timestamp": "soon"})), "/States/S/Timestamp", "RFC 3339"),
        (with(json!({"Type": "Choice", "Default": "E", "Choices": []})), "/States/S/Choices", "at least one rule"),
        (
            with(json!({"Type": "Choice", "Default": "E", "Choices": [{"Condition": "yes", "Next": "E"}]})),
            "/States/S/Choices[0]/Condition",
            "JSONata expression",
        ),
        (
            with(json!({"Type": "Choice", "Choices": [{"Condition": true, "Next": "X"}], "Default": "E"})),
            "/States/S/Choices[0]/Next",
            "Missing 'Next' target: X",
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_invalid_retrier_or_catcher_is_rejected_with_its_path() {
    refused_at([
        (
            next(task(json!({"Catch": [{"ErrorEquals": ["E"], "Next": "X"}]}))),
            "/States/S/Catch[0]/Next",
            "Missing 'Next' target: X",
        ),
        (
            next(task(json!({"Catch": [{"ErrorEquals": [], "Next": "E"}]}))),
            "/States/S/Catch[0]/ErrorEquals",
            "at least one error name",
        ),
        (
            next(task(
                json!({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "E"}, {"ErrorEquals": ["E"], "Next": "E"}]}),
            )),
            "/States/S/Catch[0]/ErrorEquals",
            "stand alone and in the last",
        ),
        (retry(json!({"MaxAttempts": -1})), "/States/S/Retry[0]/MaxAttempts", "whole number from 0"),
        (retry(json!({"IntervalSeconds": 0})), "/States/S/Retry[0]/IntervalSeconds", "whole number from 1"),
        (retry(json!({"BackoffRate": 0.5})), "/States/S/Retry[0]/BackoffRate", "at least 1.0"),
        (retry(json!({"MaxDelaySeconds": 1})), "/States/S/Retry[0]/MaxDelaySeconds", "greater than IntervalSeconds"),
        (retry(json!({"JitterStrategy": "SOME"})), "/States/S/Retry[0]/JitterStrategy", "FULL or NONE"),
    ])
    .await;
}

#[tokio::test]
async fn an_invalid_map_or_parallel_is_rejected_with_its_path() {
    refused_at([
        (next(json!({"Type": "Parallel", "Branches": []})), "/States/S/Branches", "at least one branch"),
        (map(json!({"TimeoutSeconds": 5})), "/States/S/TimeoutSeconds", "'TimeoutSeconds' is not supported"),
        (map(json!({"ItemReader": {}})), "/States/S/ItemReader", "distributed Map"),
        (map(json!({"MaxConcurrency": -1})), "/States/S/MaxConcurrency", "whole number"),
        (map(json!({"Items": {}})), "/States/S/Items", "a list"),
        (
            map(
                json!({"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "StartAt": "I", "States": {"I": {"Type": "Succeed"}}}}),
            ),
            "/States/S/ItemProcessor/ProcessorConfig/ExecutionType",
            "STANDARD or EXPRESS",
        ),
        (
            map(json!({"ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "E"}}}})),
            "/States/S/ItemProcessor/States/I/Next",
            "Missing 'Next' target: E",
        ),
        (
            map(json!({"ItemProcessor": {"StartAt": "E", "States": {"E": {"Type": "Succeed"}}}})),
            "/States/E",
            "used more than once",
        ),
    ])
    .await;
}

/// A distributed Map with additional fields.
fn distributed(fields: Value) -> Value {
    let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "I",
                           "States": {"I": {"Type": "Pass", "End": true}}});
    let mut state = json!({"Type": "Map", "ItemProcessor": processor});
    state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    next(state)
}

fn reader(resource: &str, config: Value) -> Value {
    let resource = format!("arn:aws:states:::s3:{resource}");
    distributed(json!({"ItemReader": {"Resource": resource, "Arguments": {"Bucket": "b"}, "ReaderConfig": config}}))
}

#[tokio::test]
async fn an_invalid_distributed_map_is_rejected_with_its_path() {
    let inner = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "J",
                       "States": {"J": {"Type": "Pass", "End": true}}});
    let mut nested = distributed(json!({}));
    nested["States"]["S"]["ItemProcessor"]["States"]["I"] = json!({"Type": "Map", "ItemProcessor": inner, "End": true});
    let labelled = |name: &str| {
        let mut map = distributed(json!({"Label": "l"}))["States"]["S"].clone();
        map["ItemProcessor"]["StartAt"] = json!(name);
        map["ItemProcessor"]["States"] = json!({name: {"Type": "Pass", "End": true}});
        map
    };
    let mut twice = next(labelled("I"));
    twice["States"]["S"]["Next"] = json!("T");
    twice["States"]["T"] = labelled("J");
    let percentage = distributed(json!({"ToleratedFailurePercentage": 101}));
    let no_arguments = distributed(json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject"}}));
    let only_resource = distributed(json!({"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject"}}));
    let small = distributed(json!({"ResultWriter": {"WriterConfig": {"Transformation": "SMALL"}}}));
    refused_at([
        (nested, "/States/S/ItemProcessor/States/I/ItemProcessor/ProcessorConfig/Mode", "not supported in Express"),
        (twice, "/States/T/Label", "used more than once"),
        (distributed(json!({"ToleratedFailureCount": -1})), "/States/S/ToleratedFailureCount", "whole number"),
        (percentage, "/States/S/ToleratedFailurePercentage", "0 to 100"),
        (distributed(json!({"Label": "a b"})), "/States/S/Label", "1 to 40 characters"),
        (distributed(json!({"Label": "x".repeat(41)})), "/States/S/Label", "1 to 40 characters"),
        (distributed(json!({"Items": 7})), "/States/S/Items", "a list"),
        (no_arguments, "/States/S/ItemReader/Arguments", "required"),
        (reader("putObject", json!({})), "/States/S/ItemReader/Resource", "s3:getObject or"),
        (distributed(json!({"ItemBatcher": {}})), "/States/S/ItemBatcher", "MaxItemsPerBatch, MaxInputBytesPerBatch"),
        (
            distributed(json!({"ItemBatcher": {"MaxInputBytesPerBatch": 262_145}})),
            "/States/S/ItemBatcher/MaxInputBytesPerBatch",
            "from 1 to 262144",
        ),
        (distributed(json!({"ResultWriter": {}})), "/States/S/ResultWriter", "must not be empty"),
        (only_resource, "/States/S/ResultWriter", "or neither"),
        (small, "/States/S/ResultWriter/WriterConfig/Transformation", "NONE, COMPACT, FLATTEN"),
    ])
    .await;
}

#[tokio::test]
async fn an_invalid_reader_is_rejected_with_its_path() {
    let config = |resource, config, field: &'static str, message| (reader(resource, config), field, message);
    let object = |fields, field, message| config("getObject", fields, field, message);
    let list = |fields, field, message| config("listObjectsV2", fields, field, message);
    refused_at([
        object(json!({}), "/States/S/ItemReader/ReaderConfig/InputType", "required"),
        object(json!({"InputType": "PARQUET"}), "/States/S/ItemReader/ReaderConfig/InputType", "not supported here"),
        object(json!({"InputType": "CSV"}), "/States/S/ItemReader/ReaderConfig/CSVHeaderLocation", "required"),
        object(
            json!({"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}),
            "/States/S/ItemReader/ReaderConfig/CSVHeaders",
            "columns' names",
        ),
        object(
            json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "DOT"}),
            "/States/S/ItemReader/ReaderConfig/CSVDelimiter",
            "COMMA, PIPE",
        ),
        object(
            json!({"InputType": "JSON", "ItemsPointer": "a"}),
            "/States/S/ItemReader/ReaderConfig/ItemsPointer",
            "JSON Pointer",
        ),
        list(json!({"InputType": "JSON"}), "/States/S/ItemReader/ReaderConfig/InputType", "is not supported"),
        list(json!({"MaxItems": 0}), "/States/S/ItemReader/ReaderConfig/MaxItems", "from 1"),
        list(
            json!({"Transformation": "LOAD_AND_FLATTEN"}),
            "/States/S/ItemReader/ReaderConfig/Transformation",
            "not supported here",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_rejected_creation_lists_all_problems() {
    let fixture = Fixture::new(&Script::answers([]));
    let definition = json!({"QueryLanguage": "JSONata", "StartAt": "pass1", "States": {
        "pass1": {"Type": "Pass", "Next": "pass3"}, "pass2": {"Type": "Pass", "End": true}}});
    let body = json!({"name": "m", "definition": definition.to_string(), "roleArn": "r"});
    let (code, message) = fixture.refused("CreateStateMachine", body).await;
    assert_eq!(code, "InvalidDefinition");
    assert_eq!(
        message,
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: pass3 at \
         /States/pass1/Next, MISSING_TRANSITION_TARGET: State \"pass2\" is not reachable. at /States/pass2'"
    );
}

#[tokio::test]
async fn unsupported_expressions_are_rejected_with_their_path() {
    refused_at([
        (next(json!({"Type": "Pass", "Output": {"v": "{% phone %}"}})), "/States/S/Output/v", "Reference to 'phone'"),
        (next(json!({"Type": "Pass", "Assign": {"v": "{% $x ?? 1 %}"}})), "/States/S/Assign/v", "JSONata 2.0.6"),
        (next(json!({"Type": "Pass", "Output": "{% $$.a %}"})), "/States/S/Output", "Reference to '$$'"),
    ])
    .await;
}

#[tokio::test]
async fn text_that_is_not_a_definition_is_rejected() {
    let fixture = Fixture::new(&Script::answers([]));
    for (text, part) in [("{", "is not JSON"), ("[]", "must be a JSON object")] {
        let body = json!({"name": "m", "definition": text, "roleArn": "r"});
        let (code, message) = fixture.refused("CreateStateMachine", body).await;
        assert_eq!(code, "InvalidDefinition");
        assert!(message.contains(part), "{message}");
    }
}
