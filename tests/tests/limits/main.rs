//! The largest object of S3, 10,000 parts of 5 GiB, in a whole execution with all retries, measured against the quotas of
//! Step Functions. `docs/limits.md` has the results.
//!
//! The object has only zeros and is stored sparsely (`put_sparse_parts`). Every part copy is a signed and authorized
//! request. Copies and reads take as long as on AWS, on a simulated clock, so a slice needs as many runs, and a run ends
//! by the deadline of the function.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod measurement;
mod scenario;

use std::collections::BTreeMap;

use aws_sdk_s3::types::ChecksumAlgorithm;
use holdfast_core::{
    contract::{ProofMethod, ProvenCopy},
    layout::{MAX_OBJECT, MAX_SLICES, PartLayout},
};
use holdfast_tests::{
    TestResult,
    fixture::{EventRules, Fixture, Setup},
    history::{Attempt, attempts},
    in_process::ReadMode,
    machine::{Machine, State},
    worst_case::{Retries, backup_leg_events, both_legs_events, reading_runs, verify_events},
};

use crate::measurement::Measurement;

/// Attempts and successes of each slice, by state.
fn slice_attempts(attempts: &[Attempt]) -> BTreeMap<&str, BTreeMap<u64, (u64, u64)>> {
    let mut states: BTreeMap<_, BTreeMap<u64, (u64, u64)>> = BTreeMap::new();
    for attempt in attempts {
        let Some(index) = attempt.payload["slice"]["index"].as_u64() else { continue };
        let (attempted, succeeded) = states.entry(attempt.state.as_str()).or_default().entry(index).or_default();
        *attempted += 1;
        *succeeded += u64::from(attempt.error().is_none());
    }
    states
}

/// Asserts that every slice had this many runs, and this many retries in each run.
fn assert_runs(attempts: &[Attempt], state: &State, runs: u64, retries: u64) {
    let slices = slice_attempts(attempts).remove(state.name.as_str()).unwrap_or_default();
    assert_eq!(slices.len() as u64, MAX_SLICES, "{}", state.name);
    let expected = (runs * (1 + retries), runs);
    assert!(slices.values().all(|counts| *counts == expected), "{}: {expected:?}, not {slices:?}", state.name);
}

fn successes(attempts: &[Attempt], state: &str) -> u64 {
    attempts.iter().filter(|attempt| attempt.state == state && attempt.error().is_none()).count() as u64
}

#[tokio::test(start_paused = true)]
async fn with_all_retries_the_largest_object_stays_within_every_quota() -> TestResult {
    let machine = Machine::read();
    let read_mode = ReadMode::SimulatedZeros { errors: scenario::retried_errors(machine.state("DigestSlice")) };
    let fixture = Fixture::start(Setup { time_scale: 1.0, read_mode, ..Setup::default() }).await?;
    let layout = PartLayout::plan(MAX_OBJECT, None)?;

    scenario::fail_states(&fixture, &machine)?;
    scenario::fail_slices(&fixture, &machine, &layout.slices())?;
    scenario::delay_copies(&fixture)?;
    // The object is from before December 2024 and has no checksum, so the source is read.
    fixture.set_rules(EventRules::Disabled).await?;
    scenario::upload_largest(&fixture, ChecksumAlgorithm::Crc64Nvme).await?;
    fixture.sandbox.s3().forget_checksum(&fixture.outputs.source_bucket, "largest", None)?;
    fixture.set_rules(EventRules::Enabled).await?;
    fixture.start_execution(&fixture.late_event("largest").await?).await?;
    let execution = scenario::wait_for_success(&fixture).await?;

    let history = fixture.history(&execution).await?;
    let measured = Measurement::of(&history);
    measured.assert_within_quotas();
    let attempts = attempts(&history)?;

    for (state, runs) in [("CopySlice", 2), ("CopyReplicaSlice", 2), ("DigestSlice", 11)] {
        let state = machine.state(state);
        assert_runs(&attempts, state, runs, state.attempts());
    }
    for (state, _) in machine.tasks().filter(|(state, _)| state.map.is_none() && state.name != "CopyObject") {
        let count = attempts.iter().filter(|attempt| attempt.state == state.name).count() as u64;
        assert_eq!(count, 1 + state.attempts(), "{}", state.name);
    }
    let verifications =
        ["VerifyBackup", "VerifyReplica"].map(|name| verify_events(machine.state(name), 1, Retries::All));
    let computed = both_legs_events(&machine, layout, Retries::All) + verifications.iter().sum::<u64>();
    assert_eq!(measured.events as u64, computed, "the computed worst case is the measured one");

    let receipt = fixture.only_receipt().await?;
    let replica = receipt.replica.as_ref().ok_or("no replica")?;
    assert_eq!(receipt.source.size, MAX_OBJECT);
    assert!(
        receipt.backup.evidence.etags_equal && replica.evidence.etags_equal,
        "the copies have the part layout of their source"
    );
    let proof = |proven: &ProvenCopy| (proven.evidence.method, proven.evidence.bytes_read);
    assert_eq!(proof(&receipt.backup), (ProofMethod::SourceRead, MAX_OBJECT));
    assert_eq!(proof(replica), (ProofMethod::S3Checksum, 0), "the stored checksum of the backup is sufficient");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn with_streamed_verification_the_largest_object_stays_within_every_quota() -> TestResult {
    let machine = Machine::read();
    let read_mode = ReadMode::SimulatedZeros { errors: Vec::new() };
    let setup = Setup { time_scale: 1.0, read_mode, ..Setup::default() };
    let fixture = Fixture::start(setup.without_replica().with_parameter("VerifyMode", "streamed")).await?;
    let layout = PartLayout::plan(MAX_OBJECT, None)?;

    scenario::delay_copies(&fixture)?;
    scenario::upload_largest(&fixture, ChecksumAlgorithm::Crc64Nvme).await?;
    let execution = scenario::wait_for_success(&fixture).await?;

    let history = fixture.history(&execution).await?;
    let measured = Measurement::of(&history);
    measured.assert_within_quotas();
    let attempts = attempts(&history)?;

    assert_runs(&attempts, machine.state("CopySlice"), 2, 0);
    assert_runs(&attempts, machine.state("DigestSlice"), 11, 0);
    let runs = reading_runs(layout, layout.part_count(), 1);
    assert_eq!(successes(&attempts, "VerifyBackup"), runs);
    let read_back = verify_events(machine.state("VerifyBackup"), runs, Retries::None);
    let computed = backup_leg_events(&machine, layout, Retries::None) + read_back;
    assert_eq!(measured.events as u64, computed, "the computed history is the measured one");

    let evidence = fixture.only_receipt().await?.backup.evidence;
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::BothRead, 2 * MAX_OBJECT));
    Ok(())
}
