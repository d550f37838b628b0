//! What the API's model asks of requests. Source: the API reference of each operation
//! (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html>).

use serde_json::{Value, json};

use crate::support::{Answer, ROLE, Script, World, machine, task, text};

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

/// That an operation is refused as one that breaks the model, in these words.
async fn breaks(world: &World, operation: &str, body: Value, message: &str) {
    let (code, answer) = world.refused(operation, body).await;
    assert_eq!((code.as_str(), answer.as_str()), ("ValidationException", message), "{operation}");
}

const ONE: &str = "1 validation error detected: ";

#[tokio::test(start_paused = true)]
async fn a_definition_holds_1048576_characters_and_one_more_breaks_the_model() {
    let world = World::new(&Script::answers([]));
    let body = |characters| json!({"name": "m", "definition": padded(characters), "roleArn": ROLE});
    let most = format!(
        "{ONE}Value at 'definition' failed to satisfy constraint: Member must have length less than or equal to 1048576"
    );
    breaks(&world, "CreateStateMachine", body(1_048_577), &most).await;
    let arn = text(&world.ask("CreateStateMachine", body(1_048_576)).await["stateMachineArn"]);
    let update = |characters| json!({"stateMachineArn": arn, "definition": padded(characters)});
    breaks(&world, "UpdateStateMachine", update(1_048_577), &most).await;
    let validate = |characters| json!({"definition": padded(characters)});
    breaks(&world, "ValidateStateMachineDefinition", validate(1_048_577), &most).await;
    assert_eq!(world.ask("ValidateStateMachineDefinition", validate(1_048_576)).await["result"], "OK");
    let least = most.replace("less than or equal to 1048576", "greater than or equal to 1");
    breaks(&world, "CreateStateMachine", json!({"name": "n", "definition": "", "roleArn": ROLE}), &least).await;
}

#[tokio::test(start_paused = true)]
async fn an_input_holds_262144_bytes_of_utf_8() {
    let world = World::new(&Script::answers([]));
    let arn = world.create("m", &pass()).await;
    let start = |input: String| json!({"stateMachineArn": arn, "input": input});
    let most = format!(
        "{ONE}Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"
    );
    world.ask("StartExecution", start(format!("\"{}\"", "x".repeat(262_142)))).await;
    breaks(&world, "StartExecution", start(format!("\"{}\"", "x".repeat(262_143))), &most).await;
    breaks(&world, "StartExecution", start(format!("\"{}\"", "ü".repeat(131_072))), &most).await;
}

#[tokio::test(start_paused = true)]
async fn names_have_1_to_80_characters_and_none_that_are_forbidden() {
    let world = World::new(&Script::answers([]));
    let arn = world.create(&"ü".repeat(80), &pass()).await;
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
        breaks(&world, "CreateStateMachine", create(name), message).await;
        breaks(&world, "StartExecution", start(name), message).await;
        let direct = world.states.start_execution(&arn, Some(name.to_owned()), &json!({})).unwrap_err();
        assert_eq!((direct.code.as_str(), &direct.message), ("ValidationException", message), "without a request");
    }
    for letter in " \u{a0}<>{}[]?*\"#%\\^|~`$&,;:/\u{1f}\u{7f}\u{9f}\u{fffe}\u{ffff}\u{10ffff}".chars() {
        let name = format!("a{letter}b");
        assert_eq!(world.refused("CreateStateMachine", create(&name)).await.0, "InvalidName", "{letter:?}");
        assert_eq!(world.refused("StartExecution", start(&name)).await.0, "InvalidName", "{letter:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn everything_that_breaks_the_model_is_named_at_once() {
    let world = World::new(&Script::answers([]));
    let body = json!({"roleArn": "r".repeat(257), "definition": "{}", "type": "FAST"});
    let message = format!(
        "3 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; \
         Value '{}' at 'roleArn' failed to satisfy constraint: Member must have length less than or equal to 256; \
         Value 'FAST' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]",
        "r".repeat(257)
    );
    breaks(&world, "CreateStateMachine", body, &message).await;
}

#[tokio::test(start_paused = true)]
async fn every_field_is_held_to_its_length_range_or_values() {
    let world = World::new(&Script::answers([]));
    let machine = world.create("m", &pass()).await;
    let execution = world.start(&machine, &json!({})).await;
    world.end(&execution).await;
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
        breaks(&world, operation, body, &message).await;
    }
}

/// The API reference of `StartExecution`, `DescribeStateMachine`, `UpdateStateMachine` and `DeleteStateMachine`: "If
/// you provide a qualified state machine ARN that refers to a Distributed Map state, the request fails with
/// `ValidationException`."
#[tokio::test(start_paused = true)]
async fn the_arn_of_a_distributed_map_state_names_no_machine() {
    let world = World::new(&Script::answers([]));
    let arn = format!("{}/label", world.create("m", &pass()).await);
    for operation in ["StartExecution", "DescribeStateMachine", "UpdateStateMachine", "DeleteStateMachine"] {
        let (code, _) = world.refused(operation, json!({"stateMachineArn": arn})).await;
        assert_eq!(code, "ValidationException", "{operation}");
    }
}

/// The API reference of `ListExecutions` ("If you provide a stateMachineArn and a `PENDING_REDRIVE` statusFilter, the
/// API returns a validation exception") and of `CreateStateMachine` ("if you set versionDescription, but publish to
/// false, this API action throws `ValidationException`").
#[tokio::test(start_paused = true)]
async fn fields_that_do_not_go_together_are_refused() {
    let world = World::new(&Script::answers([]));
    let arn = world.create("m", &pass()).await;
    let pending = json!({"stateMachineArn": arn, "statusFilter": "PENDING_REDRIVE"});
    assert_eq!(world.refused("ListExecutions", pending).await.0, "ValidationException");
    let described = json!({"name": "n", "definition": pass().to_string(), "roleArn": ROLE, "versionDescription": "v"});
    assert_eq!(world.refused("CreateStateMachine", described).await.0, "ValidationException");
}

/// The API reference of `StopExecution`; the words are AWS's own for `SendTaskFailure`
/// (<https://github.com/irothschild/stefuna/pull/8>).
#[tokio::test(start_paused = true)]
async fn a_stop_takes_256_characters_of_error_and_32768_of_cause() {
    let world = World::new(&Script::answers([Answer::Never]));
    let machine = world.create("m", &waiting()).await;
    let execution = world.start(&machine, &json!({})).await;
    let stop = |error: usize, cause: usize| json!({"executionArn": execution, "error": "é".repeat(error), "cause": "é".repeat(cause)});
    for (error, cause, field, most) in [(257, 0, "error", 256), (0, 32_769, "cause", 32_768)] {
        let message = format!(
            "{ONE}Value at '{field}' failed to satisfy constraint: Member must have length less than or equal to {most}"
        );
        breaks(&world, "StopExecution", stop(error, cause), &message).await;
    }
    world.ask("StopExecution", stop(256, 32_768)).await;
    let described = world.end(&execution).await;
    assert_eq!(described["error"], "é".repeat(256));
    assert_eq!(described["cause"], "é".repeat(32_768));
}
