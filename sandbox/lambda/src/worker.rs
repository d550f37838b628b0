//! An execution environment of a function, for one invocation at a time: a process, or a handler inside this process.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use tokio::task::JoinSet;

use super::{
    handler::{Handler, HandlerSet},
    key::WorkerKey,
    outcome,
    process::{Call, Launch, Process},
};
use sandbox_core::{faults::Working, ports::Invocation};

/// How the workers of one function start.
#[derive(Clone)]
pub(super) enum Launcher {
    Process(Launch),
    InProcess { set: Arc<dyn HandlerSet>, crate_name: String },
}

/// A started worker.
pub(super) struct Worker {
    kind: Kind,
    key: WorkerKey,
}

enum Kind {
    Process(Box<Process>),
    InProcess(Arc<dyn Handler>),
}

impl Worker {
    /// A cold start. The error is the invocation's outcome.
    pub(super) async fn start(
        launcher: &Launcher,
        key: WorkerKey,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Invocation> {
        let kind = match launcher {
            Launcher::Process(launch) => {
                let launch = Launch { environment: environment.clone(), ..launch.clone() };
                let process = Process::start(&launch).await;
                process
                    .map(|process| Kind::Process(Box::new(process)))
                    .map_err(|message| outcome::failed("Runtime.InvalidEntrypoint", &message))
            }
            Launcher::InProcess { set, crate_name } => set
                .handler(crate_name, environment)
                .map(Kind::InProcess)
                .map_err(|message| outcome::failed("Runtime.InitError", &message)),
        };
        Ok(Self { kind: kind?, key })
    }

    /// The access key ID of its own key.
    pub(super) fn access_key_id(&self) -> &str {
        &self.key.identity().access_key_id
    }

    /// Waits until the worker can run an invocation. The error is the outcome of the invocation that started the
    /// worker.
    pub(super) async fn ready(&mut self, request_id: &str) -> Result<(), Invocation> {
        match &mut self.kind {
            Kind::Process(process) => process.ready(request_id).await,
            Kind::InProcess(_) => Ok(()),
        }
    }

    /// Runs one invocation, unless or until it is killed. Returns the worker if it can run another one.
    pub(super) async fn run(self, call: Call, working: &Working) -> (Invocation, Option<Self>) {
        let Self { kind, key } = self;
        let request_id = call.request_id.clone();
        match kind {
            Kind::Process(mut process) => {
                let ended = tokio::select! {
                    biased;
                    () = working.killed() => None,
                    ended = process.run(call) => Some(ended),
                };
                match ended {
                    Some((outcome, true)) => (outcome, Some(Self { kind: Kind::Process(process), key })),
                    Some((outcome, false)) => (outcome, None),
                    None => {
                        process.kill().await;
                        (outcome::killed(&request_id), None)
                    }
                }
            }
            Kind::InProcess(handler) => {
                let deadline = SystemTime::now() + call.timeout;
                let running = Arc::clone(&handler);
                // A separate task, so that a panic ends the invocation and not the service. A `JoinSet`, because it
                // aborts its task on drop.
                let mut task = JoinSet::new();
                let ended = tokio::select! {
                    biased;
                    () = working.killed() => None,
                    ended = async {
                        task.spawn(async move { running.call(call.payload, deadline).await });
                        tokio::time::timeout(call.timeout, task.join_next()).await
                    } => Some(ended),
                };
                match ended {
                    Some(Ok(Some(Ok(outcome)))) => (outcome, Some(Self { kind: Kind::InProcess(handler), key })),
                    Some(Ok(Some(Err(panic)))) => {
                        let message = format!("RequestId: {request_id} Error: {panic}");
                        (outcome::failed("Runtime.ExitError", &message), None)
                    }
                    Some(Ok(None)) => (outcome::exited(&request_id, None), None),
                    Some(Err(_)) => (outcome::timed_out(&request_id, call.timeout), None),
                    None => {
                        task.shutdown().await;
                        (outcome::killed(&request_id), None)
                    }
                }
            }
        }
    }

    /// Ends the worker and waits for its end.
    pub(super) async fn end(self) {
        if let Kind::Process(process) = self.kind {
            process.kill().await;
        }
    }
}
