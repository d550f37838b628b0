//! `holdfast up`: runs a sandbox until it is stopped, and prints a line for each execution that ends.

mod log;
mod ready_file;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use holdfast_operate::{Clients, Stack, executions::Executions, stack::ReadyFile};
use serde::Serialize;

use self::{log::Log, ready_file::ReadyFilePath};
use super::{CommandError, print_line};
use crate::{
    Outcome,
    local::{self, FunctionArguments, LocalOptions, LocalStack, interrupt::Interrupt},
    output::OutputFormat,
    render::{progress::Progress, text},
};

const EXAMPLES: &str = "\
Examples:
  holdfast up
  holdfast up --data ./sandbox-data  keep all data for the next start
  holdfast up --listen 127.0.0.1:0 --ready-file r.json
  holdfast up --set MULTIPART_THRESHOLD=8MiB --set VERIFY_MODE=streamed

Ctrl-C stops it.";

/// `holdfast up`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpArguments {
    /// Address to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4510", value_parser = listen_address)]
    listen: SocketAddr,
    /// Folder for all data; without it, all data is deleted when the sandbox stops
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// File for the endpoint, the keys and the stack outputs as JSON, written when the sandbox serves
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Format of the output; json prints one line for the sandbox and one for each execution that ends
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: OutputFormat,
    #[command(flatten)]
    functions: FunctionArguments,
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| {
        "an address is an IP address and a port, for example 127.0.0.1:4510, or 127.0.0.1:0 for any free port"
            .to_owned()
    })
}

/// Runs until it is stopped.
pub(crate) async fn run(arguments: UpArguments, interrupt: &mut Interrupt) -> Result<Outcome, CommandError> {
    let path = arguments.ready_file.as_deref().map(ReadyFilePath::claim).transpose()?;
    let data = arguments.data.as_deref().map(absolute).transpose()?;
    let options = LocalOptions { listen: arguments.listen, data, time_scale: 1.0, defaults: BTreeMap::new() };
    let progress = Progress::new();
    let local = tokio::select! {
        started = local::start(&arguments.functions, options, &progress) => started?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    };
    drop(progress);
    let served = serve(&local, &arguments, path.as_ref(), interrupt).await;
    drop(path);
    if arguments.output == OutputFormat::Text {
        eprintln!("Stopping …");
    }
    tokio::select! {
        stopped = local.sandbox.stop() => stopped?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    }
    served.map(|()| Outcome::Success)
}

async fn serve(
    local: &LocalStack,
    arguments: &UpArguments,
    path: Option<&ReadyFilePath<'_>>,
    interrupt: &mut Interrupt,
) -> Result<(), CommandError> {
    let clients = Clients::connect(&local.stack).await;
    let executions = Executions::new(clients.states, &local.stack.state_machine_arn);
    let mut log = Log::new(executions, clients.s3, arguments.output);
    // A signal stops every step, including the listing of earlier executions.
    let work = async {
        let earlier = log.skip_finished().await?;
        if let Some(path) = path {
            path.write(&local.ready_file)?;
        }
        print_welcome(local, arguments, earlier)?;
        log.follow().await
    };
    tokio::select! {
        ended = work => ended,
        () = interrupt.wait() => Ok(()),
    }
}

/// The absolute path, because programs that read it have other current folders.
fn absolute(path: &Path) -> Result<PathBuf, CommandError> {
    std::path::absolute(path).map_err(|error| CommandError::file(path, error))
}

/// The first line of `--output json`. The field `type` distinguishes it from the others.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "type")]
enum Line<'a> {
    /// The sandbox serves.
    Serving(&'a ReadyFile),
}

fn print_welcome(local: &LocalStack, arguments: &UpArguments, earlier: usize) -> Result<(), CommandError> {
    let LocalStack { sandbox, ready_file, stack } = local;
    if arguments.output == OutputFormat::Json {
        return print_line(&serde_json::to_string(&Line::Serving(ready_file))?);
    }
    let data = match &arguments.data {
        Some(folder) => {
            let earlier = text::count(earlier, "execution");
            format!("All data is kept in {}, which has {earlier} of earlier runs.", folder.display())
        }
        None => "All data is deleted when the sandbox stops. Use --data DIR to keep it.".to_owned(),
    };
    print_line(&format!(
        "\
{}
Mail to the subscribers of the topic is written to {}.
The logs of the functions are in {}.
{data}
Ctrl-C stops the sandbox. A line below reports each execution that ends.
",
        welcome(ready_file, stack),
        ready_file.outbox_dir.display(),
        sandbox.logs_dir().display(),
    ))
}

fn welcome(ready_file: &ReadyFile, stack: &Stack) -> String {
    let ReadyFile { endpoint_url, access_key_id, secret_access_key, .. } = ready_file;
    let Stack { region, source_bucket, backup_bucket, receipts, state_machine_arn, .. } = stack;
    let replica = stack.replica.as_ref().map_or_else(String::new, |replica| {
        format!("\n  aws s3 ls --recursive --region {} s3://{}/", replica.region, replica.bucket)
    });
    format!(
        "\
The sandbox serves at {endpoint_url}.

Point the AWS CLI, or any SDK, at it:
  export AWS_ENDPOINT_URL={endpoint_url}
  export AWS_ACCESS_KEY_ID={access_key_id}
  export AWS_SECRET_ACCESS_KEY={secret_access_key}
  export AWS_REGION={region} AWS_DEFAULT_REGION={region}

Upload an object, and list the results:
  aws s3 cp README.md s3://{source_bucket}/
  aws s3 ls --recursive s3://{backup_bucket}/{replica}
  aws s3 ls --recursive s3://{}/{}
  aws stepfunctions list-executions --state-machine-arn {state_machine_arn}
",
        receipts.bucket, receipts.prefix
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{cli::Cli, testing::ready_file};

    #[test]
    fn the_welcome_shows_the_replica_only_if_one_is_configured() -> Result<(), CommandError> {
        let ready_file = ready_file();
        let stack = ready_file.stack()?;
        assert!(welcome(&ready_file, &stack).contains("--region eu-central-1 s3://replica/"));
        let alone = Stack { replica: None, ..stack };
        assert!(!welcome(&ready_file, &alone).contains("eu-central-1"));
        Ok(())
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
