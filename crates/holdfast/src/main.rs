//! The holdfast command line: parses, runs one command, and turns its outcome into an exit code.

mod aws;
mod cli;
mod cli_faults;
mod commands;
mod executions;
mod functions_build;
mod history;
mod interrupt;
mod local;
mod progress;
mod proof;
mod settings;
mod stack;
mod text;
mod workspace;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::{
    cli::{Cli, Command},
    cli_faults::SandboxCommand,
    interrupt::Interrupt,
};

/// What a command that ran to its end found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Success,
    /// Something is not as it should be, and was said.
    Failure,
    /// The user stopped it.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::SUCCESS,
            Outcome::Failure => Self::FAILURE,
            // As a shell counts a process that SIGINT ended.
            Outcome::Interrupted => Self::from(130),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("HOLDFAST_LOG").unwrap_or_else(|_| EnvFilter::new("error,s3s=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let mut interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            eprintln!("error: the signals that stop holdfast cannot be listened for: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = match cli.command {
        Command::Demo(arguments) => commands::demo::run(arguments, &mut interrupt).await,
        Command::Up(arguments) => commands::up::run(arguments, &mut interrupt).await,
        Command::Sandbox(arguments) => match arguments.command {
            SandboxCommand::Fault(arguments) => commands::fault::run(arguments).await,
        },
    };
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
