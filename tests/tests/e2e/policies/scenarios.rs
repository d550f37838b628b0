//! Executions, and what their functions do when the world changes under them: together they need every action of every
//! policy.

use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{
        BucketLocationConstraint, ChecksumAlgorithm, ChecksumType, CreateBucketConfiguration, EventBridgeConfiguration,
        NotificationConfiguration, StorageClass, Tag, Tagging,
    },
};
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    world::{Ended, Rules, Setup, World},
};
use sandbox::ports::{Invocation, Invoke};
use serde_json::{Value, json};

use crate::order::fail_once_in;

/// A world of its own, and what happens in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scenario {
    /// Buckets without versions; the source is read to be proven.
    Unversioned,
    /// A copy with tags that covers a newer one of equal bytes is kept among the late ones before it is taken back.
    Overtaken,
    /// Both legs of every way to copy; two of the keys twice, so that the second copy replaces the first one under a
    /// condition; and one onto an object that is not ours. Then what functions do that are called again, or too late.
    Versioned,
    /// A failure that people are told about.
    Told,
}

impl Scenario {
    /// All, the quickest first, and last the one that fails in any case.
    pub(super) const ALL: [Self; 4] = [Self::Unversioned, Self::Overtaken, Self::Versioned, Self::Told];

    /// How its world is made.
    pub(super) fn setup(self) -> Setup {
        let setup = Setup::default();
        match self {
            Self::Told | Self::Overtaken => setup,
            Self::Unversioned => setup.with("ExistingSourceBucketName", "plain-source").with("VerifyMode", "streamed"),
            Self::Versioned => {
                setup.with("MultipartThreshold", "5242880").with("ReceiptBucketName", "receipts-elsewhere")
            }
        }
    }

    /// Lets it happen, and finds out whether all of it came as it should.
    pub(super) async fn play(self, world: &World) -> TestResult {
        match self {
            Self::Told => told(world).await,
            Self::Unversioned => unversioned(world).await,
            Self::Overtaken => overtaken(world).await,
            Self::Versioned => versioned(world).await,
        }
    }
}

/// The payload that a state gave to its function, and the function.
pub(super) async fn payload(world: &World, execution: &Ended, state: &str) -> TestResult<(String, Value)> {
    let mut entered = String::new();
    for event in world.history(execution).await? {
        if let Some(details) = event.state_entered_event_details {
            entered = details.name;
        }
        if let Some(details) = event.task_scheduled_event_details.filter(|_| entered == state) {
            let arguments: Value = serde_json::from_str(&details.parameters)?;
            let function = arguments["FunctionName"].as_str().ok_or("no FunctionName")?;
            return Ok((function.to_owned(), arguments["Payload"].clone()));
        }
    }
    Err(format!("{state} was not entered").into())
}

/// Invokes a function and answers its output, or the name of its error.
pub(super) async fn invoke(world: &World, function: &str, payload: &Value) -> TestResult<Value> {
    Ok(match world.sandbox.lambda().invoke(function, payload.to_string().into()).await? {
        Invocation::Answered(output) => serde_json::from_slice(&output)?,
        Invocation::Failed(report) => serde_json::from_slice::<Value>(&report)?["errorType"].clone(),
    })
}

async fn payload_of(world: &World, execution: &Ended, state: &str) -> TestResult<Value> {
    Ok(payload(world, execution, state).await?.1)
}

/// Invokes the function of a state again, with the payload that it had.
async fn again(world: &World, execution: &Ended, state: &str) -> TestResult<Value> {
    let (function, payload) = payload(world, execution, state).await?;
    invoke(world, &function, &payload).await
}

async fn upload(world: &World, key: &str, size: usize) -> TestResult {
    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(key).tagging("team=a");
    request.body(ByteStream::from(vec![b'x'; size])).send().await?;
    Ok(())
}

const LARGE: usize = (5 << 20) + 1;

async fn versioned(world: &World) -> TestResult {
    for s3 in [(&world.s3, &world.outputs.backup_bucket), (&world.replica_s3, &world.outputs.replica_bucket)] {
        s3.0.put_object().bucket(s3.1).key("foreign").send().await?;
    }
    for (count, (key, size)) in
        [("small", 5), ("large", LARGE), ("small", 5), ("large", LARGE), ("foreign", 5), ("once", LARGE)]
            .into_iter()
            .enumerate()
    {
        upload(world, key, size).await?;
        succeeded(world, count + 1).await?;
    }
    let first = world.ended(6).await?.swap_remove(0);
    request(world, &world.event_of(&first).await?["detail"]).await?;
    let last = succeeded(world, 7).await?;
    assert_eq!(world.output(&last).await?["reason"], "alreadyBackedUp", "as its receipt says");
    let once = world.ended(7).await?.swap_remove(5);
    called_again(world, &once).await?;
    covered_by_newer(world).await?;
    found_to_be_bad(world).await?;
    replica_over_a_foreign_object(world).await?;
    called_too_late(world, &once).await?;
    Ok(())
}

/// Asks for a backup as operators do, with what an event told of an object.
async fn request(world: &World, detail: &Value) -> TestResult {
    let entry = json!({ "Source": "operator", "DetailType": "Backup Requested", "Detail": detail.to_string() });
    world.sandbox.events().handle("PutEvents", json!({ "Entries": [entry] })).await?;
    world.sandbox.events().drained().await;
    Ok(())
}

/// Waits for this many executions, and answers the last one, which must have succeeded.
async fn succeeded(world: &World, count: usize) -> TestResult<Ended> {
    let last = world.ended(count).await?.pop().ok_or("nothing was started")?;
    world.output(&last).await.map_err(|error| format!("execution {count} has {:?}: {error}", last.status))?;
    Ok(last)
}

/// Every function of a finished execution settles that its work is done already.
async fn called_again(world: &World, once: &Ended) -> TestResult {
    let (backup, replica) = (&world.outputs.backup_bucket, &world.outputs.replica_bucket);
    for state in ["CopySlice", "CopyReplicaSlice"] {
        assert_eq!(again(world, once, state).await?["done"], true, "{state}");
    }
    for (state, s3, bucket) in [("CompleteUpload", &world.s3, backup), ("CompleteReplica", &world.replica_s3, replica)]
    {
        let (function, mut payload) = payload(world, once, state).await?;
        let upload = upload_of_another(s3, bucket, "once").await?;
        payload["copy"]["upload"]["uploadId"] = json!(upload);
        assert!(invoke(world, &function, &payload).await?["etag"].is_string(), "{state}");
        let open = s3.list_multipart_uploads().bucket(bucket).send().await?;
        assert_eq!(open.uploads().len(), 0, "{state} gives up the upload of the execution that came second");
    }
    for (state, s3, bucket) in [("VerifyBackup", &world.s3, backup), ("VerifyReplica", &world.replica_s3, replica)] {
        let other = Tagging::builder().tag_set(Tag::builder().key("team").value("b").build()?).build()?;
        s3.put_object_tagging().bucket(bucket).key("once").tagging(other).send().await?;
        assert_eq!(again(world, once, state).await?["done"], true, "{state}");
        let tags = s3.get_object_tagging().bucket(bucket).key("once").send().await?.tag_set;
        assert_eq!(tags.first().map(Tag::value), Some("a"), "{state} mends them");
    }
    let (function, mut notified) = payload(world, once, "Notify").await?;
    notified["execution"]["arn"] = json!("arn:aws:states:eu-west-1:000000000000:execution:holdfast-backup:another");
    assert!(
        invoke(world, &function, &notified).await?.get("messageId").is_none(),
        "the one that wrote the receipt tells"
    );
    notified["proven"]["stored"]["versionId"] = json!("wBYbHcg9Zy3PpT1sQk7uRVdLm0xEaN4f");
    assert_eq!(
        invoke(world, &function, &notified).await?["receipt"]["written"],
        false,
        "the copy that it names stands"
    );
    for (planning, copying) in [("Validate", "CompleteUpload"), ("Replicate", "CompleteReplica")] {
        let (function, mut payload) = payload(world, once, planning).await?;
        let copy = payload_of(world, once, copying).await?["copy"].clone();
        let mut given_up = payload["backup"].clone();
        if given_up.is_null() {
            given_up = payload_of(world, once, "Replicate").await?["backup"].clone();
        }
        given_up["copy"] = copy;
        payload["replan"] = json!({ "attempt": 2, "error": "Upload.Gone", "givenUp": given_up });
        assert!(invoke(world, &function, &payload).await?.is_object(), "{planning}");
    }
    Ok(())
}

/// Both planners find the copy of an upload beneath that of a newer one.
async fn covered_by_newer(world: &World) -> TestResult {
    let first = world.ended(7).await?.swap_remove(0);
    let receipts = &world.outputs.receipt_bucket;
    for receipt in world.s3.list_objects_v2().bucket(receipts).send().await?.contents() {
        world.s3.delete_object().bucket(receipts).set_key(receipt.key.clone()).send().await?;
    }
    for (planning, proving) in [("Validate", "VerifyBackup"), ("Replicate", "VerifyReplica")] {
        let (function, mut payload) = payload(world, &first, planning).await?;
        let given_up = payload_of(world, &first, proving).await?["backup"].clone();
        payload["replan"] = json!({ "attempt": 2, "error": "Destination.Changed", "givenUp": given_up });
        let plan = invoke(world, &function, &payload).await?;
        assert!(plan["stored"]["versionId"].is_string(), "{planning}: {plan}");
    }
    Ok(())
}

/// A copy in either leg that is not its source is removed.
async fn found_to_be_bad(world: &World) -> TestResult {
    let foreign = world.ended(7).await?.swap_remove(4);
    // The replica first: its source is the backup, and nothing is removed whose source is gone.
    let (backup, replica) = (&world.outputs.backup_bucket, &world.outputs.replica_bucket);
    for (state, s3, bucket) in [("VerifyReplica", &world.replica_s3, replica), ("VerifyBackup", &world.s3, backup)] {
        let (function, mut payload) = payload(world, &foreign, state).await?;
        payload["backup"]["copy"]["source"]["size"] = json!(6);
        assert_eq!(invoke(world, &function, &payload).await?, "Checksum.Mismatch", "{state}");
        assert_eq!(invoke(world, &function, &payload).await?, "Destination.Changed", "{state}: it is gone");
        let left = s3.list_object_versions().bucket(bucket).prefix("foreign").send().await?;
        assert_eq!(left.versions().len(), 1, "{state} leaves what is not ours, and nothing else");
    }
    Ok(())
}

/// The planner of the replica leg finds an object of another client at its key, and the key of the backup deleted.
async fn replica_over_a_foreign_object(world: &World) -> TestResult {
    world.upload("beside", "ours").await?;
    let execution = succeeded(world, 8).await?;
    world.s3.delete_object().bucket(&world.outputs.backup_bucket).key("beside").send().await?;
    world.replica_s3.put_object().bucket(&world.outputs.replica_bucket).key("beside").send().await?;

    let plan = again(world, &execution, "Replicate").await?;

    assert!(plan["stored"]["versionId"].is_string(), "{plan}");
    Ok(())
}

async fn overtaken(world: &World) -> TestResult {
    world.upload("k", "a").await?;
    world.ended(1).await?;
    fail_once_in(world, "copy-part", "CopyObject")?;
    let tagged = world.s3.put_object().bucket(&world.outputs.source_bucket).key("k").tagging("team=blue");
    let version = tagged.body(ByteStream::from_static(b"b")).send().await?.version_id.ok_or("no version")?;
    let late = world.ended(2).await?.remove(1);
    world.upload("k", "a").await?;
    world.ended(3).await?;
    world.states.redrive_execution().execution_arn(&late.arn).send().await?;
    let statuses: Vec<_> = world.ended(3).await?.into_iter().map(|execution| execution.status).collect();
    assert_eq!(statuses, vec![ExecutionStatus::Succeeded; 3]);
    assert_eq!((world.backup("k").await?, world.replica("k").await?), (b"a".to_vec(), b"a".to_vec()), "the newest");
    let (bucket, key) = (&world.outputs.backup_bucket, format!(".holdfast/late/k/{version}"));
    assert_eq!(world.backup(&key).await?, b"b", "the late one");
    let tags = world.s3.get_object_tagging().bucket(bucket).key(key).send().await?.tag_set;
    assert_eq!(tags.first().map(Tag::value), Some("blue"), "with its tags");
    let messages = world.messages(4).await?;
    let named =
        messages.iter().filter(|message| message["Message"].as_str().unwrap_or_default().contains("CopyObject"));
    assert_eq!(named.count(), 1, "a failure, which names its state, and three successes: {messages:?}");
    over_a_foreign_object(world).await
}

/// An upload whose key was deleted since finds something that says nothing of its order.
async fn over_a_foreign_object(world: &World) -> TestResult {
    let before = world.executions().await?.len();
    world.set_rules(Rules::Disabled).await?;
    world.s3.put_object().bucket(&world.outputs.backup_bucket).key("foreign").send().await?;
    world.upload("foreign", "ours").await?;
    let event = world.late_event_for("foreign").await?;
    world.s3.delete_object().bucket(&world.outputs.source_bucket).key("foreign").send().await?;
    world.set_rules(Rules::Enabled).await?;
    world.begin(&event).await?;
    succeeded(world, before + 1).await?;
    assert_eq!(world.backup("foreign").await?, b"ours");
    Ok(())
}

/// Every function tells that what it works on is gone, and does not take that for a refusal.
async fn called_too_late(world: &World, once: &Ended) -> TestResult {
    // What it was copied over is visible again, so that nothing but the source is missing.
    let foreign = world.ended(7).await?.swap_remove(4);
    delete(&world.s3, &world.outputs.source_bucket, "foreign").await?;
    assert_eq!(again(world, &foreign, "CopyObject").await?, "Source.Gone");
    delete(&world.s3, &world.outputs.backup_bucket, "once").await?;
    delete(&world.replica_s3, &world.outputs.replica_bucket, "once").await?;
    for (state, error) in [
        ("CopySlice", "Upload.Gone"),
        ("CopyReplicaSlice", "Upload.Gone"),
        ("CompleteUpload", "Upload.Gone"),
        ("CompleteReplica", "Upload.Gone"),
        ("VerifyBackup", "Destination.Changed"),
        ("VerifyReplica", "Destination.Changed"),
    ] {
        assert_eq!(again(world, once, state).await?, error, "{state}");
    }
    let (function, mut notified) = payload(world, once, "Notify").await?;
    assert_eq!(invoke(world, &function, &notified).await?["receipt"]["written"], true, "it was removed");
    notified["proven"]["stored"]["versionId"] = json!("wBYbHcg9Zy3PpT1sQk7uRVdLm0xEaN4f");
    assert_eq!(
        invoke(world, &function, &notified).await?["receipt"]["written"],
        true,
        "the copy that it names is gone"
    );
    let small = world.ended(3).await?.swap_remove(2);
    delete(&world.s3, &world.outputs.backup_bucket, "small").await?;
    delete(&world.replica_s3, &world.outputs.replica_bucket, "small").await?;
    assert_eq!(again(world, &small, "Replicate").await?, "Source.Gone");
    Ok(())
}

/// Opens an upload of the object at a key and copies it there as one part, as another execution would have done.
async fn upload_of_another(s3: &Client, bucket: &str, key: &str) -> TestResult<String> {
    let request = s3.create_multipart_upload().bucket(bucket).key(key);
    let request = request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).checksum_type(ChecksumType::FullObject);
    let id = request.send().await?.upload_id.ok_or("no upload id")?;
    let part = s3.upload_part_copy().bucket(bucket).key(key).upload_id(&id).part_number(1);
    part.copy_source(format!("{bucket}/{key}")).send().await?;
    Ok(id)
}

async fn delete(s3: &Client, bucket: &str, key: &str) -> TestResult {
    for version in s3.list_object_versions().bucket(bucket).prefix(key).send().await?.versions() {
        s3.delete_object().bucket(bucket).key(key).set_version_id(version.version_id.clone()).send().await?;
    }
    Ok(())
}

async fn unversioned(world: &World) -> TestResult {
    // The sandbox makes every bucket with versions on; these never had any.
    for (s3, bucket, region) in [
        (&world.s3, "plain-source", BucketLocationConstraint::EuWest1),
        (&world.s3, world.outputs.backup_bucket.as_str(), BucketLocationConstraint::EuWest1),
        (&world.replica_s3, world.outputs.replica_bucket.as_str(), BucketLocationConstraint::EuCentral1),
    ] {
        s3.delete_bucket().bucket(bucket).send().await?;
        let place = CreateBucketConfiguration::builder().location_constraint(region).build();
        s3.create_bucket().bucket(bucket).create_bucket_configuration(place).send().await?;
    }
    let bridge = EventBridgeConfiguration::builder().build();
    let events = NotificationConfiguration::builder().event_bridge_configuration(bridge).build();
    let request = world.s3.put_bucket_notification_configuration().bucket("plain-source");
    request.notification_configuration(events).send().await?;
    upload(world, "k", 5).await?;
    let execution = world.succeeded().await?;
    let (function, mut notified) = payload(world, &execution, "Notify").await?;
    notified["proven"]["stored"]["etag"] = json!("another");
    let answer = invoke(world, &function, &notified).await?;
    assert_eq!(answer["receipt"]["written"], false, "the copy that it names stands");
    assert!(answer.get("messageId").is_none(), "an execution that has succeeded has told");
    Ok(())
}

async fn told(world: &World) -> TestResult {
    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key("cold");
    request.storage_class(StorageClass::Glacier).send().await?;
    assert_eq!(world.failed().await?.error, "Source.Archived");
    let messages = world.messages(1).await?;
    assert!(messages[0]["Message"].as_str().unwrap_or_default().contains("Validate"), "{messages:?}");
    Ok(())
}
