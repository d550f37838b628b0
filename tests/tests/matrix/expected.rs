//! What an error has to come to, told by the state machine's own retriers and catchers.

use holdfast_core::{ErrorName, contract::Replan};
use holdfast_tests::machine::{Machine, State};

use crate::cells::Way;

/// What the state machine does about an error in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response {
    /// It tries again, so many times at most.
    Retries(u64),
    /// It goes to this state for a new plan.
    PlansAnew(String),
    /// It fails.
    Fails,
}

/// Looks through the retriers of a state and the catchers around it.
pub(crate) fn response(machine: &Machine, state: &State, error: &str) -> Response {
    if let Some(retrier) = state.rules("Retry").into_iter().find(|rule| rule.names(error)) {
        return Response::Retries(retrier.definition["MaxAttempts"].as_u64().unwrap_or(3));
    }
    match machine.catchers(state).into_iter().find(|rule| rule.names(error)) {
        Some(catcher) => Response::PlansAnew(catcher.definition["Next"].as_str().unwrap_or_default().to_owned()),
        None => Response::Fails,
    }
}

/// How an execution ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Well.
    Succeeds,
    /// In this state under this name, after an error was met so many times.
    Fails { state: String, error: String, met: (String, u64) },
}

impl End {
    /// How an execution ends that meets an error in a state, before anybody does anything about it.
    pub(crate) fn of(state: &str, error: &str, way: Way, response: &Response) -> Self {
        let fails = |at: &str, under: &str, times| Self::Fails {
            state: at.to_owned(),
            error: under.to_owned(),
            met: (error.to_owned(), times),
        };
        match (way, response) {
            (Way::Passing | Way::Lost, Response::Retries(_) | Response::PlansAnew(_)) => Self::Succeeds,
            (_, Response::Fails) => fails(state, error, 1),
            (Way::Lasting, Response::Retries(tries)) => fails(state, error, tries + 1),
            (Way::Lasting, Response::PlansAnew(planner)) => {
                fails(planner, ErrorName::DestinationContended.as_str(), u64::from(Replan::MAX_ATTEMPTS))
            }
        }
    }
}
