//! One function and its workers. Warm workers are reused; new ones start on demand, up to the function's concurrency.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

use super::{
    configuration::{Configuration, Update},
    key::WorkerKey,
    outcome::{self, PAYLOAD_LIMIT},
    process::Call,
    worker::{Launcher, Worker},
};
use sandbox_core::{
    faults::{CallOrigin, Ending, Faults, Life, Moment},
    identity::Keyring,
    ports::{ApiError, Invocation},
};

/// The maximum number of idle workers of one function. A burst of events starts hundreds of workers of a few megabytes
/// each, and the next invocations reuse these.
const MAXIMUM_IDLE: usize = 4;

/// The environment of every function.
#[derive(Debug, Clone)]
pub(super) struct WorkerSettings {
    pub(super) region: String,
    pub(super) endpoint_url: String,
    pub(super) path: String,
    pub(super) keyring: Arc<Keyring>,
    pub(super) faults: Faults,
}

/// One invocation.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    /// The state that invokes the function.
    pub(super) state: Option<String>,
}

/// A function with its workers.
pub(super) struct Pool {
    settings: WorkerSettings,
    launcher: Launcher,
    state: Mutex<State>,
    cold_starts: AtomicU64,
    invocations: AtomicU64,
}

struct State {
    configuration: Configuration,
    /// Idle workers of the current generation. The most recently used one is reused first.
    idle: Vec<Worker>,
    busy: u32,
}

impl Pool {
    pub(super) fn new(configuration: Configuration, settings: WorkerSettings, launcher: Launcher) -> Self {
        Self {
            settings,
            launcher,
            state: Mutex::new(State { configuration, idle: Vec::new(), busy: 0 }),
            cold_starts: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
        }
    }

    pub(super) fn configuration(&self) -> Configuration {
        self.state().configuration.clone()
    }

    /// Changes the configuration. Idle workers end now, busy ones after their invocation.
    pub(super) fn update(&self, update: Update) -> Result<Configuration, ApiError> {
        let mut state = self.state();
        state.configuration.update(update)?;
        state.idle.clear();
        Ok(state.configuration.clone())
    }

    /// The number of workers started.
    pub(super) fn cold_starts(&self) -> u64 {
        self.cold_starts.load(Ordering::Relaxed)
    }

    /// The number of invocations started.
    pub(super) fn invocations(&self) -> u64 {
        self.invocations.load(Ordering::Relaxed)
    }

    /// Ends the idle workers.
    pub(super) fn retire_idle(&self) {
        self.state().idle.clear();
    }

    /// Rejects what AWS rejects before the function runs, and otherwise reserves a concurrency slot.
    pub(super) fn admit(&self, payload: &Bytes) -> Result<ConcurrencySlot<'_>, ApiError> {
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
        Ok(ConcurrencySlot { pool: self })
    }

    /// Runs one invocation, with the end that a fault rule requires.
    pub(super) async fn run_as(&self, slot: &ConcurrencySlot<'_>, job: Job, ending: &Ending) -> Invocation {
        let request_id = job.request_id.clone();
        match ending {
            Ending::FunctionError { error_type, message, at: Moment::Before } => {
                self.invocations.fetch_add(1, Ordering::Relaxed);
                outcome::failed(error_type, message)
            }
            Ending::FunctionError { error_type, message, at: Moment::After } => {
                self.run(slot, job, None).await;
                outcome::failed(error_type, message)
            }
            Ending::Kill(life) => {
                self.run(slot, job, Some(*life)).await;
                outcome::killed(&request_id)
            }
            _ => self.run(slot, job, None).await,
        }
    }

    /// Runs one invocation on a warm worker or a new one. For a killed invocation the caller ignores the outcome.
    async fn run(&self, _slot: &ConcurrencySlot<'_>, job: Job, kill: Option<Life>) -> Invocation {
        self.invocations.fetch_add(1, Ordering::Relaxed);
        let Job { request_id, payload, state } = job;
        let (configuration, worker) = self.ready_worker(&request_id).await;
        let worker = match worker {
            Ok(worker) => worker,
            Err(outcome) => return outcome,
        };
        let origin = CallOrigin::new(configuration.names(), state.as_deref());
        match kill {
            Some(Life::Before) => origin.kill(),
            Some(Life::During) => origin.kill_at_next_call(),
            Some(Life::After) | None => {}
        }
        let call = Call {
            request_id,
            function_arn: configuration.function.arn.clone(),
            payload,
            timeout: configuration.timeout(),
        };
        let key = worker.access_key_id().to_owned();
        let attribution = self.settings.faults.attribute(&key, Arc::clone(&origin));
        let (outcome, worker) = worker.run(call, &origin).await;
        drop(attribution);
        match worker {
            Some(worker) if kill.is_none() => self.return_worker(worker, configuration.generation),
            Some(worker) => worker.end().await,
            None => {}
        }
        outcome
    }

    /// A worker that is ready for the invocation, and the configuration that it was started with.
    async fn ready_worker(&self, request_id: &str) -> (Configuration, Result<Worker, Invocation>) {
        loop {
            let (configuration, warm) = {
                let mut state = self.state();
                (state.configuration.clone(), state.idle.pop())
            };
            let Some(mut worker) = warm else {
                let started = self.start(&configuration, request_id).await;
                return (configuration, started);
            };
            // A worker that ended while idle does not fail this invocation.
            if worker.ready(request_id).await.is_ok() {
                return (configuration, Ok(worker));
            }
        }
    }

    /// Keeps a worker for the next invocation, unless enough are idle or the configuration has changed.
    fn return_worker(&self, worker: Worker, generation: u64) {
        let mut state = self.state();
        if state.configuration.generation == generation && state.idle.len() < MAXIMUM_IDLE {
            state.idle.push(worker);
        }
    }

    async fn start(&self, configuration: &Configuration, request_id: &str) -> Result<Worker, Invocation> {
        self.cold_starts.fetch_add(1, Ordering::Relaxed);
        let WorkerSettings { region, endpoint_url, path, keyring, .. } = &self.settings;
        let key = WorkerKey::of(&configuration.function, keyring);
        let environment = configuration.worker_environment(key.identity(), region, endpoint_url, path);
        let mut worker = Worker::start(&self.launcher, key, &environment).await?;
        worker.ready(request_id).await?;
        Ok(worker)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A concurrency slot of the function, released on drop.
pub(super) struct ConcurrencySlot<'a> {
    pool: &'a Pool,
}

impl Drop for ConcurrencySlot<'_> {
    fn drop(&mut self) {
        self.pool.state().busy -= 1;
    }
}
