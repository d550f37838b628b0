//! The matrix: every Task of the state machine × every error that it can meet × three fault modes.
//!
//! - *Transient*: the error occurs once. A retry or a new plan succeeds; without a retrier or catcher, a redrive does.
//! - *Persistent*: the error occurs every time. The execution fails in that state with that error. A redrive fails again
//!   while the fault is active, and succeeds afterwards.
//! - *Lost response*: the function has done its work, but its response is the error. A retry, a new plan or a redrive
//!   succeeds and finds the finished work.
//!
//! States and errors come from `backup.asl.json` and from the error lists of the functions, so the matrix includes a new
//! one without a change. A state that no scenario reaches fails the test. The domain check of the upload follows each
//! cell and each redrive. The whole fixture of a state is checked before and after the redrives.
//!
//! `HOLDFAST_MATRIX_STATE=CopySlice cargo test -p holdfast-tests --test matrix` runs the cells of one state.

mod causes;
mod cells;
mod expected;
mod flips;
mod generated;
mod parts;
mod request_faults;
mod run;
mod scenario;
mod timeouts;

use holdfast_tests::machine::{Machine, State};
use sandbox::template::Function;

/// The environment variable with the only state to test.
const STATE_VARIABLE: &str = "HOLDFAST_MATRIX_STATE";
/// The states whose functions open uploads.
const PLANNERS: [&str; 2] = ["Validate", "Replicate"];
/// States that are tested in parallel. A small machine has two processors.
const CONCURRENCY: usize = 2;

/// The Tasks to test.
fn tasks(machine: &Machine) -> Vec<(&State, &Function)> {
    let only = std::env::var(STATE_VARIABLE).unwrap_or_default();
    let tasks: Vec<_> = machine.tasks().filter(|(task, _)| only.is_empty() || task.name == only).collect();
    assert!(!tasks.is_empty(), "{STATE_VARIABLE} names {only:?}, which is not a Task");
    tasks
}
