//! Promises that nobody can break by hand, because the services themselves keep them: the check is given a description
//! of a world in which they are broken.

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::checksum::Crc64Nvme;
use holdfast_tests::{
    TestResult,
    domain::{
        Facts, Known, OpenUpload, Rule,
        Rule::{NoOpenUpload, Quiet, Redrivable, SameBytes, SaysWhy, Stamped, Told},
    },
};

use crate::support::{upload_archived, world};

/// What the check finds after a change to the facts.
fn found(facts: &Facts, change: impl FnOnce(&mut Facts)) -> Vec<Rule> {
    let mut facts = facts.clone();
    change(&mut facts);
    facts.check(Known::default()).err().map(|violations| violations.rules()).unwrap_or_default()
}

#[tokio::test]
async fn what_services_would_describe_is_seen() -> TestResult {
    let world = world().await?;
    upload_archived(&world, "cold").await?;
    world.ended(8).await?;
    let facts = Facts::of(&world).await?;
    assert_eq!(found(&facts, |_| {}), []);
    let failed = facts.executions.len() - 1;
    let is_small = |facts: &Facts| facts.backup.versions.iter().position(|version| version.key == "small");
    let small = is_small(&facts).ok_or("no backup of small")?;

    assert_eq!(found(&facts, |facts| facts.executions[0].status = ExecutionStatus::Running), [Quiet]);
    let not_redrivable = |facts: &mut Facts| facts.executions[failed].redrivable = Err("too old".to_owned());
    assert_eq!(found(&facts, not_redrivable), [Redrivable]);
    assert_eq!(found(&facts, |facts| facts.executions[failed].cause = None), [SaysWhy]);
    assert_eq!(
        found(&facts, |facts| facts.executions[failed].cause = Some("{\"errorMessage\": \"\\nno\"}".to_owned())),
        [SaysWhy]
    );
    assert_eq!(found(&facts, |facts| facts.executions[failed].error = None), [SaysWhy]);
    let failed_twice = |facts: &mut Facts| *facts.executions[failed].ends.entry("FAILED".to_owned()).or_default() += 1;
    assert_eq!(found(&facts, failed_twice), [Told]);
    let kept = |facts: &mut Facts| {
        failed_twice(facts);
        facts.undelivered.insert((facts.executions[failed].arn.clone(), "FAILED".to_owned()), 1);
    };
    assert_eq!(found(&facts, kept), [], "what could not be told is kept for people");

    let other_bytes = |facts: &mut Facts| {
        if let Some(bytes) = &mut facts.backup.versions[small].bytes {
            bytes.crc64nvme = Crc64Nvme::of(b"other");
        }
    };
    assert_eq!(found(&facts, other_bytes).first(), Some(&SameBytes));
    assert_eq!(found(&facts, |facts| facts.backup.versions[small].size += 1), [SameBytes]);
    assert_eq!(found(&facts, |facts| facts.backup.versions[small].stamp = None), [Stamped]);

    let id = facts.executions.iter().flat_map(|execution| &execution.uploads).next().ok_or("no upload")?.clone();
    let open = OpenUpload { key: "large".to_owned(), id };
    assert_eq!(found(&facts, |facts| facts.backup.uploads.push(open.clone())), [NoOpenUpload]);
    let needed = |facts: &mut Facts| {
        facts.backup.uploads.push(open.clone());
        facts.executions[failed].uploads.push(open.id.clone());
    };
    assert_eq!(found(&facts, needed), [], "an upload that a redrive goes on with stays open");
    Ok(())
}
