//! What the history says of a state that was entered before the sandbox was killed: how often it was tried, and what
//! the last try came to where nothing has followed from that yet. A redrive makes all of it void.

use serde_json::Value;

use super::{Failure, Run, environment::Here};
use crate::history::Event;

/// The tries of a Task, or of a distributed Map.
#[derive(Debug, Default)]
pub(super) struct Known {
    failures: Vec<Failure>,
    outcome: Option<Result<Value, Failure>>,
}

impl Run {
    /// Reads it from the history.
    pub(super) fn known(&self, here: Here<'_>) -> Known {
        let mut known = Known::default();
        for event in self.execution.since(&here.scope.path, here.frame.entered_event) {
            known.add(&event);
        }
        known
    }
}

impl Known {
    fn add(&mut self, event: &Event) {
        let details = event.details.values().next().unwrap_or(&Value::Null);
        let text = |name: &str| details[name].as_str().map(str::to_owned);
        match event.kind.as_str() {
            "TaskScheduled" | "MapRunStarted" | "MapRunRedriven" => self.outcome = None,
            "TaskSucceeded" => {
                let output = details["output"].as_str().and_then(|output| serde_json::from_str(output).ok());
                self.outcome = output.map(Ok);
            }
            // A catcher had taken over, and nothing else does that.
            "EvaluationFailed" if text("location").is_some_and(|location| location.starts_with("Catch[")) => {
                self.outcome = Some(Err(Failure::uncaught(text("error"), text("cause"))));
            }
            "TaskFailed" | "TaskTimedOut" | "MapRunFailed" | "EvaluationFailed" => {
                let failure = Failure::declared(text("error"), text("cause"));
                self.failures.push(failure.clone());
                self.outcome = Some(Err(failure));
            }
            _ => {}
        }
    }

    /// The failures that were retried: all but the one that the last try came to.
    pub(super) fn retried(&self) -> &[Failure] {
        let open = usize::from(matches!(self.outcome, Some(Err(_))));
        &self.failures[..self.failures.len().saturating_sub(open)]
    }

    /// What the last try came to, once.
    pub(super) fn take_outcome(&mut self) -> Option<Result<Value, Failure>> {
        self.outcome.take()
    }
}
