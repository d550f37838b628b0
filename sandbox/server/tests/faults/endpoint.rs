//! Rules over HTTP, without an SDK.

use aws_sdk_s3::primitives::ByteStream;
use http::Request;
use serde_json::{Value, json};

use crate::harness::{Fixture, failure};

const FAULTS: &str = "/_sandbox/faults";

impl Fixture {
    async fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("Content-Type", "application/json");
        let (status, body) = self.send(request, body).await.unwrap();
        (status, serde_json::from_str(&body).unwrap())
    }
}

#[tokio::test]
async fn a_rule_is_added_listed_and_removed_without_a_signature() {
    let fixture = Fixture::start().await;
    let rule = json!({
        "match": { "service": "s3", "operation": "PutObject", "key": "a*" },
        "when": { "skip": 1 },
        "effect": { "error": { "code": "SlowDown" } },
    });
    assert_eq!(fixture.ask("POST", FAULTS, &rule.to_string()).await, (201, json!({ "id": "fault-1" })));
    fixture.put("a-first", b"x").await;
    let second = fixture.s3.put_object().bucket(&fixture.outputs.outputs["TargetBucket"]).key("a-second");
    let refused = second.body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(failure(refused), (503, "SlowDown".to_owned()));
    let (status, listed) = fixture.ask("GET", FAULTS, "").await;
    let mut expected = rule.clone();
    expected["when"]["seed"] = json!(0);
    expected["id"] = json!("fault-1");
    expected["matched"] = json!(2);
    expected["fired"] = json!(1);
    assert_eq!((status, listed), (200, json!({ "faults": [expected] })));
    assert_eq!(fixture.ask("DELETE", "/_sandbox/faults/fault-1", "").await, (200, json!({ "removed": 1 })));
    fixture.put("a-third", b"x").await;
    fixture.ask("POST", FAULTS, &rule.to_string()).await;
    fixture.ask("POST", FAULTS, &rule.to_string()).await;
    assert_eq!(fixture.ask("DELETE", FAULTS, "").await, (200, json!({ "removed": 2 })));
    assert_eq!(fixture.ask("GET", FAULTS, "").await, (200, json!({ "faults": [] })));
}

#[tokio::test]
async fn an_invalid_rule_is_rejected_with_advice() {
    let fixture = Fixture::start().await;
    for (rule, sentence) in [
        ("", "EOF"),
        (r#"{"effect": {"drop": "later"}}"#, "effect.drop"),
        (r#"{"match": {"bukket": "b"}, "effect": {"drop": "before"}}"#, "match.bukket: unknown field"),
        (r#"{"effect": {"error": {"code": "Odd"}}}"#, "effect.error.status: it has to be given"),
        (r#"{"match": {"operation": "GetObject"}, "effect": {"flip": {}}}"#, "leave out operation"),
    ] {
        let (status, body) = fixture.ask("POST", FAULTS, rule).await;
        let message = body["message"].as_str().unwrap();
        assert!(status == 400 && message.contains(sentence), "{rule}: {status} {message}");
    }
    let (status, body) = fixture.ask("DELETE", "/_sandbox/faults/fault-9", "").await;
    assert!(status == 404 && body["message"].as_str().unwrap().contains("no rule fault-9"), "{body}");
    assert_eq!(fixture.ask("PUT", FAULTS, "").await.0, 405);
    let form = Request::post(FAULTS).header("Content-Type", "text/plain");
    let (status, _) = fixture.send(form, r#"{"effect": {"drop": "before"}}"#).await.unwrap();
    assert_eq!(status, 415, "a page of another origin can send that much");
    assert!(fixture.sandbox.faults().rules().is_empty());
}
