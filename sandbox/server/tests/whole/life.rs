//! The life cycle of a sandbox: start from a template, serve, stop, start again.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_sfn::types::ExecutionStatus;
use http_body_util::Full;
use sandbox::{
    Options, Sandbox,
    s3::{BucketSettings, Versioning},
};
use serde_json::{Value, json};

use crate::harness::{ended, options, own, plain, upload};

#[tokio::test]
async fn an_upload_starts_the_machine_which_invokes_and_publishes() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    upload(outputs, "a key with spaces").await;
    let executions = ended(outputs, 1).await;
    let states = aws_sdk_sfn::Client::new(&own(outputs));
    let described = states.describe_execution().execution_arn(&executions[0].0).send().await.unwrap();
    assert_eq!(described.status, ExecutionStatus::Succeeded, "{:?}: {:?}", described.error, described.cause);
    let output: Value = serde_json::from_str(described.output().unwrap()).unwrap();
    assert_eq!(output["payload"]["detail"]["object"]["key"], "a key with spaces");
    assert_eq!(sandbox.lambda().invocations("probe"), Ok(1));
    let mails: Vec<_> = std::fs::read_dir(&outputs.outbox_dir).unwrap().collect();
    assert!(!mails.is_empty());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_bucket_outside_the_stack_has_its_own_region() {
    let elsewhere = BucketSettings {
        name: "elsewhere".to_owned(),
        region: "eu-central-1".to_owned(),
        versioning: Versioning::Enabled,
        event_bridge: false,
        object_lock: None,
    };
    let sandbox = Sandbox::start(Options { existing_buckets: vec![elsewhere], ..options() }).await.unwrap();

    let s3 = aws_sdk_s3::Client::new(&own(sandbox.outputs()));
    let listed = s3.list_objects_v2().bucket("elsewhere").send().await;

    assert_eq!(listed.unwrap_err().code(), Some("PermanentRedirect"));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn all_data_survives_a_restart_on_the_same_folder() {
    let data = tempfile::tempdir().unwrap();
    let kept = || Options { data: Some(data.path().to_owned()), ..options() };
    let first = Sandbox::start(kept()).await.unwrap();
    upload(first.outputs(), "kept").await;
    let before = ended(first.outputs(), 1).await;
    let key = first.outputs().access_key.id.clone();
    first.stop().await.unwrap();

    let second = Sandbox::start(kept()).await.unwrap();
    let outputs = second.outputs();
    assert_eq!(outputs.access_key.id, key);
    assert_eq!(ended(outputs, 1).await, before);
    let s3 = aws_sdk_s3::Client::new(&own(outputs));
    let object = s3.get_object().bucket(&outputs.outputs["SourceBucket"]).key("kept").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes(), "hello");
    let states = aws_sdk_sfn::Client::new(&own(outputs));
    let history = states.get_execution_history().execution_arn(&before[0].0).send().await.unwrap();
    assert!(history.events.len() > 5);
    upload(outputs, "new").await;
    ended(outputs, 2).await;
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_temporary_sandbox_leaves_nothing_behind() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let folder = sandbox.outputs().outbox_dir.parent().unwrap().to_owned();
    assert!(folder.is_dir());
    let address = sandbox.outputs().endpoint_url.trim_start_matches("http://").to_owned();
    sandbox.stop().await.unwrap();
    assert!(!folder.exists());
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it still serves");
}

#[tokio::test]
async fn configuration_of_functions_is_overridden_by_name() {
    let mut painted = options();
    painted.environment.insert("COLOUR".to_owned(), "red".to_owned());
    let sandbox = Sandbox::start(painted).await.unwrap();
    let path = "/2015-03-31/functions/probe/invocations";
    let body = Full::from(json!({ "do": "show the environment" }).to_string());
    let (status, _, answer) = plain(sandbox.outputs(), "lambda", http::Request::post(path).body(body).unwrap()).await;
    let environment: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, environment["COLOUR"].as_str()), (200, Some("red")));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn an_unknown_environment_variable_is_rejected_with_the_known_ones() {
    let mut wrong = options();
    wrong.environment.insert("COLOR".to_owned(), "red".to_owned());
    let error = Sandbox::start(wrong).await.unwrap_err();
    assert_eq!(error.to_string(), "no function has the configuration COLOR; the known names are COLOUR");
}
