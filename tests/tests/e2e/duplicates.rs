//! Repeated events: no second copy, no second receipt, no second message.

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    domain::Tolerance,
    fixture::{Fixture, Setup},
};

#[tokio::test]
async fn a_repeated_event_changes_nothing() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("k", "bytes").await?;
    let first = fixture.wait_for_success().await?;
    fixture.start_execution(&fixture.input_event(&first).await?).await?;
    let ended = fixture.wait_for_executions(2).await?;
    let second = ended.last().ok_or("no second execution")?;

    assert_eq!(fixture.path(second).await?, ["Validate", "Route", "Skipped"]);
    assert_eq!(fixture.output(second).await?["reason"], "alreadyBackedUp");
    let versions = fixture.backup_versions("k").await?;
    assert_eq!(versions.len(), 1, "no second copy");
    assert_eq!((fixture.receipts().await?.len(), fixture.messages(1).await?.len()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_repeated_event_proves_an_existing_copy_without_a_receipt() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.fail_next_invocation("checksum-verify", "VerifyBackup")?;
    fixture.upload("k", "bytes").await?;
    let first = fixture.wait_for_failure().await?.execution;
    fixture.start_execution(&fixture.input_event(&first).await?).await?;
    let second = fixture.wait_for_executions(2).await?.remove(1);

    assert_eq!(second.status, ExecutionStatus::Succeeded, "{:?}", fixture.path(&second).await?);
    assert_eq!(fixture.path(&second).await?[..3], ["Validate", "Route", "VerifyBackup"]);
    assert_eq!((fixture.receipts().await?.len(), fixture.replica("k").await?), (1, b"bytes".to_vec()));

    fixture.redrive(&first.arn).await?;
    fixture.wait_for_executions(2).await?;

    assert!(!fixture.output(&first).await?["messageId"].is_string(), "the second execution has reported it");
    assert_eq!((fixture.messages(2).await?.len(), fixture.receipts().await?.len()), (2, 1), "a failure and a success");
    let versions = fixture.backup_versions("k").await?;
    assert_eq!(versions.len(), 1, "no second copy");
    fixture.check_domain(Tolerance::default()).await?;
    Ok(())
}

#[tokio::test]
async fn a_deleted_backup_is_copied_again_with_receipt_and_message() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("k", "bytes").await?;
    let first = fixture.wait_for_success().await?;
    let deleted = fixture.receipts().await?.remove(0).backup.stored.version_id.map(|version| version.to_string());
    let request = fixture.s3.delete_object().bucket(&fixture.outputs.backup_bucket).key("k");
    request.set_version_id(deleted.clone()).send().await?;
    fixture.start_execution(&fixture.input_event(&first).await?).await?;
    let second = fixture.wait_for_executions(2).await?.remove(1);

    assert_eq!(fixture.output(&second).await?["receipt"]["written"], true);
    let receipt = fixture.only_receipt().await?;
    assert_ne!(receipt.backup.stored.version_id.as_ref().map(ToString::to_string), deleted);
    assert_eq!((receipt.execution.arn.as_str(), fixture.backup("k").await?), (second.arn.as_str(), b"bytes".to_vec()));
    assert_eq!(fixture.messages(2).await?.len(), 2);
    fixture.check_domain(Tolerance::default()).await?;
    Ok(())
}

#[tokio::test]
async fn a_repeated_event_copies_a_deleted_older_backup_again() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("k", "first").await?;
    let first = fixture.wait_for_success().await?;
    let deleted = fixture.receipts().await?.remove(0).backup.stored.version_id.map(|version| version.to_string());
    fixture.upload("k", "second").await?;
    fixture.wait_for_executions(2).await?;
    let request = fixture.s3.delete_object().bucket(&fixture.outputs.backup_bucket).key("k");
    request.set_version_id(deleted).send().await?;
    fixture.start_execution(&fixture.input_event(&first).await?).await?;
    let again = fixture.wait_for_executions(3).await?.remove(2);

    assert_eq!(fixture.output(&again).await?["receipt"]["written"], true);
    let receipts = fixture.receipts().await?;
    let receipt =
        receipts.iter().find(|receipt| receipt.execution.arn == again.arn).ok_or("the receipt was not replaced")?;
    assert_eq!(fixture.backup(receipt.backup.destination.key.as_str()).await?, b"first");
    assert_eq!((fixture.backup("k").await?, receipts.len()), (b"second".to_vec(), 2), "the newest stays current");
    assert_eq!(fixture.messages(3).await?.len(), 3);
    // The first replica stays below the newer one.
    fixture.check_domain(Tolerance { duplicate_copies: 1, ..Tolerance::default() }).await?;
    Ok(())
}

#[tokio::test]
async fn a_repeated_old_event_after_a_newer_upload_changes_nothing() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload("k", "first").await?;
    let first = fixture.wait_for_success().await?;
    let old_event = fixture.input_event(&first).await?;
    fixture.upload("k", "second").await?;
    fixture.wait_for_executions(2).await?;
    fixture.start_execution(&old_event).await?;
    let ended = fixture.wait_for_executions(3).await?;
    let again = ended.last().ok_or("no third execution")?;

    assert_eq!(fixture.output(again).await?["reason"], "alreadyBackedUp");
    assert_eq!((fixture.backup("k").await?, fixture.receipts().await?.len()), (b"second".to_vec(), 2));
    Ok(())
}

#[tokio::test]
async fn two_planned_executions_of_one_event_send_one_message() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    for _ in 0..2 {
        fixture.fail_next_invocation("copy-part", "CopyObject")?;
    }
    fixture.upload("k", "bytes").await?;
    let first = fixture.wait_for_executions(1).await?.remove(0);
    fixture.start_execution(&fixture.input_event(&first).await?).await?;
    let both = fixture.wait_for_executions(2).await?;
    for execution in &both {
        fixture.redrive(&execution.arn).await?;
        fixture.wait_for_executions(2).await?;
    }
    let mut reported = Vec::new();
    for execution in &both {
        reported.push(fixture.output(execution).await?["messageId"].is_string());
    }

    assert_eq!(reported, [true, false]);
    assert_eq!(fixture.messages(3).await?.len(), 3, "two failures and one success");
    let versions = fixture.backup_versions("k").await?;
    assert_eq!((versions.len(), fixture.receipts().await?.len()), (1, 1));
    fixture.check_domain(Tolerance::default()).await?;
    Ok(())
}
