//! Every service uses its own protocol at the one endpoint, for results and for errors.

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use http_body_util::Full;
use sandbox::{Outputs, Sandbox};
use serde_json::Value;

use crate::{
    harness::{config, options, own, plain, send},
    signing,
};

#[tokio::test]
async fn sns_and_sts_answer_through_the_same_endpoint() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    let sns = aws_sdk_sns::Client::new(&own(outputs));
    let topics = sns.list_topics().send().await.unwrap();
    assert_eq!(topics.topics()[0].topic_arn(), Some(outputs.outputs["TopicArn"].as_str()));
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
    assert!(rules["Rules"][0]["Name"].as_str().unwrap().starts_with("sandbox-MachineUpload-"), "{answer}");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn an_unknown_operation_is_rejected_in_every_protocol() {
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
        (
            "cloudformation",
            http::Request::post("/").body(Full::from("Action=CreateMoon")).unwrap(),
            "InvalidAction",
            "CreateMoon",
        ),
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
async fn every_service_rejects_an_invalid_signature() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    let host = outputs.endpoint_url.trim_start_matches("http://");
    let call = |method: &str, path: &str, target: &str, body: &'static str| {
        let request = http::Request::builder().method(method).uri(path).header("Host", host);
        let request = if target.is_empty() { request } else { request.header("X-Amz-Target", target) };
        request.body(Full::from(body)).unwrap()
    };
    let (wrong, stranger) = ((outputs.access_key.id.as_str(), "wrong"), ("AKIANOBODY", "wrong"));
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
        (
            "cloudformation",
            ("POST", "/", "", "Action=DescribeStacks"),
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
            let refused = if matches!(service, "states" | "events") { 400 } else { 403 };
            assert!(status == refused && named.contains(code), "{service}, not {code}: {status} {answer}");
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
    let arn = "arn:aws:states:eu-west-1:000000000000:execution:missing:none";
    let error = states.describe_execution().execution_arn(arn).send().await.unwrap_err();
    assert!(error.into_service_error().is_execution_does_not_exist());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn an_unknown_access_key_is_rejected() {
    let sandbox = Sandbox::start(options()).await.unwrap();
    let outputs = sandbox.outputs();
    let stranger = config(outputs, "AKIANOBODY", "secret");
    let states = aws_sdk_sfn::Client::new(&stranger).list_state_machines().send().await.unwrap_err();
    assert_eq!(states.code(), Some("UnrecognizedClientException"));
    let sns = aws_sdk_sns::Client::new(&stranger).list_topics().send().await.unwrap_err();
    assert_eq!(sns.code(), Some("InvalidClientTokenId"));
    sandbox.stop().await.unwrap();
}

/// Sends the head of a presigned upload that waits for `100 Continue`, and `body` after the first answer. Returns
/// everything that the server sent until shortly after that.
async fn upload_that_waits(outputs: &Outputs, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let s3 =
        aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(&own(outputs)).force_path_style(true).build());
    let within = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
    let request = s3.put_object().bucket(&outputs.outputs["SourceBucket"]).key("k").presigned(within).await.unwrap();
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
