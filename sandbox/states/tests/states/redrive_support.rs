//! Shared parts of the redrive tests: Tasks, Maps, and an execution before and after its redrive.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Answer, Ended, Fixture, Script, machine, task};

pub(crate) fn failing() -> Answer {
    Answer::Error("Bad", "why")
}

/// A Task that returns its input.
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

/// A machine with a Map over its input, `M`, whose iterations run these states.
pub(crate) fn mapping(start: &str, states: Value) -> Value {
    machine("M", json!({"M": map(start, states, json!({}))}))
}

/// Runs a machine whose Tasks give these answers in turn, and redrives it once.
pub(crate) async fn redriven(definition: &Value, input: &Value, answers: Vec<Answer>) -> (Ended, Ended, Arc<Script>) {
    let script = Script::answers(answers);
    let fixture = Fixture::new(&script);
    let before = fixture.run(definition, input).await;
    assert_eq!(before.status(), "FAILED", "{}", before.described);
    let after = fixture.redrive(&before).await;
    (before, after, script)
}

/// Runs a machine, and redrives it with other answers after a restart of the service.
pub(crate) async fn redriven_after_a_restart(
    definition: &Value,
    input: &Value,
    first: Arc<Script>,
    second: &Arc<Script>,
) -> (Ended, Ended) {
    let fixture = Fixture::new(&first);
    let before = fixture.run(definition, input).await;
    assert_eq!(before.status(), "FAILED", "{}", before.described);
    fixture.states.shutdown().await.unwrap();
    let again = Fixture::over(Arc::clone(&fixture.store), second);
    let after = again.redrive(&before).await;
    (before, after)
}

/// The types of the events that a redrive added.
pub(crate) fn added<'a>(before: &Ended, after: &'a Ended) -> Vec<&'a str> {
    assert_eq!(after.history[..before.history.len()], before.history, "what was written stays");
    after.types()[before.history.len()..].to_vec()
}
