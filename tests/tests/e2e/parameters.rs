//! Parameters of the template: excluded keys, messages, storage class, encryption.

use std::time::Duration;

use aws_sdk_s3::types::{ObjectAttributes, ServerSideEncryption, StorageClass};
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
};

#[tokio::test]
async fn only_keys_under_an_excluded_prefix_are_skipped() -> TestResult {
    let fixture = Fixture::start(Setup::default().with_parameter("ExcludePrefixes", "tmp/, cache-")).await?;

    for (count, (key, expected)) in [
        ("tmp/scratch", Some("tmp/")),
        ("cache-7", Some("cache-")),
        (".holdfast/own", Some(".holdfast/")),
        ("kept/tmp/file", None),
        ("tm", None),
    ]
    .into_iter()
    .enumerate()
    {
        fixture.upload(key, "bytes").await?;
        let ended = fixture.wait_for_executions(count + 1).await?;
        let execution = ended.last().ok_or("nothing was started")?;
        let output = fixture.output(execution).await?;

        match expected {
            Some(prefix) => {
                assert_eq!(fixture.path(execution).await?, ["Validate", "Route", "Skipped"], "{key}");
                assert_eq!(output["reason"], "excluded", "{key}");
                let message = output["message"].as_str().unwrap_or_default();
                assert!(message.contains(&format!("{prefix:?}")), "{message}");
            }
            None => assert_eq!(fixture.backup(key).await?, b"bytes", "{key}"),
        }
    }
    let receipts = fixture.receipts().await?;

    assert_eq!(receipts.len(), 2, "a skipped upload has no receipt: {receipts:?}");
    assert_eq!(fixture.messages(2).await?.len(), 2, "a skipped upload has no message");
    Ok(())
}

/// Adds a failed execution as the second one. No message is published after its message.
async fn add_failure(fixture: &Fixture) -> TestResult {
    fixture.upload_archived("cold").await?;
    fixture.wait_for_executions(2).await?;
    Ok(())
}

#[tokio::test]
async fn with_notify_on_failures_a_success_has_no_message() -> TestResult {
    let fixture = Fixture::start(Setup::default().with_parameter("NotifyOn", "failures")).await?;

    fixture.upload("hello.txt", "hello").await?;
    let execution = fixture.wait_for_success().await?;

    assert_eq!(fixture.receipts().await?.len(), 1);
    assert_eq!(fixture.output(&execution).await?["messageId"], serde_json::Value::Null);

    add_failure(&fixture).await?;

    let messages = fixture.messages(1).await?;
    let statuses: Vec<_> = messages.iter().map(|message| &message["MessageAttributes"]["status"]["Value"]).collect();
    assert_eq!(statuses, ["FAILED"]);
    Ok(())
}

#[tokio::test]
async fn with_notify_on_none_there_are_receipts_and_no_messages() -> TestResult {
    let fixture = Fixture::start(Setup::default().with_parameter("NotifyOn", "none")).await?;

    fixture.upload("hello.txt", "hello").await?;
    fixture.wait_for_executions(1).await?;
    add_failure(&fixture).await?;
    let functions = &fixture.sandbox.stack().functions;
    let notify = functions.iter().find(|function| function.crate_name == "notify").ok_or("no notify")?;
    while fixture.sandbox.lambda().invocations(&notify.name)? < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fixture.sandbox.events().drained().await;

    assert_eq!(fixture.messages(0).await?.len(), 0);
    assert_eq!(fixture.receipts().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_storage_class_parameter_applies_to_backups_only() -> TestResult {
    let setup =
        Setup::default().with_parameter("StorageClass", "GLACIER_IR").with_parameter("MultipartThreshold", "8388608");
    let fixture = Fixture::start(setup).await?;

    fixture.upload("small", "bytes").await?;
    fixture.upload("large", vec![7; 9 << 20]).await?;
    fixture.wait_for_executions(2).await?;

    for key in ["small", "large"] {
        let backup = fixture.s3.head_object().bucket(&fixture.outputs.backup_bucket).key(key).send().await?;
        assert_eq!(backup.storage_class(), Some(&StorageClass::GlacierIr), "{key}");
        let source = fixture.s3.head_object().bucket(&fixture.outputs.source_bucket).key(key).send().await?;
        assert_eq!(source.storage_class(), None, "S3 omits STANDARD: {key}");
    }
    assert_eq!(fixture.receipts().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn without_a_kms_key_the_backup_is_encrypted_with_aes256() -> TestResult {
    let fixture = Fixture::start(Setup::default().without_replica()).await?;

    fixture.upload("hello.txt", "hello").await?;
    fixture.wait_for_success().await?;
    let backup = fixture.s3.head_object().bucket(&fixture.outputs.backup_bucket).key("hello.txt").send().await?;

    assert_eq!(backup.server_side_encryption(), Some(&ServerSideEncryption::Aes256));
    assert_eq!(backup.ssekms_key_id(), None);
    let request = fixture.s3.get_object_attributes().bucket(&fixture.outputs.backup_bucket).key("hello.txt");

    let attributes = request.object_attributes(ObjectAttributes::Checksum).send().await?;

    assert!(attributes.checksum().is_some_and(|checksum| checksum.checksum_crc64_nvme().is_some()));
    Ok(())
}
