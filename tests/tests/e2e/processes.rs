//! The same executions by the function binaries, as processes behind the Lambda Runtime API.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use holdfast_tests::{
    TestResult,
    domain::Known,
    world::{Ended, Setup, World, workspace},
};
use sandbox::faults::Life;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const FUNCTIONS: [&str; 6] =
    ["validate", "copy-part", "complete-multipart", "checksum-verify", "cross-region-replicate", "notify"];

/// Builds the functions' binaries and answers the folder that they are in. A test's own build does not make them:
/// they are other packages' binaries.
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
async fn small_and_large_uploads_are_backed_up_by_the_real_binaries() -> TestResult {
    let setup = Setup { binaries: Some(binaries()?), ..Setup::default() }.with("MultipartThreshold", "8388608");
    let world = World::start(setup).await?;
    let large = vec![7; 17 << 20];
    world.upload("small.txt", "hello").await?;
    world.upload_in_parts("large.bin", &large, 5 << 20).await?;
    for execution in world.ended(2).await? {
        let path = world.path(&execution).await?;
        assert_eq!(path.last().map(String::as_str), Some("Notify"), "{path:?}");
    }
    assert_eq!(world.replica("small.txt").await?, b"hello");
    assert!(world.replica("large.bin").await? == large);
    assert_eq!((world.receipts().await?.len(), world.messages(2).await?.len()), (2, 2));
    Ok(())
}

/// Sends a request to the fault rules of a sandbox, as any HTTP client may, and answers what it says.
async fn faults(world: &World, method: &str, body: &str) -> TestResult<Value> {
    let address = world.outputs.endpoint_url.strip_prefix("http://").ok_or("the endpoint is one of http")?;
    let request = format!(
        "{method} /_sandbox/faults HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no end of its head")?;
    assert!(head.starts_with("HTTP/1.1 20"), "{method} {body}");
    Ok(serde_json::from_str(body)?)
}

/// Lets the process of a function die at this moment: the next one, or every one until the rules are lifted.
async fn kill(world: &World, function: &str, when: Life, times: Option<u64>) -> TestResult {
    let mut rule = json!({
        "match": { "service": "lambda", "operation": "Invoke", "function": function },
        "effect": { "kill": when },
    });
    if let Some(times) = times {
        rule["when"] = json!({ "times": times });
    }
    faults(world, "POST", &rule.to_string()).await?;
    Ok(())
}

/// How many processes of each function were started so far.
fn started(world: &World) -> TestResult<BTreeMap<String, u64>> {
    let lambda = world.sandbox.lambda();
    lambda.function_names().map(|name| Ok((name.to_owned(), lambda.cold_starts(name)?))).collect()
}

/// How often a function died in an execution, as its history tells.
async fn deaths(world: &World, execution: &Ended) -> TestResult<usize> {
    let history = world.history(execution).await?;
    let failed = history.into_iter().filter_map(|event| event.task_failed_event_details);
    let killed = failed.filter(|details| {
        details.error.as_deref() == Some("Runtime.ExitError")
            && details.cause.as_deref().is_some_and(|cause| cause.contains("signal: killed"))
    });
    Ok(killed.count())
}

/// How many uploads stay open that no execution knows of: Validate and Replicate opened them and died before they could
/// say so.
fn openings_nobody_heard_of(when: Life) -> usize {
    if when == Life::After { 2 } else { 0 }
}

#[tokio::test]
async fn every_function_whose_process_dies_once_is_run_again_and_the_backup_is_made() -> TestResult {
    let binaries = binaries()?;
    for when in [Life::Before, Life::During, Life::After] {
        let setup =
            Setup { binaries: Some(binaries.clone()), ..Setup::default() }.with("MultipartThreshold", "8388608");
        let world = World::start(setup).await?;
        for function in FUNCTIONS {
            kill(&world, function, when, Some(1)).await?;
        }
        world.upload("large.bin", vec![7; 9 << 20]).await?;
        let execution = world.succeeded().await?;
        assert_eq!(deaths(&world, &execution).await?, FUNCTIONS.len(), "{when:?}");
        let rules = faults(&world, "GET", "").await?;
        let fired: Vec<_> = rules["faults"].as_array().into_iter().flatten().map(|rule| &rule["fired"]).collect();
        assert_eq!(fired, [1; FUNCTIONS.len()], "{when:?}");
        assert!(started(&world)?.values().all(|count| *count >= 2), "{when:?}: {:?}", started(&world)?);
        let unanswered_openings = openings_nobody_heard_of(when);
        let report = world.check_domain(Known { unanswered_openings, ..Known::default() }).await?;
        assert_eq!((report.proven, report.receipts, report.succeeded), (1, 1, 1), "{when:?}: {report}");
        assert_eq!(report.unanswered_openings, unanswered_openings, "{when:?}");
        world.sandbox.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_function_whose_process_dies_every_time_fails_the_execution_and_a_redrive_finishes_it() -> TestResult {
    let setup = Setup { binaries: Some(binaries()?), ..Setup::default() }.with("MultipartThreshold", "8388608");
    let world = World::start(setup).await?;
    for (number, when) in [Life::Before, Life::During, Life::After].into_iter().enumerate() {
        let key = format!("large-{number}.bin");
        kill(&world, "copy-part", when, None).await?;
        world.upload(&key, vec![7; 9 << 20]).await?;
        world.ended(number + 1).await?;
        let execution = world.newest().await?.ok_or("no execution")?;
        let described = world.states.describe_execution().execution_arn(&execution.arn).send().await?;
        assert_eq!(described.error.as_deref(), Some("Runtime.ExitError"), "{when:?}: {:?}", described.cause);
        assert_eq!(deaths(&world, &execution).await? % 3, 0, "{when:?}: every slice was tried three times");

        assert_eq!(faults(&world, "DELETE", "").await?, json!({ "removed": 1 }));
        world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
        world.ended(number + 1).await?;
        let path = world.path(&execution).await?;
        assert_eq!(path.iter().filter(|state| *state == "Validate").count(), 1, "{when:?}: {path:?}");
        let report = world.check_domain(Known::default()).await?;
        assert_eq!((report.proven, report.succeeded), (number + 1, number + 1), "{when:?}: {report}");
        assert!(world.replica(&key).await? == vec![7; 9 << 20], "{when:?}");
    }
    world.sandbox.stop().await?;
    Ok(())
}
