//! Promises that a test cannot break through the services, because the services keep them. The tests edit a snapshot
//! instead.

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::checksum::Crc64Nvme;
use holdfast_tests::{
    TestResult,
    domain::{
        OpenUpload, Promise,
        Promise::{FailureExplained, NoOpenUpload, NothingRunning, OutcomeReported, Redrivable, SameBytes, Stamped},
        Snapshot, Tolerance,
    },
};

use crate::support::fixture;

/// The promises that an edited snapshot breaks.
fn violations(snapshot: &Snapshot, change: impl FnOnce(&mut Snapshot)) -> Vec<Promise> {
    let mut snapshot = snapshot.clone();
    change(&mut snapshot);
    snapshot.check(Tolerance::default()).err().map(|violations| violations.promises()).unwrap_or_default()
}

/// A snapshot whose last execution failed.
async fn snapshot_with_failure() -> TestResult<(Snapshot, usize)> {
    let fixture = fixture().await?;
    fixture.upload_archived("cold").await?;
    fixture.wait_for_executions(8).await?;
    let snapshot = Snapshot::take(&fixture).await?;
    assert_eq!(violations(&snapshot, |_| {}), []);
    let failed = snapshot.executions.len() - 1;
    Ok((snapshot, failed))
}

#[tokio::test]
async fn an_unfinished_or_unexplained_execution_is_a_violation() -> TestResult {
    let (snapshot, failed) = snapshot_with_failure().await?;

    assert_eq!(
        violations(&snapshot, |snapshot| snapshot.executions[0].status = ExecutionStatus::Running),
        [NothingRunning]
    );
    let not_redrivable = |snapshot: &mut Snapshot| snapshot.executions[failed].redrivable = Err("too old".to_owned());
    assert_eq!(violations(&snapshot, not_redrivable), [Redrivable]);
    assert_eq!(violations(&snapshot, |snapshot| snapshot.executions[failed].cause = None), [FailureExplained]);
    assert_eq!(
        violations(&snapshot, |snapshot| snapshot.executions[failed].cause =
            Some("{\"errorMessage\": \"\\nno\"}".to_owned())),
        [FailureExplained]
    );
    assert_eq!(violations(&snapshot, |snapshot| snapshot.executions[failed].error = None), [FailureExplained]);
    let failed_twice =
        |snapshot: &mut Snapshot| *snapshot.executions[failed].ends.entry("FAILED".to_owned()).or_default() += 1;
    assert_eq!(violations(&snapshot, failed_twice), [OutcomeReported]);
    let in_dead_letter_queue = |snapshot: &mut Snapshot| {
        failed_twice(snapshot);
        snapshot.undelivered.insert((snapshot.executions[failed].arn.clone(), "FAILED".to_owned()), 1);
    };
    assert_eq!(violations(&snapshot, in_dead_letter_queue), [], "the event is in the dead-letter queue");
    Ok(())
}

#[tokio::test]
async fn a_copy_with_other_bytes_or_without_its_stamp_is_a_violation() -> TestResult {
    let (snapshot, _) = snapshot_with_failure().await?;
    let small = snapshot.backup.versions.iter().position(|version| version.key == "small").ok_or("no backup")?;

    let other_bytes = |snapshot: &mut Snapshot| {
        if let Some(bytes) = &mut snapshot.backup.versions[small].bytes {
            bytes.crc64nvme = Crc64Nvme::of(b"other");
        }
    };

    assert_eq!(violations(&snapshot, other_bytes).first(), Some(&SameBytes));
    assert_eq!(violations(&snapshot, |snapshot| snapshot.backup.versions[small].size += 1), [SameBytes]);
    assert_eq!(violations(&snapshot, |snapshot| snapshot.backup.versions[small].stamp = None), [Stamped]);
    Ok(())
}

#[tokio::test]
async fn an_open_upload_is_a_violation_unless_a_redrive_continues_it() -> TestResult {
    let (snapshot, failed) = snapshot_with_failure().await?;

    let id = snapshot.executions.iter().flat_map(|execution| &execution.uploads).next().ok_or("no upload")?.clone();
    let open = OpenUpload { key: "large".to_owned(), id };

    assert_eq!(violations(&snapshot, |snapshot| snapshot.backup.uploads.push(open.clone())), [NoOpenUpload]);

    let needed = |snapshot: &mut Snapshot| {
        snapshot.backup.uploads.push(open.clone());
        snapshot.executions[failed].uploads.push(open.id.clone());
    };

    assert_eq!(violations(&snapshot, needed), [], "a redrive continues the upload");
    Ok(())
}
