//! The bus through its API: rules and deliveries.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deliveries;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Events, Targets};
use sandbox_core::{
    faults::Faults,
    ports::{ApiError, EventSink, ExecutionStart, Invocation, Invoke, StartExecution},
    store::Store,
};

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:copying";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:notify";
const ROLE: &str = "arn:aws:iam::000000000000:role/starter";
const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:undelivered";

/// State machines and functions that record their inputs and return prepared answers, then succeed.
#[derive(Default)]
struct Recorder {
    started: Mutex<Vec<(String, String, Value)>>,
    invoked: Mutex<Vec<Value>>,
    start_errors: Mutex<VecDeque<ApiError>>,
    invoke_answers: Mutex<VecDeque<Result<Invocation, ApiError>>>,
}

#[async_trait]
impl StartExecution for Recorder {
    async fn start_execution(&self, start: ExecutionStart<'_>) -> Result<String, ApiError> {
        let ExecutionStart { role_arn, state_machine_arn, name, input } = start;
        assert_eq!(role_arn, ROLE);
        self.started.lock().unwrap().push((state_machine_arn.to_owned(), name.unwrap(), input));
        self.start_errors.lock().unwrap().pop_front().map_or_else(|| Ok("execution".to_owned()), Err)
    }
}

#[async_trait]
impl Invoke for Recorder {
    async fn invoke(&self, _function: &str, payload: Bytes) -> Result<Invocation, ApiError> {
        self.invoked.lock().unwrap().push(serde_json::from_slice(&payload).unwrap());
        let answer = self.invoke_answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Ok(Invocation::Answered(Bytes::from_static(b"null"))))
    }
}

struct Fixture {
    events: Events,
    recorder: Arc<Recorder>,
    store: Arc<Store>,
}

fn fixture() -> Fixture {
    let store = Arc::new(Store::in_memory().unwrap());
    let events = Events::new(store.clone(), "us-east-1", 0.0, Faults::default()).unwrap();
    let recorder = Arc::new(Recorder::default());
    events.connect(Targets { start: recorder.clone(), invoke: recorder.clone() });
    Fixture { events, recorder, store }
}

impl Fixture {
    async fn call(&self, operation: &str, body: Value) -> Value {
        self.events.handle(operation, body).await.unwrap()
    }

    async fn refused(&self, operation: &str, body: Value) -> ApiError {
        self.events.handle(operation, body).await.unwrap_err()
    }

    /// A rule for uploads with one target.
    async fn rule(&self, target: Value) {
        self.call("PutRule", json!({ "Name": "uploads", "EventPattern": r#"{"source":["aws.s3"]}"# })).await;
        self.call("PutTargets", json!({ "Rule": "uploads", "Targets": [target] })).await;
    }

    async fn send(&self) {
        self.events.put_event(upload()).await;
        self.events.drained().await;
    }

    fn starts(&self) -> usize {
        self.recorder.started.lock().unwrap().len()
    }

    fn invocations(&self) -> usize {
        self.recorder.invoked.lock().unwrap().len()
    }
}

fn upload() -> Value {
    json!({ "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "source": "aws.s3",
            "account": "000000000000", "time": "2026-11-22T18:43:48Z", "region": "us-east-1", "resources": [],
            "detail": { "object": { "key": "a" } } })
}

fn busy() -> ApiError {
    ApiError::new("ServiceUnavailable", "try later").with_status(503)
}

#[tokio::test]
async fn a_matching_event_starts_the_machine_with_the_event_as_its_input() {
    let fixture = fixture();
    fixture.rule(json!({ "Id": "machine", "Arn": MACHINE, "RoleArn": ROLE })).await;
    fixture.send().await;
    fixture.events.put_event(json!({ "source": "other", "id": "x" })).await;
    fixture.events.drained().await;
    let started = fixture.recorder.started.lock().unwrap().clone();
    assert_eq!(started.len(), 1);
    let (arn, name, input) = &started[0];
    assert_eq!((arn.as_str(), input), (MACHINE, &upload()));
    assert!(name.starts_with("17793124-05d4-b198-2fde-7ededc63b103_") && name.len() <= 80, "{name}");
}

#[tokio::test]
async fn put_events_delivers_an_envelope_to_every_target() {
    let fixture = fixture();
    fixture.call("PutRule", json!({ "Name": "asked", "EventPattern": r#"{"detail-type":["Copy Requested"]}"# })).await;
    let targets = json!([{ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE }, { "Id": "f", "Arn": FUNCTION, "InputPath": "$.detail" }]);
    fixture.call("PutTargets", json!({ "Rule": "asked", "Targets": targets })).await;
    let entry = json!({ "Source": "ops", "DetailType": "Copy Requested", "Detail": r#"{"key":"a"}"#,
                        "Time": 1_511_968_428.0, "Resources": ["r"] });
    let answer = fixture.call("PutEvents", json!({ "Entries": [entry] })).await;
    fixture.events.drained().await;
    let (_, _, event) = fixture.recorder.started.lock().unwrap()[0].clone();
    assert_eq!(answer, json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": event["id"] }] }));
    assert_eq!(event["time"], "2017-11-29T15:13:48Z");
    assert_eq!((&event["detail"], &event["resources"]), (&json!({ "key": "a" }), &json!(["r"])));
    assert_eq!(*fixture.recorder.invoked.lock().unwrap(), [json!({ "key": "a" })]);
}

#[tokio::test]
async fn an_invalid_entry_does_not_affect_the_others() {
    let fixture = fixture();
    let good = json!({ "Source": "ops", "DetailType": "t", "Detail": "{}" });
    let with = |name: &str, value: Value| {
        let mut entry = good.clone();
        entry[name] = value;
        entry
    };
    let entries = json!([
        good,
        with("Source", json!("aws.s3")),
        with("Detail", json!("[]")),
        with("DetailType", json!(null)),
        with("EventBusName", json!("other"))
    ]);
    let answer = fixture.call("PutEvents", json!({ "Entries": entries })).await;
    let codes: Vec<_> = answer["Entries"].as_array().unwrap().iter().map(|entry| entry["ErrorCode"].clone()).collect();
    assert_eq!(
        codes,
        [
            Value::Null,
            json!("NotAuthorizedForSourceException"),
            json!("MalformedDetail"),
            json!("InvalidArgument"),
            json!("ResourceNotFoundException")
        ]
    );
    assert_eq!(answer["FailedEntryCount"], 4);
}

#[tokio::test]
async fn a_disabled_rule_delivers_nothing_until_it_is_enabled() {
    let fixture = fixture();
    fixture.rule(json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE })).await;
    fixture.call("DisableRule", json!({ "Name": "uploads" })).await;
    fixture.send().await;
    assert_eq!(fixture.starts(), 0);
    assert_eq!(fixture.call("DescribeRule", json!({ "Name": "uploads" })).await["State"], "DISABLED");
    fixture.call("EnableRule", json!({ "Name": "uploads" })).await;
    fixture.send().await;
    assert_eq!(fixture.starts(), 1);
}

#[tokio::test]
async fn rules_are_listed_by_prefix_and_in_pages() {
    let fixture = fixture();
    for name in ["a-3", "a-1", "b-1", "a-2"] {
        fixture
            .call("PutRule", json!({ "Name": name, "EventPattern": r#"{"source":["x"]}"#, "Description": "d" }))
            .await;
    }
    let names = |page: &Value| {
        page["Rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["Name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let first = fixture.call("ListRules", json!({ "NamePrefix": "a-", "Limit": 2 })).await;
    assert_eq!(names(&first), ["a-1", "a-2"]);
    let token = first["NextToken"].clone();
    let second = fixture.call("ListRules", json!({ "NamePrefix": "a-", "Limit": 2, "NextToken": token })).await;
    assert_eq!((names(&second), second.get("NextToken")), (vec!["a-3".to_owned()], None));
}

#[tokio::test]
async fn a_rule_can_be_deleted_only_without_targets() {
    let fixture = fixture();
    fixture.rule(json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE })).await;
    let replaced = json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE, "Input": "{}" });
    fixture.call("PutTargets", json!({ "Rule": "uploads", "Targets": [replaced] })).await;
    let listed = fixture.call("ListTargetsByRule", json!({ "Rule": "uploads" })).await;
    assert_eq!(listed, json!({ "Targets": [replaced] }));
    let error = fixture.refused("DeleteRule", json!({ "Name": "uploads" })).await;
    assert!(error.message.contains("has targets"), "{error}");
    fixture.call("RemoveTargets", json!({ "Rule": "uploads", "Ids": ["m"] })).await;
    fixture.call("DeleteRule", json!({ "Name": "uploads" })).await;
    assert_eq!(fixture.refused("DescribeRule", json!({ "Name": "uploads" })).await.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn replacing_a_rule_keeps_its_targets() {
    let fixture = fixture();
    fixture.rule(json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE })).await;
    fixture.call("PutRule", json!({ "Name": "uploads", "EventPattern": r#"{"source":["other"]}"# })).await;
    fixture.send().await;
    assert_eq!(fixture.starts(), 0);
    let targets = fixture.call("ListTargetsByRule", json!({ "Rule": "uploads" })).await;
    assert_eq!(targets["Targets"][0]["Id"], "m");
}

#[tokio::test]
async fn unsupported_features_are_rejected_by_name() {
    let fixture = fixture();
    fixture.rule(json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE })).await;
    let pattern = r#"{"source":["x"]}"#;
    let target = |extra: Value| {
        let mut target = json!({ "Id": "t", "Arn": MACHINE, "RoleArn": ROLE });
        target.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({ "Rule": "uploads", "Targets": [target] })
    };
    for (operation, body, code, reason) in [
        (
            "PutRule",
            json!({ "Name": "r", "ScheduleExpression": "rate(1 hour)" }),
            "ValidationException",
            "rate(1 hour)",
        ),
        ("PutRule", json!({ "Name": "r" }), "ValidationException", "must have an EventPattern"),
        ("PutRule", json!({ "Name": "r", "EventPattern": pattern, "Tags": [] }), "ValidationException", "`Tags`"),
        ("PutRule", json!({ "Name": "a b", "EventPattern": pattern }), "ValidationException", "\"a b\""),
        (
            "PutRule",
            json!({ "Name": "r", "EventPattern": "{\"a\":{\"b\":1}}" }),
            "InvalidEventPatternException",
            "a.b: ",
        ),
        (
            "PutRule",
            json!({ "Name": "r", "EventPattern": pattern, "EventBusName": "mine" }),
            "ResourceNotFoundException",
            "Event bus mine",
        ),
        (
            "PutTargets",
            target(json!({ "Arn": "arn:aws:sns:us-east-1:000000000000:t" })),
            "ValidationException",
            "arn:aws:sns",
        ),
        (
            "PutTargets",
            json!({ "Rule": "uploads", "Targets": [{ "Id": "m", "Arn": MACHINE }] }),
            "ValidationException",
            "RoleArn is required for target arn:aws:states:us-east-1:000000000000:stateMachine:copying.",
        ),
        ("PutTargets", target(json!({ "SqsParameters": {} })), "ValidationException", "`SqsParameters`"),
        ("PutTargets", target(json!({ "Input": "{}", "InputPath": "$" })), "ValidationException", "one of Input"),
        ("PutTargets", target(json!({ "DeadLetterConfig": { "Arn": "arn:x" } })), "ValidationException", "SQS"),
        (
            "PutTargets",
            target(json!({ "RetryPolicy": { "MaximumEventAgeInSeconds": 5 } })),
            "ValidationException",
            "from 60 to 86400",
        ),
        ("PutTargets", json!({ "Rule": "no", "Targets": [] }), "ResourceNotFoundException", "Rule no does not exist"),
        ("DescribeEventBus", json!({ "Name": "mine" }), "ResourceNotFoundException", "Event bus mine"),
        ("CreateArchive", json!({}), "UnknownOperationException", "CreateArchive"),
    ] {
        let error = fixture.refused(operation, body.clone()).await;
        assert_eq!(error.code, code, "{operation} {body}: {error}");
        assert!(error.message.contains(reason), "{operation} {body}: {error}");
    }
}

#[tokio::test]
async fn a_pattern_can_be_tested_against_an_event() {
    let fixture = fixture();
    let event = upload().to_string();
    for (pattern, result) in [(r#"{"source":["aws.s3"]}"#, true), (r#"{"source":["aws.ec2"]}"#, false)] {
        let answer = fixture.call("TestEventPattern", json!({ "EventPattern": pattern, "Event": event })).await;
        assert_eq!(answer, json!({ "Result": result }));
    }
    let error = fixture.refused("TestEventPattern", json!({ "EventPattern": r#"{"a":[1]}"#, "Event": "{}" })).await;
    assert!(error.message.contains("the field id is missing"), "{error}");
}

#[tokio::test]
async fn the_default_bus_is_the_only_one() {
    let fixture = fixture();
    let bus = json!({ "Name": "default", "Arn": "arn:aws:events:us-east-1:000000000000:event-bus/default" });
    assert_eq!(fixture.call("DescribeEventBus", json!({})).await, bus);
    assert_eq!(fixture.call("ListEventBuses", json!({ "Limit": 10 })).await, json!({ "EventBuses": [bus] }));
    assert_eq!(fixture.call("ListEventBuses", json!({ "NamePrefix": "x" })).await, json!({ "EventBuses": [] }));
}
