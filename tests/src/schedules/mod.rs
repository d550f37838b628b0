//! Random schedules: uploads of a few keys with everything that may come between, each a pure function of its seed.

mod bounds;
mod dice;
pub mod report;
pub mod run;
pub mod schedule;
mod stage;
pub mod step;
mod story;
mod trouble;
