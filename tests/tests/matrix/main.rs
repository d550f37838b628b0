//! The matrix: every Task of the state machine × every error that it can see × three ways of meeting it.
//!
//! - *passing*: the error comes once and is gone. A retry or a new plan wins by itself; where the error has no retrier,
//!   the redrive does.
//! - *lasting*: the error stays. The execution fails in that state under that name, a redrive before the cause is
//!   mended fails again, and once it is lifted a redrive wins.
//! - *lost*: the function has done its work, and its answer is that error. A retry, a new plan or a redrive wins, and
//!   finds what was done.
//!
//! States and errors come from `backup.asl.json` and from what the functions say they raise, so that a new one is in
//! the matrix at once; a state that no scenario reaches fails it. Each cell is followed by the domain check of its
//! upload, and so is each redrive; the whole world of a state is checked twice, with its failures and when they are
//! redriven.
//!
//! `HOLDFAST_MATRIX_STATE=CopySlice cargo test -p holdfast-tests --test matrix` runs the cells of one state.

mod answers;
mod causes;
mod cells;
mod expected;
mod flips;
mod generated;
mod parts;
mod run;
mod scenario;
mod timeouts;

use std::io::Write;

use holdfast_tests::machine::{Machine, State};
use sandbox::template::Function;

/// Names the only state that is tried, for whoever looks into one that is wrong.
const ONLY: &str = "HOLDFAST_MATRIX_STATE";
/// The states whose functions open uploads.
const PLANNERS: [&str; 2] = ["Validate", "Replicate"];
/// States that are tried at once: as many as a small machine has processors.
const AT_ONCE: usize = 2;

/// The Tasks that are tried.
fn tasks(machine: &Machine) -> Vec<(&State, &Function)> {
    let only = std::env::var(ONLY).unwrap_or_default();
    let tasks: Vec<_> = machine.tasks().filter(|(task, _)| only.is_empty() || task.name == only).collect();
    assert!(!tasks.is_empty(), "{ONLY} names {only:?}, which is no Task");
    tasks
}

/// Tells a count to whoever runs the tests. `println!` is captured by the test harness, and nobody reads what passed.
fn tell(line: &str) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}
