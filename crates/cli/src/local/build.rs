//! Builds the functions with cargo, in the profile that this program was built in, and says where the binaries are.

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

use crate::progress::Stage;

/// The profile of this program.
pub(crate) const PROFILE: &str = if cfg!(debug_assertions) { "dev" } else { "release" };
/// Variables that `cargo run` sets about *this* package. Build scripts that watch them (ring's) would run again.
const OF_THIS_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// The functions could not be built or found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// Cargo is missing.
    #[error("{} cannot be started: {source}; install Rust from https://rustup.rs, or name a folder of built functions with --functions", .program.display())]
    NoCargo {
        /// What was tried.
        program: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Cargo's output could not be read.
    #[error("cargo's output cannot be read: {0}")]
    Output(#[from] std::io::Error),
    /// Cargo said no.
    #[error("the functions do not build; cargo says:\n\n{0}")]
    Cargo(String),
    /// Cargo said yes, yet named no binary.
    #[error("cargo built no binary named {function}; each function in template.yaml is a package of that name")]
    NoBinary {
        /// Which function.
        function: String,
    },
    /// A folder was named that lacks a function.
    #[error("{} holds no binary {function}; build the functions there, or leave {option} out", .folder.display())]
    NotThere {
        /// Which folder.
        folder: PathBuf,
        /// Which function.
        function: String,
        /// The option that named the folder.
        option: &'static str,
    },
    /// Where this program lies is unknown.
    #[error("the folder of this program cannot be told: {0}; name the functions' folder with --functions")]
    Myself(std::io::Error),
}

/// The part of cargo's messages that matters here
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

/// Builds the packages and answers the folder of their binaries.
pub(crate) async fn build(workspace: &Path, packages: &[String], stage: &Stage) -> Result<PathBuf, BuildError> {
    let mut child = spawn(workspace, packages)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (artifacts, said, status) =
        tokio::try_join!(read_artifacts(stdout), read_progress(stderr, stage), child.wait())?;
    if !status.success() {
        return Err(BuildError::Cargo(said));
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

/// The folder that the user named, once every function is in it.
pub(crate) fn given(folder: &Path, packages: &[String], option: &'static str) -> Result<PathBuf, BuildError> {
    let missing = packages.iter().find(|package| !folder.join(package.as_str()).is_file());
    match missing {
        Some(function) => Err(BuildError::NotThere { folder: folder.to_owned(), function: function.clone(), option }),
        None => Ok(folder.to_owned()),
    }
}

/// The folder that this program lies in, where cargo puts the functions too.
pub(crate) fn beside_this_program(packages: &[String]) -> Result<PathBuf, BuildError> {
    let program = std::env::current_exe().map_err(BuildError::Myself)?;
    given(program.parent().unwrap_or(Path::new("")), packages, "--no-build")
}

fn spawn(workspace: &Path, packages: &[String]) -> Result<Child, BuildError> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&program);
    command.current_dir(workspace).args(["build", "--profile", PROFILE, "--message-format=json-render-diagnostics"]);
    for package in packages {
        command.args(["--package", package]);
    }
    for (name, _) in std::env::vars_os() {
        if OF_THIS_PACKAGE.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    // Cargo then reports "Building [==>  ] 12/345: …" on a pipe too.
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
            // Messages of other kinds have no executable.
            artifacts.extend(serde_json::from_str::<Artifact>(&line).ok().filter(|found| found.executable.is_some()));
        }
    }
    Ok(artifacts)
}

/// Shows what cargo does, and answers what it said besides: warnings and errors.
async fn read_progress(output: Option<impl AsyncRead + Unpin>, stage: &Stage) -> std::io::Result<String> {
    let mut said = String::new();
    let Some(mut output) = output else { return Ok(said) };
    let mut pending = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = output.read(&mut buffer).await?;
        pending.extend_from_slice(&buffer[..read]);
        // A progress line ends with a carriage return, any other with a line feed.
        while let Some(end) = pending.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]).into_owned();
            if !show(line.trim_end(), stage) {
                said.push_str(line.trim_end());
                said.push('\n');
            }
        }
        if read == 0 {
            said.push_str(&String::from_utf8_lossy(&pending));
            return Ok(said.trim().to_owned());
        }
    }
}

/// Whether a line was about progress, which is shown at once and not kept.
fn show(line: &str, stage: &Stage) -> bool {
    let words = line.trim_start();
    if let Some((done, total, doing)) = progress_of(words) {
        stage.set(done, total, doing);
        return true;
    }
    if words.starts_with("Blocking waiting") {
        stage.note("waiting for another cargo");
        return true;
    }
    let routine = ["Compiling ", "Downloading ", "Downloaded ", "Locking ", "Updating ", "Fresh ", "Finished "];
    words.is_empty() || routine.iter().any(|verb| words.starts_with(verb))
}

/// Reads `Building [====>   ] 12/345: serde, tokio`.
fn progress_of(line: &str) -> Option<(u64, u64, &str)> {
    let (_, rest) = line.strip_prefix("Building ")?.split_once("] ")?;
    let (numbers, doing) = rest.split_once(": ").unwrap_or((rest, ""));
    let (done, total) = numbers.trim().split_once('/')?;
    Some((done.trim().parse().ok()?, total.trim().parse().ok()?, doing.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_progress_is_read_and_other_lines_are_not_taken_for_it() {
        assert_eq!(
            progress_of("Building [==>   ] 12/345: serde, tokio(build)"),
            Some((12, 345, "serde, tokio(build)"))
        );
        assert_eq!(progress_of("Building [=====>] 344/345"), Some((344, 345, "")));
        assert_eq!(progress_of("Compiling serde v1.0.0"), None);
        assert_eq!(progress_of("error[E0425]: cannot find value `x` in this scope"), None);
    }

    #[test]
    fn a_folder_without_one_of_the_functions_is_refused_by_name() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let packages = ["validate".to_owned(), "notify".to_owned()];
        std::fs::write(folder.path().join("validate"), "")?;
        let refusal = given(folder.path(), &packages, "--functions").err().map(|error| error.to_string());
        assert!(refusal.is_some_and(|sentence| sentence.contains("holds no binary notify")));
        std::fs::write(folder.path().join("notify"), "")?;
        assert_eq!(given(folder.path(), &packages, "--functions")?, folder.path());
        Ok(())
    }
}
