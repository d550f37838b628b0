//! The longest history that an object can cause, computed from the retriers of the state machine itself.
//!
//! What it assumes, each as a constant with its reason: how much one run of a function gets done. What it does not
//! assume away: retries. Where they are counted, every retrier of a Task is used up in every run.

#![allow(clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::time::Duration;

use holdfast_core::layout::{PartLayout, Slice};
use holdfast_lambda::Pace;

use crate::machine::{Machine, State};

/// Events of one execution (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>).
pub const HISTORY_QUOTA: u64 = 25_000;
/// Bytes a second that a function reads: Lambda's network gives about 75 MB/s for as long as one likes.
const READ_BYTES_PER_SECOND: u64 = 75_000_000;
/// Bytes a second of one part copy of the largest size; S3 copies a part of 5 GiB in well under a minute and a half.
const COPY_BYTES_PER_SECOND: u64 = 60_000_000;
/// Part copies in flight: the template's default.
const COPIES_AT_ONCE: u64 = 8;
/// The longest run of a function (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>), which the
/// template gives to those that copy and read.
const RUN: Duration = Duration::from_mins(15);

/// Entered, scheduled, started, succeeded, exited.
const TASK: u64 = 5;
/// Scheduled, started and failed once more.
const RETRY: u64 = 3;
/// Entered and exited: a Choice or a Succeed.
const PASSING: u64 = 2;
/// Entered, started, succeeded, exited.
const MAP: u64 = 4;
/// An iteration's start and end, and those of the execution.
const START_AND_END: u64 = 2;

/// Whether retriers are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// All of them, in every run.
    All,
    /// None.
    None,
}

/// How long it takes to read so many bytes.
pub fn reading(bytes: u64) -> Duration {
    Duration::from_millis(bytes * 1000 / READ_BYTES_PER_SECOND)
}

/// How long one part copy of so many bytes takes.
pub fn copying(bytes: u64) -> Duration {
    Duration::from_millis(bytes * 1000 / COPY_BYTES_PER_SECOND)
}

/// Runs that it takes to do so many pieces of work, one after the other: as [`Pace`] has it, another one is started as
/// long as there is time for one that takes half as long again.
fn runs(pieces: u64, time: Duration) -> u64 {
    let needed = (time * 3 / 2).max(Pace::LEAST_MARGIN);
    let (mut in_one, mut left) = (1, RUN.saturating_sub(time));
    while left >= needed && in_one < pieces {
        (in_one, left) = (in_one + 1, left.saturating_sub(time));
    }
    pieces.div_ceil(in_one)
}

/// Runs that it takes to read so many parts, of so many objects beside each other.
pub fn reading_runs(layout: PartLayout, parts: u64, objects: u64) -> u64 {
    runs(parts, reading(layout.part_size() * objects))
}

/// Runs that it takes to copy so many parts.
fn copying_runs(layout: PartLayout, parts: u64) -> u64 {
    runs(parts.div_ceil(COPIES_AT_ONCE), copying(layout.part_size()))
}

/// Events of a Task that does its work in one run.
pub fn task(state: &State, retries: Retries) -> u64 {
    TASK + if retries == Retries::All { RETRY * state.attempts() } else { 0 }
}

/// Events of a verification that does its work in so many runs.
pub fn verified(state: &State, runs: u64, retries: Retries) -> u64 {
    runs * (task(state, retries) + PASSING)
}

/// Events of one leg's Map: its slices are copied, and read too where the state that does so is given.
pub fn parts(machine: &Machine, layout: PartLayout, copy: &str, digest: Option<&str>, retries: Retries) -> u64 {
    let iteration = |slice: &Slice| {
        let parts = slice.parts().count() as u64;
        let copied = copying_runs(layout, parts) * (task(machine.state(copy), retries) + PASSING);
        let read = digest
            .map_or(0, |digest| reading_runs(layout, parts, 1) * (task(machine.state(digest), retries) + PASSING));
        START_AND_END + copied + read + PASSING
    };
    MAP + layout.slices().iter().map(iteration).sum::<u64>()
}

/// Events of the states that are entered once, without those that verify.
fn once<const N: usize>(machine: &Machine, states: [&str; N], retries: Retries) -> u64 {
    states.iter().map(|name| task(machine.state(name), retries)).sum()
}

/// Events of an execution without a replica, save for its verification: its source is read.
pub fn copied_once(machine: &Machine, layout: PartLayout, retries: Retries) -> u64 {
    let first = parts(machine, layout, "CopySlice", Some("DigestSlice"), retries);
    START_AND_END + once(machine, ["Validate", "CompleteUpload", "Notify"], retries) + PASSING + first
}

/// The same of both legs. The backup has a full-object checksum, which S3 computed: the second leg never reads to
/// digest.
pub fn copied_twice(machine: &Machine, layout: PartLayout, retries: Retries) -> u64 {
    let second = parts(machine, layout, "CopyReplicaSlice", None, retries);
    copied_once(machine, layout, retries) + once(machine, ["Replicate", "CompleteReplica"], retries) + PASSING + second
}
