//! The payloads between the states: each can be read as its type, every path has its expected end, and the payloads of
//! the largest object stay within the quota.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    machine::{Machine, text},
    samples::{Extent, Path, Samples, value},
    types::TASKS,
    walk::{Visit, Walk, WalkEnd},
};

/// Bytes of an input, output, argument, result or variable
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>).
const PAYLOAD_QUOTA: usize = 256 * 1024;

const SMALL: Samples = Samples { extent: Extent::Ordinary, path: Path::Single, replica: false };
const SMALL_REPLICATED: Samples = Samples { replica: true, ..SMALL };
const LARGE: Samples = Samples { path: Path::Parts { digest: true }, ..SMALL_REPLICATED };
const LARGEST: Samples = Samples { extent: Extent::Largest, ..LARGE };

type Outcome = Result<Value, &'static str>;

fn walk(mut results: impl FnMut(&str, &Value) -> Outcome) -> (WalkEnd, Vec<Visit>) {
    let machine = Machine::read();
    let event: Value = serde_json::from_str(&text("events/upload-small.json")).unwrap();
    let mut walk = Walk::new(&machine, &event, &mut results);
    let end = walk.run();
    let visits = std::mem::take(&mut walk.visits);
    for (visit, payload) in visits.iter().filter_map(|visit| Some((visit, visit.payload.as_ref()?))) {
        let (_, _, read) = TASKS.iter().find(|(state, ..)| *state == visit.state).unwrap();
        read(payload).unwrap_or_else(|error| panic!("{} sends {payload}: {error}", visit.state));
    }
    (end, visits)
}

fn names(visits: &[Visit]) -> Vec<&str> {
    visits.iter().map(|visit| visit.state.as_str()).collect()
}

/// Walks with successful results, except for an error as the first result of the given states.
fn walk_with_failures(samples: Samples, failures: &[(&'static str, &'static str)]) -> (WalkEnd, Vec<Visit>) {
    let mut left: BTreeMap<&str, &'static str> = failures.iter().copied().collect();
    walk(|state, payload| match left.remove(state) {
        Some(error) => Err(error),
        None => Ok(samples.output(state, payload)),
    })
}

#[test]
fn a_small_object_without_a_replica_enters_six_states() {
    let (end, visits) = walk(|state, payload| Ok(SMALL.output(state, payload)));

    assert_eq!(names(&visits), ["Validate", "Route", "CopyObject", "VerifyBackup", "ReplicaWanted", "Notify"]);
    assert_eq!(end, WalkEnd::Succeeded(value(SMALL.notified())));
    let notify = visits[5].payload.as_ref().unwrap();
    assert_eq!(notify["slices"], json!([]));
    assert_eq!(notify.get("replica"), None);
    assert_eq!(notify["execution"]["startedAt"], "2026-11-22T14:03:18.123Z");
}

#[test]
fn a_small_object_with_a_replica_is_proven_twice() {
    let (end, visits) = walk(|state, payload| Ok(SMALL_REPLICATED.output(state, payload)));

    assert!(matches!(end, WalkEnd::Succeeded(_)));
    let expected = ["ReplicaWanted", "Replicate", "ReplicaRoute", "VerifyReplica", "ReplicaProven", "Notify"];
    assert_eq!(names(&visits)[4..], expected);
    let notify = visits.last().unwrap().payload.as_ref().unwrap();
    assert_eq!(notify["replica"]["evidence"], value(SMALL.verified())["evidence"]);
}

#[test]
fn a_skipped_event_ends_with_its_reason() {
    let (end, visits) = walk(|_, _| Ok(value(Samples::skip())));
    assert_eq!(names(&visits), ["Validate", "Route", "Skipped"]);
    assert_eq!(end, WalkEnd::Succeeded(value(Samples::skip())));
}

#[test]
fn a_large_object_copies_every_slice_in_both_legs() {
    let (end, visits) = walk(|state, payload| Ok(LARGE.output(state, payload)));

    assert!(matches!(end, WalkEnd::Succeeded(_)));
    let count = |name: &str| names(&visits).into_iter().filter(|state| *state == name).count();
    assert!(count("CopySlice") > 1);
    for state in ["CopyReplicaSlice", "DigestSlice", "DigestReplicaSlice"] {
        assert_eq!(count(state), count("CopySlice"), "{state}");
    }
    let notify = visits.last().unwrap().payload.as_ref().unwrap();
    assert_eq!(notify["slices"].as_array().map(Vec::len), Some(count("CopySlice")));
    let visited: BTreeSet<_> = names(&visits).into_iter().collect();
    let machine = Machine::read();
    let unvisited: Vec<_> = machine.states.iter().filter(|state| !visited.contains(state.name.as_str())).collect();
    let unvisited: Vec<_> = unvisited.into_iter().map(|state| state.name.as_str()).collect();
    assert_eq!(unvisited, ["CopyObject", "Skipped"]);
}

#[test]
fn a_slice_without_digest_is_copied_and_not_read() {
    let samples = Samples { path: Path::Parts { digest: false }, ..LARGE };
    let (end, visits) = walk(|state, payload| Ok(samples.output(state, payload)));

    assert!(matches!(end, WalkEnd::Succeeded(_)));
    assert!(names(&visits).into_iter().all(|state| !state.starts_with("Digest")));
}

#[test]
fn unfinished_work_continues_with_its_progress() {
    let mut calls = BTreeMap::<String, u32>::new();
    let (end, visits) = walk(|state, payload| {
        let times = calls.entry(format!("{state} {}", payload["slice"]["index"])).or_default();
        *times += 1;
        let index = u32::try_from(payload["slice"]["index"].as_u64().unwrap_or_default()).unwrap();
        Ok(match (state, *times) {
            ("CopySlice" | "CopyReplicaSlice", 1) => value(LARGE.slice_unfinished(index, false)),
            ("DigestSlice" | "DigestReplicaSlice", 1) => value(LARGE.slice_unfinished(index, true)),
            ("VerifyBackup" | "VerifyReplica", 1) => json!({"done": false, "resume": {"slices": [], "bytesRead": 7}}),
            _ => LARGE.output(state, payload),
        })
    });

    assert!(matches!(end, WalkEnd::Succeeded(_)));
    for state in ["CopySlice", "CopyReplicaSlice", "DigestSlice", "DigestReplicaSlice", "VerifyBackup", "VerifyReplica"]
    {
        let payloads: Vec<_> = visits.iter().filter(|visit| visit.state == state).collect();
        let resumes = |visit: &Visit| visit.payload.as_ref().is_some_and(|payload| payload.get("resume").is_some());

        assert!(!resumes(payloads[0]), "the first run of {state} has progress");
        assert_eq!(
            resumes(payloads[1]),
            !state.starts_with("Copy"),
            "{state}: only copies read their progress from ListParts"
        );
    }
}

#[test]
fn a_failed_plan_is_passed_to_the_next_plan() {
    for (samples, state, error) in [
        (SMALL, "CopyObject", "Destination.Changed"),
        (SMALL, "CopyObject", "Source.Gone"),
        (SMALL, "VerifyBackup", "Destination.Changed"),
        (SMALL, "VerifyBackup", "Source.Gone"),
        (LARGE, "CopySlice", "Upload.Gone"),
        (LARGE, "DigestSlice", "Source.Gone"),
        (LARGE, "CompleteUpload", "Destination.Changed"),
    ] {
        let (end, visits) = walk_with_failures(samples, &[(state, error)]);

        assert!(matches!(end, WalkEnd::Succeeded(_)), "{state} {error}: {end:?}");
        let plans: Vec<_> = visits.iter().filter(|visit| visit.state == "Validate").collect();
        assert_eq!(plans.len(), 2, "{state} {error}");

        let replan = &plans[1].payload.as_ref().unwrap()["replan"];
        let given_up = value(samples.plan(1))["backup"].clone();
        let mut expected = json!({"attempt": 2, "error": error, "givenUp": given_up});
        if state == "VerifyBackup" {
            let copy = if error == "Source.Gone" { "unproven" } else { "rejected" };
            expected[copy] = value(samples.stored());
        }

        assert_eq!(replan, &expected, "{state}");
        assert_eq!(plans[1].payload.as_ref().unwrap()["event"], plans[0].payload.as_ref().unwrap()["event"]);
    }
}

#[test]
fn an_existing_copy_is_proven_without_copying() {
    let (end, visits) = walk(|state, payload| {
        let mut output = SMALL.output(state, payload);
        if state == "Validate" {
            output["stored"] = value(SMALL.stored());
        }
        Ok(output)
    });

    assert!(matches!(end, WalkEnd::Succeeded(_)), "{end:?}");
    assert_eq!(names(&visits)[..3], ["Validate", "Route", "VerifyBackup"]);
    assert_eq!(visits[2].payload.as_ref().unwrap()["stored"], value(SMALL.stored()));
}

#[test]
fn an_unproven_replica_is_passed_to_the_next_plan() {
    let (end, visits) =
        walk_with_failures(Samples { replica: true, ..SMALL }, &[("VerifyReplica", "Destination.Changed")]);

    assert!(matches!(end, WalkEnd::Succeeded(_)), "{end:?}");
    let plans: Vec<_> = visits.iter().filter(|visit| visit.state == "Replicate").collect();
    assert_eq!(plans[1].payload.as_ref().unwrap()["replan"]["rejected"], value(SMALL.stored()));
}

#[test]
fn a_failed_replica_leg_is_replanned_without_the_backup_leg() {
    for (state, error) in [("CopyReplicaSlice", "Upload.Gone"), ("CompleteReplica", "Destination.Changed")] {
        let (end, visits) = walk_with_failures(LARGE, &[(state, error)]);
        assert!(matches!(end, WalkEnd::Succeeded(_)), "{state}: {end:?}");
        let count = |name: &str| names(&visits).into_iter().filter(|state| *state == name).count();
        assert_eq!((count("Validate"), count("Replicate")), (1, 2), "{state}");
    }
}

#[test]
fn an_error_for_an_operator_fails_its_state() {
    for (samples, state, error) in [
        (SMALL, "Validate", "Source.Archived"),
        (SMALL, "VerifyBackup", "Checksum.Mismatch"),
        (LARGE, "CopySlice", "Source.Denied"),
        (LARGE, "CopyReplicaSlice", "Source.Gone"),
        (SMALL, "Notify", "Topic.NotFound"),
    ] {
        let (end, _) = walk_with_failures(samples, &[(state, error)]);
        assert_eq!(end, WalkEnd::Failed { state: state.to_owned(), error });
    }
}

#[test]
fn the_largest_object_and_attributes_stay_within_the_payload_quota() {
    let mut sizes = BTreeMap::<String, usize>::new();
    let mut unfinished = BTreeSet::new();
    let mut replanned = false;
    let (end, visits) = walk(|state, payload| {
        let index = u32::try_from(payload["slice"]["index"].as_u64().unwrap_or_default()).unwrap();
        if state.starts_with("Digest") && unfinished.insert((state.to_owned(), index)) {
            return Ok(value(LARGEST.slice_unfinished(index, true)));
        }
        if state == "CompleteUpload" && !std::mem::replace(&mut replanned, true) {
            return Err("Destination.Changed");
        }
        Ok(LARGEST.output(state, payload))
    });

    assert!(matches!(end, WalkEnd::Succeeded(_)));

    for visit in visits {
        let largest = sizes.entry(visit.state).or_default();
        *largest = (*largest).max(visit.largest);
    }

    for (state, bytes) in sizes {
        assert!(bytes < PAYLOAD_QUOTA, "{state} carries {bytes} bytes of {PAYLOAD_QUOTA}");
    }
}
