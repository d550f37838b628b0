//! The subcommands: one module each.

pub(crate) mod demo;
pub(crate) mod fault;
pub(crate) mod up;

use std::io::{ErrorKind, Write};

use crate::{aws::AwsError, local::LocalError, stack::MissingOutput};

/// Why a command could not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The sandbox did not start.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The template lacks an output.
    #[error(transparent)]
    Output(#[from] MissingOutput),
    /// The sandbox did not stop.
    #[error("the sandbox did not stop cleanly: {0}")]
    Stop(#[from] sandbox::SandboxError),
    /// A call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A sandbox did not do what was asked.
    #[error(transparent)]
    Fault(#[from] fault::FaultError),
    /// A file or folder of the user's cannot be used.
    #[error("{path}: {problem}")]
    File {
        /// Which one.
        path: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// Something is no JSON.
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Something cannot be printed.
    #[error("standard output cannot be written: {0}")]
    Print(std::io::Error),
}

impl CommandError {
    /// A problem with a file or folder.
    pub(crate) fn file(path: &std::path::Path, problem: impl std::fmt::Display) -> Self {
        Self::File { path: path.display().to_string(), problem: problem.to_string() }
    }
}

/// Prints a line. A reader that has seen enough, such as `head`, is no error.
pub(crate) fn print_line(line: &str) -> Result<(), CommandError> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Print(error)),
        _ => Ok(()),
    }
}
