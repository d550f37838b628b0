//! The longest history of the largest object fits into one execution. `worst_case` has the assumptions; `tests/limits`
//! runs the first case and counts the events.

use holdfast_core::{
    contract::Replan,
    layout::{GIB, MAX_OBJECT, PartLayout},
};
use holdfast_tests::worst_case::{
    HISTORY_QUOTA, Retries, backup_leg_events, both_legs_events, map_events, reading_runs, task_events, verify_events,
};

use crate::machine::Machine;

fn planned(size: u64) -> PartLayout {
    PartLayout::plan(size, None).unwrap()
}

/// The events of both verifications, each with this many runs.
fn both_verifications(machine: &Machine, runs: u64, retries: Retries) -> u64 {
    ["VerifyBackup", "VerifyReplica"].map(|name| verify_events(machine.state(name), runs, retries)).iter().sum()
}

fn assert_fits(events: u64) {
    assert!(events < HISTORY_QUOTA, "{events} events of {HISTORY_QUOTA}");
}

#[test]
fn the_largest_object_with_all_retries_fits_into_one_history() {
    let machine = Machine::read();
    let layout = planned(MAX_OBJECT);
    assert_fits(both_legs_events(&machine, layout, Retries::All) + both_verifications(&machine, 1, Retries::All));
}

#[test]
fn the_largest_object_fits_when_it_is_read_back_without_a_replica() {
    let machine = Machine::read();
    let layout = planned(MAX_OBJECT);

    let runs = reading_runs(layout, layout.part_count(), 1);
    let read_back = verify_events(machine.state("VerifyBackup"), runs, Retries::None);

    assert_fits(backup_leg_events(&machine, layout, Retries::None) + read_back);
}

#[test]
fn twenty_tebibytes_fit_when_both_legs_are_read_back() {
    let machine = Machine::read();
    let layout = planned(20 * 1024 * GIB);

    let runs = reading_runs(layout, layout.part_count(), 2);

    assert_fits(both_legs_events(&machine, layout, Retries::All) + both_verifications(&machine, runs, Retries::None));
}

#[test]
fn five_plans_fit_for_an_object_of_forty_slices() {
    let machine = Machine::read();
    let layout = planned(5 * 1024 * GIB);

    assert_eq!(layout.slices().len(), 40);
    let replan = task_events(machine.state("Validate"), Retries::All)
        + map_events(&machine, layout, "CopySlice", Some("DigestSlice"), Retries::All)
        + task_events(machine.state("CompleteUpload"), Retries::All);
    // Every plan also enters and exits Route.
    let replans = u64::from(Replan::MAX_ATTEMPTS - 1) * (replan + 2);
    let copied = both_legs_events(&machine, layout, Retries::All);
    assert_fits(replans + copied + both_verifications(&machine, 1, Retries::All));
}
