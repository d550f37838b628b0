//! The cells of the matrix, from the state machine and the error lists of the functions.

use std::fmt;

use holdfast_core::ErrorName;
use holdfast_tests::machine::{CANNOT_ARISE, Machine, State, raised_by};
use sandbox::faults::When;

use crate::scenario::{Scenario, scenarios};

/// When a fault raises its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FaultMode {
    /// Once, before the function does anything.
    Transient,
    /// Every time, before the function does anything.
    Persistent,
    /// Once, instead of the response of a function that has done its work.
    LostResponse,
}

impl FaultMode {
    pub(crate) const ALL: [Self; 3] = [Self::Transient, Self::Persistent, Self::LostResponse];

    /// The calls for which the fault fires.
    pub(crate) fn when(self) -> When {
        let times = if self == Self::Persistent { None } else { Some(1) };
        When { times, ..When::default() }
    }
}

/// One Task, one error, one fault mode, one kind of upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) state: String,
    pub(crate) error: String,
    pub(crate) mode: FaultMode,
    pub(crate) scenario: Scenario,
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{:?}/{:?}", self.state, self.error, self.mode, self.scenario)
    }
}

fn cannot_arise(state: &str, error: &str) -> bool {
    CANNOT_ARISE.iter().any(|(in_state, name, _)| *in_state == state && name.as_str() == error)
}

/// The errors that a Task can meet: those of its function, and those of Lambda and Step Functions that the state machine
/// retries.
pub(crate) fn errors_of(machine: &Machine, state: &State, function: &str) -> Vec<String> {
    let raised = raised_by(function).iter().map(|name| name.as_str().to_owned());
    let of_services = machine.states.iter().flat_map(|state| state.rules("Retry")).flat_map(|rule| rule.errors);
    let of_services = of_services.filter(|name| ErrorName::parse(name).is_none());
    let mut errors: Vec<_> = raised.chain(of_services).collect();
    errors.sort_unstable();
    errors.dedup();
    errors.retain(|error| !cannot_arise(&state.name, error));
    errors
}

/// The cells of a state.
pub(crate) fn cells_of(machine: &Machine, state: &State, function: &str) -> Vec<Cell> {
    let scenarios = scenarios(&state.name);
    assert!(!scenarios.is_empty(), "no scenario of the matrix reaches the state {}: add one", state.name);
    let mut cells = Vec::new();
    for error in errors_of(machine, state, function) {
        for mode in FaultMode::ALL {
            cells.extend(scenarios.iter().map(|scenario| Cell {
                state: state.name.clone(),
                error: error.clone(),
                mode,
                scenario: *scenario,
            }));
        }
    }
    cells
}
