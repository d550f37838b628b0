//! The API, except for running machines.

use serde_json::{Value, json};

use crate::support::{Answer, Fixture, Script, machine, task, text};

fn pass() -> Value {
    machine("A", json!({"A": {"Type": "Pass", "End": true}}))
}

fn waiting() -> Value {
    machine("A", json!({"A": task(json!({"End": true}))}))
}

fn fixture() -> Fixture {
    Fixture::new(&Script::answers([]))
}

#[tokio::test(start_paused = true)]
async fn an_unknown_operation_is_rejected_by_name() {
    let (code, message) = fixture().refused("Nonsense", json!({})).await;
    assert_eq!(code, "UnknownOperationException");
    assert!(message.contains("Nonsense"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn recreating_a_machine_succeeds_only_if_it_is_unchanged() {
    let fixture = fixture();
    let arn = fixture.create("m", &pass()).await;
    assert_eq!(arn, "arn:aws:states:eu-central-1:000000000000:stateMachine:m");
    assert_eq!(fixture.create("m", &pass()).await, arn);
    let body = json!({"name": "m", "definition": waiting().to_string(), "roleArn": "r"});
    assert_eq!(fixture.refused("CreateStateMachine", body).await.0, "StateMachineAlreadyExists");
    let body = json!({"name": "a b", "definition": pass().to_string(), "roleArn": "r"});
    assert_eq!(fixture.refused("CreateStateMachine", body).await.0, "InvalidName");
    let body = json!({"name": "e", "type": "EXPRESS", "definition": pass().to_string(), "roleArn": "r"});
    assert_eq!(fixture.refused("CreateStateMachine", body).await.0, "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_described_listed_updated_and_deleted() {
    let fixture = fixture();
    let arn = fixture.create("m", &pass()).await;
    let described = fixture.ask("DescribeStateMachine", json!({"stateMachineArn": arn})).await;
    assert_eq!((&described["status"], &described["type"]), (&json!("ACTIVE"), &json!("STANDARD")));
    assert_eq!(text(&described["definition"]), pass().to_string());
    assert!(described["creationDate"].is_f64());

    let before = fixture.start(&arn, &json!({})).await;
    fixture.end(&before).await;
    let updated =
        fixture.ask("UpdateStateMachine", json!({"stateMachineArn": arn, "definition": waiting().to_string()})).await;
    let described = fixture.ask("DescribeStateMachine", json!({"stateMachineArn": arn})).await;
    assert_eq!(text(&described["definition"]), waiting().to_string());
    assert_eq!(described["revisionId"], updated["revisionId"]);
    let old = fixture.ask("DescribeStateMachineForExecution", json!({"executionArn": before})).await;
    assert_eq!(text(&old["definition"]), pass().to_string(), "an execution keeps the definition it started with");
    assert_eq!(
        fixture.refused("UpdateStateMachine", json!({"stateMachineArn": arn})).await.0,
        "MissingRequiredParameter"
    );

    fixture.create("n", &pass()).await;
    let first = fixture.ask("ListStateMachines", json!({"maxResults": 1})).await;
    assert_eq!(first["stateMachines"][0]["name"], "m");
    let second = fixture.ask("ListStateMachines", json!({"maxResults": 1, "nextToken": first["nextToken"]})).await;
    assert_eq!(second["stateMachines"][0]["name"], "n");
    assert!(second.get("nextToken").is_none());

    fixture.ask("DeleteStateMachine", json!({"stateMachineArn": arn})).await;
    assert_eq!(
        fixture.refused("DescribeStateMachine", json!({"stateMachineArn": arn})).await.0,
        "StateMachineDoesNotExist"
    );
    fixture.ask("DeleteStateMachine", json!({"stateMachineArn": arn})).await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_machine_is_removed_after_its_last_execution_ends() {
    let fixture = Fixture::new(&Script::answers([Answer::Never]));
    let arn = fixture.create("m", &waiting()).await;
    let execution = fixture.start(&arn, &json!({})).await;
    fixture.ask("DeleteStateMachine", json!({"stateMachineArn": arn})).await;
    let described = fixture.ask("DescribeStateMachine", json!({"stateMachineArn": arn})).await;
    assert_eq!(described["status"], "DELETING");
    assert_eq!(fixture.refused("StartExecution", json!({"stateMachineArn": arn})).await.0, "StateMachineDeleting");
    fixture.ask("StopExecution", json!({"executionArn": execution})).await;
    assert_eq!(
        fixture.refused("DescribeStateMachine", json!({"stateMachineArn": arn})).await.0,
        "StateMachineDoesNotExist"
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeated_start_returns_the_running_execution() {
    let fixture = Fixture::new(&Script::answers([Answer::Never]));
    let arn = fixture.create("m", &waiting()).await;
    let start = |input: &str| json!({"stateMachineArn": arn, "name": "n", "input": input});
    let first = fixture.ask("StartExecution", start("{\"a\":1}")).await;
    assert_eq!(first["executionArn"], "arn:aws:states:eu-central-1:000000000000:execution:m:n");
    assert_eq!(fixture.ask("StartExecution", start("{\"a\":1}")).await, first);
    assert_eq!(fixture.refused("StartExecution", start("{}")).await.0, "ExecutionAlreadyExists");
    fixture.ask("StopExecution", json!({"executionArn": first["executionArn"]})).await;
    assert_eq!(fixture.refused("StartExecution", start("{\"a\":1}")).await.0, "ExecutionAlreadyExists");
}

#[tokio::test(start_paused = true)]
async fn invalid_starts_are_rejected_by_error_name() {
    let fixture = fixture();
    let arn = fixture.create("m", &pass()).await;
    let cases = [
        (json!({"stateMachineArn": arn, "input": "{"}), "InvalidExecutionInput"),
        (json!({"stateMachineArn": arn, "input": format!("\"{}\"", "x".repeat(262_143))}), "ValidationException"),
        (json!({"stateMachineArn": arn, "name": "x".repeat(81)}), "ValidationException"),
        (json!({"stateMachineArn": arn, "name": "a b"}), "InvalidName"),
        (json!({"stateMachineArn": format!("{arn}/label")}), "ValidationException"),
        (json!({"stateMachineArn": format!("{arn}2")}), "StateMachineDoesNotExist"),
        (json!({"stateMachineArn": "m"}), "InvalidArn"),
        (json!({}), "ValidationException"),
        (json!([]), "SerializationException"),
    ];
    for (body, code) in cases {
        assert_eq!(fixture.refused("StartExecution", body).await.0, code);
    }
    assert_eq!(fixture.refused("DescribeExecution", json!({"executionArn": "arn:x"})).await.0, "ExecutionDoesNotExist");
    let started = fixture.states.start_execution(&arn, Some("from-a-rule".to_owned()), &json!({"k": 1})).unwrap();
    assert_eq!(fixture.end(&started).await["output"], "{\"k\":1}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_execution_is_aborted_with_the_given_error_and_cause() {
    let fixture = Fixture::new(&Script::answers([Answer::Never]));
    let arn = fixture.create("m", &waiting()).await;
    let execution = fixture.start(&arn, &json!({})).await;
    let body = json!({"executionArn": execution, "error": "Enough", "cause": "because"});
    let stopped = fixture.ask("StopExecution", body).await;
    let described = fixture.ask("DescribeExecution", json!({"executionArn": execution})).await;
    assert_eq!((&described["status"], &described["stopDate"]), (&json!("ABORTED"), &stopped["stopDate"]));
    assert_eq!((&described["error"], &described["cause"]), (&json!("Enough"), &json!("because")));
    let history = fixture.history(&execution).await;
    let last = history.last().unwrap();
    assert_eq!(last["executionAbortedEventDetails"], json!({"error": "Enough", "cause": "because"}));
    assert_eq!(
        fixture.ask("StopExecution", json!({"executionArn": execution})).await,
        stopped,
        "a second stop changes nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn executions_are_listed_newest_first_by_status_and_page() {
    let fixture = Fixture::new(&Script::answers([Answer::Arguments, Answer::Error("E", ""), Answer::Arguments]));
    let arn = fixture.create("m", &waiting()).await;
    for name in ["one", "two", "three"] {
        let body = json!({"stateMachineArn": arn, "name": name});
        let started = fixture.ask("StartExecution", body).await;
        fixture.end(started["executionArn"].as_str().unwrap()).await;
    }
    let names = |answer: &Value| -> Vec<String> {
        answer["executions"].as_array().unwrap().iter().map(|one| text(&one["name"])).collect()
    };
    let first = fixture.ask("ListExecutions", json!({"stateMachineArn": arn, "maxResults": 2})).await;
    assert_eq!(names(&first), ["three", "two"]);
    let body = json!({"stateMachineArn": arn, "maxResults": 2, "nextToken": first["nextToken"]});
    assert_eq!(names(&fixture.ask("ListExecutions", body).await), ["one"]);
    let body = json!({"stateMachineArn": arn, "statusFilter": "FAILED"});
    assert_eq!(names(&fixture.ask("ListExecutions", body).await), ["two"]);
    let body = json!({"stateMachineArn": arn, "nextToken": "?"});
    assert_eq!(fixture.refused("ListExecutions", body).await.0, "InvalidToken");
}

#[tokio::test(start_paused = true)]
async fn a_history_is_paged_both_ways_with_and_without_data() {
    let fixture = fixture();
    let arn = fixture.create("m", &pass()).await;
    let execution = fixture.start(&arn, &json!({"a": 1})).await;
    fixture.end(&execution).await;
    let ids = |answer: &Value| -> Vec<u64> {
        answer["events"].as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()).collect()
    };
    let first = fixture.ask("GetExecutionHistory", json!({"executionArn": execution, "maxResults": 3})).await;
    assert_eq!(ids(&first), [1, 2, 3]);
    assert_eq!(first["events"][1]["stateEnteredEventDetails"]["input"], "{\"a\":1}");
    let body = json!({"executionArn": execution, "maxResults": 3, "nextToken": first["nextToken"]});
    assert_eq!(ids(&fixture.ask("GetExecutionHistory", body).await), [4]);
    let body = json!({"executionArn": execution, "reverseOrder": true, "maxResults": 3, "includeExecutionData": false});
    let last = fixture.ask("GetExecutionHistory", body).await;
    assert_eq!(ids(&last), [4, 3, 2]);
    assert!(last["events"][2]["stateEnteredEventDetails"].get("input").is_none());
    let body = json!({"executionArn": execution, "reverseOrder": true, "nextToken": last["nextToken"]});
    assert_eq!(ids(&fixture.ask("GetExecutionHistory", body).await), [1]);
}

#[tokio::test(start_paused = true)]
async fn tags_are_kept() {
    let fixture = fixture();
    let arn = fixture.create("m", &pass()).await;
    fixture
        .ask(
            "TagResource",
            json!({"resourceArn": arn, "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}),
        )
        .await;
    fixture.ask("UntagResource", json!({"resourceArn": arn, "tagKeys": ["a"]})).await;
    let tags = fixture.ask("ListTagsForResource", json!({"resourceArn": arn})).await;
    assert_eq!(tags, json!({"tags": [{"key": "b", "value": "2"}]}));
    assert_eq!(fixture.refused("ListTagsForResource", json!({"resourceArn": "arn:x"})).await.0, "ResourceNotFound");
}

#[tokio::test(start_paused = true)]
async fn every_status_change_sends_an_event() {
    let fixture = Fixture::new(&Script::answers([Answer::Arguments, Answer::Error("Boom", "why")]));
    for _ in 0..2 {
        let machine = fixture.create("machine", &waiting()).await;
        let arn = fixture.start(&machine, &json!({"a": 1})).await;
        fixture.end(&arn).await;
        tokio::task::yield_now().await;
    }
    let events = fixture.events.0.lock().unwrap();
    let of = |name: &str| -> Vec<Value> { events.iter().map(|event| event["detail"][name].clone()).collect() };
    assert_eq!(of("status"), ["RUNNING", "SUCCEEDED", "RUNNING", "FAILED"]);
    assert_eq!(of("error"), [json!(null), json!(null), json!(null), json!("Boom")]);
    assert_eq!(of("input"), vec![json!("{\"a\":1}"); 4]);
    assert_eq!(events[1]["detail"]["output"], "{\"FunctionName\":\"f\",\"Payload\":{\"a\":1}}");
    assert_eq!(events[3]["detail"]["cause"], "why");
    assert!(events[3]["detail"]["stopDate"].is_i64());
    assert_eq!(events[3]["source"], "aws.states");
    assert_eq!(events[3]["detail-type"], "Step Functions Execution Status Change");
    assert_eq!(events[3]["resources"], json!([events[3]["detail"]["executionArn"]]));
}

/// "includedData" (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>).
#[tokio::test(start_paused = true)]
async fn an_execution_can_be_described_without_its_data() {
    let fixture = fixture();
    let machine = fixture.create("m", &pass()).await;
    let arn = fixture.start(&machine, &json!({"a": 1})).await;
    fixture.end(&arn).await;
    for (data, shown) in [("ALL_DATA", true), ("METADATA_ONLY", false)] {
        let described = fixture.ask("DescribeExecution", json!({"executionArn": arn, "includedData": data})).await;
        assert_eq!(described["status"], "SUCCEEDED");
        for field in ["input", "output"] {
            assert_eq!(described.get(field).is_some(), shown, "{data}: {field}");
        }
    }
}
