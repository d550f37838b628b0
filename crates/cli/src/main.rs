//! The holdfast command line: parses the arguments, runs one command, and turns its result into an exit code.

mod cli;
mod commands;
#[cfg(feature = "local")]
mod local;
mod output;
#[cfg(feature = "local")]
mod render;
#[cfg(all(test, feature = "local"))]
mod testing;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::{
    cli::{Cli, Command},
    commands::CommandError,
};

/// The result of a command that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The command succeeded.
    Success,
    /// The command found a problem and reported it.
    #[cfg(feature = "local")]
    Failure,
    /// The command checked a deployment, and something has to be fixed.
    Findings,
    /// The user stopped the command.
    #[cfg(feature = "local")]
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::SUCCESS,
            #[cfg(feature = "local")]
            Outcome::Failure => Self::FAILURE,
            Outcome::Findings => Self::from(3),
            // 128 plus the number of SIGINT, as shells report it.
            #[cfg(feature = "local")]
            Outcome::Interrupted => Self::from(130),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("HOLDFAST_LOG").unwrap_or_else(|_| EnvFilter::new("error,s3s=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(cli.command).await {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Stack(arguments) => commands::stack::run(arguments).await,
        Command::Doctor(arguments) => commands::doctor::run(arguments).await,
        #[cfg(feature = "local")]
        Command::Demo(arguments) => commands::demo::run(arguments, &mut local::interrupt::Interrupt::listen()?).await,
        #[cfg(feature = "local")]
        Command::Up(arguments) => commands::up::run(arguments, &mut local::interrupt::Interrupt::listen()?).await,
        #[cfg(feature = "local")]
        Command::Sandbox(arguments) => match arguments.command {
            commands::fault::SandboxCommand::Fault(arguments) => commands::fault::run(arguments).await,
        },
    }
}
