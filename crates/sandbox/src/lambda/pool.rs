//! One function and its workers: warm ones are used again, new ones are started on demand up to the function's
//! concurrency.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;

use super::{
    configuration::{Configuration, Update},
    outcome::PAYLOAD_LIMIT,
    process::Call,
    worker::{Launcher, Worker},
};
use crate::{
    identity::Identity,
    ports::{ApiError, Invocation},
};

/// What every function is told alike.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) region: String,
    pub(super) endpoint_url: String,
    pub(super) path: String,
}

/// A function with its workers.
pub(super) struct Pool {
    identity: Identity,
    surroundings: Surroundings,
    launcher: Launcher,
    state: Mutex<State>,
    cold_starts: AtomicU64,
    invocations: AtomicU64,
}

struct State {
    configuration: Configuration,
    /// Workers of the present generation that wait for work; the last one that worked is used first.
    idle: Vec<Worker>,
    busy: u32,
}

impl Pool {
    pub(super) fn new(
        configuration: Configuration,
        identity: Identity,
        surroundings: Surroundings,
        launcher: Launcher,
    ) -> Self {
        Self {
            identity,
            surroundings,
            launcher,
            state: Mutex::new(State { configuration, idle: Vec::new(), busy: 0 }),
            cold_starts: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
        }
    }

    pub(super) fn configuration(&self) -> Configuration {
        self.state().configuration.clone()
    }

    /// Changes the configuration: idle workers end, busy ones end with their invocation.
    pub(super) fn update(&self, update: Update) -> Result<Configuration, ApiError> {
        let mut state = self.state();
        state.configuration.update(update)?;
        state.idle.clear();
        Ok(state.configuration.clone())
    }

    /// How many workers were started so far.
    pub(super) fn cold_starts(&self) -> u64 {
        self.cold_starts.load(Ordering::Relaxed)
    }

    /// How many invocations were begun so far.
    pub(super) fn invocations(&self) -> u64 {
        self.invocations.load(Ordering::Relaxed)
    }

    /// Ends every worker that waits for work.
    pub(super) fn retire_idle(&self) {
        self.state().idle.clear();
    }

    /// Refuses what AWS would refuse before the function runs, and otherwise takes the place of one invocation.
    pub(super) fn admit(&self, payload: &Bytes) -> Result<Place<'_>, ApiError> {
        if payload.len() > PAYLOAD_LIMIT {
            let message =
                format!("Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation");
            return Err(ApiError::new("RequestTooLargeException", message).with_status(413));
        }
        let mut state = self.state();
        let limit = state.configuration.function.reserved_concurrency.unwrap_or(super::ACCOUNT_CONCURRENCY);
        if state.busy >= limit {
            return Err(ApiError::new("TooManyRequestsException", "Rate Exceeded.").with_status(429));
        }
        state.busy += 1;
        Ok(Place { pool: self })
    }

    /// Runs one invocation on a warm worker, or on a new one.
    pub(super) async fn run(&self, _place: &Place<'_>, request_id: String, payload: Bytes) -> Invocation {
        self.invocations.fetch_add(1, Ordering::Relaxed);
        let (configuration, warm) = {
            let mut state = self.state();
            (state.configuration.clone(), state.idle.pop())
        };
        let worker = match warm {
            Some(worker) => worker,
            None => match self.start(&configuration).await {
                Ok(worker) => worker,
                Err(outcome) => return outcome,
            },
        };
        let call = Call {
            request_id,
            function_arn: configuration.function.arn.clone(),
            payload,
            timeout: configuration.timeout(),
        };
        let (outcome, worker) = worker.run(call).await;
        let mut state = self.state();
        if state.configuration.generation == configuration.generation {
            state.idle.extend(worker);
        }
        outcome
    }

    async fn start(&self, configuration: &Configuration) -> Result<Worker, Invocation> {
        self.cold_starts.fetch_add(1, Ordering::Relaxed);
        Worker::start(&self.launcher, &self.worker_environment(configuration)).await
    }

    fn worker_environment(&self, configuration: &Configuration) -> BTreeMap<String, String> {
        let Surroundings { region, endpoint_url, path } = &self.surroundings;
        configuration.worker_environment(&self.identity, region, endpoint_url, path)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the invocations that a function may run at once; given back when dropped.
pub(super) struct Place<'a> {
    pool: &'a Pool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pool.state().busy -= 1;
    }
}
