//! Executions with the function binaries, as processes behind the Lambda Runtime API.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use holdfast_tests::{
    TestResult,
    domain::Tolerance,
    fixture::{ExecutionSummary, Fixture, Setup, times_entered, workspace},
};
use sandbox::faults::Life;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const FUNCTIONS: [&str; 6] =
    ["validate", "copy-part", "complete-multipart", "checksum-verify", "cross-region-replicate", "notify"];

/// Builds the binaries of the functions and returns their folder. The build of the test does not include them, because
/// they are binaries of other packages.
fn binaries() -> TestResult<PathBuf> {
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(workspace()).args(["build", "--message-format=json", "--quiet"]);
    for function in FUNCTIONS {
        build.args(["-p", function]);
    }
    let output = build.output()?;
    assert!(output.status.success(), "the functions do not build: {}", String::from_utf8_lossy(&output.stderr));
    let executable = String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or("cargo named no executable")?;
    Ok(executable.parent().ok_or("an executable is in a folder")?.to_owned())
}

#[tokio::test]
async fn the_function_binaries_back_up_small_and_large_uploads() -> TestResult {
    let setup =
        Setup { binaries: Some(binaries()?), ..Setup::default() }.with_parameter("MultipartThreshold", "8388608");
    let fixture = Fixture::start(setup).await?;

    let large = vec![7; 17 << 20];
    fixture.upload("small.txt", "hello").await?;
    fixture.upload_in_parts("large.bin", &large, 5 << 20).await?;
    for execution in fixture.wait_for_executions(2).await? {
        let path = fixture.path(&execution).await?;
        assert_eq!(path.last().map(String::as_str), Some("Notify"), "{path:?}");
    }

    assert_eq!(fixture.replica("small.txt").await?, b"hello");
    assert!(fixture.replica("large.bin").await? == large);
    assert_eq!((fixture.receipts().await?.len(), fixture.messages(2).await?.len()), (2, 2));
    Ok(())
}

/// Sends an HTTP request to the fault rules of the sandbox and returns the response.
async fn request_faults(fixture: &Fixture, method: &str, body: &str) -> TestResult<Value> {
    let address = fixture.outputs.endpoint_url.strip_prefix("http://").ok_or("the endpoint is not http")?;
    let request = format!(
        "{method} /_sandbox/faults HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let (head, body) = response.split_once("\r\n\r\n").ok_or("the response has no body")?;
    assert!(head.starts_with("HTTP/1.1 20"), "{method} {body}");
    Ok(serde_json::from_str(body)?)
}

/// Kills the process of a function at this moment: this many times, or until the rules are removed.
async fn kill(fixture: &Fixture, function: &str, when: Life, times: Option<u64>) -> TestResult {
    let mut rule = json!({
        "match": { "service": "lambda", "operation": "Invoke", "function": function },
        "effect": { "kill": when },
    });
    if let Some(times) = times {
        rule["when"] = json!({ "times": times });
    }
    request_faults(fixture, "POST", &rule.to_string()).await?;
    Ok(())
}

/// The number of started processes by function.
fn started_processes(fixture: &Fixture) -> TestResult<BTreeMap<String, u64>> {
    let lambda = fixture.sandbox.lambda();
    lambda.function_names().map(|name| Ok((name.to_owned(), lambda.cold_starts(name)?))).collect()
}

/// The number of killed processes in the history of an execution.
async fn killed_processes(fixture: &Fixture, execution: &ExecutionSummary) -> TestResult<usize> {
    let history = fixture.history(execution).await?;
    let failed = history.into_iter().filter_map(|event| event.task_failed_event_details);
    let killed = failed.filter(|details| {
        details.error.as_deref() == Some("Runtime.ExitError")
            && details.cause.as_deref().is_some_and(|cause| cause.contains("signal: killed"))
    });
    Ok(killed.count())
}

/// The number of open uploads that no execution knows: Validate and Replicate opened them and were killed before they
/// responded.
fn expected_unknown_uploads(when: Life) -> usize {
    if when == Life::After { 2 } else { 0 }
}

#[tokio::test]
async fn every_function_killed_once_is_retried_and_the_backup_succeeds() -> TestResult {
    let binaries = binaries()?;
    for when in [Life::Before, Life::During, Life::After] {
        let setup = Setup { binaries: Some(binaries.clone()), ..Setup::default() }
            .with_parameter("MultipartThreshold", "8388608");
        let fixture = Fixture::start(setup).await?;

        for function in FUNCTIONS {
            kill(&fixture, function, when, Some(1)).await?;
        }
        fixture.upload("large.bin", vec![7; 9 << 20]).await?;
        let execution = fixture.wait_for_success().await?;

        assert_eq!(killed_processes(&fixture, &execution).await?, FUNCTIONS.len(), "{when:?}");
        let rules = request_faults(&fixture, "GET", "").await?;
        let fired: Vec<_> = rules["faults"].as_array().into_iter().flatten().map(|rule| &rule["fired"]).collect();
        assert_eq!(fired, [1; FUNCTIONS.len()], "{when:?}");
        assert!(
            started_processes(&fixture)?.values().all(|count| *count >= 2),
            "{when:?}: {:?}",
            started_processes(&fixture)?
        );

        let unknown_uploads = expected_unknown_uploads(when);
        let report = fixture.check_domain(Tolerance { unknown_uploads, ..Tolerance::default() }).await?;

        assert_eq!((report.proven, report.receipts, report.succeeded), (1, 1, 1), "{when:?}: {report}");
        assert_eq!(report.unknown_uploads, unknown_uploads, "{when:?}");

        fixture.sandbox.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_redrive_finishes_an_execution_whose_function_was_always_killed() -> TestResult {
    let setup =
        Setup { binaries: Some(binaries()?), ..Setup::default() }.with_parameter("MultipartThreshold", "8388608");
    let fixture = Fixture::start(setup).await?;

    for (number, when) in [Life::Before, Life::During, Life::After].into_iter().enumerate() {
        let key = format!("large-{number}.bin");
        kill(&fixture, "copy-part", when, None).await?;
        fixture.upload(&key, vec![7; 9 << 20]).await?;
        fixture.wait_for_executions(number + 1).await?;
        let execution = fixture.newest_execution().await?.ok_or("no execution")?;
        let described = fixture.describe(&execution.arn).await?;

        assert_eq!(described.error.as_deref(), Some("Runtime.ExitError"), "{when:?}: {:?}", described.cause);
        assert_eq!(killed_processes(&fixture, &execution).await? % 3, 0, "{when:?}: every slice was tried three times");

        assert_eq!(request_faults(&fixture, "DELETE", "").await?, json!({ "removed": 1 }));

        fixture.redrive(&execution.arn).await?;
        fixture.wait_for_executions(number + 1).await?;

        let path = fixture.path(&execution).await?;
        assert_eq!(times_entered(&path, "Validate"), 1, "{when:?}: {path:?}");
        let report = fixture.check_domain(Tolerance::default()).await?;
        assert_eq!((report.proven, report.succeeded), (number + 1, number + 1), "{when:?}: {report}");
        assert!(fixture.replica(&key).await? == vec![7; 9 << 20], "{when:?}");
    }
    fixture.sandbox.stop().await?;
    Ok(())
}
