//! Lines of work: the progress of each one of an execution.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clock;

/// The status of a line of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Progress {
    /// It is in its state, or about to enter it.
    Running,
    /// It came to its end with this output.
    Succeeded(Value),
    /// It failed in its state.
    Failed,
    /// It was given up in its state because something else failed or ended.
    Aborted,
}

/// One line of work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// The state it is in.
    pub(crate) state: String,
    /// That state's type.
    pub(crate) kind: String,
    /// That state's input.
    pub(crate) input: Value,
    /// The variables of this line of work when it entered the state.
    pub(crate) variables: Map<String, Value>,
    /// When it entered the state.
    pub(crate) entered: i64,
    /// The event of that; 0 for a line of work that has begun and not entered its first state.
    pub(crate) entered_event: u64,
    /// Its status.
    pub(crate) progress: Progress,
}

impl Frame {
    /// A line of work that is about to enter a state.
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

    /// Whether it has entered its state.
    pub(crate) fn is_inside(&self) -> bool {
        self.entered_event > 0
    }
}
