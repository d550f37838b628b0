//! A distributed Map over the sandbox's own S3, with the permissions of its machine's role.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::{config::Credentials, primitives::ByteStream};
use aws_sdk_sfn::{operation::describe_execution::DescribeExecutionOutput, types::ExecutionStatus};
use sandbox::{Functions, Options, Sandbox};
use serde_json::{Value, json};

async fn sandbox() -> Sandbox {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/maps/template.yaml");
    let functions = Functions::Binaries { folder: std::env::temp_dir() };
    Sandbox::start(Options::new(template, functions)).await.unwrap()
}

fn config(sandbox: &Sandbox) -> SdkConfig {
    let outputs = sandbox.outputs();
    let (id, secret) = (&outputs.access_key.id, &outputs.access_key.secret);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(outputs.region.clone()))
        .endpoint_url(&outputs.endpoint_url)
        .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(Credentials::new(
            id, secret, None, None, "test",
        )))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

async fn put(sandbox: &Sandbox, key: &str, content: &'static str) {
    let s3 = aws_sdk_s3::Client::new(&config(sandbox));
    let body = ByteStream::from_static(content.as_bytes());
    s3.put_object().bucket("maps-source").key(key).body(body).send().await.unwrap();
}

async fn read(sandbox: &Sandbox, key: &str) -> Value {
    let s3 = aws_sdk_s3::Client::new(&config(sandbox));
    let body = s3.get_object().bucket("maps-target").key(key).send().await.unwrap().body;
    serde_json::from_slice(&body.collect().await.unwrap().into_bytes()).unwrap()
}

async fn end(sandbox: &Sandbox, execution: &str) -> DescribeExecutionOutput {
    let states = aws_sdk_sfn::Client::new(&config(sandbox));
    let wait = async {
        loop {
            let described = states.describe_execution().execution_arn(execution).send().await.unwrap();
            if *described.status() != ExecutionStatus::Running {
                return described;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), wait).await.unwrap()
}

async fn start(sandbox: &Sandbox, machine: &str) -> DescribeExecutionOutput {
    let states = aws_sdk_sfn::Client::new(&config(sandbox));
    let machine = sandbox.outputs().outputs["MachineArn"].replace(":maps", &format!(":{machine}"));
    let started = states.start_execution().state_machine_arn(machine).send().await.unwrap();
    end(sandbox, &started.execution_arn).await
}

#[tokio::test]
async fn a_redrive_of_a_map_over_a_bucket_runs_only_the_failed_child() {
    let sandbox = sandbox().await;
    for item in ["items/a", "items/b"] {
        put(&sandbox, item, "").await;
    }
    put(&sandbox, "wanted/a", "first").await;
    let failed = start(&sandbox, "maps").await;
    assert_eq!(failed.error(), Some("States.ExceedToleratedFailureThreshold"), "{failed:?}");
    let states = aws_sdk_sfn::Client::new(&config(&sandbox));
    let runs = states.list_map_runs().execution_arn(&failed.execution_arn).send().await.unwrap();
    let map_run = runs.map_runs[0].map_run_arn.clone();
    let listed = states.list_executions().map_run_arn(&map_run).status_filter(ExecutionStatus::Failed).send().await;
    let child = listed.unwrap().executions.remove(0);
    let child = states.describe_execution().execution_arn(child.execution_arn).send().await.unwrap();
    assert_eq!(child.error(), Some("S3.NoSuchKeyException"));
    let cause = child.cause().unwrap();
    assert!(
        cause.starts_with("The specified key does not exist. (Service: S3, Status Code: 404, Request ID: "),
        "{cause}"
    );

    put(&sandbox, "wanted/b", "second").await;
    states.redrive_execution().execution_arn(&failed.execution_arn).send().await.unwrap();
    let done = end(&sandbox, &failed.execution_arn).await;
    assert_eq!(*done.status(), ExecutionStatus::Succeeded, "{done:?}");
    let output: Value = serde_json::from_str(done.output().unwrap()).unwrap();
    let manifest = read(&sandbox, output["ResultWriterDetails"]["Key"].as_str().unwrap()).await;
    assert_eq!(manifest["MapRunArn"], json!(map_run));
    let results = read(&sandbox, manifest["ResultFiles"]["SUCCEEDED"][0]["Key"].as_str().unwrap()).await;
    assert_eq!(results, json!(["first", "second"]));
    assert_eq!(sandbox.s3().requests()["GetObject"], 3 + 2, "the child that succeeded is not run again");
    let described = states.describe_map_run().map_run_arn(&map_run).send().await.unwrap();
    assert_eq!((described.redrive_count(), described.item_counts().unwrap().succeeded()), (Some(1), 2));
    let unneeded: Vec<_> = sandbox.iam().grants().into_iter().filter(|grant| !grant.needed).collect();
    assert!(unneeded.is_empty(), "{unneeded:?}");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_map_without_permission_to_list_fails_to_read_its_items() {
    let sandbox = sandbox().await;
    let failed = start(&sandbox, "bare").await;
    assert_eq!(failed.error(), Some("States.ItemReaderFailed"));
    let cause = failed.cause().unwrap();
    assert!(cause.contains("is not authorized to perform: s3:ListBucket on resource"), "{cause}");
    let states = aws_sdk_sfn::Client::new(&config(&sandbox));
    let processor = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "P",
                           "States": {"P": {"Type": "Pass", "End": true}}});
    let map = json!({"Type": "Map", "Items": [1], "ItemProcessor": processor, "End": true});
    let definition = json!({"QueryLanguage": "JSONata", "StartAt": "M", "States": {"M": map}}).to_string();
    let machine = sandbox.outputs().outputs["MachineArn"].replace(":maps", ":bare");
    states.update_state_machine().state_machine_arn(machine).definition(definition).send().await.unwrap();
    let failed = start(&sandbox, "bare").await;
    assert_eq!(failed.error(), Some("States.Permissions"));
    assert!(failed.cause().unwrap().contains("states:StartExecution on resource: arn:aws:states:"), "{failed:?}");
    sandbox.stop().await.unwrap();
}
