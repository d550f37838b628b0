//! Map Runs: the executions of a distributed Map state, one for each item or batch of items. Source: Step Functions
//! Developer Guide, "Viewing Map Runs" (`concepts-examine-map-run.html`), and the API reference of `DescribeMapRun`.

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
/// The inputs of their children by ARN and index.
const INPUTS: &str = "states.mapRunInputs";
/// The number of inputs in one batch of writes.
const AT_ONCE: usize = 1_000;

/// The input of a child.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ChildInput {
    /// JSON text.
    pub(crate) text: String,
    /// The number of items in it.
    pub(crate) items: u64,
}

#[derive(Debug)]
pub(crate) struct MapRun {
    store: Arc<Store>,
    arn: String,
    record: Mutex<MapRunRecord>,
    /// Notified when the settings change.
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

    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

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

    /// Changes the record and writes it in a batch.
    pub(crate) fn change_in(&self, batch: &mut Batch, change: impl FnOnce(&mut MapRunRecord)) -> MapRunRecord {
        let mut record = locked(&self.record);
        change(&mut record);
        report(batch.put(MAP_RUNS, &self.arn, &*record));
        record.clone()
    }

    /// Ends the Map Run, with an error and a cause if it failed.
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

    /// Writes the inputs of the children, and their number.
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

    pub(crate) fn get(&self, arn: &str) -> Option<Arc<MapRun>> {
        locked(&self.by_arn).get(arn).cloned()
    }

    /// The Map Runs of an execution, newest first.
    pub(crate) fn of_execution(&self, arn: &str) -> Vec<Arc<MapRun>> {
        let runs = locked(&self.by_arn);
        let mut found: Vec<_> =
            runs.values().filter(|run| locked(&run.record).origin.execution == arn).cloned().collect();
        drop(runs);
        found.sort_by_key(|run| std::cmp::Reverse(locked(&run.record).number));
        found
    }

    /// The Map Runs of one entry into a state, newest first.
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
    /// The child of a Map Run with this index, if it was started.
    pub(crate) fn child(&self, record: &MapRunRecord, index: usize) -> Option<Arc<Execution>> {
        self.executions.get(&record.child_arn(index))
    }

    /// Aborts the running Map Runs of a flow and the flows below it.
    pub(crate) fn abort_map_runs(&self, execution: &str, path: &str) {
        let below = format!("{path}/");
        for run in self.map_runs.of_execution(execution) {
            let record = run.record();
            let is_below = record.origin.path == path || record.origin.path.starts_with(&below);
            if !is_below || record.status != MapRunStatus::Running {
                continue;
            }
            run.change(|record| {
                record.status = MapRunStatus::Aborted;
                record.stopped = Some(clock::now());
            });
            self.stop_children(&record);
        }
    }

    /// Aborts the running Map Runs of ended executions: the sandbox was killed in between.
    pub(crate) fn abort_orphaned_map_runs(&self) {
        let runs: Vec<_> = locked(&self.map_runs.by_arn).values().cloned().collect();
        for record in runs.iter().map(|run| run.record()).filter(|record| record.status == MapRunStatus::Running) {
            let execution = &record.origin.execution;
            if self.executions.get(execution).is_none_or(|execution| !execution.is_running()) {
                self.abort_map_runs(execution, "");
            }
        }
    }

    /// Whether an execution is a Standard child of a Map Run that has ended.
    pub(crate) fn is_abandoned(&self, execution: &Execution) -> bool {
        let child = execution.with_record(|record| record.child.clone());
        let Some(child) = child.filter(|child| child.workflow == Workflow::Standard) else { return false };
        self.map_runs.get(&child.map_run).is_some_and(|run| locked(&run.record).status != MapRunStatus::Running)
    }

    /// Stops the running children. Express children cannot be stopped, so they continue to their ends.
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
