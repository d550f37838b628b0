//! `holdfast doctor` on a stack in a sandbox: healthy, and after faults of the deployment.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use sandbox::{
    Functions, Handler, HandlerSet, Options, Sandbox,
    s3::{BucketSettings, Versioning},
};
use serde_json::Value;

/// No function is invoked in these tests.
struct NoFunction;

impl HandlerSet for NoFunction {
    fn handler(&self, function: &str, _: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String> {
        Err(format!("{function} is not available"))
    }
}

/// A stack with an existing source bucket and a replica bucket.
async fn sandbox(source_sends_events: bool, versioning: Versioning, parameters: &[(&str, &str)]) -> Sandbox {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let mut options = Options::new(template, Functions::InProcess(Arc::new(NoFunction)));
    let all =
        [("ExistingSourceBucketName", "photos"), ("ReplicaBucketName", "far-away"), ("ReplicaRegion", "eu-central-1")];
    let all = all.iter().chain(parameters);
    options.parameters = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let bucket = |name: &str, region: &str, event_bridge| BucketSettings {
        event_bridge,
        versioning,
        name: name.to_owned(),
        region: region.to_owned(),
        object_lock: None,
    };
    options.existing_buckets =
        vec![bucket("photos", "eu-west-1", source_sends_events), bucket("far-away", "eu-central-1", false)];
    Sandbox::start(options).await.unwrap()
}

async fn doctor(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let outputs = sandbox.outputs();
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(["doctor", "--stack", &outputs.stack_name]).args(arguments);
    command.env("AWS_ENDPOINT_URL", &outputs.endpoint_url).env("AWS_REGION", &outputs.region);
    command.env("AWS_ACCESS_KEY_ID", &outputs.access_key.id).env("AWS_SECRET_ACCESS_KEY", &outputs.access_key.secret);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// The resource and the check of each finding that is not fine.
fn faults(output: &Output) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let faults = findings.filter(|finding| finding["status"] != "ok");
    faults.map(|finding| (text(&finding["resource"]), text(&finding["check"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_deployment_is_found_on_its_resource() {
    let sandbox = sandbox(false, Versioning::Never, &[]).await;

    let output = doctor(&sandbox, &["--output", "json"]).await;
    let faults = faults(&output);
    let topic = &sandbox.outputs().outputs["TopicArn"];
    let expected = [
        ("s3://photos", "eventBridge"),
        ("s3://photos", "versioning"),
        ("s3://far-away", "versioning"),
        ("s3://far-away", "lifecycle"),
        (topic.as_str(), "subscriptions"),
    ];

    assert_eq!(faults, expected.map(|(resource, check)| (resource.to_owned(), check.to_owned())));
    assert_eq!(output.status.code(), Some(3));
    sandbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_in_another_region_than_configured_is_found() {
    let sandbox = sandbox(true, Versioning::Enabled, &[("ReplicaRegion", "us-east-1")]).await;

    let output = doctor(&sandbox, &[]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");

    let expected =
        "PROBLEM s3://far-away: the replica bucket is in eu-central-1, but the stack expects it in us-east-1";
    assert!(words.contains(expected), "{text}");
    assert!(text.contains("Deploy the stack with ReplicaRegion=eu-central-1."), "{text}");
    sandbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stack_without_a_replica_and_with_a_subscriber_has_nothing_to_fix() {
    let parameters = [
        ("ReplicaBucketName", ""),
        ("ReplicaRegion", ""),
        ("ExistingSourceBucketName", ""),
        ("NotifyEmail", "ops@example.com"),
    ];
    let sandbox = sandbox(true, Versioning::Enabled, &parameters).await;

    let output = doctor(&sandbox, &[]).await;
    let text = String::from_utf8(output.stdout).unwrap();

    assert!(text.ends_with("Nothing has to be fixed.\n"), "{text}");
    assert_eq!(output.status.code(), Some(0), "{text}");
    sandbox.stop().await.unwrap();
}
