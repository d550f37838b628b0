//! Each test breaks one promise through S3 or the outbox, and the domain check names it.

use aws_sdk_s3::types::{MetadataDirective, Tag, Tagging};
use holdfast_core::receipt::Receipt;
use holdfast_tests::{
    TestResult,
    domain::{
        Promise::{
            CopiedOnce, CopyExists, EveryObjectProven, NewestIsCurrent, NoOpenUpload, NothingLost, OneReceipt,
            OutcomeReported, Replicated, SameAttributes, Stamped, TrueEvidence,
        },
        Report, Tolerance,
    },
    fixture::{EventRules, Fixture, delete_versions},
};
use serde_json::{Value, json};

use crate::support::{check, fixture, upload, violations};

#[tokio::test]
async fn a_fixture_without_violations_has_a_report() -> TestResult {
    let fixture = fixture().await?;

    let report = check(&fixture).await?;
    let expected =
        Report { versions: 6, proven: 6, receipts: 6, succeeded: 7, skipped: 1, messages: 6, ..Report::default() };

    assert_eq!(report, expected);
    Ok(())
}

#[tokio::test]
async fn a_redrivable_failure_is_counted_and_is_not_a_violation() -> TestResult {
    let fixture = fixture().await?;

    fixture.upload_archived("cold").await?;
    fixture.wait_for_executions(8).await?;
    let report = check(&fixture).await?;

    assert_eq!((report.versions, report.proven, report.messages), (7, 6, 7));
    let errors: Vec<_> = report.unfinished.iter().map(|(_, error)| error.as_str()).collect();
    assert_eq!(errors, ["Source.Archived"]);
    Ok(())
}

#[tokio::test]
async fn an_upload_without_an_event_is_lost() -> TestResult {
    let fixture = fixture().await?;

    fixture.set_rules(EventRules::Disabled).await?;
    upload(&fixture, "unannounced", "bytes").await?;

    assert_eq!(violations(&fixture).await?, [NothingLost]);
    Ok(())
}

#[tokio::test]
async fn a_version_without_a_receipt_is_lost_and_its_copies_are_unproven() -> TestResult {
    let fixture = fixture().await?;
    remove_receipt(&fixture, "small").await?;
    assert_eq!(violations(&fixture).await?, [NothingLost, EveryObjectProven]);
    Ok(())
}

#[tokio::test]
async fn a_replaced_or_misplaced_receipt_is_a_violation() -> TestResult {
    let fixture = fixture().await?;

    let (key, receipt) = receipt_of(&fixture, "small").await?;
    put_receipt(&fixture, &key, &receipt).await?;

    assert_eq!(violations(&fixture).await?, [OneReceipt]);

    let elsewhere = format!("{}elsewhere.json", fixture.outputs.receipt_prefix);
    remove_receipt(&fixture, "small").await?;
    put_receipt(&fixture, &elsewhere, &receipt).await?;

    assert_eq!(violations(&fixture).await?, [OneReceipt]);

    put_receipt(&fixture, &key, &receipt).await?;

    assert_eq!(violations(&fixture).await?, [OneReceipt], "two receipts");

    delete_versions(&fixture.s3, &fixture.outputs.receipt_bucket, &elsewhere).await?;

    check(&fixture).await?;

    put_receipt(&fixture, &elsewhere, &json!("not a receipt")).await?;

    assert_eq!(violations(&fixture).await?, [OneReceipt]);
    Ok(())
}

#[tokio::test]
async fn a_deleted_replica_is_a_violation() -> TestResult {
    for late in [false, true] {
        let fixture = fixture().await?;

        let (_, receipt) = receipt_of(&fixture, if late { "late" } else { "small" }).await?;
        let receipt: Receipt = serde_json::from_value(receipt)?;
        let replica = receipt.replica.ok_or("no replica")?;
        delete_versions(&fixture.replica_s3, &fixture.outputs.replica_bucket, replica.destination.key.as_str()).await?;
        let expected = if late { vec![CopyExists] } else { vec![CopyExists, NewestIsCurrent] };

        assert_eq!(violations(&fixture).await?, expected, "{}", replica.destination.key);
    }
    Ok(())
}

#[tokio::test]
async fn a_copy_with_other_tags_is_a_violation() -> TestResult {
    let fixture = fixture().await?;

    let tags = Tagging::builder().tag_set(Tag::builder().key("team").value("b").build()?).build()?;
    fixture.s3.put_object_tagging().bucket(&fixture.outputs.backup_bucket).key("small").tagging(tags).send().await?;

    assert_eq!(violations(&fixture).await?, [SameAttributes]);
    Ok(())
}

#[tokio::test]
async fn a_receipt_with_a_wrong_value_is_a_violation() -> TestResult {
    for (pointer, value, expected) in [
        ("/backup/evidence/copy", json!("AAAAAAAAAAA="), TrueEvidence),
        ("/replica/evidence/source", json!("AAAAAAAAAAA="), TrueEvidence),
        ("/backup/evidence/etagsEqual", json!(false), TrueEvidence),
        ("/stamp/sequencer", json!("FF"), Stamped),
        ("/placement", json!("late"), CopyExists),
    ] {
        let fixture = fixture().await?;
        let (key, mut receipt) = receipt_of(&fixture, "small").await?;
        *receipt.pointer_mut(pointer).ok_or(pointer)? = value;
        remove_receipt(&fixture, "small").await?;
        put_receipt(&fixture, &key, &receipt).await?;
        assert_eq!(violations(&fixture).await?.first(), Some(&expected), "{pointer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_receipt_without_its_replica_is_a_violation() -> TestResult {
    let fixture = fixture().await?;

    let (key, mut receipt) = receipt_of(&fixture, "small").await?;
    receipt.as_object_mut().ok_or("no object")?.remove("replica");
    remove_receipt(&fixture, "small").await?;
    put_receipt(&fixture, &key, &receipt).await?;

    assert_eq!(violations(&fixture).await?, [Replicated, EveryObjectProven]);
    Ok(())
}

#[tokio::test]
async fn an_older_current_version_is_a_violation_in_either_bucket() -> TestResult {
    let fixture = fixture().await?;
    for (s3, bucket) in fixture.destinations() {
        let listed = s3.list_object_versions().bucket(bucket).prefix("twice").send().await?;
        let newest = listed.versions()[0].version_id().ok_or("no version")?;
        s3.delete_object().bucket(bucket).key("twice").version_id(newest).send().await?;
        assert_eq!(violations(&fixture).await?, [CopyExists, NewestIsCurrent], "{bucket}");
    }
    Ok(())
}

#[tokio::test]
async fn a_delete_marker_at_the_key_of_a_backup_is_a_violation() -> TestResult {
    let fixture = fixture().await?;
    fixture.s3.delete_object().bucket(&fixture.outputs.backup_bucket).key("small").send().await?;
    assert_eq!(violations(&fixture).await?, [NewestIsCurrent]);
    Ok(())
}

#[tokio::test]
async fn the_copy_of_a_deleted_newest_version_may_stay_current() -> TestResult {
    let fixture = fixture().await?;

    let listed =
        fixture.s3.list_object_versions().bucket(&fixture.outputs.source_bucket).prefix("twice").send().await?;
    let newest = listed.versions()[0].version_id().ok_or("no version")?;
    fixture.s3.delete_object().bucket(&fixture.outputs.source_bucket).key("twice").version_id(newest).send().await?;
    let report = check(&fixture).await?;

    assert_eq!((report.versions, report.receipts), (5, 6));
    Ok(())
}

#[tokio::test]
async fn an_object_of_another_client_is_a_violation_in_either_bucket() -> TestResult {
    for index in [0, 1] {
        let fixture = fixture().await?;
        let (s3, bucket) = fixture.destinations()[index];
        s3.put_object().bucket(bucket).key("foreign").send().await?;
        assert_eq!(violations(&fixture).await?, [EveryObjectProven], "{bucket}");
    }
    Ok(())
}

#[tokio::test]
async fn a_duplicate_copy_is_a_violation_unless_it_is_tolerated() -> TestResult {
    let fixture = fixture().await?;

    let bucket = &fixture.outputs.backup_bucket;
    let existing = fixture.s3.head_object().bucket(bucket).key("small").send().await?;
    let copy = fixture.s3.copy_object().bucket(bucket).key("small").copy_source(format!("{bucket}/small"));
    let copy = copy.metadata_directive(MetadataDirective::Replace).set_metadata(existing.metadata);
    copy.content_type("text/plain").send().await?;

    assert_eq!(violations(&fixture).await?, [CopiedOnce]);
    let report = fixture.check_domain(Tolerance { duplicate_copies: 1, ..Tolerance::default() }).await?;
    assert_eq!(report.duplicate_copies, 1);
    Ok(())
}

#[tokio::test]
async fn an_open_upload_is_a_violation_unless_it_is_tolerated() -> TestResult {
    let fixture = fixture().await?;

    let (s3, bucket) = (&fixture.replica_s3, &fixture.outputs.replica_bucket);
    s3.create_multipart_upload().bucket(bucket).key("large").send().await?;

    assert_eq!(violations(&fixture).await?, [NoOpenUpload]);

    let report = fixture.check_domain(Tolerance { unknown_uploads: 1, ..Tolerance::default() }).await?;

    assert_eq!(report.unknown_uploads, 1);
    Ok(())
}

#[tokio::test]
async fn an_outcome_without_a_message_is_a_violation() -> TestResult {
    let fixture = fixture().await?;

    fixture.upload_archived("cold").await?;
    fixture.messages(7).await?;

    for subject in ["backed-up", "failed"] {
        let mut files = std::fs::read_dir(&fixture.outputs.outbox_dir)?.filter_map(|entry| Some(entry.ok()?.path()));
        let names = |file: &std::path::Path| {
            file.to_string_lossy().ends_with(".json") && file.to_string_lossy().contains(subject)
        };
        std::fs::remove_file(files.find(|file| names(file)).ok_or(subject)?)?;
        assert_eq!(violations(&fixture).await?, [OutcomeReported], "{subject}");
    }
    Ok(())
}

/// The receipt of a key, and the key of the receipt. For `late` it is the receipt of the late version.
async fn receipt_of(fixture: &Fixture, key: &str) -> TestResult<(String, Value)> {
    let (bucket, prefix) = (&fixture.outputs.receipt_bucket, &fixture.outputs.receipt_prefix);
    let prefix = format!("{prefix}{}/{key}/", fixture.outputs.source_bucket);
    for object in fixture.s3.list_objects_v2().bucket(bucket).prefix(prefix).send().await?.contents() {
        let receipt_key = object.key().unwrap_or_default().to_owned();
        let bytes = fixture.s3.get_object().bucket(bucket).key(&receipt_key).send().await?.body.collect().await?;
        let receipt: Value = serde_json::from_slice(&bytes.to_vec())?;
        if key != "late" || receipt["placement"] == "late" {
            return Ok((receipt_key, receipt));
        }
    }
    Err(format!("{key} has no receipt").into())
}

async fn put_receipt(fixture: &Fixture, key: &str, receipt: &Value) -> TestResult {
    let request = fixture.s3.put_object().bucket(&fixture.outputs.receipt_bucket).key(key);
    request.body(receipt.to_string().into_bytes().into()).send().await?;
    Ok(())
}

async fn remove_receipt(fixture: &Fixture, key: &str) -> TestResult {
    let (receipt_key, _) = receipt_of(fixture, key).await?;
    delete_versions(&fixture.s3, &fixture.outputs.receipt_bucket, &receipt_key).await
}
