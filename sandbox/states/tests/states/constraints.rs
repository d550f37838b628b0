//! Validation of requests by the API's model. Source: the API reference of each operation
//! (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html>).

use serde_json::{Value, json};

use crate::support::{Answer, Fixture, ROLE, Script, machine, task, text};

fn pass() -> Value {
    machine("P", json!({"P": {"Type": "Pass", "End": true}}))
}

fn waiting() -> Value {
    machine("T", json!({"T": task(json!({"End": true}))}))
}

/// The definition of a machine, padded to a number of characters.
fn padded(characters: usize) -> String {
    let definition = pass().to_string();
    let padding = characters - definition.chars().count();
    format!("{definition}{}", " ".repeat(padding))
}

/// Checks that an operation is rejected as a violation of the model with this message.
async fn breaks(fixture: &Fixture, operation: &str, body: Value, message: &str) {
    let (code, answer) = fixture.refused(operation, body).await;
    assert_eq!((code.as_str(), answer.as_str()), ("ValidationException", message), "{operation}");
}

const ONE: &str = "1 validation error detected: ";

#[tokio::test(start_paused = true)]
async fn a_definition_has_at_most_1048576_characters() {
    let fixture = Fixture::new(&Script::answers([]));
    let body = |characters| json!({"name": "m", "definition": padded(characters), "roleArn": ROLE});
    let most = format!(
        "{ONE}Value at 'definition' failed to satisfy constraint: Member must have length less than or equal to 1048576"
    );
    breaks(&fixture, "CreateStateMachine", body(1_048_577), &most).await;
    let arn = text(&fixture.ask("CreateStateMachine", body(1_048_576)).await["stateMachineArn"]);
    let update = |characters| json!({"stateMachineArn": arn, "definition": padded(characters)});
    breaks(&fixture, "UpdateStateMachine", update(1_048_577), &most).await;
    let validate = |characters| json!({"definition": padded(characters)});
    breaks(&fixture, "ValidateStateMachineDefinition", validate(1_048_577), &most).await;
    assert_eq!(fixture.ask("ValidateStateMachineDefinition", validate(1_048_576)).await["result"], "OK");
    let least = most.replace("less than or equal to 1048576", "greater than or equal to 1");
    breaks(&fixture, "CreateStateMachine", json!({"name": "n", "definition": "", "roleArn": ROLE}), &least).await;
}

#[tokio::test(start_paused = true)]
async fn an_input_has_at_most_262144_bytes_of_utf_8() {
    let fixture = Fixture::new(&Script::answers([]));
    let arn = fixture.create("m", &pass()).await;
    let start = |input: String| json!({"stateMachineArn": arn, "input": input});
    let most = format!(
        "{ONE}Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"
    );
    fixture.ask("StartExecution", start(format!("\"{}\"", "x".repeat(262_142)))).await;
    breaks(&fixture, "StartExecution", start(format!("\"{}\"", "x".repeat(262_143))), &most).await;
    breaks(&fixture, "StartExecution", start(format!("\"{}\"", "ü".repeat(131_072))), &most).await;
}

#[tokio::test(start_paused = true)]
async fn names_have_1_to_80_allowed_characters() {
    let fixture = Fixture::new(&Script::answers([]));
    let arn = fixture.create(&"ü".repeat(80), &pass()).await;
    let long = "ü".repeat(81);
    let most = format!(
        "{ONE}Value '{long}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"
    );
    let least = format!(
        "{ONE}Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1"
    );
    let create = |name: &str| json!({"name": name, "definition": pass().to_string(), "roleArn": ROLE});
    let start = |name: &str| json!({"stateMachineArn": arn, "name": name});
    for (name, message) in [(long.as_str(), &most), ("", &least)] {
        breaks(&fixture, "CreateStateMachine", create(name), message).await;
        breaks(&fixture, "StartExecution", start(name), message).await;
        let direct = fixture.states.start_execution(&arn, Some(name.to_owned()), &json!({})).unwrap_err();
        assert_eq!((direct.code.as_str(), &direct.message), ("ValidationException", message), "without a request");
    }
    for letter in " \u{a0}<>{}[]?*\"#%\\^|~`$&,;:/\u{1f}\u{7f}\u{9f}\u{fffe}\u{ffff}\u{10ffff}".chars() {
        let name = format!("a{letter}b");
        assert_eq!(fixture.refused("CreateStateMachine", create(&name)).await.0, "InvalidName", "{letter:?}");
        assert_eq!(fixture.refused("StartExecution", start(&name)).await.0, "InvalidName", "{letter:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_violations_are_reported_together() {
    let fixture = Fixture::new(&Script::answers([]));
    let body = json!({"roleArn": "r".repeat(257), "definition": "{}", "type": "FAST"});
    let message = format!(
        "3 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; \
         Value '{}' at 'roleArn' failed to satisfy constraint: Member must have length less than or equal to 256; \
         Value 'FAST' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]",
        "r".repeat(257)
    );
    breaks(&fixture, "CreateStateMachine", body, &message).await;
}

#[tokio::test(start_paused = true)]
async fn every_field_is_validated_by_length_range_or_values() {
    let fixture = Fixture::new(&Script::answers([]));
    let machine = fixture.create("m", &pass()).await;
    let execution = fixture.start(&machine, &json!({})).await;
    fixture.end(&execution).await;
    for (operation, field, value, rule) in [
        ("DescribeStateMachine", "stateMachineArn", json!("a".repeat(257)), "have length less than or equal to 256"),
        ("DeleteStateMachine", "stateMachineArn", json!(""), "have length greater than or equal to 1"),
        ("DescribeExecution", "executionArn", json!("a".repeat(257)), "have length less than or equal to 256"),
        ("DescribeExecution", "includedData", json!("NONE"), "satisfy enum value set: [ALL_DATA, METADATA_ONLY]"),
        ("RedriveExecution", "clientToken", json!("a".repeat(65)), "have length less than or equal to 64"),
        ("RedriveExecution", "clientToken", json!("a b"), "satisfy regular expression pattern: [!-~]+"),
        ("GetExecutionHistory", "maxResults", json!(1001), "have value less than or equal to 1000"),
        ("ListExecutions", "maxResults", json!(-1), "have value greater than or equal to 0"),
        ("ListExecutions", "redriveFilter", json!("x"), "satisfy enum value set: [REDRIVEN, NOT_REDRIVEN]"),
        ("DescribeMapRun", "mapRunArn", json!("a".repeat(2001)), "have length less than or equal to 2000"),
        ("ListTagsForResource", "resourceArn", json!("a".repeat(257)), "have length less than or equal to 256"),
    ] {
        let mut body = json!({"stateMachineArn": machine, "executionArn": execution});
        body[field] = value.clone();
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let message = format!("{ONE}Value '{value}' at '{field}' failed to satisfy constraint: Member must {rule}");
        breaks(&fixture, operation, body, &message).await;
    }
}

/// The API reference of `StartExecution`, `DescribeStateMachine`, `UpdateStateMachine` and `DeleteStateMachine`: "If
/// you provide a qualified state machine ARN that refers to a Distributed Map state, the request fails with
/// `ValidationException`."
#[tokio::test(start_paused = true)]
async fn the_arn_of_a_distributed_map_state_names_no_machine() {
    let fixture = Fixture::new(&Script::answers([]));
    let arn = format!("{}/label", fixture.create("m", &pass()).await);
    for operation in ["StartExecution", "DescribeStateMachine", "UpdateStateMachine", "DeleteStateMachine"] {
        let (code, _) = fixture.refused(operation, json!({"stateMachineArn": arn})).await;
        assert_eq!(code, "ValidationException", "{operation}");
    }
}

/// The API reference of `ListExecutions` ("If you provide a stateMachineArn and a `PENDING_REDRIVE` statusFilter, the
/// API returns a validation exception") and of `CreateStateMachine` ("if you set versionDescription, but publish to
/// false, this API action throws `ValidationException`").
#[tokio::test(start_paused = true)]
async fn conflicting_fields_are_rejected() {
    let fixture = Fixture::new(&Script::answers([]));
    let arn = fixture.create("m", &pass()).await;
    let pending = json!({"stateMachineArn": arn, "statusFilter": "PENDING_REDRIVE"});
    assert_eq!(fixture.refused("ListExecutions", pending).await.0, "ValidationException");
    let described = json!({"name": "n", "definition": pass().to_string(), "roleArn": ROLE, "versionDescription": "v"});
    assert_eq!(fixture.refused("CreateStateMachine", described).await.0, "ValidationException");
}

/// The API reference of `StopExecution`. The messages are those of AWS for `SendTaskFailure`
/// (<https://github.com/irothschild/stefuna/pull/8>).
#[tokio::test(start_paused = true)]
async fn a_stop_accepts_256_characters_of_error_and_32768_of_cause() {
    let fixture = Fixture::new(&Script::answers([Answer::Never]));
    let machine = fixture.create("m", &waiting()).await;
    let execution = fixture.start(&machine, &json!({})).await;
    let stop = |error: usize, cause: usize| json!({"executionArn": execution, "error": "é".repeat(error), "cause": "é".repeat(cause)});
    for (error, cause, field, most) in [(257, 0, "error", 256), (0, 32_769, "cause", 32_768)] {
        let message = format!(
            "{ONE}Value at '{field}' failed to satisfy constraint: Member must have length less than or equal to {most}"
        );
        breaks(&fixture, "StopExecution", stop(error, cause), &message).await;
    }
    fixture.ask("StopExecution", stop(256, 32_768)).await;
    let described = fixture.end(&execution).await;
    assert_eq!(described["error"], "é".repeat(256));
    assert_eq!(described["cause"], "é".repeat(32_768));
}
