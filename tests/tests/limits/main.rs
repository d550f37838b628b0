//! The largest object that S3 stores, 10,000 parts of 5 GiB, through the whole graph, with every retrier used up: what
//! it takes of each quota of Step Functions. `docs/limits.md` has what was measured.
//!
//! The object is nothing but zeros and takes no room (`put_sparse_parts`). Every one of its part copies is made,
//! signed, judged and answered. What is copied and read takes as long as on AWS, on a clock that jumps, so that a slice
//! takes as many runs as there, and a run ends where the function's own deadline says so.

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
    fixture::{Fixture, Setup},
    history::{Attempt, attempts},
    in_process::ReadMode,
    machine::{Machine, State},
    worst_case::{Retries, copied_once, copied_twice, reading_runs, verified},
};

use crate::measurement::Measurement;

/// How often each slice was tried, and answered, in each state that works on slices.
fn slices(attempts: &[Attempt]) -> BTreeMap<&str, BTreeMap<u64, (u64, u64)>> {
    let mut states: BTreeMap<_, BTreeMap<u64, (u64, u64)>> = BTreeMap::new();
    for attempt in attempts {
        let Some(index) = attempt.payload["slice"]["index"].as_u64() else { continue };
        let (tried, answered) = states.entry(attempt.state.as_str()).or_default().entry(index).or_default();
        *tried += 1;
        *answered += u64::from(attempt.error().is_none());
    }
    states
}

/// Every slice was worked on in so many runs, with so many retries in each of them.
fn assert_runs(attempts: &[Attempt], state: &State, runs: u64, retries: u64) {
    let slices = slices(attempts).remove(state.name.as_str()).unwrap_or_default();
    assert_eq!(slices.len() as u64, MAX_SLICES, "{}", state.name);
    let expected = (runs * (1 + retries), runs);
    assert!(slices.values().all(|counts| *counts == expected), "{}: {expected:?}, not {slices:?}", state.name);
}

fn entered(attempts: &[Attempt], state: &str) -> u64 {
    attempts.iter().filter(|attempt| attempt.state == state && attempt.error().is_none()).count() as u64
}

#[tokio::test(start_paused = true)]
async fn the_largest_object_stays_within_every_quota_when_it_has_to_be_read_and_every_retrier_is_used_up() -> TestResult
{
    let machine = Machine::read();
    let reading = ReadMode::SimulatedZeros { failing: scenario::failures(machine.state("DigestSlice")) };
    let fixture = Fixture::start(Setup { time_scale: 1.0, reading, ..Setup::default() }).await?;
    let layout = PartLayout::plan(MAX_OBJECT, None)?;
    scenario::refuse_every_state(&fixture, &machine)?;
    scenario::refuse_every_slice(&fixture, &machine, &layout.slices())?;
    scenario::copies_take_their_time(&fixture)?;
    // The only checksum that it has is one that many SDKs have sent, and that says nothing of S3's own.
    scenario::upload_the_largest(&fixture, ChecksumAlgorithm::Crc32C).await?;
    let execution = scenario::success(&fixture).await?;

    let history = fixture.history(&execution).await?;
    let measured = Measurement::of(&history);
    measured.assert_within_quotas();
    let attempts = attempts(&history)?;
    for (state, runs) in [("CopySlice", 2), ("CopyReplicaSlice", 2), ("DigestSlice", 11)] {
        let state = machine.state(state);
        assert_runs(&attempts, state, runs, state.attempts());
    }
    for (state, _) in machine.tasks().filter(|(state, _)| state.map.is_none() && state.name != "CopyObject") {
        let tries = attempts.iter().filter(|attempt| attempt.state == state.name).count() as u64;
        assert_eq!(tries, 1 + state.attempts(), "{}", state.name);
    }
    let verified = ["VerifyBackup", "VerifyReplica"].map(|name| verified(machine.state(name), 1, Retries::All));
    let computed = copied_twice(&machine, layout, Retries::All) + verified.iter().sum::<u64>();
    assert_eq!(measured.events as u64, computed, "the worst case is computed as it happens");

    let receipts = fixture.receipts().await?;
    let receipt = receipts.first().ok_or("no receipt")?;
    let replica = receipt.replica.as_ref().ok_or("no replica")?;
    assert_eq!(receipt.source.size, MAX_OBJECT);
    assert!(
        receipt.backup.evidence.etags_equal && replica.evidence.etags_equal,
        "the copies have their source's parts"
    );
    let proof = |proven: &ProvenCopy| (proven.evidence.method, proven.evidence.bytes_read);
    assert_eq!(proof(&receipt.backup), (ProofMethod::SourceStreamed, MAX_OBJECT));
    assert_eq!(proof(replica), (ProofMethod::StoredChecksums, 0), "what S3 computed of the backup is enough");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_largest_object_stays_within_every_quota_when_it_is_read_back() -> TestResult {
    let machine = Machine::read();
    let reading = ReadMode::SimulatedZeros { failing: Vec::new() };
    let setup = Setup { time_scale: 1.0, reading, ..Setup::default() };
    let fixture = Fixture::start(setup.without_replica().with_parameter("VerifyMode", "streamed")).await?;
    let layout = PartLayout::plan(MAX_OBJECT, None)?;
    scenario::copies_take_their_time(&fixture)?;
    scenario::upload_the_largest(&fixture, ChecksumAlgorithm::Crc64Nvme).await?;
    let execution = scenario::success(&fixture).await?;

    let history = fixture.history(&execution).await?;
    let measured = Measurement::of(&history);
    measured.assert_within_quotas();
    let attempts = attempts(&history)?;
    assert_runs(&attempts, machine.state("CopySlice"), 2, 0);
    assert_runs(&attempts, machine.state("DigestSlice"), 11, 0);
    let runs = reading_runs(layout, layout.part_count(), 1);
    assert_eq!(entered(&attempts, "VerifyBackup"), runs);
    let read_back = verified(machine.state("VerifyBackup"), runs, Retries::None);
    let computed = copied_once(&machine, layout, Retries::None) + read_back;
    assert_eq!(measured.events as u64, computed, "the history is computed as it happens");

    let receipts = fixture.receipts().await?;
    let evidence = &receipts.first().ok_or("no receipt")?.backup.evidence;
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::BothStreamed, 2 * MAX_OBJECT));
    Ok(())
}
