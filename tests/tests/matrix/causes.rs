//! The same by their real causes: every request that a function makes of S3 and SNS in a state goes wrong in every way
//! in which such a request can.
//!
//! Which requests there are is observed, not listed, so that a new one is in here at once; one for which nobody has
//! thought of what may go wrong fails the test.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use holdfast_tests::{
    TestResult,
    machine::{Machine, State},
    world::World,
};
use sandbox::faults::{Effect, Rule, Service, Target, When};

use crate::{
    AT_ONCE,
    answers::{Bucket, Cause, Request},
    cells::Way,
    expected::{End, Response, response},
    run::{Trial, series},
    scenario::{Scenario, scenarios, world},
    tasks, tell,
};

/// States whose source is the backup.
const SECOND_LEG: [&str; 5] =
    ["Replicate", "CopyReplicaSlice", "DigestReplicaSlice", "CompleteReplica", "VerifyReplica"];

/// The buckets that a state copies from and to.
fn buckets<'a>(world: &'a World, state: &str) -> [(Bucket, &'a str); 2] {
    let outputs = &world.outputs;
    if SECOND_LEG.contains(&state) {
        [(Bucket::From, &outputs.backup_bucket), (Bucket::To, &outputs.replica_bucket)]
    } else {
        [(Bucket::From, &outputs.source_bucket), (Bucket::To, &outputs.backup_bucket)]
    }
}

/// The calls of a state that a request is.
fn target(world: &World, state: &str, request: &Request) -> Target {
    let bucket = buckets(world, state).into_iter().find(|(bucket, _)| *bucket == request.bucket);
    Target {
        service: Some(request.service()),
        operation: Some(request.operation.clone()),
        bucket: bucket.map(|(_, name)| name.to_owned()),
        state: Some(state.to_owned()),
        ..Target::default()
    }
}

/// The requests that the function of a state makes for an upload: those that a rule without effect is about.
async fn observed(state: &str, scenario: Scenario) -> TestResult<BTreeSet<Request>> {
    let world = world(state).await?;
    scenario.upload(&world, "first").await?;
    world.ended(1).await?;
    let mut requests: Vec<Request> = vec![Request { operation: "Publish".to_owned(), bucket: Bucket::None }];
    for operation in world.sandbox.s3().requests().into_keys() {
        requests.extend([Bucket::From, Bucket::To].map(|bucket| Request { operation: operation.clone(), bucket }));
    }
    let faults = world.sandbox.faults();
    let mut watched = Vec::new();
    for request in requests {
        let (target, effect) = (target(&world, state, &request), Effect::Latency { millis: 0 });
        watched.push((faults.add(Rule { target, when: When::default(), effect })?, request));
    }
    scenario.upload(&world, "second").await?;
    world.ended(2).await?;
    let rules = faults.rules();
    let was_made = |id| rules.iter().any(|rule| rule.id == id && rule.fired > 0);
    Ok(watched.into_iter().filter(|(id, _)| was_made(id.clone())).map(|(_, request)| request).collect())
}

fn trial(world: &World, machine: &Machine, state: &State, request: &Request, cause: &Cause, way: Way) -> Trial {
    let error = cause.error.as_str();
    let response = response(machine, state, error);
    let Request { operation, bucket } = request;
    Trial {
        name: format!("{}/{operation} {bucket:?}/{}/{way:?}", state.name, cause.name),
        rule: Rule { target: target(world, &state.name, request), when: way.when(), effect: cause.effect.clone() },
        scenario: scenarios(&state.name)[0],
        end: End::of(&state.name, error, way, &response),
        fails_again: (way, &response) == (Way::Lasting, &Response::Fails),
        // What was lost is the answer; the request had its effect.
        loses_openings: way == Way::Lost && operation == "CreateMultipartUpload",
    }
}

/// What was tried in a state.
struct Tried {
    requests: usize,
    trials: usize,
    problems: Vec<String>,
}

/// Lets every request of a state go wrong in every way.
async fn state(machine: &Machine, state: &State) -> TestResult<Tried> {
    let world = world(&state.name).await?;
    let mut tried = BTreeSet::new();
    let mut trials = Vec::new();
    for scenario in scenarios(&state.name) {
        let requests: Vec<_> = observed(&state.name, *scenario).await?.difference(&tried).cloned().collect();
        for request in requests {
            let causes = request.causes(&state.name);
            assert!(!causes.is_empty(), "nobody has said what may go wrong with {request:?} in {}", state.name);
            let of_cause = |cause: &Cause| {
                let trial = |way: &Way| trial(&world, machine, state, &request, cause, *way);
                cause.ways.iter().map(trial).map(|trial| Trial { scenario: *scenario, ..trial }).collect::<Vec<_>>()
            };
            trials.extend(causes.iter().flat_map(of_cause));
            tried.insert(request);
        }
    }
    assert!(!tried.is_empty(), "the function of {} was seen to ask nobody for anything", state.name);
    let problems = series(&world, &trials).await?;
    let problems = problems.into_iter().map(|problem| format!("{}: {problem}", state.name)).collect();
    Ok(Tried { requests: tried.len(), trials: trials.len(), problems })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_every_state_may_go_wrong_in_every_way() -> TestResult {
    let machine = Machine::read();
    let tasks = tasks(&machine);
    let runs = tasks.iter().map(|(task, _)| state(&machine, task));
    let outcomes: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let (mut requests, mut trials, mut problems) = (0, 0, Vec::new());
    for outcome in outcomes {
        let tried = outcome?;
        requests += tried.requests;
        trials += tried.trials;
        problems.extend(tried.problems);
    }
    tell(&format!(
        "causes: {} states, {requests} requests of S3 and SNS, {trials} trials, {} wrong",
        tasks.len(),
        problems.len()
    ));
    assert!(problems.is_empty(), "{} promises are broken:\n{}", problems.len(), problems.join("\n"));
    Ok(())
}

#[test]
fn a_request_that_nobody_has_thought_of_has_no_causes() {
    let request = Request { operation: "RestoreObject".to_owned(), bucket: Bucket::From };
    assert!(request.causes("Validate").is_empty());
    assert_eq!(request.service(), Service::S3);
}
