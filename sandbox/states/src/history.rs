//! One event of an execution's history: type, predecessor and AWS's detail fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::clock;

/// A stored event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Event {
    /// The number of the event, from 1.
    pub(crate) id: u64,
    /// The event that it follows in its own flow; 0 for the first two.
    pub(crate) previous: u64,
    /// The time in milliseconds since 1970.
    pub(crate) at: i64,
    /// AWS's name of the type, for example `TaskScheduled`.
    pub(crate) kind: String,
    /// The detail field, for example `{"taskScheduledEventDetails": {…}}`; empty for types without details.
    pub(crate) details: Map<String, Value>,
    /// The path of its flow; `None` for an event that no other event follows.
    pub(crate) frame: Option<String>,
}

/// An event to write.
pub(crate) struct Note<'a> {
    /// AWS's name of the type, for example `TaskScheduled`.
    pub(crate) kind: &'a str,
    /// For example `{"taskScheduledEventDetails": {…}}`.
    pub(crate) details: Map<String, Value>,
}

impl Event {
    /// The format of `GetExecutionHistory`.
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

/// Whether events show inputs and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Data {
    Included,
    Excluded,
}

/// Details under the name of an event type's detail field: `TaskFailed` → `taskFailedEventDetails`.
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

/// A text field, and the field that says whether it is truncated, which it never is here.
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
