//! The commands of holdfast and their help.

use clap::{Parser, Subcommand};

#[cfg(feature = "local")]
use crate::commands::{demo::DemoArguments, fault::SandboxArguments, up::UpArguments};
use crate::commands::{doctor::DoctorArguments, stack::StackArguments};

#[cfg(feature = "local")]
const EXAMPLES: &str = "\
Examples:
  holdfast demo                       back up samples and show the proof
  holdfast demo ~/Pictures notes.txt  back up your own files and folders
  holdfast up                         start a sandbox for the AWS CLI and SDKs
  holdfast sandbox fault --help       make calls in that sandbox fail
  holdfast stack --stack backups      show the resources of a deployed stack
  holdfast doctor --stack backups     check the configuration of a stack

demo and up read template.yaml: run them inside a clone of the repository.";

#[cfg(not(feature = "local"))]
const EXAMPLES: &str = "\
Examples:
  holdfast stack --stack backups      show the resources of a deployed stack
  holdfast doctor --stack backups     check the configuration of a stack";

/// Event-driven, proven S3 backups.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 80)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Back up files in a temporary sandbox and show how each copy is proven
    #[cfg(feature = "local")]
    Demo(DemoArguments),
    /// Start a sandbox for the AWS CLI and SDKs
    #[cfg(feature = "local")]
    Up(UpArguments),
    /// Control a sandbox that `holdfast up` started
    #[cfg(feature = "local")]
    Sandbox(SandboxArguments),
    /// Find a deployed stack and show its buckets, topic and state machine
    Stack(StackArguments),
    /// Check the buckets, topic and state machine of a deployed stack
    Doctor(DoctorArguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_fits_80_columns() {
        let mut cli = Cli::command();
        cli.build();
        let mut commands = vec![cli];
        while let Some(mut command) = commands.pop() {
            for help in [command.render_help(), command.render_long_help()] {
                for line in help.to_string().lines() {
                    assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
                }
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
