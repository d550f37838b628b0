//! The longest history that the largest object can cause fits into an execution. `worst_case` says what is assumed;
//! `tests/limits` runs the first of these and counts.

use holdfast_core::{
    contract::Replan,
    layout::{GIB, MAX_OBJECT, PartLayout},
};
use holdfast_tests::worst_case::{
    HISTORY_QUOTA, Retries, copied_once, copied_twice, parts, reading_runs, task, verified,
};

use crate::machine::Machine;

fn planned(size: u64) -> PartLayout {
    PartLayout::plan(size, None).unwrap()
}

/// Events of both verifications, each in so many runs.
fn verified_twice(machine: &Machine, runs: u64, retries: Retries) -> u64 {
    ["VerifyBackup", "VerifyReplica"].map(|name| verified(machine.state(name), runs, retries)).iter().sum()
}

fn assert_fits(events: u64) {
    assert!(events < HISTORY_QUOTA, "{events} events of {HISTORY_QUOTA}");
}

#[test]
fn the_largest_object_fits_into_one_history_with_every_retry_used_up() {
    let machine = Machine::read();
    let layout = planned(MAX_OBJECT);
    assert_fits(copied_twice(&machine, layout, Retries::All) + verified_twice(&machine, 1, Retries::All));
}

#[test]
fn the_largest_object_fits_when_it_is_read_back_and_has_no_replica() {
    let machine = Machine::read();
    let layout = planned(MAX_OBJECT);
    let runs = reading_runs(layout, layout.part_count(), 1);
    let read_back = verified(machine.state("VerifyBackup"), runs, Retries::None);
    assert_fits(copied_once(&machine, layout, Retries::None) + read_back);
}

#[test]
fn twenty_tebibytes_fit_when_both_legs_are_read_back_as_well() {
    let machine = Machine::read();
    let layout = planned(20 * 1024 * GIB);
    let runs = reading_runs(layout, layout.part_count(), 2);
    assert_fits(copied_twice(&machine, layout, Retries::All) + verified_twice(&machine, runs, Retries::None));
}

#[test]
fn five_plans_in_a_row_fit_for_an_object_of_forty_slices() {
    let machine = Machine::read();
    let layout = planned(5 * 1024 * GIB);
    assert_eq!(layout.slices().len(), 40);
    let again = task(machine.state("Validate"), Retries::All)
        + parts(&machine, layout, "CopySlice", Some("DigestSlice"), Retries::All)
        + task(machine.state("CompleteUpload"), Retries::All);
    // Once more Route is passed with every plan: entered and exited.
    let replans = u64::from(Replan::MAX_ATTEMPTS - 1) * (again + 2);
    let copied = copied_twice(&machine, layout, Retries::All);
    assert_fits(replans + copied + verified_twice(&machine, 1, Retries::All));
}
