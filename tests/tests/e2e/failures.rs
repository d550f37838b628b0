//! What goes wrong, and what people are told about it: a name, a sentence, a mail, and nothing lost.

use std::path::Path;

use aws_sdk_s3::{primitives::ByteStream, types::StorageClass};
use holdfast_tests::{
    TestResult,
    world::{Ended, Rules, Setup, World, workspace},
};
use sandbox::ports::{Invocation, Invoke};
use serde_json::{Value, json};

/// Uploads an object that cannot be read without a restore.
async fn upload_archived(world: &World, key: &str) -> TestResult {
    let request = world.s3.put_object().bucket(&world.outputs.source_bucket).key(key);
    request.storage_class(StorageClass::Glacier).body(ByteStream::from_static(b"cold")).send().await?;
    Ok(())
}

/// The state that an execution was in when it ended.
async fn last_state(world: &World, execution: &Ended) -> TestResult<String> {
    Ok(world.path(execution).await?.pop().ok_or("no state was entered")?)
}

/// The sentence of an error, after which nothing is left to ask.
fn assert_says(sentence: &str, expected: &[&str]) {
    for part in expected {
        assert!(sentence.contains(part), "{part:?} is missing in: {sentence}");
    }
}

#[tokio::test]
async fn an_archived_upload_fails_in_validate_and_says_how_to_restore_it() -> TestResult {
    let world = World::start(Setup::default()).await?;
    upload_archived(&world, "cold.bin").await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "Source.Archived");
    assert_eq!(last_state(&world, &failed.execution).await?, "Validate");
    let object = format!("s3://{}/cold.bin", world.outputs.source_bucket);
    assert_says(&failed.sentence, &[&object, "GLACIER", "restore-object", "redrive"]);
    let backups = world.s3.list_objects_v2().bucket(&world.outputs.backup_bucket).send().await?;
    assert_eq!(backups.contents().len(), 0, "nothing is written for an object that cannot be read");
    Ok(())
}

#[tokio::test]
async fn the_mail_about_a_failure_says_what_failed_where_why_and_how_to_go_on() -> TestResult {
    let world = World::start(Setup::default()).await?;
    let key = format!("reports/naïve/{}.bin", "long ".repeat(40));
    upload_archived(&world, &key).await?;
    let failed = world.failed().await?;
    let messages = world.messages(1).await?;
    let [message] = messages.as_slice() else { return Err(format!("one message, not {messages:?}").into()) };

    let subject = message["Subject"].as_str().ok_or("no subject")?;
    assert!(subject.len() <= 100 && subject.is_ascii(), "{} bytes: {subject}", subject.len());
    assert_says(subject, &["FAILED", "Source.Archived", "Validate"]);

    let text = message["Message"].as_str().ok_or("no message")?;
    let (people, programs) = text.split_once("\n\n{").ok_or("no JSON for programs")?;
    let arn = failed.execution.arn.as_str();
    let object = format!("s3://{}/{key}", world.outputs.source_bucket);
    let console =
        format!("https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/{arn}");
    let redrive = format!("aws stepfunctions redrive-execution --execution-arn {arn} --region eu-west-1");
    assert_says(people, &[&object, "Validate", "Source.Archived", &failed.sentence, &console, &redrive]);
    assert_says(people, &["Size:", "4 bytes", "After you fix the cause, resume the execution (until "]);
    assert_eq!(people.matches("restore-object").count(), 1, "the remedy is there once: {people}");

    let programs: Value = serde_json::from_str(&format!("{{{programs}"))?;
    assert_eq!((&programs["key"], &programs["state"]), (&json!(key), &json!("Validate")));
    assert_eq!((&programs["error"], &programs["cause"]), (&json!("Source.Archived"), &json!(failed.sentence)));

    let attribute = |name: &str| message["MessageAttributes"][name]["Value"].clone();
    assert_eq!((attribute("status"), attribute("error")), (json!("FAILED"), json!("Source.Archived")));
    assert_eq!((attribute("prefix"), attribute("sizeClass")), (json!("reports"), json!("small")));
    Ok(())
}

#[tokio::test]
async fn a_backup_bucket_that_is_gone_is_named_as_a_matter_of_configuration() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.s3.delete_bucket().bucket(&world.outputs.backup_bucket).send().await?;
    world.upload("hello.txt", "hello").await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "Config.Invalid", "{}", failed.sentence);
    // A HEAD of a key in a bucket that is not there looks like one of a key that is not there.
    assert_eq!(last_state(&world, &failed.execution).await?, "CopyObject");
    assert_says(&failed.sentence, &[&world.outputs.backup_bucket, "exists", "redrive"]);
    assert_eq!(world.messages(1).await?.len(), 1, "people are told");
    Ok(())
}

#[tokio::test]
async fn a_replica_bucket_that_is_gone_costs_the_replica_and_not_the_backup() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.replica_s3.delete_bucket().bucket(&world.outputs.replica_bucket).send().await?;
    world.upload("hello.txt", "hello").await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "Config.Invalid", "{}", failed.sentence);
    assert_eq!(last_state(&world, &failed.execution).await?, "Replicate");
    assert_says(&failed.sentence, &[&world.outputs.replica_bucket, "exists", "redrive"]);
    assert_eq!(world.backup("hello.txt").await?, b"hello", "the first leg stands");
    assert_eq!(world.receipts().await?.len(), 0, "there is no receipt for half of it");
    Ok(())
}

#[tokio::test]
async fn a_topic_that_is_gone_fails_notify_after_the_receipt_was_written() -> TestResult {
    let world = World::start(Setup::default()).await?;
    let topic = [("TopicArn".to_owned(), world.outputs.topic_arn.clone())];
    world.sandbox.sns().handle("DeleteTopic", topic.into()).await?;
    world.upload("hello.txt", "hello").await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "Topic.NotFound", "{}", failed.sentence);
    assert_eq!(last_state(&world, &failed.execution).await?, "Notify");
    assert_says(&failed.sentence, &[&world.outputs.topic_arn, "redrive"]);
    assert_eq!(world.receipts().await?.len(), 1, "the receipt does not wait for the mail");
    assert_eq!(world.backup("hello.txt").await?, b"hello");
    assert_eq!(world.replica("hello.txt").await?, b"hello");
    Ok(())
}

#[tokio::test]
async fn a_configuration_that_is_wrong_is_named_by_its_variable() -> TestResult {
    for (variable, value, right) in [
        ("MULTIPART_THRESHOLD", "many", "a number of bytes"),
        ("VERIFY_MODE", "sometimes", "stored or streamed"),
        ("STORAGE_CLASS", "FREEZER", "one of STANDARD"),
        ("REPLICA_BUCKET", "No Bucket", "the name of a bucket"),
    ] {
        let world = World::start(Setup::default().configured(variable, value)).await?;
        world.upload("hello.txt", "hello").await?;
        let failed = world.failed().await?;
        assert_eq!(failed.error, "Config.Invalid", "{variable}: {}", failed.sentence);
        assert_eq!(last_state(&world, &failed.execution).await?, "Validate");
        assert_says(&failed.sentence, &[variable, &format!("{value:?}"), right]);
        assert_eq!(world.messages(1).await?.len(), 1, "people are told about {variable}");
    }
    Ok(())
}

#[tokio::test]
async fn a_source_that_is_the_backup_bucket_is_a_loop_and_stops_at_its_first_turn() -> TestResult {
    let world = World::start(Setup::default()).await?;
    let backup = world.outputs.backup_bucket.clone();
    world.set_rules(Rules::Disabled).await?;
    world.upload("hello.txt", "hello").await?;
    let mut event = world.late_event_for("hello.txt").await?;
    event["detail"]["bucket"]["name"] = json!(backup);
    world.set_rules(Rules::Enabled).await?;
    world.begin(&event).await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "Config.Loop", "{}", failed.sentence);
    assert_says(&failed.sentence, &[&backup, "BACKUP_BUCKET", "another bucket", "redrive"]);
    Ok(())
}

/// The sample events that are rejected by the function validate, with the path of the fault.
fn rejected() -> TestResult<Vec<(String, Value, String)>> {
    let folder = workspace().join("events");
    let table = std::fs::read_to_string(folder.join("README.md"))?;
    let mut cases = Vec::new();
    for line in table.lines().filter(|line| line.contains("| Rejects `Input.Invalid` at `")) {
        let quoted: Vec<&str> = line.split('`').collect();
        let [_, file, .., path, _] = quoted.as_slice() else { return Err(format!("unreadable: {line}").into()) };
        // What the rule about failures lets through goes to notify, not to the state machine.
        if !line.contains("| failure |") {
            cases.push(((*file).to_owned(), read_json(&folder.join(file))?, (*path).to_owned()));
        }
    }
    Ok(cases)
}

fn read_json(file: &Path) -> TestResult<Value> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

#[tokio::test]
async fn a_malformed_event_fails_in_validate_with_the_path_of_the_fault() -> TestResult {
    let world = World::start(Setup::default()).await?;
    let cases = rejected()?;
    assert!(cases.len() > 10, "{cases:?}");
    for (file, event, path) in &cases {
        let request = world.states.start_execution().state_machine_arn(&world.outputs.state_machine_arn);
        let arn = request.input(event.to_string()).send().await?.execution_arn;
        let ended = world.ended(1).await?;
        let execution = ended.iter().find(|execution| execution.arn == arn).ok_or("it was not listed")?;
        assert_eq!(last_state(&world, execution).await?, "Validate", "{file}");
        let described = world.states.describe_execution().execution_arn(&arn).send().await?;
        let cause = described.cause.unwrap_or_default();
        assert_eq!(described.error.as_deref(), Some("Input.Invalid"), "{file}: {cause}");
        let sentence = serde_json::from_str::<Value>(&cause)?["errorMessage"].as_str().unwrap_or_default().to_owned();
        assert!(sentence.contains(path.as_str()), "{file}: {path} is missing in: {sentence}");
    }
    assert_eq!(world.messages(cases.len()).await?.len(), cases.len(), "each is told to people");
    Ok(())
}

#[tokio::test]
async fn a_function_names_the_missing_field_of_a_payload() -> TestResult {
    let world = World::start(Setup::default()).await?;
    for function in &world.sandbox.stack().functions {
        let (payload, missing) = match function.crate_name.as_str() {
            "validate" => (json!({}), "event"),
            "copy-part" | "complete-multipart" => (json!({}), "copy"),
            "checksum-verify" => (json!({"mode": "digest"}), "copy"),
            _ => (json!({}), "backup"),
        };
        let outcome = world.sandbox.lambda().invoke(&function.name, payload.to_string().into()).await?;
        let function = &function.crate_name;
        let Invocation::Failed(report) = outcome else { return Err(format!("{function}: {outcome:?}").into()) };
        let report: Value = serde_json::from_slice(&report)?;
        assert_eq!(report["errorType"], "Input.Invalid", "{function}: {report}");
        let sentence = format!("missing field `{missing}`");
        assert_says(report["errorMessage"].as_str().unwrap_or_default(), &[sentence.as_str()]);
    }
    Ok(())
}

#[tokio::test]
async fn after_a_change_of_the_configuration_a_request_finishes_what_a_redrive_cannot() -> TestResult {
    let folder = tempfile::tempdir()?;
    let with_replica = |bucket: &str| {
        let setup = Setup::default().without_replica().kept_in(folder.path());
        setup.with("ReplicaBucketName", bucket).with("ReplicaRegion", "eu-central-1")
    };
    let world = World::start(with_replica("misspelt")).await?;
    world.replica_s3.delete_bucket().bucket("misspelt").send().await?;
    world.upload("k", "bytes").await?;
    let failed = world.failed().await?;
    assert_eq!(failed.error, "Config.Invalid", "{}", failed.sentence);
    assert_says(&failed.sentence, &["correct it and request a new backup"]);
    world.sandbox.stop().await?;

    let world = World::start(with_replica("corrected")).await?;
    world.states.redrive_execution().execution_arn(&failed.execution.arn).send().await?;
    // It keeps the bucket of its plan, which the function may not use any more either.
    let again = world.failed().await?;
    assert!(again.sentence.contains("s3://misspelt/k"), "{}", again.sentence);
    world
        .begin(&json!({
            "version": "0", "id": "asked", "detail-type": "Backup Requested", "source": "operators",
            "account": "000000000000", "time": "2026-11-22T10:00:00Z", "region": world.outputs.region, "resources": [],
            "detail": {"bucket": {"name": world.outputs.source_bucket}, "object": {"key": "k"}},
        }))
        .await?;
    let asked = world.ended(2).await?.remove(1);
    assert_eq!(world.output(&asked).await?["receipt"]["written"], true);
    assert_eq!(world.replica("k").await?, b"bytes");
    let versions = world.s3.list_object_versions().bucket(&world.outputs.backup_bucket).prefix("k").send().await?;
    assert_eq!(versions.versions().len(), 1, "the backup was proven where it stood");
    Ok(())
}
