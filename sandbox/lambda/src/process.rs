//! A function's process: started from its binary with Lambda's environment, and killed with all its child processes.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, Command},
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    outcome,
    runtime_api::{Job, RuntimeApi},
};
use sandbox_core::ports::Invocation;

/// The maximum initialization time, before the function's own timeout starts.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer can arrive after the end of its process.
const ANSWER_GRACE: Duration = Duration::from_millis(200);

/// The parameters of a process.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) binary: PathBuf,
    pub(super) log: PathBuf,
    pub(super) environment: BTreeMap<String, String>,
}

/// A process that polls for invocations.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    api: RuntimeApi,
}

/// One invocation for a worker.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) request_id: String,
    pub(super) function_arn: String,
    pub(super) payload: Bytes,
    pub(super) timeout: Duration,
}

impl Process {
    /// Starts the binary.
    pub(super) async fn start(launch: &Launch) -> Result<Self, String> {
        let failed = |what: &str, path: &Path, error: std::io::Error| format!("{what} {}: {error}", path.display());
        let api = RuntimeApi::listen().await.map_err(|error| format!("no port for the Runtime API: {error}"))?;
        let log = OpenOptions::new().create(true).append(true).open(&launch.log);
        let log = log.map_err(|error| failed("cannot write the log", &launch.log, error))?;
        let errors = log.try_clone().map_err(|error| failed("cannot write the log", &launch.log, error))?;
        let child = Command::new(&launch.binary)
            .env_clear()
            .envs(&launch.environment)
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // A separate process group: Ctrl-C in the terminal reaches only the sandbox, which then ends its functions.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed("cannot start", &launch.binary, error))?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, group, api })
    }

    /// Runs one invocation in a process that is ready. Returns whether the process can run another one.
    pub(super) async fn run(&mut self, call: Call) -> (Invocation, bool) {
        let (reply, mut replied) = oneshot::channel();
        let deadline = Instant::now() + call.timeout;
        let job = Job {
            request_id: call.request_id.clone(),
            function_arn: call.function_arn,
            payload: call.payload,
            deadline: SystemTime::now() + call.timeout,
            reply,
        };
        self.api.send(job).await;
        tokio::select! {
            biased;
            Ok(outcome) = &mut replied => (outcome, true),
            status = self.child.wait() => {
                let last = tokio::time::timeout(ANSWER_GRACE, replied).await;
                let outcome = match last {
                    Ok(Ok(outcome)) => outcome,
                    _ => self.ended(&call.request_id, status.ok()),
                };
                (outcome, false)
            }
            () = tokio::time::sleep_until(deadline) => (outcome::timed_out(&call.request_id, call.timeout), false),
        }
    }

    /// Waits for the process's poll, at most for the initialization time. The error means that the process ended.
    pub(super) async fn ready(&mut self, request_id: &str) -> Result<(), Invocation> {
        // The process may have ended after its poll.
        if let Ok(Some(status)) = self.child.try_wait() {
            return Err(self.ended(request_id, Some(status)));
        }
        let polled = timeout_at(Instant::now() + INIT_LIMIT, self.api.polled());
        tokio::select! {
            biased;
            // After the limit the invocation starts, and its own timeout runs.
            _ = polled => Ok(()),
            status = self.child.wait() => Err(self.ended(request_id, status.ok())),
        }
    }

    /// Kills the process with its child processes, and waits for its end.
    pub(super) async fn kill(mut self) {
        self.kill_group();
        // An error means that the process has ended.
        let _ = self.child.wait().await;
    }

    fn kill_group(&self) {
        if let Some(group) = self.group {
            // An error means that the process group no longer exists.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    fn ended(&self, request_id: &str, status: Option<ExitStatus>) -> Invocation {
        match self.api.init_error() {
            Some(reported) => Invocation::Failed(reported),
            None => outcome::exited(request_id, status),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}
