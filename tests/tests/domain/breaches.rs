//! Every promise about objects is broken by hand once, through S3 and the outbox, and the check says which one it was.

use aws_sdk_s3::{
    Client,
    types::{MetadataDirective, Tag, Tagging},
};
use holdfast_core::receipt::Receipt;
use holdfast_tests::{
    TestResult,
    domain::{
        Known, Report,
        Rule::{
            CopiedOnce, CopyStands, NewestOnTop, NoOpenUpload, NothingLost, NothingUnproven, OneReceipt, Replicated,
            SameAttributes, Stamped, Told, TrueEvidence,
        },
    },
    world::{Rules, World},
};
use serde_json::{Value, json};

use crate::support::{broken, check, upload, upload_archived, world};

#[tokio::test]
async fn a_world_that_keeps_its_promises_is_described() -> TestResult {
    let world = world().await?;
    let report = check(&world).await?;
    let expected =
        Report { versions: 6, proven: 6, receipts: 6, succeeded: 7, skipped: 1, messages: 6, ..Report::default() };
    assert_eq!(report, expected);
    Ok(())
}

#[tokio::test]
async fn a_failure_that_can_be_redriven_is_no_breach_and_is_counted() -> TestResult {
    let world = world().await?;
    upload_archived(&world, "cold").await?;
    world.ended(8).await?;
    let report = check(&world).await?;
    assert_eq!((report.versions, report.proven, report.messages), (7, 6, 7));
    let errors: Vec<_> = report.unfinished.iter().map(|(_, error)| error.as_str()).collect();
    assert_eq!(errors, ["Source.Archived"]);
    Ok(())
}

#[tokio::test]
async fn an_upload_that_no_event_announced_is_lost() -> TestResult {
    let world = world().await?;
    world.set_rules(Rules::Disabled).await?;
    upload(&world, "unheard", "bytes").await?;
    assert_eq!(broken(&world).await?, [NothingLost]);
    Ok(())
}

#[tokio::test]
async fn a_version_without_its_receipt_is_lost_and_its_copies_are_not_proven() -> TestResult {
    let world = world().await?;
    remove_receipt(&world, "small").await?;
    assert_eq!(broken(&world).await?, [NothingLost, NothingUnproven]);
    Ok(())
}

#[tokio::test]
async fn a_receipt_that_is_written_again_or_put_elsewhere_is_seen() -> TestResult {
    let world = world().await?;
    let (key, receipt) = receipt_of(&world, "small").await?;
    put_receipt(&world, &key, &receipt).await?;
    assert_eq!(broken(&world).await?, [OneReceipt]);
    let elsewhere = format!("{}elsewhere.json", world.outputs.receipt_prefix);
    remove_receipt(&world, "small").await?;
    put_receipt(&world, &elsewhere, &receipt).await?;
    assert_eq!(broken(&world).await?, [OneReceipt]);
    put_receipt(&world, &key, &receipt).await?;
    assert_eq!(broken(&world).await?, [OneReceipt], "now there are two");
    delete(&world.s3, &world.outputs.receipt_bucket, &elsewhere).await?;
    check(&world).await?;
    put_receipt(&world, &elsewhere, &json!("no receipt")).await?;
    assert_eq!(broken(&world).await?, [OneReceipt]);
    Ok(())
}

#[tokio::test]
async fn a_backup_or_a_replica_that_was_deleted_is_missed() -> TestResult {
    for late in [false, true] {
        let world = world().await?;
        let (_, receipt) = receipt_of(&world, if late { "late" } else { "small" }).await?;
        let receipt: Receipt = serde_json::from_value(receipt)?;
        let replica = receipt.replica.ok_or("no replica")?;
        delete(&world.replica_s3, &world.outputs.replica_bucket, replica.destination.key.as_str()).await?;
        let expected = if late { vec![CopyStands] } else { vec![CopyStands, NewestOnTop] };
        assert_eq!(broken(&world).await?, expected, "{}", replica.destination.key);
    }
    Ok(())
}

#[tokio::test]
async fn tags_of_a_copy_that_are_not_those_of_its_source_are_seen() -> TestResult {
    let world = world().await?;
    let tags = Tagging::builder().tag_set(Tag::builder().key("team").value("b").build()?).build()?;
    world.s3.put_object_tagging().bucket(&world.outputs.backup_bucket).key("small").tagging(tags).send().await?;
    assert_eq!(broken(&world).await?, [SameAttributes]);
    Ok(())
}

#[tokio::test]
async fn a_receipt_that_is_not_true_is_seen() -> TestResult {
    for (pointer, value, expected) in [
        ("/backup/evidence/copy", json!("AAAAAAAAAAA="), TrueEvidence),
        ("/replica/evidence/source", json!("AAAAAAAAAAA="), TrueEvidence),
        ("/backup/evidence/etagsEqual", json!(false), TrueEvidence),
        ("/stamp/sequencer", json!("FF"), Stamped),
        ("/placement", json!("late"), CopyStands),
    ] {
        let world = world().await?;
        let (key, mut receipt) = receipt_of(&world, "small").await?;
        *receipt.pointer_mut(pointer).ok_or(pointer)? = value;
        remove_receipt(&world, "small").await?;
        put_receipt(&world, &key, &receipt).await?;
        assert_eq!(broken(&world).await?.first(), Some(&expected), "{pointer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_receipt_without_its_replica_is_seen() -> TestResult {
    let world = world().await?;
    let (key, mut receipt) = receipt_of(&world, "small").await?;
    receipt.as_object_mut().ok_or("no object")?.remove("replica");
    remove_receipt(&world, "small").await?;
    put_receipt(&world, &key, &receipt).await?;
    assert_eq!(broken(&world).await?, [Replicated, NothingUnproven]);
    Ok(())
}

#[tokio::test]
async fn an_old_version_on_top_is_seen_in_either_bucket() -> TestResult {
    let world = world().await?;
    for (s3, bucket) in [(&world.s3, &world.outputs.backup_bucket), (&world.replica_s3, &world.outputs.replica_bucket)]
    {
        let listed = s3.list_object_versions().bucket(bucket).prefix("twice").send().await?;
        let newest = listed.versions()[0].version_id().ok_or("no version")?;
        s3.delete_object().bucket(bucket).key("twice").version_id(newest).send().await?;
        assert_eq!(broken(&world).await?, [CopyStands, NewestOnTop], "{bucket}");
    }
    Ok(())
}

#[tokio::test]
async fn a_delete_marker_over_a_backup_is_seen() -> TestResult {
    let world = world().await?;
    world.s3.delete_object().bucket(&world.outputs.backup_bucket).key("small").send().await?;
    assert_eq!(broken(&world).await?, [NewestOnTop]);
    Ok(())
}

#[tokio::test]
async fn a_newest_version_that_was_deleted_from_the_source_may_stay_on_top() -> TestResult {
    let world = world().await?;
    let listed = world.s3.list_object_versions().bucket(&world.outputs.source_bucket).prefix("twice").send().await?;
    let newest = listed.versions()[0].version_id().ok_or("no version")?;
    world.s3.delete_object().bucket(&world.outputs.source_bucket).key("twice").version_id(newest).send().await?;
    let report = check(&world).await?;
    assert_eq!((report.versions, report.receipts), (5, 6));
    Ok(())
}

#[tokio::test]
async fn a_foreign_object_is_seen_in_either_bucket() -> TestResult {
    for is_backup in [true, false] {
        let world = world().await?;
        let (s3, bucket) = if is_backup {
            (&world.s3, &world.outputs.backup_bucket)
        } else {
            (&world.replica_s3, &world.outputs.replica_bucket)
        };
        s3.put_object().bucket(bucket).key("foreign").send().await?;
        assert_eq!(broken(&world).await?, [NothingUnproven], "{bucket}");
    }
    Ok(())
}

#[tokio::test]
async fn a_second_copy_of_the_same_version_is_seen_unless_it_is_known_of() -> TestResult {
    let world = world().await?;
    let bucket = &world.outputs.backup_bucket;
    let stands = world.s3.head_object().bucket(bucket).key("small").send().await?;
    let copy = world.s3.copy_object().bucket(bucket).key("small").copy_source(format!("{bucket}/small"));
    let copy = copy.metadata_directive(MetadataDirective::Replace).set_metadata(stands.metadata);
    copy.content_type("text/plain").send().await?;
    assert_eq!(broken(&world).await?, [CopiedOnce]);
    let report = world.check_domain(Known { copies_beside: 1, ..Known::default() }).await?;
    assert_eq!(report.copies_beside, 1);
    Ok(())
}

#[tokio::test]
async fn an_upload_that_was_left_open_is_seen_unless_it_is_known_of() -> TestResult {
    let world = world().await?;
    let (s3, bucket) = (&world.replica_s3, &world.outputs.replica_bucket);
    s3.create_multipart_upload().bucket(bucket).key("large").send().await?;
    assert_eq!(broken(&world).await?, [NoOpenUpload]);
    let report = world.check_domain(Known { unanswered_openings: 1, ..Known::default() }).await?;
    assert_eq!(report.unanswered_openings, 1);
    Ok(())
}

#[tokio::test]
async fn an_outcome_that_nobody_was_told_of_is_seen() -> TestResult {
    let world = world().await?;
    upload_archived(&world, "cold").await?;
    world.messages(7).await?;
    for subject in ["backed-up", "failed"] {
        let mut files = std::fs::read_dir(&world.outputs.outbox_dir)?.filter_map(|entry| Some(entry.ok()?.path()));
        let names = |file: &std::path::Path| {
            file.to_string_lossy().ends_with(".json") && file.to_string_lossy().contains(subject)
        };
        std::fs::remove_file(files.find(|file| names(file)).ok_or(subject)?)?;
        assert_eq!(broken(&world).await?, [Told], "{subject}");
    }
    Ok(())
}

/// The receipt of the newest upload of a key (of the late one for `late`), and where it lies.
async fn receipt_of(world: &World, key: &str) -> TestResult<(String, Value)> {
    let (bucket, prefix) = (&world.outputs.receipt_bucket, &world.outputs.receipt_prefix);
    let prefix = format!("{prefix}{}/{key}/", world.outputs.source_bucket);
    for object in world.s3.list_objects_v2().bucket(bucket).prefix(prefix).send().await?.contents() {
        let place = object.key().unwrap_or_default().to_owned();
        let bytes = world.s3.get_object().bucket(bucket).key(&place).send().await?.body.collect().await?;
        let receipt: Value = serde_json::from_slice(&bytes.to_vec())?;
        if key != "late" || receipt["placement"] == "late" {
            return Ok((place, receipt));
        }
    }
    Err(format!("{key} has no receipt").into())
}

async fn put_receipt(world: &World, key: &str, receipt: &Value) -> TestResult {
    let request = world.s3.put_object().bucket(&world.outputs.receipt_bucket).key(key);
    request.body(receipt.to_string().into_bytes().into()).send().await?;
    Ok(())
}

async fn remove_receipt(world: &World, key: &str) -> TestResult {
    let (place, _) = receipt_of(world, key).await?;
    delete(&world.s3, &world.outputs.receipt_bucket, &place).await
}

/// Deletes every version of a key.
async fn delete(s3: &Client, bucket: &str, key: &str) -> TestResult {
    for version in s3.list_object_versions().bucket(bucket).prefix(key).send().await?.versions() {
        s3.delete_object().bucket(bucket).key(key).set_version_id(version.version_id.clone()).send().await?;
    }
    Ok(())
}
