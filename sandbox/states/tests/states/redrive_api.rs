//! `RedriveExecution` in the API: rejections, client tokens, lists, events.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    redrive_support::{failing, step},
    support::{Answer, Fixture, Script, machine, text},
};

#[tokio::test(start_paused = true)]
async fn a_refused_redrive_has_the_reason_of_describe_execution() {
    let fixture = Fixture::new(&Script::answers([Answer::Arguments, Answer::Never, failing()]));
    let machine = fixture.create("m", &machine("A", json!({"A": step(json!({"End": true}))}))).await;
    let succeeded = fixture.start(&machine, &json!({})).await;
    fixture.end(&succeeded).await;
    let running = fixture.start(&machine, &json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let orphaned = fixture.start(&machine, &json!({})).await;
    fixture.end(&orphaned).await;
    fixture.ask("DeleteStateMachine", json!({"stateMachineArn": machine})).await;
    for (arn, reason) in [
        (succeeded, "Execution is SUCCEEDED and cannot be redriven"),
        (running, "Execution is RUNNING and cannot be redriven"),
        (orphaned, "State machine is in DELETING status"),
    ] {
        refused(&fixture, &arn, reason).await;
    }
    let (code, _) = fixture.refused("RedriveExecution", json!({"executionArn": "arn:x"})).await;
    assert_eq!(code, "ExecutionDoesNotExist");
}

async fn refused(fixture: &Fixture, arn: &str, reason: &str) {
    let (code, message) = fixture.refused("RedriveExecution", json!({"executionArn": arn})).await;
    assert_eq!((code.as_str(), message), ("ExecutionNotRedrivable", format!("{reason}: '{arn}'")));
    let described = fixture.ask("DescribeExecution", json!({"executionArn": arn})).await;
    assert_eq!(described["redriveStatus"], "NOT_REDRIVABLE");
    assert_eq!(described["redriveStatusReason"], reason);
    assert_eq!(described["redriveCount"], 0);
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_redrivable_for_14_days_and_within_a_year() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let script = Script::new(|_, _| failing());
    let fixture = Fixture::new(&script);
    let ended = fixture.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!({})).await;
    let arn = text(&ended.described["executionArn"]);
    fixture.states.shutdown().await.unwrap();
    let now = i64::try_from(time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap();
    for (started, stopped, reason) in [
        (15 * DAY, 14 * DAY + 1, Some("Execution redrivable period exceeded")),
        (366 * DAY, DAY, Some("Execution has exceeded the max execution time")),
        (15 * DAY, 14 * DAY - 60_000, None),
        (365 * DAY - 60_000, DAY, None),
    ] {
        let mut record: Value = fixture.store.load("states.executions").unwrap().remove(0).1;
        record["started"] = json!(now - started);
        record["stopped"] = json!(now - stopped);
        fixture.store.put("states.executions", &arn, &record).unwrap();
        let again = Fixture::over(Arc::clone(&fixture.store), &script);
        match reason {
            Some(reason) => refused(&again, &arn, reason).await,
            None => assert_ne!(again.redrive(&ended).await.described["redriveCount"], 0),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_client_token_redrives_once() {
    let fixture = Fixture::new(&Script::answers([failing(), failing(), failing()]));
    let ended = fixture.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!({})).await;
    let arn = text(&ended.described["executionArn"]);
    let with = |token: &str| json!({"executionArn": arn, "clientToken": token});
    let first = fixture.ask("RedriveExecution", with("a")).await;
    assert_eq!(fixture.ask("RedriveExecution", with("a")).await, first, "while it runs");
    let described = fixture.end(&arn).await;
    assert_eq!(described["redriveDate"], first["redriveDate"]);
    assert_eq!(fixture.ask("RedriveExecution", with("a")).await, first, "after it has ended");
    assert_eq!(fixture.end(&arn).await["redriveCount"], 1);
    fixture.ask("RedriveExecution", with("b")).await;
    assert_eq!(fixture.end(&arn).await["redriveCount"], 2);
    for token in ["", "a b", &"x".repeat(65)] {
        assert_eq!(fixture.refused("RedriveExecution", with(token)).await.0, "ValidationException");
    }
}

#[tokio::test(start_paused = true)]
async fn executions_are_listed_by_whether_they_were_redriven() {
    let fixture = Fixture::new(&Script::answers([failing(), Answer::Arguments]));
    let machine = fixture.create("m", &machine("A", json!({"A": step(json!({"End": true}))}))).await;
    let mut arns = Vec::new();
    for _ in 0..2 {
        let arn = fixture.start(&machine, &json!({})).await;
        fixture.end(&arn).await;
        arns.push(arn);
    }
    let redriven = fixture.ask("RedriveExecution", json!({"executionArn": arns[0]})).await;
    fixture.end(&arns[0]).await;
    let list = |filter: Value| json!({"stateMachineArn": machine, "redriveFilter": filter});
    let listed = async |filter: Value| {
        let answer = fixture.ask("ListExecutions", list(filter)).await;
        answer["executions"].as_array().unwrap().clone()
    };
    let found = listed(json!("REDRIVEN")).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["executionArn"], &found[0]["redriveCount"]), (&json!(arns[0]), &json!(1)));
    assert_eq!(found[0]["redriveDate"], redriven["redriveDate"]);
    let found = listed(json!("NOT_REDRIVEN")).await;
    assert_eq!((found.len(), &found[0]["executionArn"]), (1, &json!(arns[1])));
    assert!(found[0].get("redriveDate").is_none());
    assert_eq!(listed(json!(null)).await.len(), 2);
    assert_eq!(fixture.refused("ListExecutions", list(json!("x"))).await.0, "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn a_redrive_sends_a_running_event() {
    let fixture = Fixture::new(&Script::answers([failing()]));
    let before = fixture.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!({})).await;
    fixture.redrive(&before).await;
    tokio::task::yield_now().await;
    let events = fixture.events.0.lock().unwrap();
    let of = |name: &str| -> Vec<Value> { events.iter().map(|event| event["detail"][name].clone()).collect() };
    assert_eq!(of("status"), ["RUNNING", "FAILED", "RUNNING", "SUCCEEDED"]);
    assert_eq!(of("redriveCount"), [0, 0, 1, 1]);
    assert_eq!(of("redriveStatus"), ["NOT_REDRIVABLE", "REDRIVABLE", "NOT_REDRIVABLE", "NOT_REDRIVABLE"]);
    assert_eq!(of("redriveDate")[..2], [json!(null), json!(null)]);
    let again = &events[2]["detail"];
    assert!(again["redriveDate"].is_i64(), "milliseconds, like the other dates: {again}");
    assert_eq!((&again["stopDate"], &again["error"], &again["cause"]), (&json!(null), &json!(null), &json!(null)));
}

#[tokio::test(start_paused = true)]
async fn a_redrive_requires_fewer_than_24999_events() {
    let script = Script::answers([failing()]);
    let fixture = Fixture::new(&script);
    let ended = fixture.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!({})).await;
    let arn = text(&ended.described["executionArn"]);
    fixture.states.shutdown().await.unwrap();
    for (events, refused) in [(24_999, true), (24_998, false)] {
        let (_, mut record) = fixture.store.load::<Value>("states.executions").unwrap().remove(0);
        record["events"] = json!(events);
        fixture.store.put("states.executions", &arn, &record).unwrap();
        let again = Fixture::over(Arc::clone(&fixture.store), &script);
        if refused {
            let (code, message) = again.refused("RedriveExecution", json!({"executionArn": arn})).await;
            assert_eq!(
                (code.as_str(), message),
                ("ExecutionNotRedrivable", format!("Execution history event limit exceeded: '{arn}'"))
            );
        } else {
            again.ask("RedriveExecution", json!({"executionArn": arn})).await;
            assert_eq!(again.end(&arn).await["status"], "SUCCEEDED");
        }
    }
}

/// Changes the record of the only execution in the store. The service must have been shut down.
fn change(fixture: &Fixture, arn: &str, change: impl FnOnce(&mut Value)) {
    let (_, mut record) = fixture.store.load::<Value>("states.executions").unwrap().remove(0);
    change(&mut record);
    fixture.store.put("states.executions", arn, &record).unwrap();
}

/// "The API will return idempotent responses for the last 10 client tokens used to successfully redrive the execution.
/// These client tokens are valid for up to 15 minutes after they are first used."
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html>)
#[tokio::test(start_paused = true)]
async fn the_last_ten_client_tokens_are_valid_for_15_minutes() {
    const MINUTE: i64 = 60_000;
    let script = Script::new(|_, _| failing());
    let fixture = Fixture::new(&script);
    let ended = fixture.run(&machine("A", json!({"A": step(json!({"End": true}))})), &json!({})).await;
    let arn = text(&ended.described["executionArn"]);
    let redrive = async |fixture: &Fixture, token: Option<String>| {
        fixture.ask("RedriveExecution", json!({"executionArn": arn, "clientToken": token})).await;
        fixture.end(&arn).await["redriveCount"].as_u64().unwrap()
    };
    for number in 1..=11 {
        assert_eq!(redrive(&fixture, Some(number.to_string())).await, number);
    }
    assert_eq!(redrive(&fixture, Some("2".to_owned())).await, 11, "of the last ten");
    assert_eq!(redrive(&fixture, Some("1".to_owned())).await, 12, "before the last ten");
    assert_eq!(redrive(&fixture, None).await, 13, "a request without a token repeats no other");
    fixture.states.shutdown().await.unwrap();
    for (passed, count) in [(15 * MINUTE - 30_000, 13), (15 * MINUTE + 1, 14)] {
        change(&fixture, &arn, |record| {
            let first = record["tokens"].as_array_mut().unwrap().iter_mut().find(|token| token["text"] == "1").unwrap();
            let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
            first["used"] = json!(i64::try_from(now).unwrap() - passed);
        });
        let again = Fixture::over(Arc::clone(&fixture.store), &script);
        assert_eq!(redrive(&again, Some("1".to_owned())).await, count, "{passed} ms after its first use");
        again.states.shutdown().await.unwrap();
    }
}
