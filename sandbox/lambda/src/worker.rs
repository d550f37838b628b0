//! An execution environment of a function, for one invocation at a time: a process, or a handler inside this process.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use tokio::task::JoinSet;

use super::{
    handler::{Handler, HandlerSet},
    key::WorkerKey,
    outcome,
    process::{Call, Launch, Process},
};
use sandbox_core::{faults::CallOrigin, ports::Invocation};

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
    pub(super) async fn run(self, call: Call, origin: &CallOrigin) -> (Invocation, Option<Self>) {
        let Self { kind, key } = self;
        let (outcome, reusable) = match kind {
            Kind::Process(process) => run_process(process, call, origin).await,
            Kind::InProcess(handler) => run_handler(handler, call, origin).await,
        };
        (outcome, reusable.map(|kind| Self { kind, key }))
    }

    /// Ends the worker and waits for its end.
    pub(super) async fn end(self) {
        if let Kind::Process(process) = self.kind {
            process.kill().await;
        }
    }
}

async fn run_process(mut process: Box<Process>, call: Call, origin: &CallOrigin) -> (Invocation, Option<Kind>) {
    let request_id = call.request_id.clone();
    let ended = tokio::select! {
        biased;
        () = origin.killed() => None,
        ended = process.run(call) => Some(ended),
    };
    match ended {
        Some((outcome, true)) => (outcome, Some(Kind::Process(process))),
        Some((outcome, false)) => (outcome, None),
        None => {
            process.kill().await;
            (outcome::killed(&request_id), None)
        }
    }
}

async fn run_handler(handler: Arc<dyn Handler>, call: Call, origin: &CallOrigin) -> (Invocation, Option<Kind>) {
    let Call { request_id, payload, timeout, .. } = call;
    let deadline = SystemTime::now() + timeout;
    let running = Arc::clone(&handler);
    // A separate task, so that a panic ends the invocation and not the service. A `JoinSet`, because it aborts its task
    // on drop.
    let mut task = JoinSet::new();
    let ended = tokio::select! {
        biased;
        () = origin.killed() => None,
        ended = async {
            task.spawn(async move { running.call(payload, deadline).await });
            tokio::time::timeout(timeout, task.join_next()).await
        } => Some(ended),
    };
    match ended {
        Some(Ok(Some(Ok(outcome)))) => (outcome, Some(Kind::InProcess(handler))),
        Some(Ok(Some(Err(panic)))) => {
            let message = format!("RequestId: {request_id} Error: {panic}");
            (outcome::failed("Runtime.ExitError", &message), None)
        }
        Some(Ok(None)) => (outcome::exited(&request_id, None), None),
        Some(Err(_)) => (outcome::timed_out(&request_id, timeout), None),
        None => {
            task.shutdown().await;
            (outcome::killed(&request_id), None)
        }
    }
}
