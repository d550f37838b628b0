//! A sandbox that is killed between two events of a history, and restarted.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    distributed_support::map_runs,
    support::{Ended, Fixture, Script, text},
};

/// Restarts the service as after a kill right after an event, with the execution's only flow in the given state.
/// Returns the ended execution.
pub(crate) async fn killed_after(
    fixture: Fixture,
    ended: &Ended,
    event: usize,
    line: Value,
    runner: &Arc<Script>,
) -> Ended {
    let arn = text(&ended.described["executionArn"]);
    fixture.states.shutdown().await.unwrap();
    for id in event + 1..=ended.history.len() {
        fixture.store.delete("states.history", &format!("{arn}#{id:08}")).unwrap();
    }
    let runs = ended.history[..event].iter().filter(|event| event["type"] == "MapRunStarted");
    let known: Vec<&Value> = runs.map(|event| &event["mapRunStartedEventDetails"]["mapRunArn"]).collect();
    for (run, _) in fixture.store.load::<Value>("states.mapRuns").unwrap() {
        if !known.contains(&&json!(run)) {
            fixture.store.delete("states.mapRuns", &run).unwrap();
        }
    }
    let records = fixture.store.load::<Value>("states.executions").unwrap();
    let (_, mut record) = records.into_iter().find(|(key, _)| *key == arn).unwrap();
    (record["status"], record["stopped"]) = (json!("RUNNING"), json!(null));
    fixture.store.put("states.executions", &arn, &record).unwrap();
    fixture.store.put("states.frames", &format!("{arn}#"), &line).unwrap();
    let again = Fixture::over(Arc::clone(&fixture.store), runner);
    again.states.resume();
    let described = again.end(&arn).await;
    let runs = map_runs(&again, &json!(arn)).await;
    let after = Ended { described, history: again.history(&arn).await };
    assert_eq!(runs.len(), after.of("MapRunStarted").len(), "every Map Run has its event");
    after
}

/// An execution's own flow in its first state.
pub(crate) fn line(state: &str, kind: &str, input: &Value, progress: &str) -> Value {
    json!({"state": state, "kind": kind, "input": input, "variables": {}, "entered": 0, "entered_event": 2,
           "progress": progress})
}
