//! Every Task of every finished execution is invoked again with the same payload, and nothing changes.
//!
//! So retries, redrives and repeated events are harmless. A function can be killed after its work, Step Functions can
//! lose its response, and an invocation can continue after its Task timed out.

use aws_sdk_s3::types::ChecksumAlgorithm;
use holdfast_tests::{
    TestResult,
    domain::{Snapshot, Tolerance},
    fixture::{Fixture, Setup},
    history::{Attempt, attempts},
    in_process::CompletionChecksum,
    machine::Machine,
};
use serde_json::{Value, json};

use crate::support::{LARGE, fixture_with, setup};

/// The result of the second invocation.
#[derive(Debug, PartialEq)]
enum SecondResult {
    /// The same output.
    Same,
    /// Another output, or the name of an error.
    Other(Value),
}

/// The expected result of the second invocation.
///
/// - A copy or a completion finds the published copy by its stamp. If a newer copy is current, it raises an error, and
///   the next plan finds the receipt and skips.
/// - A planner finds the existing copy, the replica also below a newer one or by its receipt.
/// - Notify finds its receipt and that its execution has succeeded, so it publishes nothing.
fn expected(attempt: &Attempt, first: &Value, is_current: bool) -> SecondResult {
    match attempt.state.as_str() {
        "Validate" if first["decision"] == "copy" => SecondResult::Other(json!("alreadyBackedUp")),
        "CopyObject" | "CompleteUpload" | "CompleteReplica" if !is_current => {
            SecondResult::Other(json!(if attempt.state == "CopyObject" {
                "Destination.Changed"
            } else {
                "Upload.Gone"
            }))
        }
        "CopySlice" | "CopyReplicaSlice" if !is_current => SecondResult::Other(json!("Upload.Gone")),
        "Replicate" => SecondResult::Other(json!("exists")),
        "Notify" => SecondResult::Other(json!("found")),
        _ => SecondResult::Same,
    }
}

/// The result of the second invocation, in the terms of [`expected`].
fn actual(attempt: &Attempt, first: &Value, second: &Value) -> SecondResult {
    if first == second {
        return SecondResult::Same;
    }
    SecondResult::Other(match attempt.state.as_str() {
        "Validate" if second["decision"] == "skip" => second["reason"].clone(),
        "Replicate" if second["stored"].is_object() => json!("exists"),
        "Notify" if second["receipt"]["written"] == false && second["receipt"]["key"] == first["receipt"]["key"] => {
            json!("found")
        }
        _ => second.clone(),
    })
}

/// Uploads objects without a CRC64NVME, an object in two parts, and two objects whose metadata has no room beside the
/// stamp.
async fn upload_others(fixture: &Fixture, mut finished: usize) -> TestResult {
    for bytes in ["full", "fuller"] {
        let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key("full");
        request.metadata("much", "m".repeat(2_000)).body(bytes.as_bytes().to_vec().into()).send().await?;
        finished += 1;
        fixture.wait_for_executions(finished).await?;
    }
    for (key, bytes) in [("plain", LARGE.as_bytes().to_vec()), ("small-plain", b"plain".to_vec())] {
        let request = fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key(key);
        request.checksum_algorithm(ChecksumAlgorithm::Sha256).body(bytes.into()).send().await?;
    }
    fixture.upload_in_parts("parts", &vec![7; (5 << 20) + 1], 5 << 20).await
}

/// Invokes every Task of every execution again. Returns the names of their states.
async fn repeat_tasks(fixture: &Fixture) -> TestResult<Vec<String>> {
    let before = Snapshot::take(fixture).await?;
    let report = before.check(Tolerance::default())?;
    let mut states = Vec::new();
    for execution in &before.executions {
        let key = execution.input["detail"]["object"]["key"].as_str().unwrap_or_default();
        let version = execution.input["detail"]["object"]["version-id"].as_str();
        let newest = before.source.versions_of(key).next().and_then(|version| version.id.as_deref());
        // A late backup has its own key.
        let is_current = newest == version || key == "late";
        for attempt in attempts(&fixture.history_of(&execution.arn).await?)? {
            let Some(Ok(first)) = &attempt.outcome else { return Err(format!("{attempt:?} failed").into()) };
            let second = fixture.invoke(&attempt.function, &attempt.payload).await?;
            let name = format!("{} of {key} in {}", attempt.state, execution.arn);
            assert_eq!(actual(&attempt, first, &second), expected(&attempt, first, is_current), "{name}: {second}");
            states.push(attempt.state);
        }
    }
    let after = Snapshot::take(fixture).await?;
    assert_eq!(after.changes_since(&before), Vec::<String>::new());
    assert_eq!(after.check(Tolerance::default())?.proven, report.proven);
    Ok(states)
}

#[tokio::test]
async fn a_second_invocation_of_a_finished_task_changes_nothing() -> TestResult {
    let mut states = Vec::new();
    for completion_checksum in [CompletionChecksum::Reported, CompletionChecksum::Missing] {
        let fixture = fixture_with(Setup { completion_checksum, ..setup() }).await?;
        upload_others(&fixture, 7).await?;
        fixture.wait_for_executions(12).await?;
        states.extend(repeat_tasks(&fixture).await?);
    }
    let count = states.len();
    states.sort_unstable();
    states.dedup();
    let mut tasks: Vec<_> = Machine::read().tasks().map(|(state, _)| state.name.clone()).collect();
    tasks.sort_unstable();

    assert_eq!(states, tasks, "every Task is repeated");

    println!("{count} invocations of {} states repeated without a change", tasks.len());
    Ok(())
}
