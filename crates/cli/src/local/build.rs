//! Builds the functions with cargo, in the profile of this program, and returns the folder of their binaries.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::{Child, Command},
};

use crate::render::progress::Phase;

/// The profile of this program.
pub(crate) const PROFILE: &str = if cfg!(debug_assertions) { "dev" } else { "release" };
/// Variables that `cargo run` sets for *this* package. They are removed from the build: build scripts that depend on
/// them, such as ring's, would run again.
const PACKAGE_VARIABLES: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// The functions could not be built or found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// Cargo is missing.
    #[error(
        "{} cannot be started: {source}; install Rust from https://rustup.rs, or name a folder of built functions with \
         --functions",
        .program.display()
    )]
    NoCargo {
        /// The program.
        program: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// Cargo's output could not be read.
    #[error("the output of cargo cannot be read: {0}")]
    Output(#[from] std::io::Error),
    /// The build failed.
    #[error("the functions cannot be built; the output of cargo:\n\n{0}")]
    Cargo(String),
    /// The build succeeded without a binary of this name.
    #[error("cargo built no binary named {function}; each function in template.yaml is a package of that name")]
    NoBinary {
        /// The function.
        function: String,
    },
    /// A folder lacks the binary of a function.
    #[error("{} has no binary {function}; build the functions there, or omit {option}", .folder.display())]
    NoBinaryInFolder {
        /// The folder.
        folder: PathBuf,
        /// The function.
        function: String,
        /// The option that named the folder.
        option: &'static str,
    },
    /// The folder of this program is unknown.
    #[error("the folder of this program cannot be found: {0}; name the folder of the functions with --functions")]
    OwnFolder(std::io::Error),
}

/// The fields of cargo's messages that are used
/// (<https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>).
#[derive(Debug, Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

/// Builds the packages and returns the folder of their binaries.
pub(crate) async fn build(workspace: &Path, packages: &[String], phase: &Phase) -> Result<PathBuf, BuildError> {
    let mut child = spawn(workspace, packages)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (artifacts, messages, status) =
        tokio::try_join!(read_artifacts(stdout), read_progress(stderr, phase), child.wait())?;
    if !status.success() {
        return Err(BuildError::Cargo(messages));
    }
    let mut folder = None;
    for package in packages {
        let binary = artifacts.iter().find(|artifact| artifact.target.name == *package);
        let path = binary.and_then(|artifact| artifact.executable.as_deref()).and_then(Path::parent);
        let path = path.ok_or_else(|| BuildError::NoBinary { function: package.clone() })?;
        folder.get_or_insert_with(|| path.to_owned());
    }
    folder.ok_or_else(|| BuildError::NoBinary { function: String::new() })
}

/// The folder that the user named, if it has every function.
pub(crate) fn prebuilt(folder: &Path, packages: &[String], option: &'static str) -> Result<PathBuf, BuildError> {
    let missing = packages.iter().find(|package| !folder.join(package.as_str()).is_file());
    match missing {
        Some(function) => {
            Err(BuildError::NoBinaryInFolder { folder: folder.to_owned(), function: function.clone(), option })
        }
        None => Ok(folder.to_owned()),
    }
}

/// The folder of this program, in which cargo also puts the functions.
pub(crate) fn beside_program(packages: &[String]) -> Result<PathBuf, BuildError> {
    let program = std::env::current_exe().map_err(BuildError::OwnFolder)?;
    prebuilt(program.parent().unwrap_or(Path::new("")), packages, "--no-build")
}

fn spawn(workspace: &Path, packages: &[String]) -> Result<Child, BuildError> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&program);
    command.current_dir(workspace).args(["build", "--profile", PROFILE, "--message-format=json-render-diagnostics"]);
    // With this package, the dependencies have the features of `cargo run --package holdfast` and are not built again.
    for package in packages.iter().map(String::as_str).chain([env!("CARGO_PKG_NAME")]) {
        command.args(["--package", package]);
    }
    for (name, _) in std::env::vars_os() {
        if PACKAGE_VARIABLES.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    // Makes cargo write "Building [==>  ] 12/345: …" to a pipe.
    command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "200");
    command.env("CARGO_TERM_COLOR", "never");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(|source| BuildError::NoCargo { program: program.into(), source })
}

async fn read_artifacts(output: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<Artifact>> {
    let mut artifacts = Vec::new();
    if let Some(output) = output {
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            // Other messages have no executable.
            artifacts.extend(serde_json::from_str::<Artifact>(&line).ok().filter(|found| found.executable.is_some()));
        }
    }
    Ok(artifacts)
}

/// Shows the progress of cargo, and returns its other messages: warnings and errors.
async fn read_progress(output: Option<impl AsyncRead + Unpin>, phase: &Phase) -> std::io::Result<String> {
    let mut messages = String::new();
    let Some(mut output) = output else { return Ok(messages) };
    let mut pending = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = output.read(&mut buffer).await?;
        pending.extend_from_slice(&buffer[..read]);
        // A progress line ends with a carriage return, any other with a line feed.
        while let Some(end) = pending.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]).into_owned();
            if !show_progress(line.trim_end(), phase) {
                messages.push_str(line.trim_end());
                messages.push('\n');
            }
        }
        if read == 0 {
            messages.push_str(&String::from_utf8_lossy(&pending));
            return Ok(messages.trim().to_owned());
        }
    }
}

/// Shows a line that reports progress. Returns false for another line.
fn show_progress(line: &str, phase: &Phase) -> bool {
    let text = line.trim_start();
    if let Some((done, total, doing)) = parse_progress(text) {
        phase.set(done, total, doing);
        return true;
    }
    if text.starts_with("Blocking waiting") {
        phase.note("waiting for another cargo");
        return true;
    }
    let routine = ["Compiling ", "Downloading ", "Downloaded ", "Locking ", "Updating ", "Fresh ", "Finished "];
    text.is_empty() || routine.iter().any(|verb| text.starts_with(verb))
}

/// Reads `Building [====>   ] 12/345: serde, tokio`.
fn parse_progress(line: &str) -> Option<(u64, u64, &str)> {
    let (_, rest) = line.strip_prefix("Building ")?.split_once("] ")?;
    let (numbers, doing) = rest.split_once(": ").unwrap_or((rest, ""));
    let (done, total) = numbers.trim().split_once('/')?;
    Some((done.trim().parse().ok()?, total.trim().parse().ok()?, doing.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_lines_of_cargo_are_recognized() {
        assert_eq!(
            parse_progress("Building [==>   ] 12/345: serde, tokio(build)"),
            Some((12, 345, "serde, tokio(build)"))
        );
        assert_eq!(parse_progress("Building [=====>] 344/345"), Some((344, 345, "")));
        assert_eq!(parse_progress("Compiling serde v1.0.0"), None);
        assert_eq!(parse_progress("error[E0425]: cannot find value `x` in this scope"), None);
    }

    #[test]
    fn a_folder_that_lacks_a_function_is_refused_with_its_name() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let packages = ["validate".to_owned(), "notify".to_owned()];
        std::fs::write(folder.path().join("validate"), "")?;
        let refusal = prebuilt(folder.path(), &packages, "--functions").err().map(|error| error.to_string());
        assert!(refusal.is_some_and(|sentence| sentence.contains("has no binary notify")));
        std::fs::write(folder.path().join("notify"), "")?;
        assert_eq!(prebuilt(folder.path(), &packages, "--functions")?, folder.path());
        Ok(())
    }
}
