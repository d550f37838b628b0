//! The longest history that the largest object can cause, computed from the retriers of the state machine itself, fits
//! into an execution.
//!
//! What it assumes, each as a constant with its reason: how much one run of a function gets done. What it does not
//! assume away: retries. Every Task is counted as if every one of its retriers were used up in every run.

use holdfast_core::{
    contract::{Replan, Slice},
    layout::{GIB, MAX_OBJECT, MAX_PART, PartLayout},
};

use crate::machine::{Machine, State};

/// Events of one execution (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>).
const HISTORY_QUOTA: u64 = 25_000;
/// Seconds that a run works before it stops to answer `done: false`: fifteen minutes less a minute to end in.
const WORKING_SECONDS: u64 = 840;
/// Bytes a second that a function reads: Lambda's network gives about 75 MB/s for as long as one likes.
const READ_BYTES_PER_SECOND: u64 = 75_000_000;
/// Bytes a second of one part copy of the largest size; S3 copies a part of 5 GiB in well under a minute and a half.
const COPY_BYTES_PER_SECOND: u64 = 60_000_000;
/// Part copies in flight: the template's default.
const COPIES_AT_ONCE: u64 = 8;

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
#[derive(Clone, Copy, PartialEq)]
enum Retries {
    All,
    None,
}

fn task(state: &State, retries: Retries) -> u64 {
    TASK + if retries == Retries::All { RETRY * state.attempts() } else { 0 }
}

/// Runs that it takes to read so many bytes.
fn reading_runs(bytes: u64) -> u64 {
    bytes.div_ceil(READ_BYTES_PER_SECOND * WORKING_SECONDS).max(1)
}

/// Runs that it takes to copy so many parts.
fn copying_runs(parts: u64) -> u64 {
    let seconds = parts.div_ceil(COPIES_AT_ONCE) * (MAX_PART / COPY_BYTES_PER_SECOND);
    seconds.div_ceil(WORKING_SECONDS).max(1)
}

/// Events of one leg's Map.
fn parts(machine: &Machine, size: u64, [copy, digest]: [&str; 2], digested: bool) -> u64 {
    let layout = PartLayout::plan(size, None).unwrap();
    let slices = layout.slices();
    let iteration = |slice: &Slice| {
        let copied = copying_runs(slice.parts().count() as u64) * (task(machine.state(copy), Retries::All) + PASSING);
        let read = reading_runs(layout.slice_bytes(*slice)) * (task(machine.state(digest), Retries::All) + PASSING);
        START_AND_END + copied + if digested { read } else { 0 } + PASSING
    };
    MAP + slices.iter().map(iteration).sum::<u64>()
}

/// Events of an execution without its verifications' loops: both legs, the first one digested.
fn copied_twice(machine: &Machine, size: u64) -> u64 {
    let first = parts(machine, size, ["CopySlice", "DigestSlice"], true);
    // The backup has a full-object checksum, which S3 computed: the second leg never reads to digest.
    let second = parts(machine, size, ["CopyReplicaSlice", "DigestReplicaSlice"], false);
    let others: u64 = ["Validate", "CompleteUpload", "Replicate", "CompleteReplica", "Notify"]
        .map(|name| task(machine.state(name), Retries::All))
        .iter()
        .sum();
    START_AND_END + others + first + second + 4 * PASSING
}

/// Events of both verifications, each reading so many bytes.
fn verified_twice(machine: &Machine, bytes: u64, retries: Retries) -> u64 {
    let one = |name: &str| reading_runs(bytes) * (task(machine.state(name), retries) + PASSING);
    one("VerifyBackup") + one("VerifyReplica")
}

#[test]
fn the_largest_object_fits_into_one_history_with_every_retry_used_up() {
    let machine = Machine::read();
    let events = copied_twice(&machine, MAX_OBJECT) + verified_twice(&machine, 0, Retries::All);
    assert!(events < HISTORY_QUOTA, "{events} events of {HISTORY_QUOTA}");
}

#[test]
fn twenty_tebibytes_fit_when_both_legs_are_read_back_as_well() {
    let machine = Machine::read();
    let size = 20 * 1024 * GIB;
    let events = copied_twice(&machine, size) + verified_twice(&machine, 2 * size, Retries::None);
    assert!(events < HISTORY_QUOTA, "{events} events of {HISTORY_QUOTA}");
}

#[test]
fn five_plans_in_a_row_fit_for_an_object_of_forty_slices() {
    let machine = Machine::read();
    let size = 5 * 1024 * GIB;
    assert_eq!(PartLayout::plan(size, None).unwrap().slices().len(), 40);
    let again = task(machine.state("Validate"), Retries::All)
        + parts(&machine, size, ["CopySlice", "DigestSlice"], true)
        + task(machine.state("CompleteUpload"), Retries::All)
        + PASSING;
    let replans = u64::from(Replan::MAX_ATTEMPTS - 1) * again;
    let events = replans + copied_twice(&machine, size) + verified_twice(&machine, 0, Retries::All);
    assert!(events < HISTORY_QUOTA, "{events} events of {HISTORY_QUOTA}");
}
