//! What the template's parameters choose: which keys, which messages, which storage class.

use std::time::Duration;

use aws_sdk_s3::types::{ObjectAttributes, ServerSideEncryption, StorageClass};
use holdfast_tests::{
    TestResult,
    world::{Setup, World},
};

#[tokio::test]
async fn keys_under_an_excluded_prefix_are_skipped_and_all_others_are_not() -> TestResult {
    let world = World::start(Setup::default().with("ExcludePrefixes", "tmp/, cache-")).await?;
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
        world.upload(key, "bytes").await?;
        let ended = world.ended(count + 1).await?;
        let execution = ended.last().ok_or("nothing was started")?;
        let output = world.output(execution).await?;
        match expected {
            Some(prefix) => {
                assert_eq!(world.path(execution).await?, ["Validate", "Route", "Skipped"], "{key}");
                assert_eq!(output["reason"], "excluded", "{key}");
                let message = output["message"].as_str().unwrap_or_default();
                assert!(message.contains(&format!("{prefix:?}")), "{message}");
            }
            None => assert_eq!(world.backup(key).await?, b"bytes", "{key}"),
        }
    }
    let receipts = world.receipts().await?;
    assert_eq!(receipts.len(), 2, "what is skipped has no receipt: {receipts:?}");
    assert_eq!(world.messages(2).await?.len(), 2, "and is not told");
    Ok(())
}

/// Fails one execution, after which nothing is published later than its mail.
async fn fail_one(world: &World) -> TestResult {
    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key("cold");
    request.storage_class(StorageClass::DeepArchive).send().await?;
    world.ended(2).await?;
    Ok(())
}

#[tokio::test]
async fn with_failures_only_a_success_has_a_receipt_and_no_mail() -> TestResult {
    let world = World::start(Setup::default().with("NotifyOn", "failures")).await?;
    world.upload("hello.txt", "hello").await?;
    let execution = world.succeeded().await?;
    assert_eq!(world.receipts().await?.len(), 1);
    assert_eq!(world.output(&execution).await?["messageId"], serde_json::Value::Null);
    fail_one(&world).await?;
    let messages = world.messages(1).await?;
    let statuses: Vec<_> = messages.iter().map(|message| &message["MessageAttributes"]["status"]["Value"]).collect();
    assert_eq!(statuses, ["FAILED"]);
    Ok(())
}

#[tokio::test]
async fn with_none_nobody_is_told_anything_and_receipts_are_written_all_the_same() -> TestResult {
    let world = World::start(Setup::default().with("NotifyOn", "none")).await?;
    world.upload("hello.txt", "hello").await?;
    world.ended(1).await?;
    fail_one(&world).await?;
    let functions = &world.sandbox.stack().functions;
    let notify = functions.iter().find(|function| function.crate_name == "notify").ok_or("no notify")?;
    while world.sandbox.lambda().invocations(&notify.name)? < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.sandbox.events().drained().await;
    assert_eq!(world.messages(0).await?.len(), 0);
    assert_eq!(world.receipts().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_storage_class_of_the_parameter_is_the_backups_and_the_source_keeps_its_own() -> TestResult {
    let setup = Setup::default().with("StorageClass", "GLACIER_IR").with("MultipartThreshold", "8388608");
    let world = World::start(setup).await?;
    world.upload("small", "bytes").await?;
    world.upload("large", vec![7; 9 << 20]).await?;
    world.ended(2).await?;
    for key in ["small", "large"] {
        let backup = world.s3.head_object().bucket(&world.outputs.backup_bucket).key(key).send().await?;
        assert_eq!(backup.storage_class(), Some(&StorageClass::GlacierIr), "{key}");
        let source = world.s3.head_object().bucket(&world.outputs.source_bucket).key(key).send().await?;
        assert_eq!(source.storage_class(), None, "STANDARD is not said: {key}");
    }
    assert_eq!(world.receipts().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn without_a_kms_key_the_backup_is_encrypted_by_s3_itself() -> TestResult {
    let world = World::start(Setup::default().without_replica()).await?;
    world.upload("hello.txt", "hello").await?;
    world.succeeded().await?;
    let backup = world.s3.head_object().bucket(&world.outputs.backup_bucket).key("hello.txt").send().await?;
    assert_eq!(backup.server_side_encryption(), Some(&ServerSideEncryption::Aes256));
    assert_eq!(backup.ssekms_key_id(), None);
    let asked = world.s3.get_object_attributes().bucket(&world.outputs.backup_bucket).key("hello.txt");
    let attributes = asked.object_attributes(ObjectAttributes::Checksum).send().await?;
    assert!(attributes.checksum().is_some_and(|checksum| checksum.checksum_crc64_nvme().is_some()));
    Ok(())
}
