//! One place where a function runs, one invocation at a time: a process, or a handler inside this process.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use tokio::task::JoinSet;

use super::{
    handler::{Handler, HandlerSet},
    outcome,
    process::{Call, Launch, Process},
};
use crate::ports::Invocation;

/// How the workers of one function are made.
#[derive(Clone)]
pub(super) enum Launcher {
    Process(Launch),
    InProcess { set: Arc<dyn HandlerSet>, crate_name: String },
}

/// A worker that was started.
pub(super) enum Worker {
    Process(Box<Process>),
    InProcess(Arc<dyn Handler>),
}

impl Worker {
    /// A cold start. The error is the invocation's outcome.
    pub(super) async fn start(launcher: &Launcher, environment: &BTreeMap<String, String>) -> Result<Self, Invocation> {
        match launcher {
            Launcher::Process(launch) => {
                let launch = Launch { environment: environment.clone(), ..launch.clone() };
                let process = Process::start(&launch).await;
                process
                    .map(|process| Self::Process(Box::new(process)))
                    .map_err(|message| outcome::failed("Runtime.InvalidEntrypoint", &message))
            }
            Launcher::InProcess { set, crate_name } => set
                .handler(crate_name, environment)
                .map(Self::InProcess)
                .map_err(|message| outcome::failed("Runtime.InitError", &message)),
        }
    }

    /// Waits until the worker can take an invocation. The error is the outcome of the one for which it was started.
    pub(super) async fn ready(&mut self, request_id: &str) -> Result<(), Invocation> {
        match self {
            Self::Process(process) => process.ready(request_id).await,
            Self::InProcess(_) => Ok(()),
        }
    }

    /// Runs one invocation. Answers the worker again if it can take another one.
    pub(super) async fn run(self, call: Call) -> (Invocation, Option<Self>) {
        match self {
            Self::Process(mut process) => {
                let (outcome, lives) = process.run(call).await;
                (outcome, lives.then_some(Self::Process(process)))
            }
            Self::InProcess(handler) => {
                let deadline = SystemTime::now() + call.timeout;
                let running = Arc::clone(&handler);
                // A task of its own, so that a panic ends the invocation and not the service.
                // A set, because it ends its task when it is dropped.
                let mut task = JoinSet::new();
                task.spawn(async move { running.call(call.payload, deadline).await });
                match tokio::time::timeout(call.timeout, task.join_next()).await {
                    Ok(Some(Ok(outcome))) => (outcome, Some(Self::InProcess(handler))),
                    Ok(Some(Err(panic))) => {
                        let message = format!("RequestId: {} Error: {panic}", call.request_id);
                        (outcome::failed("Runtime.ExitError", &message), None)
                    }
                    Ok(None) => (outcome::exited(&call.request_id, None), None),
                    Err(_) => (outcome::timed_out(&call.request_id, call.timeout), None),
                }
            }
        }
    }
}
