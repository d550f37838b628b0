//! Every Task of every finished execution is invoked once more with the input that it had: nothing changes.
//!
//! That is what makes retries, redrives and second deliveries harmless. The function may have died after its work, Step
//! Functions may have lost its answer, and a call that was taken for dead may still run.

use aws_sdk_s3::types::ChecksumAlgorithm;
use holdfast_tests::{
    TestResult,
    domain::{Facts, Known},
    history::{Attempt, attempts},
    in_process::Store,
    machine::Machine,
    world::{Setup, World},
};
use sandbox::ports::{Invocation, Invoke};
use serde_json::{Value, json};

use crate::support::{LARGE, setup, world_with};

/// What a second invocation answers, where the first was answered otherwise.
#[derive(Debug, PartialEq)]
enum Answer {
    /// As the first time.
    Same,
    /// Another answer, or the name of an error, which is as right.
    Other(Value),
}

/// Invokes the function of an attempt with the payload that it had. Answers its output, or the name of its error.
async fn invoke(world: &World, attempt: &Attempt) -> TestResult<Value> {
    let payload = attempt.payload.to_string().into();
    Ok(match world.sandbox.lambda().invoke(&attempt.function, payload).await? {
        Invocation::Answered(output) => serde_json::from_slice(&output)?,
        Invocation::Failed(report) => serde_json::from_slice::<Value>(&report)?["errorType"].clone(),
    })
}

/// What the second invocation has to answer.
///
/// - A copy or a completion finds what it published by its stamp. Where it has none, or a newer upload stands on top of
///   it meanwhile, that cannot be seen at the key: it names the change, and the plan that follows finds the receipt and
///   skips.
/// - A planner finds that there is nothing left to plan; the replica also beneath a newer one, or by its receipt.
/// - Notify finds its receipt, and that its execution has succeeded, so that people are told.
fn expected(attempt: &Attempt, first: &Value, is_seen: bool) -> Answer {
    match attempt.state.as_str() {
        "Validate" if first["decision"] == "copy" => Answer::Other(json!("alreadyBackedUp")),
        "CopyObject" | "CompleteUpload" | "CompleteReplica" if !is_seen => {
            Answer::Other(json!(if attempt.state == "CopyObject" { "Destination.Changed" } else { "Upload.Gone" }))
        }
        "CopySlice" | "CopyReplicaSlice" if !is_seen => Answer::Other(json!("Upload.Gone")),
        "Replicate" => Answer::Other(json!("stands")),
        "Notify" => Answer::Other(json!("found")),
        _ => Answer::Same,
    }
}

/// The second answer in the words of [`expected`].
fn told(attempt: &Attempt, first: &Value, second: &Value) -> Answer {
    if first == second {
        return Answer::Same;
    }
    Answer::Other(match attempt.state.as_str() {
        "Validate" if second["decision"] == "skip" => second["reason"].clone(),
        "Replicate" if second["stored"].is_object() => json!("stands"),
        "Notify" if second["receipt"]["written"] == false && second["receipt"]["key"] == first["receipt"]["key"] => {
            json!("found")
        }
        _ => second.clone(),
    })
}

/// Uploads that must be read to be proven, in one part and in several; and two whose metadata leaves no room for the
/// stamp.
async fn upload_others(world: &World, mut finished: usize) -> TestResult {
    for bytes in ["full", "fuller"] {
        let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key("full");
        request.metadata("much", "m".repeat(2_000)).body(bytes.as_bytes().to_vec().into()).send().await?;
        finished += 1;
        world.ended(finished).await?;
    }
    for (key, bytes) in [("plain", LARGE.as_bytes().to_vec()), ("small-plain", b"plain".to_vec())] {
        let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(key);
        request.checksum_algorithm(ChecksumAlgorithm::Crc32).body(bytes.into()).send().await?;
    }
    world.upload_in_parts("parts", &vec![7; (5 << 20) + 1], 5 << 20).await
}

/// Invokes every Task of every execution again, and answers the states that they were of.
async fn again(world: &World) -> TestResult<Vec<String>> {
    let before = Facts::of(world).await?;
    let report = before.check(Known::default())?;
    let mut states = Vec::new();
    for execution in &before.executions {
        let key = execution.input["detail"]["object"]["key"].as_str().unwrap_or_default();
        let version = execution.input["detail"]["object"]["version-id"].as_str();
        let newest = before.source.versions_of(key).next().and_then(|version| version.id.as_deref());
        // A late version has a key of its own.
        let is_seen = newest == version || key == "late";
        for attempt in attempts(&world.history_of(&execution.arn).await?)? {
            let Some(Ok(first)) = &attempt.outcome else { return Err(format!("{attempt:?} failed").into()) };
            let second = invoke(world, &attempt).await?;
            let name = format!("{} of {key} in {}", attempt.state, execution.arn);
            assert_eq!(told(&attempt, first, &second), expected(&attempt, first, is_seen), "{name}: {second}");
            states.push(attempt.state);
        }
    }
    let after = Facts::of(world).await?;
    assert_eq!(after.changes_since(&before), Vec::<String>::new());
    assert_eq!(after.check(Known::default())?.proven, report.proven);
    Ok(states)
}

#[tokio::test]
async fn every_task_of_every_finished_execution_changes_nothing_when_it_is_invoked_again() -> TestResult {
    let mut states = Vec::new();
    for store in [Store::TellsChecksums, Store::TellsNone] {
        let world = world_with(Setup { store, ..setup() }).await?;
        upload_others(&world, 7).await?;
        world.ended(12).await?;
        states.extend(again(&world).await?);
    }
    let count = states.len();
    states.sort_unstable();
    states.dedup();
    let mut tasks: Vec<_> = Machine::read().tasks().map(|(state, _)| state.name.clone()).collect();
    tasks.sort_unstable();
    assert_eq!(states, tasks, "every Task of the state machine was among them");
    println!("{count} invocations of {} states made again: nothing changed", tasks.len());
    Ok(())
}
