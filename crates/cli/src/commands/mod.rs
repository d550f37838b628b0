//! The commands: one module each.

#[cfg(feature = "local")]
pub(crate) mod demo;
pub(crate) mod doctor;
#[cfg(feature = "local")]
pub(crate) mod fault;
pub(crate) mod stack;
#[cfg(feature = "local")]
pub(crate) mod up;

use std::io::{ErrorKind, Write};

use holdfast_operate::stack::FindStackError;
#[cfg(feature = "local")]
use holdfast_operate::{AwsError, faults::FaultError};

#[cfg(feature = "local")]
use crate::local::LocalError;

/// A command did not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The arguments are incomplete.
    #[error("{0}")]
    Usage(&'static str),
    /// The stack was not found.
    #[error(transparent)]
    FindStack(#[from] FindStackError),
    /// The sandbox did not start.
    #[cfg(feature = "local")]
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The sandbox did not stop.
    #[cfg(feature = "local")]
    #[error("the sandbox did not stop cleanly: {0}")]
    Stop(#[from] sandbox::SandboxError),
    /// A call to AWS failed.
    #[cfg(feature = "local")]
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A sandbox did not change its fault rules.
    #[cfg(feature = "local")]
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// A file or folder of the user cannot be used.
    #[cfg(feature = "local")]
    #[error("{path}: {problem}")]
    File {
        /// The file or folder.
        path: String,
        /// The problem and its remedy.
        problem: String,
    },
    /// The signals cannot be received.
    #[cfg(feature = "local")]
    #[error("the signals that stop holdfast cannot be received: {0}")]
    Signals(#[from] crate::local::interrupt::SignalError),
    /// The result cannot be written as JSON.
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Standard output cannot be written.
    #[error("standard output cannot be written: {0}")]
    Print(std::io::Error),
}

impl CommandError {
    /// A problem with a file or folder.
    #[cfg(feature = "local")]
    pub(crate) fn file(path: &std::path::Path, problem: impl std::fmt::Display) -> Self {
        Self::File { path: path.display().to_string(), problem: problem.to_string() }
    }

    /// The exit code, by which scripts distinguish errors.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // The exit code of clap for wrong usage.
            Self::Usage(_) => 2,
            #[cfg(feature = "local")]
            Self::Local(LocalError::Setting(_)) => 2,
            Self::FindStack(error) if error.is_not_found() => 4,
            _ => 1,
        }
    }
}

/// Prints a line. It is not an error if the reader has closed the pipe, as `head` does.
pub(crate) fn print_line(line: &str) -> Result<(), CommandError> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Print(error)),
        _ => Ok(()),
    }
}
