//! The history of an execution: the states that it entered, and the state that failed.
//!
//! The events of this module have the part of Step Functions' `HistoryEvent` that is needed
//! (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>). They are plain values
//! without a dependency on the SDK. The crate `holdfast-history` converts the events of the SDK.

mod failure;
mod path;
#[cfg(test)]
mod tests;

pub use self::{
    failure::{Failure, FailureSearch, Iteration, cause_message, failure},
    path::{Step, StepKind, path, states_entered},
};

/// One event of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEvent {
    /// The event's number, from 1.
    pub id: i64,
    /// The number of the previous event in the same branch; 0 for the first event.
    pub previous_id: i64,
    /// The kind of the event.
    pub kind: EventKind,
    /// The name of the state, or of the Map that an iteration belongs to.
    pub name: Option<String>,
    /// The error's name.
    pub error: Option<String>,
    /// The error's cause.
    pub cause: Option<String>,
}

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A state was entered.
    StateEntered(StateKind),
    /// A state was exited.
    StateExited(StateKind),
    /// A Map started its iterations.
    MapStarted {
        /// The number of items of the Map.
        items: u32,
    },
    /// One iteration of a Map failed.
    IterationFailed {
        /// The index of the iteration, from 0.
        index: i32,
    },
    /// A task, or an expression of a state, failed or timed out.
    AttemptFailed,
    /// The execution ended without success.
    ExecutionEnded(End),
    /// Another event.
    Other,
}

/// The kinds of states that a path distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateKind {
    /// A Task.
    Task,
    /// A Map.
    Map,
    /// Any other state: it decides, passes or ends.
    Control,
}

/// How an execution ended without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A state failed.
    Failed,
    /// The execution exceeded its own timeout.
    TimedOut,
    /// A person or a program stopped the execution.
    Aborted,
}
