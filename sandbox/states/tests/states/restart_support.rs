//! A sandbox that is killed between two events of a history, and started again.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    distributed_support::map_runs,
    support::{Ended, Script, World, text},
};

/// The service started again as a kill right after an event leaves it, with its only line of work as given; what became
/// of the execution.
pub(crate) async fn killed_after(
    world: World,
    ended: &Ended,
    event: usize,
    line: Value,
    runner: &Arc<Script>,
) -> Ended {
    let arn = text(&ended.described["executionArn"]);
    world.states.shutdown().await.unwrap();
    for id in event + 1..=ended.history.len() {
        world.store.delete("states.history", &format!("{arn}#{id:08}")).unwrap();
    }
    let runs = ended.history[..event].iter().filter(|event| event["type"] == "MapRunStarted");
    let known: Vec<&Value> = runs.map(|event| &event["mapRunStartedEventDetails"]["mapRunArn"]).collect();
    for (run, _) in world.store.load::<Value>("states.mapRuns").unwrap() {
        if !known.contains(&&json!(run)) {
            world.store.delete("states.mapRuns", &run).unwrap();
        }
    }
    let records = world.store.load::<Value>("states.executions").unwrap();
    let (_, mut record) = records.into_iter().find(|(key, _)| *key == arn).unwrap();
    (record["status"], record["stopped"]) = (json!("RUNNING"), json!(null));
    world.store.put("states.executions", &arn, &record).unwrap();
    world.store.put("states.frames", &format!("{arn}#"), &line).unwrap();
    let again = World::over(Arc::clone(&world.store), runner);
    again.states.resume();
    let described = again.end(&arn).await;
    let runs = map_runs(&again, &json!(arn)).await;
    let after = Ended { described, history: again.history(&arn).await };
    assert_eq!(runs.len(), after.of("MapRunStarted").len(), "every Map Run has its event");
    after
}

/// An execution's own line of work in its first state.
pub(crate) fn line(state: &str, kind: &str, input: &Value, progress: &str) -> Value {
    json!({"state": state, "kind": kind, "input": input, "variables": {}, "entered": 0, "entered_event": 2,
           "progress": progress})
}
