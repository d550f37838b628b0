//! The state that failed, and its error.
//!
//! Each event names the previous event of its own branch. From the end of the execution, these links lead through the
//! failed task to the entry of its state. They skip the iterations of a Map that ran at the same time. An execution
//! that was stopped, or that timed out as a whole, has no such links. Then the failed state is the newest one that was
//! entered and not exited.

use std::{collections::HashMap, ops::ControlFlow};

use serde::Serialize;
use serde_json::Value;

use super::{End, EventKind, HistoryEvent};

/// The state that failed, and its error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The innermost state; absent if the execution ended before it entered one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The iteration of a Map that the state ran in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<Iteration>,
    /// The error's name; absent for an execution that was stopped without an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The error's cause as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// An iteration of a Map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Iteration {
    /// The Map's name.
    pub map: String,
    /// The index of the iteration, from 0.
    pub index: i32,
}

/// Finds the failed state and its error in a whole history, oldest event first; `None` if the execution has not failed.
///
/// The newest failed end counts, even if the execution was redriven after it. To find out whether an execution is
/// failed now, read its status first.
pub fn failure(history: &[HistoryEvent]) -> Option<Failure> {
    let mut search = FailureSearch::default();
    for event in history.iter().rev() {
        if search.take(event).is_break() {
            break;
        }
    }
    search.end.is_some().then(|| search.finish())
}

/// Searches a history for the failure, newest event first, so that a caller reads only the necessary pages.
#[derive(Debug, Default)]
pub struct FailureSearch {
    end: Option<End>,
    /// The ID of the next event on the chain of links.
    next: i64,
    found: Failure,
    /// The number of exits of each state without a matching entry so far.
    exits: HashMap<String, usize>,
    /// The newest state that was entered and not exited.
    running: Option<String>,
}

impl FailureSearch {
    /// Processes the next older event. Breaks when the state is found.
    pub fn take(&mut self, event: &HistoryEvent) -> ControlFlow<()> {
        if self.end.is_none()
            && let EventKind::ExecutionEnded(end) = event.kind
        {
            // The newer events belong to a redrive after this end.
            *self = Self { end: Some(end), next: event.id, ..Self::default() };
        }
        self.note_running(event);
        if self.end.is_none() {
            return ControlFlow::Continue(());
        }
        if let EventKind::IterationFailed { index } = event.kind
            && (event.id == self.next || event.previous_id == self.next)
            && self.found.iteration.is_none()
        {
            // The failure of the Map links to the failure of the task, so the failure of the iteration is not on the
            // chain.
            self.found.iteration = Some(Iteration { map: event.name.clone().unwrap_or_default(), index });
        }
        if event.id != self.next {
            let is_answered = self.next == 0 && self.running.is_some();
            return if is_answered { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        }
        self.next = event.previous_id;
        if self.found.error.is_none() {
            self.found.error.clone_from(&event.error);
            self.found.cause = event.cause.as_deref().and_then(cause_message);
        }
        match event.kind {
            EventKind::StateEntered(_) => self.found.state.clone_from(&event.name),
            // A failed expression names its state.
            EventKind::AttemptFailed if event.name.is_some() => self.found.state.clone_from(&event.name),
            _ => return ControlFlow::Continue(()),
        }
        ControlFlow::Break(())
    }

    /// The failure, with the facts that were found.
    pub fn finish(self) -> Failure {
        let timeout = || (self.end == Some(End::TimedOut)).then(|| "States.Timeout".to_owned());
        Failure {
            error: self.found.error.clone().or_else(timeout),
            state: self.found.state.or(self.running),
            ..self.found
        }
    }

    fn note_running(&mut self, event: &HistoryEvent) {
        let Some(name) = &event.name else { return };
        match event.kind {
            EventKind::StateExited(_) => *self.exits.entry(name.clone()).or_default() += 1,
            EventKind::StateEntered(_) => match self.exits.get_mut(name) {
                Some(exits) if *exits > 0 => *exits -= 1,
                _ => {
                    self.running.get_or_insert_with(|| name.clone());
                }
            },
            _ => {}
        }
    }
}

/// The message in a cause, if the cause is not empty. The cause of a function's error is JSON with the message in
/// `errorMessage`.
pub fn cause_message(cause: &str) -> Option<String> {
    let json: Option<Value> = serde_json::from_str(cause).ok();
    let message = json.as_ref().and_then(|json| json.get("errorMessage")).and_then(Value::as_str);
    let text = message.unwrap_or(cause).trim();
    (!text.is_empty()).then(|| text.to_owned())
}
