//! A sandbox whose only function writes an object, and clients for it.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::signing;
use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_s3::{
    config::{Credentials, SharedCredentialsProvider},
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
};
use aws_sdk_sfn::types::ExecutionStatus;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use sandbox::{
    Functions, Handler, HandlerSet, Options, Outputs, Sandbox,
    faults::{Effect, Rule, RuleId, Target},
    ports::Invocation,
};
use serde_json::{Value, json};

/// A running sandbox.
pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) outputs: Outputs,
    /// A client without retries.
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) states: aws_sdk_sfn::Client,
    pub(crate) sns: aws_sdk_sns::Client,
}

/// The configuration of a client with a number of attempts.
pub(crate) fn config(endpoint: &str, region: &str, key: &str, secret: &str, attempts: u32) -> SdkConfig {
    let retries = RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(Duration::from_millis(1));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(key, secret, None, None, "test")))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(aws_sdk_s3::config::SharedAsyncSleep::new(Sleep))
        .retry_config(retries)
        .build()
}

#[derive(Debug)]
struct Sleep;

impl aws_sdk_s3::config::AsyncSleep for Sleep {
    fn sleep(&self, duration: Duration) -> aws_sdk_s3::config::Sleep {
        aws_sdk_s3::config::Sleep::new(tokio::time::sleep(duration))
    }
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/template.yaml");
        let options = Options { time_scale: 0.01, ..Options::new(template, Functions::InProcess(Arc::new(Writers))) };
        let sandbox = Sandbox::start(options).await.unwrap();
        let outputs = sandbox.outputs().clone();
        let own = Self::config(&outputs, 1);
        Self {
            s3: aws_sdk_s3::Client::new(&own),
            states: aws_sdk_sfn::Client::new(&own),
            sns: aws_sdk_sns::Client::new(&own),
            outputs,
            sandbox,
        }
    }

    fn config(outputs: &Outputs, attempts: u32) -> SdkConfig {
        let Outputs { endpoint_url, region, access_key, .. } = outputs;
        config(endpoint_url, region, &access_key.id, &access_key.secret, attempts)
    }

    /// A client with three attempts, the default of SDKs.
    pub(crate) fn patient_s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&Self::config(&self.outputs, 3))
    }

    /// Adds a rule for a target with an effect.
    pub(crate) fn fault(&self, target: Target, effect: Effect) -> RuleId {
        self.rule(Rule::new(target, effect))
    }

    /// Adds a rule.
    pub(crate) fn rule(&self, rule: Rule) -> RuleId {
        self.sandbox.faults().add(rule).unwrap()
    }

    /// The number of times that a rule fired.
    pub(crate) fn fired(&self, id: &RuleId) -> u64 {
        self.sandbox.faults().rules().into_iter().find(|rule| rule.id == *id).unwrap().fired
    }

    /// Puts an object into the target bucket, which sends no events.
    pub(crate) async fn put(&self, key: &str, body: &[u8]) {
        let body = ByteStream::from(body.to_vec());
        self.s3.put_object().bucket(&self.outputs.outputs["TargetBucket"]).key(key).body(body).send().await.unwrap();
    }

    /// The bytes of an object in the target bucket, if it exists.
    pub(crate) async fn get(&self, key: &str) -> Option<Vec<u8>> {
        let got = self.s3.get_object().bucket(&self.outputs.outputs["TargetBucket"]).key(key).send().await.ok()?;
        Some(got.body.collect().await.unwrap().to_vec())
    }

    /// The number of versions of a key in the target bucket.
    pub(crate) async fn versions(&self, key: &str) -> usize {
        let listed =
            self.s3.list_object_versions().bucket(&self.outputs.outputs["TargetBucket"]).prefix(key).send().await;
        listed.unwrap().versions().len()
    }

    /// Invokes the function, which writes this key. Returns the payload of its answer or its error.
    pub(crate) async fn write(&self, key: &str) -> Result<Value, Value> {
        let payload = Bytes::from(json!({ "key": key }).to_string());
        match self.sandbox.lambda().run("the-writer", payload).await.unwrap().outcome {
            Invocation::Answered(payload) => Ok(serde_json::from_slice(&payload).unwrap()),
            Invocation::Failed(payload) => Err(serde_json::from_slice(&payload).unwrap()),
        }
    }

    /// Sends a signed POST to a service. Returns status and body; `None` without an answer.
    pub(crate) async fn plain(&self, service: &str, path: &str, body: &str) -> Option<(u16, String)> {
        self.post(service, http::Request::post(path), body).await
    }

    /// The same for EventBridge.
    pub(crate) async fn events(&self, operation: &str, body: &str) -> Option<(u16, String)> {
        let request = http::Request::post("/").header("X-Amz-Target", format!("AWSEvents.{operation}"));
        self.post("events", request, body).await
    }

    async fn post(&self, service: &str, request: http::request::Builder, body: &str) -> Option<(u16, String)> {
        let own = (self.outputs.access_key.id.as_str(), self.outputs.access_key.secret.as_str());
        self.exchange(signing::signed(self.addressed(request, body), own, service).await).await
    }

    /// Sends an unmodified request.
    pub(crate) async fn send(&self, request: http::request::Builder, body: &str) -> Option<(u16, String)> {
        self.exchange(self.addressed(request, body)).await
    }

    fn host(&self) -> &str {
        self.outputs.endpoint_url.trim_start_matches("http://")
    }

    fn addressed(&self, request: http::request::Builder, body: &str) -> http::Request<Full<Bytes>> {
        request.header("Host", self.host()).body(Full::new(Bytes::from(body.to_owned()))).unwrap()
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> Option<(u16, String)> {
        let stream = tokio::net::TcpStream::connect(self.host()).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Some((head.status.as_u16(), String::from_utf8_lossy(&body).into_owned()))
    }

    /// Uploads to the source bucket, which starts an execution.
    pub(crate) async fn upload(&self, key: &str) {
        let body = ByteStream::from_static(b"hello");
        self.s3.put_object().bucket(&self.outputs.outputs["SourceBucket"]).key(key).body(body).send().await.unwrap();
    }

    /// Waits until this number of executions have ended. Returns input, status, error and cause, oldest first.
    pub(crate) async fn ended(&self, count: usize) -> Vec<Ended> {
        let wait = async {
            loop {
                let ended = self.executions().await;
                if ended.len() >= count && ended.iter().all(|one| one.status != ExecutionStatus::Running) {
                    return ended;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the executions do not end")
    }

    /// The executions, oldest first.
    pub(crate) async fn executions(&self) -> Vec<Ended> {
        let machine = &self.outputs.outputs["MachineArn"];
        let listed = self.states.list_executions().state_machine_arn(machine).send().await.unwrap();
        let mut found = Vec::new();
        for one in listed.executions.into_iter().rev() {
            let described = self.states.describe_execution().execution_arn(one.execution_arn).send().await.unwrap();
            let input: Value = serde_json::from_str(described.input.as_deref().unwrap()).unwrap();
            found.push(Ended {
                key: input["detail"]["object"]["key"].as_str().unwrap_or_default().to_owned(),
                status: described.status,
                error: described.error.unwrap_or_default(),
                cause: described.cause.unwrap_or_default(),
            });
        }
        found
    }
}

/// An execution that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) key: String,
    pub(crate) status: ExecutionStatus,
    pub(crate) error: String,
    pub(crate) cause: String,
}

/// The error code and the HTTP status of a failure; status 0 without an answer.
pub(crate) fn failure<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E, aws_sdk_s3::config::http::HttpResponse>>,
) -> (u16, String) {
    match result.expect_err("the request was answered, not refused") {
        SdkError::ServiceError(error) => {
            (error.raw().status().as_u16(), error.err().code().unwrap_or_default().to_owned())
        }
        SdkError::DispatchFailure(_) => (0, "no answer".to_owned()),
        other => panic!("it failed otherwise: {other:?}"),
    }
}

/// Initializes the only function.
struct Writers;

struct Writer {
    s3: aws_sdk_s3::Client,
    bucket: String,
}

impl HandlerSet for Writers {
    fn handler(&self, function: &str, environment: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String> {
        assert_eq!(function, "writer");
        let of = |name: &str| environment[name].as_str();
        let keys = (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"));
        let config = config(of("AWS_ENDPOINT_URL"), of("AWS_REGION"), keys.0, keys.1, 1);
        Ok(Arc::new(Writer { s3: aws_sdk_s3::Client::new(&config), bucket: of("BUCKET").to_owned() }))
    }
}

#[async_trait]
impl Handler for Writer {
    async fn call(&self, payload: Bytes, _deadline: SystemTime) -> Invocation {
        let asked: Value = serde_json::from_slice(&payload).unwrap();
        let key = asked["key"].as_str().unwrap();
        let put = self.s3.put_object().bucket(&self.bucket).key(key).body(ByteStream::from_static(b"hello"));
        match put.send().await {
            Ok(_) => Invocation::Answered(json!({ "written": key }).to_string().into()),
            Err(error) => {
                let (status, code) = failure(Err::<(), _>(error));
                let failed = json!({ "errorType": code, "errorMessage": format!("S3 answered {status}") });
                Invocation::Failed(failed.to_string().into())
            }
        }
    }
}
