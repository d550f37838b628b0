//! What the tests of redrive share: Tasks and Maps, and an execution before and after.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Answer, Ended, Script, World, machine, task};

pub(crate) fn failing() -> Answer {
    Answer::Error("Bad", "why")
}

/// A Task that hands its input on.
pub(crate) fn step(more: Value) -> Value {
    let mut fields = json!({"Arguments": "{% $states.input %}"});
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task(fields)
}

/// A Map over its input.
pub(crate) fn map(start: &str, states: Value, more: Value) -> Value {
    let mut map = json!({"Type": "Map", "ItemProcessor": {"StartAt": start, "States": states}, "End": true});
    map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    map
}

/// A machine of a Map over its input, `M`, whose iterations run these states.
pub(crate) fn mapping(start: &str, states: Value) -> Value {
    machine("M", json!({"M": map(start, states, json!({}))}))
}

/// Runs a machine whose Tasks answer in turn, and redrives it once.
pub(crate) async fn redriven(definition: &Value, input: &Value, answers: Vec<Answer>) -> (Ended, Ended, Arc<Script>) {
    let script = Script::answers(answers);
    let world = World::new(&script);
    let before = world.run(definition, input).await;
    assert_eq!(before.status(), "FAILED", "{}", before.described);
    let after = world.redrive(&before).await;
    (before, after, script)
}

/// Runs a machine, and redrives it on a service that was started again, with other answers.
pub(crate) async fn redriven_after_a_restart(
    definition: &Value,
    input: &Value,
    first: Arc<Script>,
    second: &Arc<Script>,
) -> (Ended, Ended) {
    let world = World::new(&first);
    let before = world.run(definition, input).await;
    assert_eq!(before.status(), "FAILED", "{}", before.described);
    world.states.shutdown().await.unwrap();
    let again = World::over(Arc::clone(&world.store), second);
    let after = again.redrive(&before).await;
    (before, after)
}

/// The types of the events that a redrive added.
pub(crate) fn added<'a>(before: &Ended, after: &'a Ended) -> Vec<&'a str> {
    assert_eq!(after.history[..before.history.len()], before.history, "what was written stays");
    after.types()[before.history.len()..].to_vec()
}
