//! The same executions by the function binaries, as processes behind the Lambda Runtime API.

use std::{path::PathBuf, process::Command};

use holdfast_tests::{
    TestResult,
    world::{Setup, World, workspace},
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
