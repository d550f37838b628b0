//! `holdfast sandbox fault` with a running sandbox, and every example of its help.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use sandbox::{Functions, Handler, HandlerSet, Options, Sandbox};

/// No function is invoked in these tests.
struct NoFunction;

impl HandlerSet for NoFunction {
    fn handler(&self, function: &str, _: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String> {
        Err(format!("{function} is not available"))
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

async fn sandbox() -> Sandbox {
    let options = Options::new(workspace().join("template.yaml"), Functions::InProcess(Arc::new(NoFunction)));
    Sandbox::start(options).await.unwrap()
}

/// Runs a command with this program on the PATH and the sandbox's endpoint in the environment, as `holdfast up`
/// advises.
async fn run(endpoint: &str, mut command: Command) -> Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_holdfast")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.display())).env("AWS_ENDPOINT_URL", endpoint);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn fault(endpoint: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.args(["sandbox", "fault"]).args(arguments);
    let output = run(endpoint, command).await;
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).unwrap().trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_help_is_accepted() {
    let sandbox = sandbox().await;
    let endpoint = &sandbox.outputs().endpoint_url;
    let (_, help) = fault(endpoint, &["add", "--help"]).await;
    let examples: Vec<&str> =
        help.lines().filter_map(|line| line.trim().strip_prefix("holdfast sandbox fault add ")).collect();
    assert!(examples.len() >= 6, "{help}");

    for example in &examples {
        let arguments: Vec<&str> = std::iter::once("add").chain(example.split(' ')).collect();
        let (ok, text) = fault(endpoint, &arguments).await;
        assert!(ok, "{example}: {text}");
    }

    assert_eq!(sandbox.faults().rules().len(), examples.len());
    sandbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_added_listed_and_removed() {
    let sandbox = sandbox().await;
    let endpoint = &sandbox.outputs().endpoint_url;
    let fault = async |arguments: &[&str]| fault(endpoint, arguments).await;
    assert_eq!(fault(&["list"]).await, (true, "No rule is in force.".to_owned()));
    let (_, text) = fault(&["add", "--part", "7", "--error", "SlowDown"]).await;
    assert_eq!(text, "fault-1 is in force; `holdfast sandbox fault remove fault-1` removes it.");
    let (_, table) = fault(&["list"]).await;
    assert!(table.contains("fault-1") && table.contains("part 7") && table.contains("0 of 0"), "{table}");
    let (_, json) = fault(&["list", "--output", "json"]).await;
    assert!(json.starts_with(r#"{"faults":[{"id":"fault-1","match":{"part":7}"#), "{json}");
    assert_eq!(fault(&["remove", "fault-1"]).await, (true, "1 rule removed.".to_owned()));
    let (ok, text) = fault(&["remove", "fault-1"]).await;
    assert!(!ok && text.contains("there is no rule fault-1"), "{text}");
    assert_eq!(fault(&["clear"]).await, (true, "No rule was in force.".to_owned()));
    sandbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_request_is_refused_with_a_remedy() {
    let sandbox = sandbox().await;
    let endpoint = sandbox.outputs().endpoint_url.clone();
    let (ok, text) = fault(&endpoint, &["add", "--error", "Odd"]).await;
    assert!(!ok && text.contains("effect.error.status: it has to be given with the code Odd"), "{text}");
    let (ok, text) = fault(&endpoint, &["add", "--operation", "GetObject", "--flip", "0"]).await;
    assert!(!ok && text.contains("leave out operation"), "{text}");
    let (ok, text) = fault(&endpoint, &["add", "--part", "7"]).await;
    assert!(!ok && text.contains("--error <CODE>"), "{text}");
    let (ok, text) = fault("https://sns.eu-west-1.amazonaws.com", &["list"]).await;
    assert!(!ok && text.contains("is not an endpoint"), "{text}");
    sandbox.stop().await.unwrap();
    let (ok, text) = fault(&endpoint, &["list"]).await;
    assert!(
        !ok && text.contains(&format!("no sandbox answers at {endpoint}")) && text.contains("holdfast up"),
        "{text}"
    );
}
