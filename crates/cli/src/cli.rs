//! What users type, and the help they get.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::{cli_faults::SandboxArguments, settings::Setting};

const EXAMPLES: &str = "\
Examples:
  holdfast demo                       back up a small set of samples and show the proof
  holdfast demo ~/Pictures notes.txt  back up files and folders of yours
  holdfast up                         the same sandbox, staying, for the AWS CLI and SDKs
  holdfast sandbox fault --help       make its calls go wrong, to see what becomes of a backup then

Run it inside a clone of the repository: it reads template.yaml there.";

const DEMO_EXAMPLES: &str = "\
Examples:
  holdfast demo                              an empty file, odd names, and one large object
  holdfast demo ~/Pictures notes.txt         files and folders of yours
  holdfast demo --json | jq '.objects[].sha256'
  holdfast demo --set VERIFY_MODE=streamed   read every copy back before it is believed

Everything happens in a temporary folder, which is gone afterwards. The exit code is 0 if every object is proven.";

const UP_EXAMPLES: &str = "\
Examples:
  holdfast up
  holdfast up --data ./sandbox-data                  a restart finds everything again
  holdfast up --listen 127.0.0.1:0 --ready-file r.json
  holdfast up --set MULTIPART_THRESHOLD=8388608 --set VERIFY_MODE=streamed

Ctrl-C stops it.";

/// Event-driven S3 backups that are proven, replicated and receipted.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holdfast can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Back up files in a local sandbox and show how each copy is proven
    Demo(DemoArguments),
    /// Start a local sandbox that stays, for the AWS CLI and SDKs
    Up(UpArguments),
    /// Make things go wrong in a sandbox that stays
    Sandbox(SandboxArguments),
}

/// `holdfast demo`.
#[derive(Debug, Args)]
#[command(after_help = DEMO_EXAMPLES)]
pub(crate) struct DemoArguments {
    /// Files and folders to back up; without any, a small set is made
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Print one JSON document instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) stack: StackArguments,
}

/// `holdfast up`.
#[derive(Debug, Args)]
#[command(after_help = UP_EXAMPLES)]
pub(crate) struct UpArguments {
    /// Address to serve at; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4510", value_parser = listen_address)]
    pub(crate) listen: SocketAddr,
    /// Folder that keeps objects, executions and messages; without it they are gone when the sandbox stops
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// File to write, as JSON, once the sandbox serves: endpoint, keys, buckets, topic, state machine
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// Print JSON instead of text: one line about the sandbox, then one for each finished execution
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) stack: StackArguments,
}

/// How the functions come to be, and their configuration.
#[derive(Debug, Args)]
pub(crate) struct StackArguments {
    /// Set a variable of the functions' configuration, for example MULTIPART_THRESHOLD=8388608; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<Setting>,
    /// Folder with the functions' binaries; they are not built then
    #[arg(long, value_name = "DIR", conflicts_with = "no_build")]
    pub(crate) functions: Option<PathBuf>,
    /// Take the functions' binaries that lie beside this program instead of building them
    #[arg(long)]
    pub(crate) no_build: bool,
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| {
        "an address is an IP address and a port, for example 127.0.0.1:4510, or 127.0.0.1:0 for any free port"
            .to_owned()
    })
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
    fn localhost_is_an_address_and_a_host_without_a_port_is_not() {
        assert_eq!(listen_address("localhost:80"), Ok(SocketAddr::from(([127, 0, 0, 1], 80))));
        assert_eq!(listen_address("[::1]:0").map(|address| address.port()), Ok(0));
        assert!(listen_address("localhost").is_err());
        assert!(listen_address("127.0.0.1:99999").is_err());
    }

    #[test]
    fn a_folder_of_binaries_and_no_build_exclude_each_other() {
        let both = Cli::try_parse_from(["holdfast", "up", "--functions", "x", "--no-build"]);
        assert!(both.is_err());
    }
}
