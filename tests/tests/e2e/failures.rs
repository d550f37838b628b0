//! Failures: the error name, its message, the notification, and the state of the copies.

use std::path::Path;

use holdfast_tests::{
    TestResult,
    fixture::{EventRules, ExecutionSummary, Fixture, Setup, workspace},
    text::assert_contains,
};
use sandbox::ports::{Invocation, Invoke};
use serde_json::{Value, json};

/// The last state that an execution entered.
async fn last_state(fixture: &Fixture, execution: &ExecutionSummary) -> TestResult<String> {
    Ok(fixture.path(execution).await?.pop().ok_or("no state was entered")?)
}

#[tokio::test]
async fn an_archived_upload_fails_in_validate_with_the_restore_command() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.upload_archived("cold.bin").await?;
    let failed = fixture.wait_for_failure().await?;

    assert_eq!(failed.error, "Source.Archived");
    assert_eq!(last_state(&fixture, &failed.execution).await?, "Validate");
    let object = format!("s3://{}/cold.bin", fixture.outputs.source_bucket);
    assert_contains(&failed.message, &[&object, "GLACIER", "restore-object", "redrive"]);

    let backups = fixture.s3.list_objects_v2().bucket(&fixture.outputs.backup_bucket).send().await?;

    assert_eq!(backups.contents().len(), 0, "nothing is copied");
    Ok(())
}

#[tokio::test]
async fn a_failure_message_has_object_state_cause_and_redrive_command() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    let key = format!("reports/naïve/{}.bin", "long ".repeat(40));
    fixture.upload_archived(&key).await?;
    let failed = fixture.wait_for_failure().await?;
    let messages = fixture.messages(1).await?;
    let [message] = messages.as_slice() else { return Err(format!("one message, not {messages:?}").into()) };

    let subject = message["Subject"].as_str().ok_or("no subject")?;

    assert!(subject.len() <= 100 && subject.is_ascii(), "{} bytes: {subject}", subject.len());
    assert_contains(subject, &["FAILED", "Source.Archived", "Validate"]);

    let text = message["Message"].as_str().ok_or("no message")?;
    let (description, details) = text.split_once("\n\n{").ok_or("no JSON")?;
    let arn = failed.execution.arn.as_str();
    let object = format!("s3://{}/{key}", fixture.outputs.source_bucket);
    let console =
        format!("https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/{arn}");
    let redrive = format!("aws stepfunctions redrive-execution --execution-arn {arn} --region eu-west-1");

    assert_contains(description, &[&object, "Validate", "Source.Archived", &failed.message, &console, &redrive]);
    assert_contains(description, &["Size:", "4 bytes", "After you fix the cause, resume the execution (until "]);
    assert_eq!(description.matches("restore-object").count(), 1, "the remedy is shown once: {description}");

    let details: Value = serde_json::from_str(&format!("{{{details}"))?;
    assert_eq!((&details["key"], &details["state"]), (&json!(key), &json!("Validate")));
    assert_eq!((&details["error"], &details["cause"]), (&json!("Source.Archived"), &json!(failed.message)));

    let attribute = |name: &str| message["MessageAttributes"][name]["Value"].clone();
    assert_eq!((attribute("status"), attribute("error")), (json!("FAILED"), json!("Source.Archived")));
    assert_eq!((attribute("prefix"), attribute("sizeClass")), (json!("reports"), json!("small")));
    Ok(())
}

#[tokio::test]
async fn a_missing_backup_bucket_is_an_invalid_configuration() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.s3.delete_bucket().bucket(&fixture.outputs.backup_bucket).send().await?;
    fixture.upload("hello.txt", "hello").await?;
    let failed = fixture.wait_for_failure().await?;

    assert_eq!(failed.error, "Config.Invalid", "{}", failed.message);
    // HeadObject has the same response for a missing bucket and a missing key, so Validate does not find it.
    assert_eq!(last_state(&fixture, &failed.execution).await?, "CopyObject");
    assert_contains(&failed.message, &[&fixture.outputs.backup_bucket, "exists", "redrive"]);
    assert_eq!(fixture.messages(1).await?.len(), 1, "the failure is reported");
    Ok(())
}

#[tokio::test]
async fn with_a_missing_replica_bucket_the_backup_still_exists() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.replica_s3.delete_bucket().bucket(&fixture.outputs.replica_bucket).send().await?;
    fixture.upload("hello.txt", "hello").await?;
    let failed = fixture.wait_for_failure().await?;

    assert_eq!(failed.error, "Config.Invalid", "{}", failed.message);
    assert_eq!(last_state(&fixture, &failed.execution).await?, "Replicate");
    assert_contains(&failed.message, &[&fixture.outputs.replica_bucket, "exists", "redrive"]);
    assert_eq!(fixture.backup("hello.txt").await?, b"hello", "the backup exists");
    assert_eq!(fixture.receipts().await?.len(), 0, "an unfinished execution has no receipt");
    Ok(())
}

#[tokio::test]
async fn with_a_missing_topic_notify_fails_after_it_wrote_the_receipt() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    let topic = [("TopicArn".to_owned(), fixture.outputs.topic_arn.clone())];
    fixture.sandbox.sns().handle("DeleteTopic", topic.into()).await?;
    fixture.upload("hello.txt", "hello").await?;
    let failed = fixture.wait_for_failure().await?;

    assert_eq!(failed.error, "Topic.NotFound", "{}", failed.message);
    assert_eq!(last_state(&fixture, &failed.execution).await?, "Notify");
    assert_contains(&failed.message, &[&fixture.outputs.topic_arn, "redrive"]);
    assert_eq!(fixture.receipts().await?.len(), 1, "the receipt is written before the message");
    assert_eq!(fixture.backup("hello.txt").await?, b"hello");
    assert_eq!(fixture.replica("hello.txt").await?, b"hello");
    Ok(())
}

#[tokio::test]
async fn an_invalid_configuration_is_named_by_its_variable() -> TestResult {
    for (variable, value, expected) in [
        ("MULTIPART_THRESHOLD", "many", "a number of bytes"),
        ("VERIFY_MODE", "sometimes", "stored or streamed"),
        ("STORAGE_CLASS", "FREEZER", "one of STANDARD"),
        ("REPLICA_BUCKET", "No Bucket", "the name of a bucket"),
    ] {
        let fixture = Fixture::start(Setup::default().with_variable(variable, value)).await?;

        fixture.upload("hello.txt", "hello").await?;
        let failed = fixture.wait_for_failure().await?;

        assert_eq!(failed.error, "Config.Invalid", "{variable}: {}", failed.message);
        assert_eq!(last_state(&fixture, &failed.execution).await?, "Validate");
        assert_contains(&failed.message, &[variable, &format!("{value:?}"), expected]);
        assert_eq!(fixture.messages(1).await?.len(), 1, "the failure is reported: {variable}");
    }
    Ok(())
}

#[tokio::test]
async fn an_upload_to_the_backup_bucket_is_rejected_as_a_loop() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    let backup = fixture.outputs.backup_bucket.clone();
    fixture.set_rules(EventRules::Disabled).await?;
    fixture.upload("hello.txt", "hello").await?;
    let mut event = fixture.late_event("hello.txt").await?;
    event["detail"]["bucket"]["name"] = json!(backup);
    fixture.set_rules(EventRules::Enabled).await?;
    fixture.start_execution(&event).await?;
    let failed = fixture.wait_for_failure().await?;

    assert_eq!(failed.error, "Config.Loop", "{}", failed.message);
    assert_contains(&failed.message, &[&backup, "BACKUP_BUCKET", "another bucket", "redrive"]);
    Ok(())
}

/// The sample events that Validate rejects, each with the path of the invalid field.
fn rejected_events() -> TestResult<Vec<(String, Value, String)>> {
    let folder = workspace().join("events");
    let table = std::fs::read_to_string(folder.join("README.md"))?;
    let mut cases = Vec::new();
    for line in table.lines().filter(|line| line.contains("| Rejects `Input.Invalid` at `")) {
        let quoted: Vec<&str> = line.split('`').collect();
        let [_, file, .., path, _] = quoted.as_slice() else { return Err(format!("unreadable row: {line}").into()) };
        // The failure rule delivers to notify, not to the state machine.
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
async fn a_malformed_event_fails_in_validate_with_the_path_of_the_field() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    let cases = rejected_events()?;

    assert!(cases.len() > 10, "{cases:?}");

    for (file, event, path) in &cases {
        let request = fixture.states.start_execution().state_machine_arn(&fixture.outputs.state_machine_arn);
        let arn = request.input(event.to_string()).send().await?.execution_arn;
        let ended = fixture.wait_for_executions(1).await?;
        let execution = ended.iter().find(|execution| execution.arn == arn).ok_or("it was not listed")?;

        assert_eq!(last_state(&fixture, execution).await?, "Validate", "{file}");
        let described = fixture.describe(&arn).await?;
        let cause = described.cause.unwrap_or_default();
        assert_eq!(described.error.as_deref(), Some("Input.Invalid"), "{file}: {cause}");
        let message = serde_json::from_str::<Value>(&cause)?["errorMessage"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains(path.as_str()), "{file}: {path} is missing in: {message}");
    }

    assert_eq!(fixture.messages(cases.len()).await?.len(), cases.len(), "each failure is reported");
    Ok(())
}

#[tokio::test]
async fn a_function_names_the_missing_field_of_a_payload() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;
    for function in &fixture.sandbox.stack().functions {
        let (payload, missing) = match function.crate_name.as_str() {
            "validate" => (json!({}), "event"),
            "copy-part" | "complete-multipart" => (json!({}), "copy"),
            "checksum-verify" => (json!({"mode": "digest"}), "copy"),
            _ => (json!({}), "backup"),
        };
        let outcome = fixture.sandbox.lambda().invoke(&function.name, payload.to_string().into()).await?;
        let function = &function.crate_name;
        let Invocation::Failed(report) = outcome else { return Err(format!("{function}: {outcome:?}").into()) };
        let report: Value = serde_json::from_slice(&report)?;

        assert_eq!(report["errorType"], "Input.Invalid", "{function}: {report}");
        let expected = format!("missing field `{missing}`");
        assert_contains(report["errorMessage"].as_str().unwrap_or_default(), &[expected.as_str()]);
    }
    Ok(())
}

#[tokio::test]
async fn after_a_configuration_change_a_request_finishes_what_a_redrive_cannot() -> TestResult {
    let folder = tempfile::tempdir()?;

    let with_replica = |bucket: &str| {
        let setup = Setup::default().without_replica().with_data_in(folder.path());
        setup.with_parameter("ReplicaBucketName", bucket).with_parameter("ReplicaRegion", "eu-central-1")
    };
    let fixture = Fixture::start(with_replica("misspelt")).await?;
    fixture.replica_s3.delete_bucket().bucket("misspelt").send().await?;
    fixture.upload("k", "bytes").await?;
    let failed = fixture.wait_for_failure().await?;

    assert_eq!(failed.error, "Config.Invalid", "{}", failed.message);
    assert_contains(&failed.message, &["correct it and request a new backup"]);

    fixture.sandbox.stop().await?;

    let fixture = Fixture::start(with_replica("corrected")).await?;
    fixture.redrive(&failed.execution.arn).await?;
    // The plan of the execution keeps the old bucket.
    let again = fixture.wait_for_failure().await?;

    assert!(again.message.contains("s3://misspelt/k"), "{}", again.message);

    fixture.start_execution(&fixture.backup_request("k")).await?;
    let requested = fixture.wait_for_executions(2).await?.remove(1);

    assert_eq!(fixture.output(&requested).await?["receipt"]["written"], true);
    assert_eq!(fixture.replica("k").await?, b"bytes");
    let versions = fixture.backup_versions("k").await?;
    assert_eq!(versions.len(), 1, "the existing backup was proven");
    Ok(())
}
