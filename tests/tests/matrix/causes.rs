//! Errors from their causes: every request of a function to S3 and SNS in a state fails with every fault that such a
//! request can have.
//!
//! The requests are observed, not listed, so the test includes a new one without a change. It fails if `request_faults` has no
//! fault for an observed request.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use holdfast_tests::{
    TestResult,
    fixture::Fixture,
    machine::{Machine, State},
    text::print_line,
};
use sandbox::faults::{Effect, Rule, Service, Target, When};

use crate::{
    CONCURRENCY,
    cells::FaultMode,
    expected::{ExecutionEnd, Response, response},
    request_faults::{Bucket, Cause, Request},
    run::{Trial, run_trials},
    scenario::{Scenario, fixture_for, scenarios},
    tasks,
};

/// The states of the replica leg. Their source is the backup.
const REPLICA_LEG: [&str; 5] =
    ["Replicate", "CopyReplicaSlice", "DigestReplicaSlice", "CompleteReplica", "VerifyReplica"];

/// The buckets that a state copies from and to.
fn buckets<'a>(fixture: &'a Fixture, state: &str) -> [(Bucket, &'a str); 2] {
    let outputs = &fixture.outputs;
    if REPLICA_LEG.contains(&state) {
        [(Bucket::From, &outputs.backup_bucket), (Bucket::To, &outputs.replica_bucket)]
    } else {
        [(Bucket::From, &outputs.source_bucket), (Bucket::To, &outputs.backup_bucket)]
    }
}

/// The calls of a state that are this request.
fn target(fixture: &Fixture, state: &str, request: &Request) -> Target {
    let bucket = buckets(fixture, state).into_iter().find(|(bucket, _)| *bucket == request.bucket);
    Target {
        service: Some(request.service()),
        operation: Some(request.operation.clone()),
        bucket: bucket.map(|(_, name)| name.to_owned()),
        state: Some(state.to_owned()),
        ..Target::default()
    }
}

/// The requests of a state's function for an upload. A rule without effect counts each of them.
async fn observed_requests(state: &str, scenario: Scenario) -> TestResult<BTreeSet<Request>> {
    let fixture = fixture_for(state).await?;
    scenario.upload(&fixture, "first").await?;
    fixture.wait_for_executions(1).await?;
    let mut requests: Vec<Request> = vec![Request { operation: "Publish".to_owned(), bucket: Bucket::None }];
    for operation in fixture.sandbox.s3().requests().into_keys() {
        requests.extend([Bucket::From, Bucket::To].map(|bucket| Request { operation: operation.clone(), bucket }));
    }
    let faults = fixture.sandbox.faults();
    let mut counted = Vec::new();
    for request in requests {
        let (target, effect) = (target(&fixture, state, &request), Effect::Latency { millis: 0 });
        counted.push((faults.add(Rule { target, when: When::default(), effect })?, request));
    }
    scenario.upload(&fixture, "second").await?;
    fixture.wait_for_executions(2).await?;
    let rules = faults.rules();
    let was_made = |id| rules.iter().any(|rule| rule.id == id && rule.fired > 0);
    Ok(counted.into_iter().filter(|(id, _)| was_made(id.clone())).map(|(_, request)| request).collect())
}

fn trial(
    fixture: &Fixture,
    machine: &Machine,
    state: &State,
    request: &Request,
    cause: &Cause,
    mode: FaultMode,
) -> Trial {
    let error = cause.error.as_str();
    let response = response(machine, state, error);
    let Request { operation, bucket } = request;
    Trial {
        name: format!("{}/{operation} {bucket:?}/{}/{mode:?}", state.name, cause.name),
        rule: Rule { target: target(fixture, &state.name, request), when: mode.when(), effect: cause.effect.clone() },
        scenario: scenarios(&state.name)[0],
        end: ExecutionEnd::expected(&state.name, error, mode, &response),
        redrive_fails: (mode, &response) == (FaultMode::Persistent, &Response::Fails),
        // The response is lost, but the upload is open.
        hides_uploads: mode == FaultMode::LostResponse && operation == "CreateMultipartUpload",
    }
}

/// The trials of a state.
struct StateTrials {
    requests: usize,
    trials: usize,
    problems: Vec<String>,
}

/// Runs the trials of every request of a state.
async fn test_state(machine: &Machine, state: &State) -> TestResult<StateTrials> {
    let fixture = fixture_for(&state.name).await?;
    let mut tried = BTreeSet::new();
    let mut trials = Vec::new();
    for scenario in scenarios(&state.name) {
        let requests: Vec<_> = observed_requests(&state.name, *scenario).await?.difference(&tried).cloned().collect();
        for request in requests {
            let causes = request.causes(&state.name);
            assert!(!causes.is_empty(), "{request:?} of {} has no faults; add them to request_faults.rs", state.name);
            let of_cause = |cause: &Cause| {
                let trial = |mode: &FaultMode| trial(&fixture, machine, state, &request, cause, *mode);
                cause.modes.iter().map(trial).map(|trial| Trial { scenario: *scenario, ..trial }).collect::<Vec<_>>()
            };
            trials.extend(causes.iter().flat_map(of_cause));
            tried.insert(request);
        }
    }
    assert!(!tried.is_empty(), "the function of {} made no request", state.name);
    let problems = run_trials(&fixture, &trials).await?;
    let problems = problems.into_iter().map(|problem| format!("{}: {problem}", state.name)).collect();
    Ok(StateTrials { requests: tried.len(), trials: trials.len(), problems })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_every_state_survives_every_fault() -> TestResult {
    let machine = Machine::read();

    let tasks = tasks(&machine);
    let runs = tasks.iter().map(|(task, _)| test_state(&machine, task));
    let outcomes: Vec<_> = stream::iter(runs).buffer_unordered(CONCURRENCY).collect().await;
    let (mut requests, mut trials, mut problems) = (0, 0, Vec::new());
    for outcome in outcomes {
        let state = outcome?;
        requests += state.requests;
        trials += state.trials;
        problems.extend(state.problems);
    }
    print_line(&format!(
        "causes: {} states, {requests} requests to S3 and SNS, {trials} trials, {} problems",
        tasks.len(),
        problems.len()
    ));

    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    Ok(())
}

#[test]
fn an_unlisted_request_has_no_causes() {
    let request = Request { operation: "RestoreObject".to_owned(), bucket: Bucket::From };
    assert!(request.causes("Validate").is_empty());
    assert_eq!(request.service(), Service::S3);
}
