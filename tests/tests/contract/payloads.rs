//! What flows between the states, walked through with values of core's types: every payload reads back as its type,
//! every path ends where it should, and the largest object's payloads stay within the quota.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    machine::{Machine, text},
    samples::{Extent, Path, Samples, value},
    types::TASKS,
    walk::{End, Visit, Walk},
};

/// Bytes of input, output, arguments, result or a variable that AWS takes
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>).
const PAYLOAD_QUOTA: usize = 256 * 1024;

const SMALL: Samples = Samples { extent: Extent::Ordinary, path: Path::Single, replica: false };
const SMALL_REPLICATED: Samples = Samples { replica: true, ..SMALL };
const LARGE: Samples = Samples { path: Path::Parts { digest: true }, ..SMALL_REPLICATED };
const LARGEST: Samples = Samples { extent: Extent::Largest, ..LARGE };

type Outcome = Result<Value, &'static str>;

fn walked(mut answers: impl FnMut(&str, &Value) -> Outcome) -> (End, Vec<Visit>) {
    let machine = Machine::read();
    let event: Value = serde_json::from_str(&text("events/upload-small.json")).unwrap();
    let mut walk = Walk::new(&machine, &event, &mut answers);
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

/// Answers that all go well, save the given states' first, which is an error.
fn failing_first(samples: Samples, failures: &[(&'static str, &'static str)]) -> (End, Vec<Visit>) {
    let mut left: BTreeMap<&str, &'static str> = failures.iter().copied().collect();
    walked(|state, payload| match left.remove(state) {
        Some(error) => Err(error),
        None => Ok(samples.answer(state, payload)),
    })
}

#[test]
fn a_small_object_enters_six_states_without_a_replica() {
    let (end, visits) = walked(|state, payload| Ok(SMALL.answer(state, payload)));
    assert_eq!(names(&visits), ["Validate", "Route", "CopyObject", "VerifyBackup", "ReplicaWanted", "Notify"]);
    assert_eq!(end, End::Succeeded(value(SMALL.notified())));
    let notify = visits[5].payload.as_ref().unwrap();
    assert_eq!(notify["slices"], json!([]));
    assert_eq!(notify.get("replica"), None);
    assert_eq!(notify["execution"]["startedAt"], "2026-11-22T14:03:18.123Z");
}

#[test]
fn a_small_object_with_a_replica_is_proven_twice() {
    let (end, visits) = walked(|state, payload| Ok(SMALL_REPLICATED.answer(state, payload)));
    assert!(matches!(end, End::Succeeded(_)));
    let expected = ["ReplicaWanted", "Replicate", "ReplicaRoute", "VerifyReplica", "ReplicaProven", "Notify"];
    assert_eq!(names(&visits)[4..], expected);
    let notify = visits.last().unwrap().payload.as_ref().unwrap();
    assert_eq!(notify["replica"]["evidence"], value(SMALL.verified())["evidence"]);
}

#[test]
fn a_skip_ends_at_once_and_says_why() {
    let (end, visits) = walked(|_, _| Ok(value(Samples::skip())));
    assert_eq!(names(&visits), ["Validate", "Route", "Skipped"]);
    assert_eq!(end, End::Succeeded(value(Samples::skip())));
}

#[test]
fn a_large_object_goes_through_every_slice_of_both_legs() {
    let (end, visits) = walked(|state, payload| Ok(LARGE.answer(state, payload)));
    assert!(matches!(end, End::Succeeded(_)));
    let count = |name: &str| names(&visits).into_iter().filter(|state| *state == name).count();
    assert!(count("CopySlice") > 1);
    for state in ["CopyReplicaSlice", "DigestSlice", "DigestReplicaSlice"] {
        assert_eq!(count(state), count("CopySlice"), "{state}");
    }
    let notify = visits.last().unwrap().payload.as_ref().unwrap();
    assert_eq!(notify["slices"].as_array().map(Vec::len), Some(count("CopySlice")));
    let visited: BTreeSet<_> = names(&visits).into_iter().collect();
    let machine = Machine::read();
    let unmet: Vec<_> = machine.states.iter().filter(|state| !visited.contains(state.name.as_str())).collect();
    let unmet: Vec<_> = unmet.into_iter().map(|state| state.name.as_str()).collect();
    assert_eq!(unmet, ["CopyObject", "Skipped"]);
}

#[test]
fn a_slice_without_digest_is_copied_and_not_read() {
    let samples = Samples { path: Path::Parts { digest: false }, ..LARGE };
    let (end, visits) = walked(|state, payload| Ok(samples.answer(state, payload)));
    assert!(matches!(end, End::Succeeded(_)));
    assert!(names(&visits).into_iter().all(|state| !state.starts_with("Digest")));
}

#[test]
fn what_is_not_done_is_asked_again_with_where_to_go_on() {
    let mut asked = BTreeMap::<String, u32>::new();
    let (end, visits) = walked(|state, payload| {
        let times = asked.entry(format!("{state} {}", payload["slice"]["index"])).or_default();
        *times += 1;
        let index = u32::try_from(payload["slice"]["index"].as_u64().unwrap_or_default()).unwrap();
        Ok(match (state, *times) {
            ("CopySlice" | "CopyReplicaSlice", 1) => value(LARGE.slice_open(index, false)),
            ("DigestSlice" | "DigestReplicaSlice", 1) => value(LARGE.slice_open(index, true)),
            ("VerifyBackup" | "VerifyReplica", 1) => json!({"done": false, "resume": {"slices": [], "bytesRead": 7}}),
            _ => LARGE.answer(state, payload),
        })
    });
    assert!(matches!(end, End::Succeeded(_)));
    for state in ["CopySlice", "CopyReplicaSlice", "DigestSlice", "DigestReplicaSlice", "VerifyBackup", "VerifyReplica"]
    {
        let calls: Vec<_> = visits.iter().filter(|visit| visit.state == state).collect();
        let resumes = |visit: &Visit| visit.payload.as_ref().is_some_and(|payload| payload.get("resume").is_some());
        assert!(!resumes(calls[0]), "{state} starts afresh");
        assert_eq!(resumes(calls[1]), !state.starts_with("Copy"), "{state} goes on; copies look at ListParts instead");
    }
}

#[test]
fn a_plan_that_could_not_be_carried_out_is_given_back_with_its_attempt() {
    for (samples, state, error) in [
        (SMALL, "CopyObject", "Destination.Changed"),
        (SMALL, "CopyObject", "Source.Gone"),
        (SMALL, "VerifyBackup", "Destination.Changed"),
        (SMALL, "VerifyBackup", "Source.Gone"),
        (LARGE, "CopySlice", "Upload.Gone"),
        (LARGE, "DigestSlice", "Source.Gone"),
        (LARGE, "CompleteUpload", "Destination.Changed"),
    ] {
        let (end, visits) = failing_first(samples, &[(state, error)]);
        assert!(matches!(end, End::Succeeded(_)), "{state} {error}: {end:?}");
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
fn a_copy_that_stands_is_proven_and_nothing_is_copied() {
    let (end, visits) = walked(|state, payload| {
        let mut answer = SMALL.answer(state, payload);
        if state == "Validate" {
            answer["stored"] = value(SMALL.stored());
        }
        Ok(answer)
    });
    assert!(matches!(end, End::Succeeded(_)), "{end:?}");
    assert_eq!(names(&visits)[..3], ["Validate", "Route", "VerifyBackup"]);
    assert_eq!(visits[2].payload.as_ref().unwrap()["stored"], value(SMALL.stored()));
}

#[test]
fn a_replica_that_could_not_be_proven_is_named_to_the_next_plan() {
    let (end, visits) = failing_first(Samples { replica: true, ..SMALL }, &[("VerifyReplica", "Destination.Changed")]);
    assert!(matches!(end, End::Succeeded(_)), "{end:?}");
    let plans: Vec<_> = visits.iter().filter(|visit| visit.state == "Replicate").collect();
    assert_eq!(plans[1].payload.as_ref().unwrap()["replan"]["rejected"], value(SMALL.stored()));
}

#[test]
fn a_second_leg_that_could_not_be_carried_out_is_planned_anew_without_the_first() {
    for (state, error) in [("CopyReplicaSlice", "Upload.Gone"), ("CompleteReplica", "Destination.Changed")] {
        let (end, visits) = failing_first(LARGE, &[(state, error)]);
        assert!(matches!(end, End::Succeeded(_)), "{state}: {end:?}");
        let count = |name: &str| names(&visits).into_iter().filter(|state| *state == name).count();
        assert_eq!((count("Validate"), count("Replicate")), (1, 2), "{state}");
    }
}

#[test]
fn an_error_that_only_a_person_can_settle_fails_in_its_own_state() {
    for (samples, state, error) in [
        (SMALL, "Validate", "Source.Archived"),
        (SMALL, "VerifyBackup", "Checksum.Mismatch"),
        (LARGE, "CopySlice", "Source.Denied"),
        (LARGE, "CopyReplicaSlice", "Source.Gone"),
        (SMALL, "Notify", "Topic.NotFound"),
    ] {
        let (end, _) = failing_first(samples, &[(state, error)]);
        assert_eq!(end, End::Failed { state: state.to_owned(), error });
    }
}

#[test]
fn the_largest_object_with_the_largest_attributes_stays_within_the_payload_quota() {
    let mut met = BTreeMap::<String, usize>::new();
    let mut opened = BTreeSet::new();
    let mut replanned = false;
    let (end, visits) = walked(|state, payload| {
        let index = u32::try_from(payload["slice"]["index"].as_u64().unwrap_or_default()).unwrap();
        if state.starts_with("Digest") && opened.insert((state.to_owned(), index)) {
            return Ok(value(LARGEST.slice_open(index, true)));
        }
        if state == "CompleteUpload" && !std::mem::replace(&mut replanned, true) {
            return Err("Destination.Changed");
        }
        Ok(LARGEST.answer(state, payload))
    });
    assert!(matches!(end, End::Succeeded(_)));
    for visit in visits {
        let largest = met.entry(visit.state).or_default();
        *largest = (*largest).max(visit.largest);
    }
    for (state, bytes) in met {
        assert!(bytes < PAYLOAD_QUOTA, "{state} carries {bytes} bytes of {PAYLOAD_QUOTA}");
    }
}
