//! The attempts at a state that was entered before the sandbox was killed, read from the history: the failures, and the
//! last outcome if no event followed it. A redrive invalidates all of it.

use serde_json::Value;

use super::{Failure, Run, environment::ActiveState};
use crate::history::Event;

/// The attempts of a Task or a distributed Map.
#[derive(Debug, Default)]
pub(super) struct PastAttempts {
    failures: Vec<Failure>,
    outcome: Option<Result<Value, Failure>>,
}

impl Run {
    pub(super) fn past_attempts(&self, active: ActiveState<'_>) -> PastAttempts {
        let mut past = PastAttempts::default();
        for event in self.execution.since(&active.scope.path, active.frame.entered_event) {
            past.add(&event);
        }
        past
    }
}

impl PastAttempts {
    fn add(&mut self, event: &Event) {
        let details = event.details.values().next().unwrap_or(&Value::Null);
        let text = |name: &str| details[name].as_str().map(str::to_owned);
        match event.kind.as_str() {
            "TaskScheduled" | "MapRunStarted" | "MapRunRedriven" => self.outcome = None,
            "TaskSucceeded" => {
                let output = details["output"].as_str().and_then(|output| serde_json::from_str(output).ok());
                self.outcome = output.map(Ok);
            }
            // Only a catcher produces this event, so a catcher had been selected.
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

    /// The failures that were retried: all except the last outcome.
    pub(super) fn retried(&self) -> &[Failure] {
        let open = usize::from(matches!(self.outcome, Some(Err(_))));
        &self.failures[..self.failures.len().saturating_sub(open)]
    }

    /// The outcome of the last attempt. Returned once.
    pub(super) fn take_outcome(&mut self) -> Option<Result<Value, Failure>> {
        self.outcome.take()
    }
}
