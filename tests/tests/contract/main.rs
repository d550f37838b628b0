//! The state machine, the template, the functions, the types of core and the documentation agree.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod dependencies;
mod deployment;
mod documents;
mod errors;
mod events;
mod history;
mod hostile;
mod markdown;
mod partitions;
mod payloads;
mod policies;
mod recorded;
mod reserved;
mod runbook;
mod samples;
mod shape;
mod types;
mod walk;

use holdfast_tests::machine;
