//! The longest history that an object can cause, computed from the retriers of the state machine itself.
//!
//! The constants are the assumptions about the speed of AWS, each with its reason. If retries are counted, every run of
//! a Task uses all its retries.

#![allow(clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::time::Duration;

use holdfast_core::layout::{PartLayout, Slice};
use holdfast_lambda::Pace;

use crate::machine::{Machine, State};

/// Events of one execution (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>).
pub const HISTORY_QUOTA: u64 = 25_000;
/// Bytes per second that a function reads: the sustained network bandwidth of Lambda is about 75 MB/s.
const READ_BYTES_PER_SECOND: u64 = 75_000_000;
/// Bytes per second of one part copy: S3 copies a part of 5 GiB in less than 90 seconds.
const COPY_BYTES_PER_SECOND: u64 = 60_000_000;
/// Concurrent part copies: the default of the template.
const CONCURRENT_COPIES: u64 = 8;
/// The longest run of a function (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>). The
/// template sets it for the functions that copy and read.
const MAX_RUN: Duration = Duration::from_mins(15);

/// Events of a Task: entered, scheduled, started, succeeded, exited.
const TASK: u64 = 5;
/// Events of a retry: scheduled, started, failed.
const RETRY: u64 = 3;
/// Events of a Choice or a Succeed: entered, exited.
const CHOICE: u64 = 2;
/// Events of a Map: entered, started, succeeded, exited.
const MAP: u64 = 4;
/// Start and end of an iteration or an execution.
const START_AND_END: u64 = 2;

/// How many retries are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// All retries of every retrier, in every run.
    All,
    /// None.
    None,
}

/// The time to read this many bytes.
pub fn read_time(bytes: u64) -> Duration {
    Duration::from_millis(bytes * 1000 / READ_BYTES_PER_SECOND)
}

/// The time to copy a part of this many bytes.
pub fn copy_time(bytes: u64) -> Duration {
    Duration::from_millis(bytes * 1000 / COPY_BYTES_PER_SECOND)
}

/// The runs that a number of sequential pieces of work needs. A run starts another piece if the remaining time is at
/// least 1.5 times that of a piece, as [`Pace`] does.
fn runs(pieces: u64, time: Duration) -> u64 {
    let needed = (time * 3 / 2).max(Pace::LEAST_MARGIN);
    let (mut in_one, mut left) = (1, MAX_RUN.saturating_sub(time));
    while left >= needed && in_one < pieces {
        (in_one, left) = (in_one + 1, left.saturating_sub(time));
    }
    pieces.div_ceil(in_one)
}

/// The runs to read this many parts of this many objects in parallel.
pub fn reading_runs(layout: PartLayout, parts: u64, objects: u64) -> u64 {
    runs(parts, read_time(layout.part_size() * objects))
}

/// The runs to copy this many parts.
fn copying_runs(layout: PartLayout, parts: u64) -> u64 {
    runs(parts.div_ceil(CONCURRENT_COPIES), copy_time(layout.part_size()))
}

/// The events of a Task with one run.
pub fn task_events(state: &State, retries: Retries) -> u64 {
    TASK + if retries == Retries::All { RETRY * state.attempts() } else { 0 }
}

/// The events of a verification with this many runs.
pub fn verify_events(state: &State, runs: u64, retries: Retries) -> u64 {
    runs * (task_events(state, retries) + CHOICE)
}

/// The events of one leg's Map, which copies its slices, and reads them if `digest` names a state.
pub fn map_events(machine: &Machine, layout: PartLayout, copy: &str, digest: Option<&str>, retries: Retries) -> u64 {
    let iteration = |slice: &Slice| {
        let parts = slice.parts().count() as u64;
        let copied = copying_runs(layout, parts) * (task_events(machine.state(copy), retries) + CHOICE);
        let read = digest.map_or(0, |digest| {
            reading_runs(layout, parts, 1) * (task_events(machine.state(digest), retries) + CHOICE)
        });
        START_AND_END + copied + read + CHOICE
    };
    MAP + layout.slices().iter().map(iteration).sum::<u64>()
}

/// The events of states that are entered once. Verifications are counted apart.
fn single_events<const N: usize>(machine: &Machine, states: [&str; N], retries: Retries) -> u64 {
    states.iter().map(|name| task_events(machine.state(name), retries)).sum()
}

/// The events of an execution without a replica whose source is read, without its verification.
pub fn backup_leg_events(machine: &Machine, layout: PartLayout, retries: Retries) -> u64 {
    let first = map_events(machine, layout, "CopySlice", Some("DigestSlice"), retries);
    START_AND_END + single_events(machine, ["Validate", "CompleteUpload", "Notify"], retries) + CHOICE + first
}

/// The events of an execution with both legs, without its verifications. The backup has a full-object checksum of S3,
/// so the replica leg does not read.
pub fn both_legs_events(machine: &Machine, layout: PartLayout, retries: Retries) -> u64 {
    let second = map_events(machine, layout, "CopyReplicaSlice", None, retries);
    backup_leg_events(machine, layout, retries)
        + single_events(machine, ["Replicate", "CompleteReplica"], retries)
        + CHOICE
        + second
}
