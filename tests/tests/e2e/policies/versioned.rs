//! The scenario with versioned buckets: both legs of every kind of copy, and functions that are invoked again or too
//! late.

use aws_sdk_s3::{
    Client,
    types::{ChecksumAlgorithm, ChecksumType, Tag, Tagging},
};
use holdfast_tests::{
    TestResult,
    fixture::{ExecutionSummary, Fixture, delete_versions},
};
use serde_json::{Value, json};

use super::scenarios::{invoke_again, payload_of, upload, wait_for_last_success};

const LARGE: usize = (5 << 20) + 1;

pub(super) async fn run(fixture: &Fixture) -> TestResult {
    for (s3, bucket) in fixture.destinations() {
        s3.put_object().bucket(bucket).key("foreign").send().await?;
    }
    for (count, (key, size)) in
        [("small", 5), ("large", LARGE), ("small", 5), ("large", LARGE), ("foreign", 5), ("once", LARGE)]
            .into_iter()
            .enumerate()
    {
        upload(fixture, key, size).await?;
        wait_for_last_success(fixture, count + 1).await?;
    }
    let first = fixture.wait_for_executions(6).await?.swap_remove(0);
    request_backup(fixture, &fixture.input_event(&first).await?["detail"]).await?;
    let last = wait_for_last_success(fixture, 7).await?;
    assert_eq!(fixture.output(&last).await?["reason"], "alreadyBackedUp", "the receipt exists");
    let once = fixture.wait_for_executions(7).await?.swap_remove(5);
    invoke_finished_tasks(fixture, &once).await?;
    plan_below_newer_copies(fixture).await?;
    reject_copies(fixture).await?;
    plan_replica_over_foreign_object(fixture).await?;
    invoke_without_objects(fixture, &once).await?;
    Ok(())
}

/// Requests a backup as an operator, with the detail of an S3 event.
async fn request_backup(fixture: &Fixture, detail: &Value) -> TestResult {
    let entry = json!({ "Source": "operator", "DetailType": "Backup Requested", "Detail": detail.to_string() });
    fixture.sandbox.events().handle("PutEvents", json!({ "Entries": [entry] })).await?;
    fixture.sandbox.events().drained().await;
    Ok(())
}

/// Every function of a finished execution finds its finished work.
async fn invoke_finished_tasks(fixture: &Fixture, once: &ExecutionSummary) -> TestResult {
    let (backup, replica) = (&fixture.outputs.backup_bucket, &fixture.outputs.replica_bucket);
    for state in ["CopySlice", "CopyReplicaSlice"] {
        assert_eq!(invoke_again(fixture, once, state).await?["done"], true, "{state}");
    }
    for (state, s3, bucket) in
        [("CompleteUpload", &fixture.s3, backup), ("CompleteReplica", &fixture.replica_s3, replica)]
    {
        let (function, mut payload) = payload_of(fixture, once, state).await?;
        let upload = open_second_upload(s3, bucket, "once", &payload["copy"]).await?;
        payload["copy"]["upload"]["uploadId"] = json!(upload);
        assert!(fixture.invoke(&function, &payload).await?["etag"].is_string(), "{state}");
        let open = s3.list_multipart_uploads().bucket(bucket).send().await?;
        assert_eq!(open.uploads().len(), 0, "{state} aborts the second upload");
    }
    for (state, s3, bucket) in [("VerifyBackup", &fixture.s3, backup), ("VerifyReplica", &fixture.replica_s3, replica)]
    {
        let changed = Tagging::builder().tag_set(Tag::builder().key("team").value("b").build()?).build()?;
        s3.put_object_tagging().bucket(bucket).key("once").tagging(changed).send().await?;
        assert_eq!(invoke_again(fixture, once, state).await?["done"], true, "{state}");
        let tags = s3.get_object_tagging().bucket(bucket).key("once").send().await?.tag_set;
        assert_eq!(tags.first().map(Tag::value), Some("a"), "{state} repairs the tags");
    }
    let (function, mut notified) = payload_of(fixture, once, "Notify").await?;
    notified["execution"]["arn"] = json!("arn:aws:states:eu-west-1:000000000000:execution:holdfast-backup:another");
    assert!(
        fixture.invoke(&function, &notified).await?.get("messageId").is_none(),
        "only the writer of the receipt sends a message"
    );
    notified["proven"]["stored"]["versionId"] = json!("wBYbHcg9Zy3PpT1sQk7uRVdLm0xEaN4f");
    assert_eq!(
        fixture.invoke(&function, &notified).await?["receipt"]["written"],
        false,
        "the copy that the receipt names exists"
    );
    for (planner, publisher) in [("Validate", "CompleteUpload"), ("Replicate", "CompleteReplica")] {
        let (function, mut payload) = payload_of(fixture, once, planner).await?;
        let copy = payload_of(fixture, once, publisher).await?.1["copy"].clone();
        let mut given_up = payload["backup"].clone();
        if given_up.is_null() {
            given_up = payload_of(fixture, once, "Replicate").await?.1["backup"].clone();
        }
        given_up["copy"] = copy;
        payload["replan"] = json!({ "attempt": 2, "error": "Upload.Gone", "givenUp": given_up });
        assert!(fixture.invoke(&function, &payload).await?.is_object(), "{planner}");
    }
    Ok(())
}

/// Both planners find the copy of an upload below the copy of a newer one.
async fn plan_below_newer_copies(fixture: &Fixture) -> TestResult {
    let first = fixture.wait_for_executions(7).await?.swap_remove(0);
    let receipts = &fixture.outputs.receipt_bucket;
    for receipt in fixture.s3.list_objects_v2().bucket(receipts).send().await?.contents() {
        fixture.s3.delete_object().bucket(receipts).set_key(receipt.key.clone()).send().await?;
    }
    for (planner, verifier) in [("Validate", "VerifyBackup"), ("Replicate", "VerifyReplica")] {
        let (function, mut payload) = payload_of(fixture, &first, planner).await?;
        let given_up = payload_of(fixture, &first, verifier).await?.1["backup"].clone();
        payload["replan"] = json!({ "attempt": 2, "error": "Destination.Changed", "givenUp": given_up });
        let plan = fixture.invoke(&function, &payload).await?;
        assert!(plan["stored"]["versionId"].is_string(), "{planner}: {plan}");
    }
    Ok(())
}

/// A copy that does not match its source is removed, in either leg.
async fn reject_copies(fixture: &Fixture) -> TestResult {
    let foreign = fixture.wait_for_executions(7).await?.swap_remove(4);
    // The replica first: its source is the backup, and a copy without a source is not removed.
    let (backup, replica) = (&fixture.outputs.backup_bucket, &fixture.outputs.replica_bucket);
    for (state, s3, bucket) in [("VerifyReplica", &fixture.replica_s3, replica), ("VerifyBackup", &fixture.s3, backup)]
    {
        let (function, mut payload) = payload_of(fixture, &foreign, state).await?;
        payload["backup"]["copy"]["source"]["size"] = json!(6);
        assert_eq!(fixture.invoke(&function, &payload).await?, "Checksum.Mismatch", "{state}");
        assert_eq!(fixture.invoke(&function, &payload).await?, "Destination.Changed", "{state}: the copy is removed");
        let remaining = s3.list_object_versions().bucket(bucket).prefix("foreign").send().await?;
        assert_eq!(remaining.versions().len(), 1, "{state} keeps only the object of the other client");
    }
    Ok(())
}

/// The planner of the replica leg finds an object of another client at its key, and the key of the backup deleted.
async fn plan_replica_over_foreign_object(fixture: &Fixture) -> TestResult {
    fixture.upload("beside", "ours").await?;
    let execution = wait_for_last_success(fixture, 8).await?;
    fixture.s3.delete_object().bucket(&fixture.outputs.backup_bucket).key("beside").send().await?;
    fixture.replica_s3.put_object().bucket(&fixture.outputs.replica_bucket).key("beside").send().await?;

    let plan = invoke_again(fixture, &execution, "Replicate").await?;

    assert!(plan["stored"]["versionId"].is_string(), "{plan}");
    Ok(())
}

/// Every function reports a missing object as missing, not as denied.
async fn invoke_without_objects(fixture: &Fixture, once: &ExecutionSummary) -> TestResult {
    // The object of the other client is current again, so only the source is missing.
    let foreign = fixture.wait_for_executions(7).await?.swap_remove(4);
    delete_versions(&fixture.s3, &fixture.outputs.source_bucket, "foreign").await?;
    assert_eq!(invoke_again(fixture, &foreign, "CopyObject").await?, "Source.Gone");
    delete_versions(&fixture.s3, &fixture.outputs.backup_bucket, "once").await?;
    delete_versions(&fixture.replica_s3, &fixture.outputs.replica_bucket, "once").await?;
    for (state, error) in [
        ("CopySlice", "Upload.Gone"),
        ("CopyReplicaSlice", "Upload.Gone"),
        ("CompleteUpload", "Upload.Gone"),
        ("CompleteReplica", "Upload.Gone"),
        ("VerifyBackup", "Destination.Changed"),
        ("VerifyReplica", "Destination.Changed"),
    ] {
        assert_eq!(invoke_again(fixture, once, state).await?, error, "{state}");
    }
    let (function, mut notified) = payload_of(fixture, once, "Notify").await?;
    assert_eq!(fixture.invoke(&function, &notified).await?["receipt"]["written"], true, "the receipt was removed");
    notified["proven"]["stored"]["versionId"] = json!("wBYbHcg9Zy3PpT1sQk7uRVdLm0xEaN4f");
    assert_eq!(
        fixture.invoke(&function, &notified).await?["receipt"]["written"],
        true,
        "the copy that the receipt names is gone"
    );
    let small = fixture.wait_for_executions(3).await?.swap_remove(2);
    delete_versions(&fixture.s3, &fixture.outputs.backup_bucket, "small").await?;
    delete_versions(&fixture.replica_s3, &fixture.outputs.replica_bucket, "small").await?;
    assert_eq!(invoke_again(fixture, &small, "Replicate").await?, "Source.Gone");
    Ok(())
}

/// Opens an upload to a key and copies its object into one part, as a second execution does.
async fn open_second_upload(s3: &Client, bucket: &str, key: &str, copy: &Value) -> TestResult<String> {
    let request = s3.create_multipart_upload().bucket(bucket).key(key);
    let algorithm = copy["otherChecksum"]["algorithm"].as_str().unwrap_or("CRC64NVME");
    let request =
        request.checksum_algorithm(ChecksumAlgorithm::from(algorithm)).checksum_type(ChecksumType::FullObject);
    let id = request.send().await?.upload_id.ok_or("no upload id")?;
    let part = s3.upload_part_copy().bucket(bucket).key(key).upload_id(&id).part_number(1);
    part.copy_source(format!("{bucket}/{key}")).send().await?;
    Ok(id)
}
