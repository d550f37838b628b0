//! Map Runs: what a distributed Map state makes of its items, each batch of them an execution of its own. Source: Step
//! Functions Developer Guide, "Viewing Map Runs" (`concepts-examine-map-run.html`), and the API reference of
//! `DescribeMapRun`.

mod record;

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub(crate) use record::{MapRunRecord, MapRunStatus, Origin, Settings};

use super::{
    Inner, clock,
    definition::Workflow,
    execution::{Execution, Stop},
};
use sandbox_core::store::{Batch, Order, Store, StoreError};

/// Map Runs by ARN.
const MAP_RUNS: &str = "states.mapRuns";
/// The inputs of their children by ARN and place.
const INPUTS: &str = "states.mapRunInputs";
/// How many inputs are written at one time.
const AT_ONCE: usize = 1_000;

/// The input of a child.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ChildInput {
    /// JSON text.
    pub(crate) text: String,
    /// How many items it holds.
    pub(crate) items: u64,
}

/// A Map Run.
#[derive(Debug)]
pub(crate) struct MapRun {
    store: Arc<Store>,
    arn: String,
    record: Mutex<MapRunRecord>,
    /// Told when the settings change.
    pub(crate) changed: watch::Sender<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MapRun {
    fn new(store: &Arc<Store>, record: MapRunRecord) -> Self {
        let changed = watch::Sender::new(());
        Self { store: Arc::clone(store), arn: record.arn(), record: Mutex::new(record), changed }
    }

    /// Its ARN.
    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

    /// A copy of the record.
    pub(crate) fn record(&self) -> MapRunRecord {
        locked(&self.record).clone()
    }

    /// Changes the record and writes it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut MapRunRecord)) -> MapRunRecord {
        let mut batch = Batch::default();
        let record = self.change_in(&mut batch, change);
        report(self.store.commit(&batch));
        self.changed.send_replace(());
        record
    }

    /// Changes the record and writes it together with other changes.
    pub(crate) fn change_in(&self, batch: &mut Batch, change: impl FnOnce(&mut MapRunRecord)) -> MapRunRecord {
        let mut record = locked(&self.record);
        change(&mut record);
        report(batch.put(MAP_RUNS, &self.arn, &*record));
        record.clone()
    }

    /// Ends it; an error and its cause say why it failed.
    pub(crate) fn end(
        &self,
        batch: &mut Batch,
        status: MapRunStatus,
        (error, cause): (Option<String>, Option<String>),
    ) {
        self.change_in(batch, |record| {
            record.status = status;
            record.stopped = Some(clock::now());
            (record.error, record.cause) = (error, cause);
        });
    }

    /// Keeps the inputs of the children; from then on it is known how many there are.
    pub(crate) fn put_inputs(&self, inputs: &[ChildInput]) -> Result<(), StoreError> {
        for (first, inputs) in (0..).step_by(AT_ONCE).zip(inputs.chunks(AT_ONCE)) {
            let mut batch = Batch::default();
            for (index, input) in (first..).zip(inputs) {
                batch.put(INPUTS, &self.key(index), input)?;
            }
            self.store.commit(&batch)?;
        }
        self.change(|record| {
            record.children = Some(inputs.len());
            record.items = inputs.iter().map(|input| input.items).sum();
        });
        Ok(())
    }

    /// The input of a child.
    pub(crate) fn input(&self, index: usize) -> Result<Option<ChildInput>, StoreError> {
        let key = self.key(index);
        let keys = (Bound::Included(key.as_str()), Bound::Included(key.as_str()));
        Ok(self.store.scan(INPUTS, keys, Order::Ascending, 1)?.pop().map(|(_, input)| input))
    }

    fn key(&self, index: usize) -> String {
        format!("{}#{index:09}", self.arn)
    }
}

fn report(written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::error!(%error, "a Map Run's state was not written and would be lost in a restart");
    }
}

/// Every Map Run.
#[derive(Debug)]
pub(crate) struct MapRuns {
    store: Arc<Store>,
    by_arn: Mutex<BTreeMap<String, Arc<MapRun>>>,
}

impl MapRuns {
    /// Reads the Map Runs from the store.
    pub(crate) fn load(store: &Arc<Store>) -> Result<Self, StoreError> {
        let records = store.load::<MapRunRecord>(MAP_RUNS)?.into_iter();
        let by_arn = records.map(|(arn, record)| (arn, Arc::new(MapRun::new(store, record)))).collect();
        Ok(Self { store: Arc::clone(store), by_arn: Mutex::new(by_arn) })
    }

    /// The Map Run with this ARN.
    pub(crate) fn get(&self, arn: &str) -> Option<Arc<MapRun>> {
        locked(&self.by_arn).get(arn).cloned()
    }

    /// Those of an execution, the newest first.
    pub(crate) fn of_execution(&self, arn: &str) -> Vec<Arc<MapRun>> {
        let runs = locked(&self.by_arn);
        let mut found: Vec<_> =
            runs.values().filter(|run| locked(&run.record).origin.execution == arn).cloned().collect();
        drop(runs);
        found.sort_by_key(|run| std::cmp::Reverse(locked(&run.record).number));
        found
    }

    /// Those that an entry into a state made, the newest first.
    pub(crate) fn of_entry(&self, origin: &Origin) -> Vec<Arc<MapRun>> {
        let mut found = self.of_execution(&origin.execution);
        found.retain(|run| locked(&run.record).origin == *origin);
        found
    }

    /// Adds a Map Run, which is written with the batch.
    pub(crate) fn add(&self, batch: &mut Batch, mut record: MapRunRecord) -> Arc<MapRun> {
        let mut runs = locked(&self.by_arn);
        record.number = runs.len() as u64 + 1;
        let run = Arc::new(MapRun::new(&self.store, record));
        run.change_in(batch, |_| {});
        runs.insert(run.arn.clone(), Arc::clone(&run));
        run
    }
}

impl Inner {
    /// The child of a Map Run at a place, where it was started.
    pub(crate) fn child(&self, record: &MapRunRecord, index: usize) -> Option<Arc<Execution>> {
        self.executions.get(&record.child_arn(index))
    }

    /// Ends the Map Runs of an execution, or of one of its lines of work and what is below it, that run.
    pub(crate) fn abort_map_runs(&self, execution: &str, path: &str) {
        let below = format!("{path}/");
        for run in self.map_runs.of_execution(execution) {
            let record = run.record();
            let is_meant = record.origin.path == path || record.origin.path.starts_with(&below);
            if !is_meant || record.status != MapRunStatus::Running {
                continue;
            }
            run.change(|record| {
                record.status = MapRunStatus::Aborted;
                record.stopped = Some(clock::now());
            });
            self.stop_children(&record);
        }
    }

    /// Ends the Map Runs that run and whose executions do not: the sandbox was killed in between.
    pub(crate) fn abort_orphaned_map_runs(&self) {
        let runs: Vec<_> = locked(&self.map_runs.by_arn).values().cloned().collect();
        for record in runs.iter().map(|run| run.record()).filter(|record| record.status == MapRunStatus::Running) {
            let execution = &record.origin.execution;
            if self.executions.get(execution).is_none_or(|execution| !execution.is_running()) {
                self.abort_map_runs(execution, "");
            }
        }
    }

    /// Whether an execution is a child that a Map Run which has ended would have stopped.
    pub(crate) fn is_abandoned(&self, execution: &Execution) -> bool {
        let child = execution.with_record(|record| record.child.clone());
        let Some(child) = child.filter(|child| child.workflow == Workflow::Standard) else { return false };
        self.map_runs.get(&child.map_run).is_some_and(|run| locked(&run.record).status != MapRunStatus::Running)
    }

    /// Stops the children that run. Those of type Express cannot be stopped: they come to their ends.
    pub(crate) fn stop_children(&self, record: &MapRunRecord) {
        if record.workflow == Workflow::Express {
            return;
        }
        let children = (0..record.children.unwrap_or(0)).filter_map(|index| self.child(record, index));
        for child in children.filter(|child| child.is_running()) {
            child.stop.send_if_modified(|stop| {
                let first = stop.is_none();
                stop.get_or_insert_with(Stop::default);
                first
            });
        }
    }
}
