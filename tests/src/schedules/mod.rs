//! Random schedules: uploads of a few keys, with faults and operations in between. A seed determines the schedule.

mod bounds;
mod random_faults;
pub mod report;
mod rng;
pub mod run;
pub mod schedule;
mod session;
pub mod step;
mod trace;
