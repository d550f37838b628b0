//! Flows: sequences of states within an execution, each with its progress.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clock;

/// The progress of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Progress {
    /// It is in its state, or about to enter it.
    Running,
    /// It ended with this output.
    Succeeded(Value),
    /// It failed in its state.
    Failed,
    /// It was aborted in its state because another flow failed or the execution ended.
    Aborted,
}

/// One flow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// The current state.
    pub(crate) state: String,
    /// The type of the state.
    pub(crate) kind: String,
    /// The input of the state.
    pub(crate) input: Value,
    /// The variables of the flow at the entry into the state.
    pub(crate) variables: Map<String, Value>,
    /// When it entered the state, in milliseconds since 1970.
    pub(crate) entered: i64,
    /// The event of the entry; 0 for a flow that has started and not entered its first state.
    pub(crate) entered_event: u64,
    pub(crate) progress: Progress,
}

impl Frame {
    /// A flow that is about to enter a state.
    pub(crate) fn before(state: &str, kind: &str, input: Value) -> Self {
        Self {
            state: state.to_owned(),
            kind: kind.to_owned(),
            input,
            variables: Map::new(),
            entered: clock::now(),
            entered_event: 0,
            progress: Progress::Running,
        }
    }

    /// Whether the flow has entered its state.
    pub(crate) fn is_inside(&self) -> bool {
        self.entered_event > 0
    }
}
