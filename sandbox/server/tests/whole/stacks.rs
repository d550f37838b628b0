//! CloudFormation describes the stack, in the Query protocol.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use sandbox::{
    Functions, Handler, HandlerSet, Options, Sandbox,
    faults::{Effect, Rule, Service, Target},
    ports::{Invocation, Invoke},
};

use crate::{
    harness::{options, plain, send},
    signing,
};

const ID: &str = "arn:aws:cloudformation:eu-west-1:000000000000:stack/demo/";

async fn sandbox() -> Sandbox {
    Sandbox::start(Options { stack_name: "demo".to_owned(), ..options() }).await.unwrap()
}

/// Status and body of a signed `DescribeStacks`.
async fn describe(sandbox: &Sandbox, parameters: &str) -> (u16, String) {
    let form = Full::from(format!("Action=DescribeStacks&Version=2010-05-15{parameters}"));
    let request = http::Request::post("/").body(form).unwrap();
    let (status, headers, answer) = plain(sandbox.outputs(), "cloudformation", request).await;
    assert_eq!(headers["Content-Type"], "text/xml");
    (status, answer)
}

/// The text of the first element with this name.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once('<').unwrap().0
}

#[tokio::test]
async fn a_stack_is_described_by_its_name_and_by_its_id() {
    let sandbox = sandbox().await;

    let (status, by_name) = describe(&sandbox, "&StackName=demo").await;

    assert_eq!(status, 200, "{by_name}");
    assert!(
        by_name.starts_with("<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">")
    );
    let id = element(&by_name, "StackId").to_owned();
    assert!(id.starts_with(ID), "{id}");
    assert_eq!(element(&by_name, "StackName"), "demo");
    assert_eq!(element(&by_name, "StackStatus"), "CREATE_COMPLETE");
    let parameter =
        "<Parameters><member><ParameterKey>Color</ParameterKey><ParameterValue>green</ParameterValue></member>";
    assert!(by_name.contains(parameter), "{by_name}");
    let output = "<member><OutputKey>SourceBucket</OutputKey><OutputValue>small-source</OutputValue></member>";
    assert!(by_name.contains(output), "{by_name}");

    let (status, by_id) = describe(&sandbox, &format!("&StackName={}", id.replace(':', "%3A"))).await;
    assert_eq!((status, element(&by_id, "StackName")), (200, "demo"));
    let (status, all) = describe(&sandbox, "").await;
    assert_eq!((status, element(&all, "StackId")), (200, id.as_str()));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_stack_that_does_not_exist_is_a_validation_error() {
    let sandbox = sandbox().await;

    let (status, answer) = describe(&sandbox, "&StackName=other").await;

    assert_eq!((status, element(&answer, "Code")), (400, "ValidationError"));
    assert_eq!(element(&answer, "Message"), "Stack with id other does not exist");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn the_creation_time_of_a_stack_survives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let kept = || Options { data: Some(data.path().to_owned()), ..options() };
    let first = Sandbox::start(kept()).await.unwrap();
    let (_, before) = describe(&first, "").await;
    first.stop().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;

    let second = Sandbox::start(kept()).await.unwrap();
    let (_, after) = describe(&second, "").await;

    assert_eq!(element(&before, "CreationTime"), element(&after, "CreationTime"));
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_fault_rule_applies_to_describe_stacks() {
    let sandbox = sandbox().await;
    let target = Target::operation(Service::CloudFormation, "DescribeStacks");
    sandbox.faults().add(Rule::new(target, Effect::error("Throttling")).times(1)).unwrap();

    let (status, throttled) = describe(&sandbox, "&StackName=demo").await;

    assert_eq!((status, element(&throttled, "Code")), (400, "Throttling"));
    assert_eq!(describe(&sandbox, "&StackName=demo").await.0, 200);
    sandbox.stop().await.unwrap();
}

/// Functions that return `null`. Records the environment of the last one that started.
#[derive(Default)]
struct Recorder(Mutex<BTreeMap<String, String>>);

struct Null;

#[async_trait]
impl Handler for Null {
    async fn call(&self, _payload: Bytes, _deadline: SystemTime) -> Invocation {
        Invocation::Answered(Bytes::from_static(b"null"))
    }
}

impl HandlerSet for Recorder {
    fn handler(&self, _function: &str, environment: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String> {
        self.0.lock().unwrap().clone_from(environment);
        Ok(Arc::new(Null))
    }
}

#[tokio::test]
async fn a_role_without_permission_is_rejected_with_awss_message() {
    let recorder = Arc::new(Recorder::default());
    let functions = Functions::InProcess(recorder.clone());
    let sandbox = Sandbox::start(Options { functions, stack_name: "demo".to_owned(), ..options() }).await.unwrap();
    sandbox.lambda().invoke("probe", Bytes::from_static(b"{}")).await.unwrap();
    let environment = recorder.0.lock().unwrap().clone();
    let key = (environment["AWS_ACCESS_KEY_ID"].as_str(), environment["AWS_SECRET_ACCESS_KEY"].as_str());
    let form = Full::from("Action=DescribeStacks&Version=2010-05-15&StackName=demo");
    let host = sandbox.outputs().endpoint_url.trim_start_matches("http://");
    let request = http::Request::post("/").header("Host", host).body(form).unwrap();

    let (status, _, answer) = send(sandbox.outputs(), signing::signed(request, key, "cloudformation").await).await;

    assert_eq!((status, element(&answer, "Code")), (403, "AccessDenied"));
    let sentence = "is not authorized to perform: cloudformation:DescribeStacks on resource: \
                    arn:aws:cloudformation:eu-west-1:000000000000:stack/demo/* because no identity-based policy allows \
                    the cloudformation:DescribeStacks action";
    assert!(element(&answer, "Message").ends_with(sentence), "{answer}");
    sandbox.stop().await.unwrap();
}
