//! The cells of the matrix, from the contract.

use std::fmt;

use holdfast_core::ErrorName;
use holdfast_tests::machine::{CANNOT_ARISE, Machine, State, raised_by};
use sandbox::faults::When;

use crate::scenario::{Scenario, scenarios};

/// How an error is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Once, before the function does anything.
    Passing,
    /// Every time, before the function does anything.
    Lasting,
    /// Once, in place of the answer of a function that has done its work.
    Lost,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Passing, Self::Lasting, Self::Lost];

    /// Which of the calls that a fault is about it strikes.
    pub(crate) fn when(self) -> When {
        let times = if self == Self::Lasting { None } else { Some(1) };
        When { times, ..When::default() }
    }
}

/// One Task, one error, one way, one kind of upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) state: String,
    pub(crate) error: String,
    pub(crate) way: Way,
    pub(crate) scenario: Scenario,
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{:?}/{:?}", self.state, self.error, self.way, self.scenario)
    }
}

fn cannot_arise(state: &str, error: &str) -> bool {
    CANNOT_ARISE.iter().any(|(in_state, name, _)| *in_state == state && name.as_str() == error)
}

/// Every error that a Task can see: what its function raises, and what Lambda and Step Functions raise themselves, as
/// far as the state machine knows of it.
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

/// Every cell of a state.
pub(crate) fn cells_of(machine: &Machine, state: &State, function: &str) -> Vec<Cell> {
    let scenarios = scenarios(&state.name);
    assert!(!scenarios.is_empty(), "no scenario of the matrix reaches the state {}: add one", state.name);
    let mut cells = Vec::new();
    for error in errors_of(machine, state, function) {
        for way in Way::ALL {
            cells.extend(scenarios.iter().map(|scenario| Cell {
                state: state.name.clone(),
                error: error.clone(),
                way,
                scenario: *scenario,
            }));
        }
    }
    cells
}
