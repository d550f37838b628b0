//! `holdfast up`: a sandbox that stays, and a line for each execution that ends in it.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::Write,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use sandbox::{Outputs, Sandbox};
use serde::Serialize;

use self::log::Log;
use super::{CommandError, print_line};
use crate::{
    Outcome,
    aws::Clients,
    cli::UpArguments,
    executions::Executions,
    interrupt::Interrupt,
    local::{self, Wanted},
    progress::Progress,
    stack::Stack,
    text,
};

mod log;

/// Runs until it is stopped.
pub(crate) async fn run(arguments: UpArguments, interrupt: &mut Interrupt) -> Result<Outcome, CommandError> {
    let ready = arguments.ready_file.as_deref().map(ReadyFile::claim).transpose()?;
    let data = arguments.data.as_deref().map(absolute).transpose()?;
    let wanted = Wanted { listen: arguments.listen, data, time_scale: 1.0, defaults: BTreeMap::new() };
    let progress = Progress::new();
    let sandbox = tokio::select! {
        started = local::start(&arguments.stack, wanted, &progress) => started?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    };
    drop(progress);
    let served = serve(&sandbox, &arguments, ready.as_ref(), interrupt).await;
    drop(ready);
    if !arguments.json {
        eprintln!("Stopping …");
    }
    tokio::select! {
        stopped = sandbox.stop() => stopped?,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    }
    served.map(|()| Outcome::Success)
}

async fn serve(
    sandbox: &Sandbox,
    arguments: &UpArguments,
    ready: Option<&ReadyFile<'_>>,
    interrupt: &mut Interrupt,
) -> Result<(), CommandError> {
    let stack = Stack::of(sandbox.outputs())?;
    let clients = Clients::new(&stack);
    let mut log =
        Log::new(Executions::new(clients.states.clone(), &stack.state_machine_arn), clients.s3, arguments.json);
    // Signals are heeded at every step, also while the executions of an earlier run are listed.
    let work = async {
        let earlier = log.skip_finished().await?;
        if let Some(file) = ready {
            file.write(sandbox.outputs())?;
        }
        print_welcome(sandbox, &stack, arguments, earlier)?;
        log.follow().await
    };
    tokio::select! {
        ended = work => ended,
        () = interrupt.wait() => Ok(()),
    }
}

/// The whole path, since it is told to others, who have current folders of their own.
fn absolute(path: &Path) -> Result<PathBuf, CommandError> {
    std::path::absolute(path).map_err(|error| CommandError::file(path, error))
}

/// The file that says that the sandbox serves. It is there only while that is true.
#[derive(Debug)]
struct ReadyFile<'a> {
    path: &'a Path,
    written: Cell<bool>,
}

impl<'a> ReadyFile<'a> {
    /// Removes what an earlier run left, and finds out now whether the file can be written later. The file of a sandbox
    /// that still serves is not touched.
    fn claim(path: &'a Path) -> Result<Self, CommandError> {
        let folder = folder_of(path);
        if !folder.is_dir() {
            return Err(CommandError::file(
                path,
                "its folder does not exist; make it first, or name another --ready-file",
            ));
        }
        if let Some(address) = serving(path) {
            let problem =
                format!("it belongs to a sandbox that serves at {address}; stop that, or name another --ready-file");
            return Err(CommandError::file(path, problem));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CommandError::file(path, format!("it cannot be replaced: {error}; name another --ready-file")))
            }
            _ => Ok(Self { path, written: Cell::new(false) }),
        }
    }

    /// Writes it whole: a reader sees nothing or everything.
    fn write(&self, outputs: &Outputs) -> Result<(), CommandError> {
        let failed = |error: std::io::Error| CommandError::file(self.path, format!("it cannot be written: {error}"));
        let mut file = tempfile::NamedTempFile::new_in(folder_of(self.path)).map_err(failed)?;
        serde_json::to_writer_pretty(&mut file, outputs)?;
        file.write_all(b"\n").map_err(failed)?;
        file.persist(self.path).map_err(|error| failed(error.error))?;
        self.written.set(true);
        Ok(())
    }
}

impl Drop for ReadyFile<'_> {
    fn drop(&mut self) {
        if self.written.get() {
            // Nothing is lost where it is gone already.
            let _ = std::fs::remove_file(self.path);
        }
    }
}

/// The address in a ready file, if something answers there.
fn serving(path: &Path) -> Option<SocketAddr> {
    let ready: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let address = ready["endpointUrl"].as_str()?.strip_prefix("http://")?.parse().ok()?;
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok().map(|_| address)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// One line of `--json`, told from the others by its field `type`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "type")]
enum Line<'a> {
    /// The sandbox serves.
    Serving(&'a Outputs),
}

fn print_welcome(
    sandbox: &Sandbox,
    stack: &Stack,
    arguments: &UpArguments,
    earlier: usize,
) -> Result<(), CommandError> {
    let outputs = sandbox.outputs();
    if arguments.json {
        return print_line(&serde_json::to_string(&Line::Serving(outputs))?);
    }
    let kept = match &arguments.data {
        Some(folder) => {
            let earlier = text::count(earlier, "execution");
            format!("Everything is kept in {}; it holds {earlier} from before.", folder.display())
        }
        None => {
            "Everything is kept in a temporary folder and gone when the sandbox stops; --data DIR keeps it.".to_owned()
        }
    };
    print_line(&format!(
        "\
{}
Mail to the topic's subscribers lands in {}.
The functions' logs are in {}.
{kept}
Ctrl-C stops it. Each execution that ends is a line below.
",
        welcome(stack),
        outputs.outbox_dir.display(),
        sandbox.logs_dir().display(),
    ))
}

fn welcome(stack: &Stack) -> String {
    let Stack { endpoint_url, region, replica_region, source_bucket, backup_bucket, replica_bucket, .. } = stack;
    let Stack { access_key_id, secret_access_key, receipt_bucket, receipt_prefix, state_machine_arn, .. } = stack;
    let replica = if replica_bucket.is_empty() {
        String::new()
    } else {
        format!("\n  aws s3 ls --recursive --region {replica_region} s3://{replica_bucket}/")
    };
    format!(
        "\
The sandbox serves at {endpoint_url}.

Point the AWS CLI, or any SDK, at it:
  export AWS_ENDPOINT_URL={endpoint_url}
  export AWS_ACCESS_KEY_ID={access_key_id}
  export AWS_SECRET_ACCESS_KEY={secret_access_key}
  export AWS_REGION={region} AWS_DEFAULT_REGION={region}

Back something up, and look at what became of it:
  aws s3 cp README.md s3://{source_bucket}/
  aws s3 ls --recursive s3://{backup_bucket}/{replica}
  aws s3 ls --recursive s3://{receipt_bucket}/{receipt_prefix}
  aws stepfunctions list-executions --state-machine-arn {state_machine_arn}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs() -> Outputs {
        Outputs {
            endpoint_url: "http://127.0.0.1:4510".to_owned(),
            region: "eu-west-1".to_owned(),
            access_key_id: "AKIA".to_owned(),
            secret_access_key: "secret".to_owned(),
            stack_name: "holdfast".to_owned(),
            outbox_dir: "/tmp/outbox".into(),
            outputs: [
                ("SourceBucketName", "source"),
                ("BackupBucketName", "backup"),
                ("ReplicaBucketName", "replica"),
                ("ReplicaRegion", "eu-central-1"),
                ("ReceiptBucketName", "backup"),
                ("ReceiptPrefix", ".holdfast/receipts/"),
                ("StateMachineArn", "arn:machine"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        }
    }

    #[test]
    fn the_ready_file_is_there_only_while_the_sandbox_serves() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("ready.json");
        std::fs::write(&path, "left by an earlier run")?;
        let file = ReadyFile::claim(&path)?;
        assert!(!path.exists(), "a reader would take the old file for the new one");
        file.write(&outputs())?;
        let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        assert_eq!(read["endpointUrl"], "http://127.0.0.1:4510");
        assert_eq!(read["outboxDir"], "/tmp/outbox");
        assert_eq!(read["stackName"], "holdfast");
        assert_eq!(read["outputs"]["SourceBucketName"], "source");
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }

    #[test]
    fn the_ready_file_of_a_sandbox_that_serves_is_left_alone() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("ready.json");
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::fs::write(&path, format!("{{\"endpointUrl\": \"http://{address}\"}}"))?;
        let refusal = ReadyFile::claim(&path).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refusal.contains(&format!("serves at {address}")), "{refusal}");
        assert!(path.exists());
        drop(listener);
        ReadyFile::claim(&path)?;
        assert!(!path.exists(), "what a sandbox left that is gone is removed");
        Ok(())
    }

    #[test]
    fn a_ready_file_in_a_folder_that_is_not_there_is_refused_before_anything_starts() {
        let refusal = ReadyFile::claim(Path::new("/no/such/folder/ready.json")).err().map(|error| error.to_string());
        assert!(refusal.is_some_and(|sentence| sentence.starts_with("/no/such/folder/ready.json: its folder")));
    }

    #[test]
    fn the_welcome_shows_the_replica_only_where_there_is_one() -> Result<(), Box<dyn std::error::Error>> {
        let stack = Stack::of(&outputs())?;
        assert!(welcome(&stack).contains("--region eu-central-1 s3://replica/"));
        let alone = Stack { replica_bucket: String::new(), ..stack };
        assert!(!welcome(&alone).contains("eu-central-1"));
        Ok(())
    }
}
