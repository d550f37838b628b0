//! How functions run: reuse, concurrency, timeouts, crashes, configuration. The function is the example `probe`, a real
//! binary with `lambda_runtime`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::SystemTime,
};

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::{
    handler::{Handler, HandlerSet},
    *,
};
use sandbox_template::Logging;

const NAME: &str = "probe-function";

fn function(environment: &[(&str, &str)], timeout_seconds: u32, reserved: Option<u32>) -> Function {
    Function {
        logical_id: "Probe".to_owned(),
        name: NAME.to_owned(),
        arn: format!("arn:aws:lambda:eu-west-1:000000000000:function:{NAME}"),
        crate_name: "probe".to_owned(),
        handler: "bootstrap".to_owned(),
        runtime: "provided.al2023".to_owned(),
        architecture: "arm64".to_owned(),
        timeout_seconds,
        memory_mib: 256,
        reserved_concurrency: reserved,
        environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        logging: Logging { format: "JSON".to_owned(), level: Some("DEBUG".to_owned()), group: "/probe".to_owned() },
        role_arn: "arn:aws:iam::000000000000:role/probe".to_owned(),
    }
}

struct Fixture {
    lambda: Arc<Lambda>,
    logs: tempfile::TempDir,
}

impl Fixture {
    fn of(function: Function, functions: Functions) -> Self {
        let logs = tempfile::tempdir().unwrap();
        let options = LambdaOptions {
            functions,
            region: "eu-west-1".to_owned(),
            account: "000000000000".to_owned(),
            endpoint_url: "http://127.0.0.1:9".to_owned(),
            logs: logs.path().to_owned(),
            time_scale: 0.0,
            keyring: Arc::default(),
            faults: Faults::default(),
        };
        Self { lambda: Arc::new(Lambda::new(vec![function], &options).unwrap()), logs }
    }

    /// Runs the example `probe`, which `cargo test` builds with the tests.
    fn new(function: Function) -> Self {
        let examples: PathBuf = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples");
        Self::of(function, Functions::Binaries { folder: examples })
    }

    async fn ask(&self, payload: Value) -> Invocation {
        self.lambda.invoke(NAME, Bytes::from(payload.to_string())).await.unwrap()
    }

    async fn answer(&self, payload: Value) -> Value {
        match self.ask(payload).await {
            Invocation::Answered(payload) => serde_json::from_slice(&payload).unwrap(),
            Invocation::Failed(payload) => panic!("the function failed: {payload:?}"),
        }
    }

    /// Waits until this number of invocations have started.
    async fn started(&self, count: u64) {
        while self.lambda.invocations(NAME).unwrap() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn failure(&self, payload: Value) -> (String, String) {
        match self.ask(payload).await {
            Invocation::Answered(payload) => panic!("the function answered: {payload:?}"),
            Invocation::Failed(payload) => {
                let error: Value = serde_json::from_slice(&payload).unwrap();
                let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
                (text("errorType"), text("errorMessage"))
            }
        }
    }
}

#[tokio::test]
async fn one_process_serves_consecutive_invocations() {
    let fixture = Fixture::new(function(&[], 10, None));
    let first = fixture.answer(json!({ "n": 1 })).await;
    let second = fixture.answer(json!({ "n": 2 })).await;
    assert_eq!(first["process"], second["process"]);
    assert_eq!(second["payload"]["n"], 2);
    assert_eq!(second["functionArn"], format!("arn:aws:lambda:eu-west-1:000000000000:function:{NAME}"));
    assert_ne!(first["requestId"], second["requestId"]);
    assert_eq!((fixture.lambda.cold_starts(NAME), fixture.lambda.invocations(NAME)), (Ok(1), Ok(2)));
}

#[tokio::test]
async fn concurrent_invocations_get_separate_processes() {
    let fixture = Fixture::new(function(&[], 10, None));
    let nap = || fixture.answer(json!({ "do": "sleep", "millis": 400 }));
    let (one, two) = tokio::join!(nap(), nap());
    assert_ne!(one["process"], two["process"]);
    assert_eq!(fixture.lambda.cold_starts(NAME), Ok(2));
}

#[tokio::test]
async fn four_processes_stay_warm_after_many_concurrent_invocations() {
    let fixture = Fixture::new(function(&[], 10, None));
    let nap = || fixture.answer(json!({ "do": "sleep", "millis": 400 }));
    let answers = futures::future::join_all((0..6).map(|_| nap())).await;
    let mut ended = 0;
    let counting = async {
        while ended < 2 {
            ended = answers.iter().filter(|answer| !lives(&answer["process"])).count();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), counting).await.unwrap();
    assert_eq!((ended, fixture.lambda.cold_starts(NAME)), (2, Ok(6)));
}

#[tokio::test]
async fn an_idle_process_that_ended_fails_no_invocation() {
    use rustix::process::{Signal, WaitId, WaitIdOptions, kill_process, waitid};

    let fixture = Fixture::new(function(&[], 10, None));
    let first = fixture.answer(json!({})).await["process"].clone();
    kill_process(pid(&first), Signal::KILL).unwrap();
    waitid(WaitId::Pid(pid(&first)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    assert_ne!(fixture.answer(json!({})).await["process"], first);
    assert_eq!(fixture.lambda.cold_starts(NAME), Ok(2));
}

#[tokio::test]
async fn invocations_over_the_reserved_concurrency_are_throttled() {
    let fixture = Fixture::new(function(&[], 10, Some(1)));
    let slow = fixture.ask(json!({ "do": "sleep", "millis": 500 }));
    let refused = async {
        fixture.started(1).await;
        fixture.lambda.invoke(NAME, Bytes::from_static(b"{}")).await
    };
    let (slow, refused) = tokio::join!(slow, refused);
    assert!(matches!(slow, Invocation::Answered(_)));
    let refused = refused.unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (429, "TooManyRequestsException"));
    fixture.answer(json!({ "after": "the first one ended" })).await;
}

#[tokio::test]
async fn a_function_over_its_timeout_is_killed_with_sandbox_timedout() {
    let fixture = Fixture::new(function(&[], 1, None));
    let process = fixture.answer(json!({})).await["process"].clone();
    let (error_type, message) = fixture.failure(json!({ "do": "sleep", "millis": 60_000 })).await;
    assert_eq!(error_type, "Sandbox.Timedout");
    assert!(message.starts_with("RequestId: ") && message.ends_with(" Error: Task timed out after 1.00 seconds"));
    assert_ne!(fixture.answer(json!({})).await["process"], process);
    gone(&process).await;
}

#[tokio::test]
async fn a_process_that_exits_is_a_runtime_exit_error_with_its_status() {
    let fixture = Fixture::new(function(&[], 10, None));
    let (error_type, message) = fixture.failure(json!({ "do": "exit" })).await;
    assert_eq!(error_type, "Runtime.ExitError");
    assert!(message.ends_with("Error: Runtime exited with error: exit status 7"), "{message}");
    fixture.answer(json!({ "after": "the exit" })).await;
    assert_eq!(fixture.lambda.cold_starts(NAME), Ok(2));
}

#[tokio::test]
async fn a_failed_start_is_a_runtime_exit_error_with_a_log() {
    let fixture = Fixture::new(function(&[("PROBE_FAILS_AT_START", "1")], 10, None));
    let (error_type, message) = fixture.failure(json!({})).await;
    assert_eq!(error_type, "Runtime.ExitError");
    assert!(message.ends_with("exit status 3"), "{message}");
    let log = std::fs::read_to_string(fixture.logs.path().join("probe.log")).unwrap();
    assert!(log.contains("PROBE_FAILS_AT_START is set"), "{log}");
}

#[tokio::test]
async fn an_error_has_the_type_and_message_of_the_function() {
    let fixture = Fixture::new(function(&[], 10, None));
    let asked = json!({ "do": "fail", "name": "Source.Denied", "message": "grant s3:GetObject" });
    assert_eq!(fixture.failure(asked).await, ("Source.Denied".to_owned(), "grant s3:GetObject".to_owned()));
    fixture.answer(json!({ "after": "the error" })).await;
    assert_eq!(fixture.lambda.cold_starts(NAME), Ok(1), "an error does not restart the process");
}

#[tokio::test]
async fn an_answer_over_six_mebibytes_is_an_error() {
    let fixture = Fixture::new(function(&[], 10, None));
    assert_eq!(fixture.failure(json!({ "do": "swell" })).await.0, "Function.ResponseSizeTooLarge");
}

#[tokio::test]
async fn a_payload_over_six_mebibytes_is_rejected() {
    let fixture = Fixture::new(function(&[], 10, None));
    let payload = Bytes::from(vec![b' '; 6 * 1024 * 1024 + 1]);
    let refused = fixture.lambda.invoke(NAME, payload).await.unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (413, "RequestTooLargeException"));
}

#[tokio::test]
async fn a_process_has_only_its_configuration_and_lambdas_variables() {
    let fixture = Fixture::new(function(&[("TARGET_BUCKET", "vault")], 10, None));
    let environment = fixture.answer(json!({ "do": "show the environment" })).await;
    for (name, value) in [
        ("TARGET_BUCKET", "vault"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_LAMBDA_FUNCTION_NAME", NAME),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/probe"),
        ("_HANDLER", "bootstrap"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    assert!(environment["AWS_ACCESS_KEY_ID"].as_str().unwrap().starts_with("ASIA"), "a session's key");
    assert!(environment.get("CARGO_MANIFEST_DIR").is_none() && environment.get("HOME").is_none());
}

#[tokio::test]
async fn a_changed_configuration_starts_a_new_process() {
    let fixture = Fixture::new(function(&[("MODE", "old")], 10, None));
    let ask = || fixture.answer(json!({ "do": "show the environment" }));
    assert_eq!(ask().await["MODE"], "old");
    let path = format!("/2015-03-31/functions/{NAME}/configuration");
    let body = Bytes::from(json!({ "Environment": { "Variables": { "MODE": "new" } }, "Timeout": 7 }).to_string());
    let shown = fixture.lambda.handle(&Method::PUT, &path, &HeaderMap::new(), body).await.unwrap();
    let shown: Value = serde_json::from_slice(shown.body()).unwrap();
    assert_eq!((shown["Timeout"].clone(), shown["Environment"]["Variables"]["MODE"].clone()), (json!(7), json!("new")));
    assert_eq!(ask().await["MODE"], "new");
}

#[tokio::test]
async fn a_timeout_outside_lambdas_limits_is_rejected() {
    let fixture = Fixture::new(function(&[], 10, None));
    let path = format!("/2015-03-31/functions/{NAME}/configuration");
    let body = Bytes::from_static(br#"{"Timeout": 901, "MemorySize": 512}"#);
    let refused = fixture.lambda.handle(&Method::PUT, &path, &HeaderMap::new(), body).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValueException");
    let shown = fixture.lambda.handle(&Method::GET, &path, &HeaderMap::new(), Bytes::new()).await.unwrap();
    let shown: Value = serde_json::from_slice(shown.body()).unwrap();
    assert_eq!((shown["Timeout"].clone(), shown["MemorySize"].clone()), (json!(10), json!(256)));
}

#[tokio::test]
async fn invoke_marks_a_function_error_with_a_header() {
    let fixture = Fixture::new(function(&[], 10, None));
    let path = format!("/2015-03-31/functions/{NAME}/invocations");
    let body = Bytes::from_static(br#"{"do": "fail", "name": "Config.Invalid", "message": "m"}"#);
    let answer = fixture.lambda.handle(&Method::POST, &path, &HeaderMap::new(), body).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["X-Amz-Function-Error"]),
        (200, &"Unhandled".parse().unwrap())
    );
    let good = fixture.lambda.handle(&Method::POST, &path, &HeaderMap::new(), Bytes::new()).await.unwrap();
    assert!(!good.headers().contains_key("X-Amz-Function-Error"));
}

#[tokio::test]
async fn a_missing_function_is_named_by_its_arn() {
    let fixture = Fixture::new(function(&[], 10, None));
    let error = fixture.lambda.invoke("missing", Bytes::new()).await.unwrap_err();
    assert_eq!(error.code, "ResourceNotFoundException");
    assert_eq!(error.message, "Function not found: arn:aws:lambda:eu-west-1:000000000000:function:missing");
}

#[tokio::test]
async fn a_function_is_found_by_its_arn_with_and_without_latest() {
    let fixture = Fixture::new(function(&[], 10, None));
    let arn = format!("arn:aws:lambda:eu-west-1:000000000000:function:{NAME}");
    for name in [arn.clone(), format!("{arn}:$LATEST"), format!("{NAME}:$LATEST")] {
        assert!(fixture.lambda.invoke(&name, Bytes::from_static(b"{}")).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn stopping_ends_running_invocations_and_rejects_later_ones() {
    let fixture = Fixture::new(function(&[], 60, None));
    let process = fixture.answer(json!({})).await["process"].clone();
    let lambda = Arc::clone(&fixture.lambda);
    let running =
        tokio::spawn(
            async move { lambda.invoke(NAME, Bytes::from_static(br#"{"do": "sleep", "millis": 60000}"#)).await },
        );
    fixture.started(2).await;
    fixture.lambda.stop();
    assert_eq!(running.await.unwrap().unwrap_err().code, "ServiceException");
    assert_eq!(fixture.lambda.invoke(NAME, Bytes::new()).await.unwrap_err().code, "ServiceException");
    gone(&process).await;
}

fn pid(process: &Value) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(i32::try_from(process.as_i64().unwrap()).unwrap()).unwrap()
}

fn lives(process: &Value) -> bool {
    rustix::process::test_kill_process(pid(process)).is_ok()
}

/// Waits until a process has ended; panics after a timeout.
async fn gone(process: &Value) {
    let ended = async {
        while lives(process) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap();
}

#[test]
fn the_error_of_a_missing_binary_says_how_to_build_it() {
    let options = LambdaOptions {
        functions: Functions::Binaries { folder: PathBuf::from("/nowhere") },
        region: "eu-west-1".to_owned(),
        account: "000000000000".to_owned(),
        endpoint_url: String::new(),
        logs: PathBuf::new(),
        time_scale: 1.0,
        keyring: Arc::default(),
        faults: Faults::default(),
    };
    let error = Lambda::new(vec![function(&[], 1, None)], &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "function Probe has no binary at /nowhere/probe; build it with `cargo build -p probe`"
    );
}

/// Returns the number of handlers created so far, never returns, or panics.
#[derive(Default)]
struct InProcessHandlers {
    made: AtomicUsize,
}

struct Numbered(usize);

#[async_trait]
impl Handler for Numbered {
    async fn call(&self, payload: Bytes, deadline: SystemTime) -> Invocation {
        match &payload[..] {
            b"\"wait\"" => std::future::pending().await,
            b"\"panic\"" => panic!("requested panic"),
            _ => {
                let left = deadline.duration_since(SystemTime::now()).unwrap();
                assert!(left <= Duration::from_secs(1));
                Invocation::Answered(Bytes::from(self.0.to_string()))
            }
        }
    }
}

impl HandlerSet for InProcessHandlers {
    fn handler(&self, function: &str, environment: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String> {
        assert_eq!(function, "probe");
        assert!(environment["AWS_ACCESS_KEY_ID"].starts_with("ASIA"), "a session's key");
        match environment.get("TARGET_BUCKET") {
            Some(_) => Ok(Arc::new(Numbered(self.made.fetch_add(1, Ordering::Relaxed)))),
            None => Err("TARGET_BUCKET is not set".to_owned()),
        }
    }
}

#[tokio::test]
async fn in_process_handlers_are_reused_and_time_out_like_processes() {
    let fixture = Fixture::of(
        function(&[("TARGET_BUCKET", "vault")], 1, None),
        Functions::InProcess(Arc::new(InProcessHandlers::default())),
    );
    assert_eq!(fixture.answer(json!({})).await, json!(0));
    assert_eq!(fixture.answer(json!({})).await, json!(0));
    assert_eq!(fixture.failure(json!("wait")).await.0, "Sandbox.Timedout");
    assert_eq!(fixture.answer(json!({})).await, json!(1));
    assert_eq!(fixture.failure(json!("panic")).await.0, "Runtime.ExitError");
    assert_eq!(fixture.answer(json!({})).await, json!(2));
}

#[tokio::test]
async fn a_handler_that_fails_to_initialize_is_an_init_error() {
    let fixture = Fixture::of(function(&[], 1, None), Functions::InProcess(Arc::new(InProcessHandlers::default())));
    let expected = ("Runtime.InitError".to_owned(), "TARGET_BUCKET is not set".to_owned());
    assert_eq!(fixture.failure(json!({})).await, expected);
}
