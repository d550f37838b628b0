//! One event of an execution's history: its type, what it follows, and AWS's detail fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::clock;

/// An event as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Its number, from 1.
    pub(crate) id: u64,
    /// The event that it follows in its own line of work; 0 for the first two.
    pub(crate) previous: u64,
    /// When, in milliseconds since 1970.
    pub(crate) at: i64,
    /// AWS's name for it, for example `TaskScheduled`.
    pub(crate) kind: String,
    /// The detail field, for example `{"taskScheduledEventDetails": {…}}`; empty for types without details.
    pub(crate) details: Map<String, Value>,
    /// The frame whose line of work it continues; none for an event that nothing follows.
    pub(crate) frame: Option<String>,
}

/// An event to be written: AWS's name of its type, and its detail field.
pub(crate) struct Note<'a> {
    /// For example `TaskScheduled`.
    pub(crate) kind: &'a str,
    /// For example `{"taskScheduledEventDetails": {…}}`.
    pub(crate) details: Map<String, Value>,
}

impl Event {
    /// As `GetExecutionHistory` shows it.
    pub(crate) fn wire(&self, data: Data) -> Value {
        let mut wire = json!({
            "timestamp": clock::wire(self.at),
            "type": self.kind,
            "id": self.id,
            "previousEventId": self.previous,
        });
        let mut details = self.details.clone();
        if data == Data::Excluded {
            for fields in details.values_mut().filter_map(Value::as_object_mut) {
                fields.retain(|name, _| {
                    !matches!(name.as_str(), "input" | "output" | "parameters" | "assignedVariables")
                });
            }
        }
        if let Some(wire) = wire.as_object_mut() {
            wire.extend(details);
        }
        wire
    }
}

/// Whether inputs and outputs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    /// They are.
    Included,
    /// They are left out.
    Excluded,
}

/// Details under the name that belongs to an event type: `TaskFailed` → `taskFailedEventDetails`.
pub(crate) fn details(kind: &str, fields: impl Into<Value>) -> Map<String, Value> {
    let name = match kind {
        _ if kind.ends_with("StateEntered") => "stateEnteredEventDetails".to_owned(),
        _ if kind.ends_with("StateExited") => "stateExitedEventDetails".to_owned(),
        _ => {
            let (first, rest) = kind.split_at(1);
            format!("{}{rest}EventDetails", first.to_lowercase())
        }
    };
    Map::from_iter([(name, fields.into())])
}

/// Text under a field together with the field that says whether it was cut, which it never is here.
pub(crate) fn untruncated(name: &str, text: &str) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), json!(text)), (format!("{name}Details"), json!({"truncated": false}))])
}

/// The first event of an execution.
pub(crate) fn execution_started(input: &str, role: &str) -> Note<'static> {
    let kind = "ExecutionStarted";
    let mut fields = untruncated("input", input);
    fields.insert("roleArn".to_owned(), json!(role));
    Note { kind, details: details(kind, fields) }
}
