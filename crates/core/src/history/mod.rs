//! The history of an execution: the states that it entered, and which state failed and why.
//!
//! The events here are the part of Step Functions' `HistoryEvent` that these questions need
//! (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>). They are plain values, so
//! the answers need no SDK; the crate `holdfast-history` converts the SDK's events.

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
    /// The number of the event that this one follows in its own branch; 0 if it follows none.
    pub previous_id: i64,
    /// What happened.
    pub kind: EventKind,
    /// The name of the state, or of the Map that an iteration belongs to.
    pub name: Option<String>,
    /// The error's name.
    pub error: Option<String>,
    /// The error's cause.
    pub cause: Option<String>,
}

/// What happened in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A state was entered.
    StateEntered(StateKind),
    /// A state was exited.
    StateExited(StateKind),
    /// A Map started its iterations.
    MapStarted {
        /// How many items the Map has.
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
    /// Anything else.
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
