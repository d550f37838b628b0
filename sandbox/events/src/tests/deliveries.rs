//! Events with a busy, missing or failing target, and deliveries that are pending when the sandbox stops.

use bytes::Bytes;
use serde_json::json;

use super::{FUNCTION, MACHINE, QUEUE, ROLE, busy, fixture, upload};
use crate::{Events, Targets};
use sandbox_core::faults::Faults;
use sandbox_core::ports::{ApiError, EventSink, Invocation};

#[tokio::test]
async fn a_busy_target_is_retried_under_the_same_execution_name() {
    let fixture = fixture();
    fixture.rule(json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE })).await;
    *fixture.recorder.start_errors.lock().unwrap() = [busy(), busy()].into();
    fixture.send().await;
    let started = fixture.recorder.started.lock().unwrap().clone();
    assert_eq!(started.len(), 3);
    assert!(started.iter().all(|(_, name, _)| *name == started[0].1));
    assert_eq!(fixture.events.undelivered().unwrap(), []);
}

#[tokio::test]
async fn an_execution_started_by_an_earlier_attempt_counts_as_delivered() {
    let fixture = fixture();
    fixture.rule(json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE, "DeadLetterConfig": { "Arn": QUEUE } })).await;
    let exists = ApiError::new("ExecutionAlreadyExists", "it is there");
    *fixture.recorder.start_errors.lock().unwrap() = [busy(), exists].into();
    fixture.send().await;
    assert_eq!((fixture.starts(), fixture.events.undelivered().unwrap()), (2, vec![]));
}

#[tokio::test]
async fn an_event_without_retries_left_goes_to_the_dead_letter_queue() {
    let fixture = fixture();
    let target = json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE, "RetryPolicy": { "MaximumRetryAttempts": 2 },
                         "DeadLetterConfig": { "Arn": QUEUE } });
    fixture.rule(target).await;
    *fixture.recorder.start_errors.lock().unwrap() = std::iter::repeat_with(busy).take(9).collect();
    fixture.send().await;
    assert_eq!(fixture.starts(), 3);
    let undelivered = fixture.events.undelivered().unwrap();
    assert_eq!(undelivered.len(), 1);
    assert_eq!((undelivered[0].queue_arn.as_deref(), &undelivered[0].body), (Some(QUEUE), &upload()));
    for (name, value) in [
        ("RULE_ARN", "arn:aws:events:us-east-1:000000000000:rule/uploads"),
        ("TARGET_ARN", MACHINE),
        ("ERROR_CODE", "ERROR_FROM_TARGET"),
        ("ERROR_MESSAGE", "ServiceUnavailable: try later"),
        ("RETRY_ATTEMPTS", "2"),
        ("EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
    ] {
        assert_eq!(undelivered[0].attributes.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[tokio::test]
async fn an_event_older_than_its_maximum_age_is_not_retried() {
    let fixture = fixture();
    let policy = json!({ "MaximumEventAgeInSeconds": 60 });
    fixture.rule(json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE, "RetryPolicy": policy, "DeadLetterConfig": { "Arn": QUEUE } })).await;
    *fixture.recorder.start_errors.lock().unwrap() = std::iter::repeat_with(busy).take(99).collect();
    fixture.send().await;
    let undelivered = fixture.events.undelivered().unwrap();
    assert_eq!(undelivered[0].attributes["EXHAUSTED_RETRY_CONDITION"], "MaximumEventAgeInSeconds");
    // The delays are 1, 2, 4, … seconds with a jitter of at least half, so 60 seconds end between the fifth and the
    // seventh retry.
    assert!((5..=7).contains(&(fixture.starts() - 1)), "{} retries", fixture.starts() - 1);
}

#[tokio::test]
async fn a_missing_target_is_not_retried() {
    let fixture = fixture();
    fixture.rule(json!({ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE, "DeadLetterConfig": { "Arn": QUEUE } })).await;
    *fixture.recorder.start_errors.lock().unwrap() =
        [ApiError::new("StateMachineDoesNotExist", "no such machine")].into();
    fixture.send().await;
    let undelivered = fixture.events.undelivered().unwrap();
    assert_eq!((fixture.starts(), undelivered[0].attributes["ERROR_CODE"].as_str()), (1, "NO_RESOURCE"));
    assert_eq!(undelivered[0].attributes.get("EXHAUSTED_RETRY_CONDITION"), None);
}

#[tokio::test]
async fn a_failed_function_is_retried_twice_before_the_event_is_dropped() {
    let fixture = fixture();
    fixture.rule(json!({ "Id": "f", "Arn": FUNCTION, "DeadLetterConfig": { "Arn": QUEUE } })).await;
    let failed = || Ok(Invocation::Failed(Bytes::from_static(b"{\"errorType\":\"Boom\"}")));
    *fixture.recorder.invoke_answers.lock().unwrap() = [failed(), failed(), failed(), failed()].into();
    fixture.send().await;
    assert_eq!(fixture.invocations(), 3);
    let undelivered = fixture.events.undelivered().unwrap();
    assert_eq!(undelivered[0].queue_arn, None, "a failed function is Lambda's matter, not the rule's queue's");
    assert!(undelivered[0].attributes["ERROR_MESSAGE"].contains("Boom"));
}

#[tokio::test]
async fn rules_and_pending_deliveries_survive_a_restart() {
    let fixture = fixture();
    // A bus without targets accepts events and keeps them.
    let earlier = Events::new(fixture.store.clone(), "us-east-1", 0.0, Faults::default()).unwrap();
    let rule = json!({ "Name": "uploads", "EventPattern": r#"{"source":["aws.s3"]}"# });
    earlier.handle("PutRule", rule).await.unwrap();
    let targets = json!([{ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE }]);
    earlier.handle("PutTargets", json!({ "Rule": "uploads", "Targets": targets })).await.unwrap();
    earlier.put_event(upload()).await;
    drop(earlier);
    let later = Events::new(fixture.store.clone(), "us-east-1", 0.0, Faults::default()).unwrap();
    let recorder = fixture.recorder.clone();
    later.connect(Targets { start: recorder.clone(), invoke: recorder });
    later.drained().await;
    assert_eq!(fixture.starts(), 1);
    assert_eq!(later.handle("ListRules", json!({})).await.unwrap()["Rules"][0]["Name"], "uploads");
    let third = Events::new(fixture.store.clone(), "us-east-1", 0.0, Faults::default()).unwrap();
    let recorder = fixture.recorder.clone();
    third.connect(Targets { start: recorder.clone(), invoke: recorder });
    third.drained().await;
    assert_eq!(fixture.starts(), 1, "what was delivered is not delivered again");
}

#[tokio::test]
async fn an_event_before_the_targets_are_connected_is_delivered_once() {
    let fixture = fixture();
    let store = std::sync::Arc::new(sandbox_core::store::Store::in_memory().unwrap());
    let events = Events::new(store, "us-east-1", 0.0, Faults::default()).unwrap();
    let rule = json!({ "Name": "uploads", "EventPattern": r#"{"source":["aws.s3"]}"# });
    events.handle("PutRule", rule).await.unwrap();
    let targets = json!([{ "Id": "m", "Arn": MACHINE, "RoleArn": ROLE }]);
    events.handle("PutTargets", json!({ "Rule": "uploads", "Targets": targets })).await.unwrap();
    events.put_event(upload()).await;
    let recorder = fixture.recorder.clone();
    events.connect(Targets { start: recorder.clone(), invoke: recorder });
    events.drained().await;
    assert_eq!(fixture.starts(), 1);
}
