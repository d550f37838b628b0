//! The expected end of an execution with an error, from the retriers and catchers of the state machine.

use holdfast_core::{ErrorName, contract::Replan};
use holdfast_tests::machine::{Machine, State};

use crate::cells::FaultMode;

/// The reaction of the state machine to an error in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response {
    /// A retrier retries at most this many times.
    Retries(u64),
    /// A catcher goes to this state for a new plan.
    Replans(String),
    /// The execution fails.
    Fails,
}

/// The reaction to an error, by the retriers of a state, then by its catchers and those of its Map.
pub(crate) fn response(machine: &Machine, state: &State, error: &str) -> Response {
    if let Some(retrier) = state.rules("Retry").into_iter().find(|rule| rule.names(error)) {
        return Response::Retries(retrier.definition["MaxAttempts"].as_u64().unwrap_or(3));
    }
    match machine.catchers(state).into_iter().find(|rule| rule.names(error)) {
        Some(catcher) => Response::Replans(catcher.definition["Next"].as_str().unwrap_or_default().to_owned()),
        None => Response::Fails,
    }
}

/// The end of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExecutionEnd {
    /// It succeeds.
    Success,
    /// It fails in this state with this error, after this many attempts with the error that the fault raises.
    Failure { state: String, error: String, raised: String, attempts: u64 },
}

impl ExecutionEnd {
    /// The end of an execution with a fault, before any redrive.
    pub(crate) fn expected(state: &str, error: &str, mode: FaultMode, response: &Response) -> Self {
        let failure = |state: &str, final_error: &str, attempts| Self::Failure {
            state: state.to_owned(),
            error: final_error.to_owned(),
            raised: error.to_owned(),
            attempts,
        };
        match (mode, response) {
            (FaultMode::Transient | FaultMode::LostResponse, Response::Retries(_) | Response::Replans(_)) => {
                Self::Success
            }
            (_, Response::Fails) => failure(state, error, 1),
            (FaultMode::Persistent, Response::Retries(retries)) => failure(state, error, retries + 1),
            (FaultMode::Persistent, Response::Replans(planner)) => {
                failure(planner, ErrorName::DestinationContended.as_str(), u64::from(Replan::MAX_ATTEMPTS))
            }
        }
    }
}
