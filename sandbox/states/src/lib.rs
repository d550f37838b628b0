//! Step Functions: Standard state machines in `JSONata`, their executions and histories, behind the AWS JSON 1.0
//! protocol (`X-Amz-Target: AWSStepFunctions.<operation>`).
//!
//! Everything is kept in memory and written through to the store. [`States::resume`] continues the executions that ran
//! when the sandbox stopped: a Task is called again unless its end is in the history, a Wait waits for the remaining
//! time, and a Map runs the iterations that had not ended. A redrive does the same.

mod announce;
mod api;
mod clock;
mod definition;
mod engine;
mod execution;
mod executions;
mod frame;
mod history;
mod jsonata;
mod limits;
mod machine;
mod map_run;
mod record;
mod redrive;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use execution::{Execution, Stop};
use executions::Executions;
use machine::{Machine, Machines};
use map_run::MapRuns;
use sandbox_core::{
    faults::Faults,
    ports::{ApiError, EventSink, TaskRunner},
    store::{Store, StoreError},
};

/// Options of the service that AWS does not have.
#[derive(Debug, Clone)]
pub struct Options {
    /// The factor for Wait states and the back-off of retriers: 0.01 makes a minute 0.6 seconds. Timeouts are not
    /// scaled.
    pub time_scale: f64,
    /// The fault rules for the Step Functions calls of states.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self { time_scale: 1.0, faults: Faults::default() }
    }
}

/// The service. Clones share it.
#[derive(Clone)]
pub struct States {
    inner: Arc<Inner>,
}

/// Whether the start of an execution sends the status event RUNNING.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announce {
    /// Only if the execution has not started before.
    IfNew,
    /// Always, because the execution is redriven.
    Always,
}

/// The shared data of the clones.
struct Inner {
    store: Arc<Store>,
    runner: Arc<dyn TaskRunner>,
    events: Arc<dyn EventSink>,
    region: String,
    machines: Machines,
    closing: CancellationToken,
    executions: Executions,
    map_runs: MapRuns,
    options: Options,
    /// The executions that ran when the sandbox stopped and are not resumed yet.
    interrupted: Mutex<Vec<Arc<Execution>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl States {
    /// Reads machines, executions and histories from the store. Nothing runs before [`States::resume`] or a start.
    pub fn new(
        store: Arc<Store>,
        runner: Arc<dyn TaskRunner>,
        events: Arc<dyn EventSink>,
        region: impl Into<String>,
        options: Options,
    ) -> Result<Self, StoreError> {
        let executions = Executions::load(&store)?;
        let inner = Inner {
            machines: Machines::load(&store)?,
            map_runs: MapRuns::load(&store)?,
            interrupted: Mutex::new(executions.running()),
            executions,
            store,
            runner,
            events,
            region: region.into(),
            closing: CancellationToken::new(),
            options,
            tasks: Mutex::new(JoinSet::new()),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Continues the executions that ran when the sandbox stopped, except those started since. Call it inside the
    /// runtime, when the services that Tasks call are available. Returns the number of executions.
    pub fn resume(&self) -> usize {
        self.inner.abort_orphaned_map_runs();
        let interrupted = std::mem::take(&mut *locked(&self.inner.interrupted));
        let resume = |execution: Arc<Execution>| {
            // The sandbox was killed while its Map Run was being aborted.
            if self.inner.is_abandoned(&execution) {
                execution.stop.send_replace(Some(Stop::default()));
            }
            Inner::launch(&self.inner, execution, Announce::IfNew);
        };
        interrupted.into_iter().map(resume).count()
    }

    /// Cancels the deletion of a state machine that waits for its executions: a machine of the template exists after a
    /// start, regardless of deletions in an earlier run.
    pub fn keep_machine(&self, arn: &str) -> Result<(), StoreError> {
        match self.inner.machines.get(arn) {
            Some(machine) => self.inner.machines.put(Machine { deleting: false, ..machine }),
            None => Ok(()),
        }
    }

    /// Performs an operation of the API.
    pub async fn handle(&self, operation: &str, body: Value) -> Result<Value, ApiError> {
        api::handle(&self.inner, operation, body).await
    }

    /// Starts a machine. Returns the execution's ARN.
    pub fn start_execution(
        &self,
        state_machine_arn: &str,
        name: Option<String>,
        input: &Value,
    ) -> Result<String, ApiError> {
        api::start(&self.inner, state_machine_arn, name, &input.to_string()).map(|execution| execution.record().arn)
    }

    /// Stops all work. Running executions stay RUNNING in the store and are resumed at the next start. Calls that Tasks
    /// have made are not awaited.
    pub async fn shutdown(&self) -> Result<(), StoreError> {
        self.inner.closing.cancel();
        let mut tasks = std::mem::take(&mut *locked(&self.inner.tasks));
        while tasks.join_next().await.is_some() {}
        self.inner.store.flush()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// A duration multiplied by the time scale.
    fn scaled(&self, time: Duration) -> Duration {
        Duration::try_from_secs_f64(time.as_secs_f64() * self.options.time_scale).unwrap_or(Duration::MAX)
    }

    /// Runs an execution in a separate task.
    fn launch(inner: &Arc<Self>, execution: Arc<Execution>, announce: Announce) {
        let mut tasks = locked(&inner.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(engine::drive(Arc::clone(inner), execution, announce));
    }

    /// Removes a machine that is being deleted when none of its executions runs.
    fn finish_deletion(&self, machine: &str) {
        if !self.machines.get(machine).is_some_and(|machine| machine.deleting) {
            return;
        }
        let runs = self.executions.running().iter().any(|one| one.with_record(|record| record.machine == machine));
        if !runs && let Err(error) = self.machines.remove(machine) {
            tracing::error!(%error, machine, "a deleted state machine could not be removed from the store");
        }
    }
}
