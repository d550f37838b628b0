//! The sandbox as its users have it: one endpoint, real SDK clients, a small template, a real function binary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod signing;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::{config::Credentials, error::ProvideErrorMetadata, primitives::ByteStream};
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_sandbox::{
    Functions, Options, Outputs, Sandbox,
    template::{Settings, Stack},
};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

/// The small template with the example `probe`, which `cargo test` builds beside the tests.
fn options() -> Options {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/small/template.yaml");
    let folder: PathBuf = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
    Options { time_scale: 0.01, ..Options::new(template, Functions::Binaries { folder }) }
}

fn config(outputs: &Outputs, key: &str, secret: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(outputs.region.clone()))
        .endpoint_url(&outputs.endpoint_url)
        .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(Credentials::new(
            key, secret, None, None, "test",
        )))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

fn own(outputs: &Outputs) -> SdkConfig {
    config(outputs, &outputs.access_key_id, &outputs.secret_access_key)
}

async fn upload(outputs: &Outputs, key: &str) {
    let s3 = aws_sdk_s3::Client::new(&own(outputs));
    let body = ByteStream::from_static(b"hello");
    s3.put_object().bucket(&outputs.source_bucket).key(key).body(body).send().await.unwrap();
}

/// The executions, once as many as are expected have ended.
async fn ended(outputs: &Outputs, count: usize) -> Vec<(String, ExecutionStatus)> {
    let states = aws_sdk_sfn::Client::new(&own(outputs));
    let wait = async {
        loop {
            let list = states.list_executions().state_machine_arn(&outputs.state_machine_arn).send().await.unwrap();
            let found: Vec<_> = list.executions.into_iter().map(|one| (one.execution_arn, one.status)).collect();
            if found.len() == count && found.iter().all(|(_, status)| *status != ExecutionStatus::Running) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap()
}

/// One plain HTTP request, signed for a service.
async fn plain(
    outputs: &Outputs,
    service: &str,
    mut request: http::Request<Full<bytes::Bytes>>,
) -> (u16, http::HeaderMap, String) {
    let address = outputs.endpoint_url.trim_start_matches("http://").to_owned();
    request.headers_mut().insert("Host", address.parse().unwrap());
    let own = (outputs.access_key_id.as_str(), outputs.secret_access_key.as_str());
    send(outputs, signing::signed(request, own, service).await).await
}

/// One HTTP request as it is, with the sandbox as its host.
async fn send(outputs: &Outputs, request: http::Request<Full<bytes::Bytes>>) -> (u16, http::HeaderMap, String) {
    let address = outputs.endpoint_url.trim_start_matches("http://").to_owned();
    let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn an_upload_starts_the_machine_which_runs_the_function_and_tells_people() {
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
async fn the_replica_bucket_is_in_its_own_region() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    assert_eq!((outputs.replica_bucket.as_str(), outputs.replica_region.as_str()), ("small-replica", "eu-central-1"));
    let s3 = aws_sdk_s3::Client::new(&own(outputs));
    let from_elsewhere = s3.list_objects_v2().bucket(&outputs.replica_bucket).send().await;
    assert_eq!(from_elsewhere.unwrap_err().code(), Some("PermanentRedirect"));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn everything_is_found_again_after_a_restart_on_the_same_folder() {
    let data = tempfile::tempdir().unwrap();
    let kept = || Options { data: Some(data.path().to_owned()), ..options() };
    let first = Sandbox::start(kept()).await.unwrap();
    upload(first.outputs(), "kept").await;
    let before = ended(first.outputs(), 1).await;
    let key = first.outputs().access_key_id.clone();
    first.stop().await.unwrap();

    let second = Sandbox::start(kept()).await.unwrap();
    let outputs = second.outputs();
    assert_eq!(outputs.access_key_id, key);
    assert_eq!(ended(outputs, 1).await, before);
    let s3 = aws_sdk_s3::Client::new(&own(outputs));
    let object = s3.get_object().bucket(&outputs.source_bucket).key("kept").send().await.unwrap();
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
async fn a_configuration_that_no_function_has_is_refused_with_those_that_there_are() {
    let mut wrong = options();
    wrong.environment.insert("COLOR".to_owned(), "red".to_owned());
    let error = Sandbox::start(wrong).await.unwrap_err();
    assert_eq!(error.to_string(), "no function has the configuration COLOR; there are COLOUR");
}

#[tokio::test]
async fn sns_and_sts_answer_through_the_same_endpoint() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    let sns = aws_sdk_sns::Client::new(&own(outputs));
    let topics = sns.list_topics().send().await.unwrap();
    assert_eq!(topics.topics()[0].topic_arn(), Some(outputs.topic_arn.as_str()));
    let form = Full::from("Action=GetCallerIdentity&Version=2011-06-15");
    let (status, _, answer) = plain(outputs, "sts", http::Request::post("/").body(form).unwrap()).await;
    assert_eq!(status, 200);
    assert!(answer.contains("<Arn>arn:aws:iam::000000000000:root</Arn>"), "{answer}");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn eventbridge_answers_in_json() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let request = http::Request::post("/").header("X-Amz-Target", "AWSEvents.ListRules").body(Full::from("{}"));
    let (status, headers, answer) = plain(sandbox.outputs(), "events", request.unwrap()).await;
    let rules: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, &headers["Content-Type"]), (200, &"application/x-amz-json-1.1".parse().unwrap()));
    assert!(rules["Rules"][0]["Name"].as_str().unwrap().starts_with("holdfast-MachineUpload-"), "{answer}");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_not_there_is_refused_by_name_in_every_protocol() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    let targeted =
        |target: &str| http::Request::post("/").header("X-Amz-Target", target).body(Full::from("{}")).unwrap();
    let cases = [
        ("states", targeted("AWSStepFunctions.CreateMoon"), "UnknownOperationException", "CreateMoon"),
        ("events", targeted("AWSEvents.CreateMoon"), "UnknownOperationException", "CreateMoon"),
        ("sqs", targeted("AmazonSQS.SendMessage"), "UnknownOperationException", "AmazonSQS.SendMessage"),
        (
            "ec2",
            http::Request::post("/").body(Full::from("Action=RunMoon")).unwrap(),
            "UnknownOperationException",
            "RunMoon",
        ),
        ("sns", http::Request::post("/").body(Full::from("Action=CreateMoon")).unwrap(), "InvalidAction", "CreateMoon"),
        ("sts", http::Request::post("/").body(Full::from("Action=CreateMoon")).unwrap(), "InvalidAction", "CreateMoon"),
    ];
    for (service, request, code, name) in cases {
        let (status, _, answer) = plain(outputs, service, request).await;
        assert!(status >= 400 && answer.contains(code) && answer.contains(name), "{service}: {status} {answer}");
    }
    for path in ["/2015-03-31/functions/probe/moon", "/2018-10-31/layers"] {
        let moon = http::Request::get(path).body(Full::default()).unwrap();
        let (status, headers, answer) = plain(outputs, "lambda", moon).await;
        assert_eq!((status, &headers["x-amzn-errortype"]), (404, &"UnknownOperationException".parse().unwrap()));
        assert!(answer.contains(path), "{answer}");
    }
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn every_service_refuses_what_its_caller_did_not_sign() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    let host = outputs.endpoint_url.trim_start_matches("http://");
    let call = |method: &str, path: &str, target: &str, body: &'static str| {
        let request = http::Request::builder().method(method).uri(path).header("Host", host);
        let request = if target.is_empty() { request } else { request.header("X-Amz-Target", target) };
        request.body(Full::from(body)).unwrap()
    };
    let (wrong, stranger) = ((outputs.access_key_id.as_str(), "wrong"), ("AKIANOBODY", "wrong"));
    for (service, (method, path, target, body), codes) in [
        (
            "states",
            ("POST", "/", "AWSStepFunctions.ListStateMachines", "{}"),
            ["InvalidSignatureException", "UnrecognizedClientException", "MissingAuthenticationTokenException"],
        ),
        (
            "events",
            ("POST", "/", "AWSEvents.ListRules", "{}"),
            ["InvalidSignatureException", "UnrecognizedClientException", "MissingAuthenticationTokenException"],
        ),
        (
            "lambda",
            ("GET", "/2015-03-31/functions/probe", "", ""),
            ["InvalidSignatureException", "UnrecognizedClientException", "MissingAuthenticationTokenException"],
        ),
        (
            "sns",
            ("POST", "/", "", "Action=ListTopics"),
            ["SignatureDoesNotMatch", "InvalidClientTokenId", "MissingAuthenticationToken"],
        ),
        (
            "sts",
            ("POST", "/", "", "Action=GetCallerIdentity"),
            ["SignatureDoesNotMatch", "InvalidClientTokenId", "MissingAuthenticationToken"],
        ),
    ] {
        let request = || call(method, path, target, body);
        let requests = [
            signing::signed(request(), wrong, service).await,
            signing::signed(request(), stranger, service).await,
            request(),
        ];
        for (request, code) in requests.into_iter().zip(codes) {
            let (status, headers, answer) = send(outputs, request).await;
            let named = headers.get("x-amzn-errortype").map_or_else(|| answer.clone(), |name| format!("{name:?}"));
            assert!((400..404).contains(&status) && named.contains(code), "{service}, not {code}: {status} {answer}");
        }
        let (status, _, answer) = plain(outputs, service, request()).await;
        assert_eq!(status, 200, "{service} refuses its own caller: {answer}");
    }
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn errors_of_step_functions_reach_the_sdk_by_their_type() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    let states = aws_sdk_sfn::Client::new(&own(outputs));
    let arn = "arn:aws:states:eu-west-1:000000000000:execution:nobody:none";
    let error = states.describe_execution().execution_arn(arn).send().await.unwrap_err();
    assert!(error.into_service_error().is_execution_does_not_exist());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_key_that_nobody_has_is_refused() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    let stranger = config(outputs, "AKIANOBODY", "secret");
    let states = aws_sdk_sfn::Client::new(&stranger).list_state_machines().send().await.unwrap_err();
    assert_eq!(states.code(), Some("UnrecognizedClientException"));
    let sns = aws_sdk_sns::Client::new(&stranger).list_topics().send().await.unwrap_err();
    assert_eq!(sns.code(), Some("InvalidClientTokenId"));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_delivery_that_waits_for_its_next_try_is_made_by_the_next_run_on_the_same_folder() {
    let data = tempfile::tempdir().unwrap();
    let kept = || Options { data: Some(data.path().to_owned()), time_scale: 1.0, ..options() };
    let first = Sandbox::start(kept()).await.unwrap();
    let lambda = "/2015-03-31/functions/probe/configuration";
    let broken = json!({ "Environment": { "Variables": { "PROBE_FAILS_AT_START": "1" } } }).to_string();
    plain(first.outputs(), "lambda", http::Request::put(lambda).body(Full::from(broken)).unwrap()).await;
    let call = |target: &str, body: Value| {
        http::Request::post("/").header("X-Amz-Target", target).body(Full::from(body.to_string())).unwrap()
    };
    let rule = json!({ "Name": "ask", "EventPattern": r#"{"source": ["test"]}"# });
    plain(first.outputs(), "events", call("AWSEvents.PutRule", rule)).await;
    let arn = "arn:aws:lambda:eu-west-1:000000000000:function:probe";
    let target = json!({ "Rule": "ask", "Targets": [{ "Id": "probe", "Arn": arn }] });
    plain(first.outputs(), "events", call("AWSEvents.PutTargets", target)).await;
    let event = json!({ "Entries": [{ "Source": "test", "DetailType": "t", "Detail": "{}" }] });
    plain(first.outputs(), "events", call("AWSEvents.PutEvents", event)).await;
    let tried = async {
        while first.lambda().invocations("probe") == Ok(0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), tried).await.unwrap();
    first.stop().await.unwrap();

    // The configuration comes from the template again, and so the function works.
    let second = Sandbox::start(kept()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), second.events().drained()).await.unwrap();
    assert_eq!(second.lambda().invocations("probe"), Ok(1));
    second.stop().await.unwrap();
}

#[test]
fn the_template_that_gets_deployed_is_read() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let settings = |parameters: &[(&str, &str)]| Settings {
        stack: "holdfast".to_owned(),
        region: "eu-west-1".to_owned(),
        account: "000000000000".to_owned(),
        parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let replica = [("ReplicaBucketName", "far-away"), ("ReplicaRegion", "eu-central-1")];
    let stack = Stack::read(&file, &settings(&replica)).unwrap();
    let crates: Vec<&str> = stack.functions.iter().map(|function| function.crate_name.as_str()).collect();
    let expected =
        ["validate", "copy-part", "complete-multipart", "checksum-verify", "cross-region-replicate", "notify"];
    assert_eq!(crates, expected);
    assert_eq!((stack.state_machines.len(), stack.rules.len(), stack.buckets.len()), (1, 3, 2));
    assert_eq!(stack.outputs["ReplicaBucketName"], "far-away");
    let half = Stack::read(&file, &settings(&replica[..1])).unwrap_err();
    assert!(half.to_string().contains("ReplicaRegion is missing"), "{half}");
}

/// Sends the head of a presigned upload that waits for `100 Continue`, then whatever comes in `body` once something was
/// answered, and answers everything that the server said until then and a moment later.
async fn upload_that_waits(outputs: &Outputs, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let s3 =
        aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(&own(outputs)).force_path_style(true).build());
    let within = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
    let request = s3.put_object().bucket(&outputs.source_bucket).key("k").presigned(within).await.unwrap();
    let url: http::Uri = request.uri().parse().unwrap();
    let host = outputs.endpoint_url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let (path, length) = (url.path_and_query().unwrap(), body.len());
    let head =
        format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let mut is_sent = false;
    let listening = async {
        while stream.read_buf(&mut said).await.unwrap() > 0 {
            let text = String::from_utf8_lossy(&said);
            if text.contains(" 200 OK") && text.ends_with("\r\n\r\n") {
                break;
            }
            if !is_sent {
                stream.write_all(body.as_bytes()).await.unwrap();
                is_sent = true;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), listening).await.unwrap();
    String::from_utf8(said).unwrap().to_lowercase()
}

#[tokio::test]
async fn an_empty_upload_that_waits_for_100_continue_ends_its_connection() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let said = upload_that_waits(sandbox.outputs(), "").await;
    assert!(said.starts_with("http/1.1 200 ok\r\n") && said.contains("\r\nconnection: close\r\n"), "{said}");
    let said = upload_that_waits(sandbox.outputs(), "hello").await;
    assert!(said.starts_with("http/1.1 100 continue\r\n\r\nhttp/1.1 200 ok\r\n"), "{said}");
    assert!(!said.contains("connection: close"), "{said}");
    sandbox.stop().await.unwrap();
}
