//! An execution: its record, its history, and its frames.
//!
//! A frame describes one flow: the machine's own (path `""`), a Map iteration or a Parallel branch (the parent's path
//! and `/index`). It holds the current state with its input and variables, and how the flow ended. A restarted sandbox
//! continues from the frames, and so does a redrive.
//!
//! Related changes are written in one batch, so a sandbox that is killed finds either all of them or none. History and
//! frames are in memory while the execution runs; those of an ended execution are read from the store on demand.

mod data;
mod flows;
mod reading;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{
    frame::Frame,
    history::Note,
    limits,
    record::{Record, Status},
};
use data::ExecutionData;
pub(crate) use reading::Span;
use sandbox_core::store::{Batch, Store, StoreError};

/// Executions by ARN.
const EXECUTIONS: &str = "states.executions";
/// Events by ARN and ID.
const HISTORY: &str = "states.history";
/// Frames by ARN and path.
const FRAMES: &str = "states.frames";

/// The history has no room for another event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HistoryFull;

/// A request to stop an execution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
}

/// Whether a redrive keeps the flows below the machine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChildFlows {
    /// The flows continue.
    Kept,
    /// The state that contains the flows runs again from its start.
    Discarded,
}

/// An execution that runs or has ended.
#[derive(Debug)]
pub(crate) struct Execution {
    store: Arc<Store>,
    arn: String,
    record: Mutex<Record>,
    /// `None` for an ended execution whose data was not read since.
    data: Mutex<Option<ExecutionData>>,
    /// Set by a request to stop; cleared by a redrive.
    pub(crate) stop: watch::Sender<Option<Stop>>,
    /// Notified each time the execution ends.
    pub(crate) ended: watch::Sender<()>,
    /// Held while the execution runs. A redrive starts only after the status event of the previous end is sent.
    pub(crate) driver_lock: tokio::sync::Mutex<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Execution {
    /// A new execution with its first event, written to the store.
    pub(crate) fn new(store: &Arc<Store>, record: Record, first: Note<'_>) -> Result<Self, StoreError> {
        let execution = Self::assemble(store, record, Some(ExecutionData::default()));
        let mut batch = Batch::default();
        batch.put(EXECUTIONS, &execution.arn, &*locked(&execution.record))?;
        if execution.push(&mut batch, 0, first, None, limits::HISTORY).is_err() {
            tracing::error!("a new history has no room for its first event");
        }
        store.commit(&batch)?;
        Ok(execution)
    }

    /// Every execution in the store.
    pub(crate) fn load(store: &Arc<Store>) -> Result<Vec<Arc<Self>>, StoreError> {
        let records = store.load::<Record>(EXECUTIONS)?;
        Ok(records.into_iter().map(|(_, record)| Arc::new(Self::assemble(store, record, None))).collect())
    }

    fn assemble(store: &Arc<Store>, record: Record, data: Option<ExecutionData>) -> Self {
        Self {
            store: Arc::clone(store),
            arn: record.arn.clone(),
            record: Mutex::new(record),
            data: Mutex::new(data),
            stop: watch::Sender::new(None),
            ended: watch::Sender::new(()),
            driver_lock: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn record(&self) -> Record {
        locked(&self.record).clone()
    }

    /// Reads the record without copying its input and output.
    pub(crate) fn with_record<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        look(&locked(&self.record))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.with_record(|record| record.status == Status::Running)
    }

    fn with<T>(&self, work: impl FnOnce(&mut ExecutionData) -> T) -> T {
        let mut data = locked(&self.data);
        work(data.get_or_insert_with(|| self.read()))
    }

    /// Adds an event to a flow.
    pub(crate) fn append(&self, path: &str, kind: &str, details: Map<String, Value>) -> Result<u64, HistoryFull> {
        let mut batch = Batch::default();
        let id = self.append_in(&mut batch, path, Note { kind, details })?;
        self.commit(&batch);
        Ok(id)
    }

    /// Adds an event to a flow, in a batch.
    pub(crate) fn append_in(&self, batch: &mut Batch, path: &str, note: Note<'_>) -> Result<u64, HistoryFull> {
        self.push(batch, self.cursor(path), note, Some(path), limits::HISTORY - 1)
    }

    /// Adds the event of entering a state, with the frame from which a restart continues. Removes the flows below.
    pub(crate) fn enter(
        &self,
        mut batch: Batch,
        path: &str,
        note: Note<'_>,
        frame: Frame,
    ) -> Result<Frame, HistoryFull> {
        self.remove_flows_below_in(&mut batch, path);
        let entered_event = self.append_in(&mut batch, path, note)?;
        let frame = Frame { entered_event, ..frame };
        self.put_frame_in(&mut batch, path, frame.clone());
        self.commit(&batch);
        Ok(frame)
    }

    /// Adds the first event of a flow, after a given event, with the flow's frame.
    pub(crate) fn begin(&self, previous: u64, path: &str, note: Note<'_>, frame: Frame) -> Result<(), HistoryFull> {
        let mut batch = Batch::default();
        self.push(&mut batch, previous, note, Some(path), limits::HISTORY - 1)?;
        self.put_frame_in(&mut batch, path, frame);
        self.commit(&batch);
        Ok(())
    }

    /// Adds an event that no other event follows.
    pub(crate) fn note(&self, previous: u64, kind: &str, details: Map<String, Value>) -> Result<u64, HistoryFull> {
        let mut batch = Batch::default();
        let id = self.note_in(&mut batch, previous, Note { kind, details })?;
        self.commit(&batch);
        Ok(id)
    }

    /// Adds an event that no other event follows, in a batch.
    pub(crate) fn note_in(&self, batch: &mut Batch, previous: u64, note: Note<'_>) -> Result<u64, HistoryFull> {
        self.push(batch, previous, note, None, limits::HISTORY - 1)
    }

    /// Adds the last event, for which there is always room, and changes the record. If the execution succeeded, its
    /// flows are removed. The caller must have stopped all work on the execution.
    pub(crate) fn conclude(&self, note: Note<'_>, change: impl FnOnce(&mut Record)) -> Record {
        let mut batch = Batch::default();
        let mut record = locked(&self.record);
        record.events = self.push(&mut batch, self.cursor(""), note, None, u64::MAX).unwrap_or_default();
        change(&mut record);
        let mut data = locked(&self.data);
        if record.status == Status::Succeeded {
            for path in data.iter().flat_map(|data| data.frames.keys()) {
                batch.delete(FRAMES, &self.key(path));
            }
        }
        report(batch.put(EXECUTIONS, &self.arn, &*record));
        self.commit(&batch);
        *data = None;
        record.clone()
    }

    /// Changes the record and adds an event after the last one, unless `change` fails. The record is locked during the
    /// change.
    pub(crate) fn reopen<T, E>(
        &self,
        change: impl FnOnce(&mut Record) -> Result<(T, Note<'static>, ChildFlows), E>,
    ) -> Result<T, E> {
        let mut record = locked(&self.record);
        let (answer, note, flows) = change(&mut record)?;
        let mut batch = Batch::default();
        report(batch.put(EXECUTIONS, &self.arn, &*record));
        if flows == ChildFlows::Discarded {
            self.remove_flows_below_in(&mut batch, "");
        }
        let last = self.with(|data| data.history.last().map_or(0, |event| event.id));
        if self.push(&mut batch, last, note, Some(""), u64::MAX).is_err() {
            tracing::error!("the history rejected the event of a redrive");
        }
        self.commit(&batch);
        Ok(answer)
    }

    /// Restarts with another first event. Removes history and flows.
    pub(crate) fn start_over(&self, first: Note<'_>, change: impl FnOnce(&mut Record)) {
        let mut batch = Batch::default();
        let mut record = locked(&self.record);
        change(&mut record);
        self.stop.send_replace(None);
        self.with(|data| {
            let old = std::mem::take(data);
            old.history.iter().for_each(|event| batch.delete(HISTORY, &self.event_key(event.id)));
            old.frames.keys().for_each(|path| batch.delete(FRAMES, &self.key(path)));
        });
        report(batch.put(EXECUTIONS, &self.arn, &*record));
        if self.push(&mut batch, 0, first, None, u64::MAX).is_err() {
            tracing::error!("a new history has no room for its first event");
        }
        self.commit(&batch);
    }

    /// Adds an event. If the history is full, the batch is written immediately, because the execution ends.
    fn push(
        &self,
        batch: &mut Batch,
        previous: u64,
        note: Note<'_>,
        flow: Option<&str>,
        most: u64,
    ) -> Result<u64, HistoryFull> {
        let pushed = self.with(|data| {
            let event = data.push(previous, note, flow, most)?;
            report(batch.put(HISTORY, &self.event_key(event.id), event));
            Ok(event.id)
        });
        if pushed.is_err() {
            self.commit(&std::mem::take(batch));
        }
        pushed
    }

    /// Writes a batch of changes.
    pub(crate) fn commit(&self, batch: &Batch) {
        report(self.store.commit(batch));
    }

    fn key(&self, rest: &str) -> String {
        format!("{}#{rest}", self.arn)
    }

    fn event_key(&self, id: u64) -> String {
        self.key(&format!("{id:08}"))
    }
}

/// A failed write affects only a later restart; the execution itself continues.
fn report(written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::error!(%error, "an execution's state was not written and would be lost in a restart");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;
    use sandbox_core::store::Order;

    #[test]
    fn an_ended_execution_has_its_history_only_in_the_store() {
        let store = Arc::new(Store::in_memory().unwrap());
        let record = json!({"arn": "arn:e", "name": "e", "machine": "m", "revision": "r", "number": 1,
                            "status": "RUNNING", "started": 0, "input": "{}", "redrives": 0});
        let note = |kind| Note { kind, details: Map::new() };
        let record = serde_json::from_value(record).unwrap();
        let execution = Execution::new(&store, record, note("ExecutionStarted")).unwrap();
        execution.put_frame("", Frame::before("A", "Pass", json!(1)));
        assert!(locked(&execution.data).is_some());
        execution.conclude(note("ExecutionSucceeded"), |record| record.status = Status::Succeeded);
        assert!(locked(&execution.data).is_none());
        let events = execution.events(Span { after: None, order: Order::Ascending, limit: 9 }).unwrap();
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["ExecutionStarted", "ExecutionSucceeded"]);
        assert!(locked(&execution.data).is_none());
        assert_eq!(execution.frame("").map(|frame| frame.state), None, "the flows were removed");
    }
}
