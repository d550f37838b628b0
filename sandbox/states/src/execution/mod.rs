//! An execution: its record, its history, and its frames.
//!
//! A frame is one line of work: the machine's own (path `""`), a Map's iteration or a Parallel's branch (the parent's
//! path and `/index`). It holds the state it is in with that state's input and the variables of that moment, and how it
//! ended. A sandbox that is started again continues from that, and so does a redrive.
//!
//! What belongs together is written together, so that a sandbox that is killed finds either all of it or nothing.
//! History and frames are kept in memory while the execution runs; those of one that has ended are read from the store
//! when somebody asks.

mod inside;
mod reading;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{
    frame::{Frame, Progress},
    history::{Event, Note},
    limits,
    record::{Record, Status},
};
use inside::Inside;
pub(crate) use reading::Span;
use sandbox_core::store::{Batch, Store, StoreError};

/// Executions by ARN.
const EXECUTIONS: &str = "states.executions";
/// Events by ARN and id.
const HISTORY: &str = "states.history";
/// Frames by ARN and path.
const FRAMES: &str = "states.frames";

/// The history has no room for another event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HistoryFull;

/// Why an execution is to be stopped from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The error to record.
    pub(crate) error: Option<String>,
    /// The cause to record.
    pub(crate) cause: Option<String>,
}

/// What a redrive keeps of the lines of work below the machine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// All of them.
    Kept,
    /// None: the state that has them runs whole again.
    Forgotten,
}

/// An execution that is running or has ended.
#[derive(Debug)]
pub(crate) struct Execution {
    store: Arc<Store>,
    arn: String,
    record: Mutex<Record>,
    /// None where it has ended and nobody has asked since.
    inside: Mutex<Option<Inside>>,
    /// Set when somebody stops it; a redrive unsets it.
    pub(crate) stop: watch::Sender<Option<Stop>>,
    /// Told each time it has ended.
    pub(crate) ended: watch::Sender<()>,
    /// Held while it is driven: a redrive begins when the end before it has been announced.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Execution {
    /// A new execution with its first event, written to the store.
    pub(crate) fn new(store: &Arc<Store>, record: Record, first: Note<'_>) -> Result<Self, StoreError> {
        let execution = Self::assemble(store, record, Some(Inside::default()));
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

    fn assemble(store: &Arc<Store>, record: Record, inside: Option<Inside>) -> Self {
        Self {
            store: Arc::clone(store),
            arn: record.arn.clone(),
            record: Mutex::new(record),
            inside: Mutex::new(inside),
            stop: watch::Sender::new(None),
            ended: watch::Sender::new(()),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// A copy of the record.
    pub(crate) fn record(&self) -> Record {
        locked(&self.record).clone()
    }

    /// Looks at the record where it is: a copy holds input and output.
    pub(crate) fn with_record<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        look(&locked(&self.record))
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.with_record(|record| record.status == Status::Running)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inside) -> T) -> T {
        let mut inside = locked(&self.inside);
        work(inside.get_or_insert_with(|| self.read()))
    }

    /// A copy of a frame.
    pub(crate) fn frame(&self, path: &str) -> Option<Frame> {
        self.with(|inside| inside.frames.get(path).cloned())
    }

    /// Writes a frame.
    pub(crate) fn put_frame(&self, path: &str, frame: Frame) {
        let mut batch = Batch::default();
        self.put_frame_in(&mut batch, path, frame);
        self.commit(&batch);
    }

    /// Writes a frame together with other changes.
    pub(crate) fn put_frame_in(&self, batch: &mut Batch, path: &str, frame: Frame) {
        report(batch.put(FRAMES, &self.key(path), &frame));
        self.with(|inside| inside.frames.insert(path.to_owned(), frame));
    }

    /// Changes the status of a line of work, if it has begun.
    pub(crate) fn set_progress(&self, path: &str, progress: Progress) {
        if let Some(frame) = self.frame(path) {
            self.put_frame(path, Frame { progress, ..frame });
        }
    }

    /// The paths of the lines of work directly below one, with their frames.
    pub(crate) fn children(&self, path: &str) -> Vec<(usize, Frame)> {
        let prefix = format!("{path}/");
        let mut children: Vec<(usize, Frame)> = self.with(|inside| {
            let frames = inside.frames.iter();
            frames
                .filter_map(|(path, frame)| Some((path.strip_prefix(&prefix)?.parse().ok()?, frame.clone())))
                .collect()
        });
        children.sort_by_key(|(index, _)| *index);
        children
    }

    /// Forgets every line of work below one.
    pub(crate) fn forget_below(&self, path: &str) {
        let mut batch = Batch::default();
        self.forget_below_in(&mut batch, path);
        self.commit(&batch);
    }

    fn forget_below_in(&self, batch: &mut Batch, path: &str) {
        self.with(|inside| {
            for path in inside.below(path) {
                batch.delete(FRAMES, &self.key(&path));
                inside.frames.remove(&path);
                inside.cursors.remove(&path);
            }
        });
    }

    /// The last event of a line of work; 0 if it has no event.
    pub(crate) fn cursor(&self, path: &str) -> u64 {
        self.with(|inside| inside.cursors.get(path).copied().unwrap_or(0))
    }

    /// Whether the last event of a line of work is of this type.
    pub(crate) fn last_is(&self, path: &str, kind: &str) -> bool {
        let last = self.cursor(path);
        self.with(|inside| {
            inside.history.iter().rev().find(|event| event.id == last).is_some_and(|one| one.kind == kind)
        })
    }

    /// The events of a line of work after a given one and after the last redrive.
    pub(crate) fn since(&self, path: &str, event: u64) -> Vec<Event> {
        self.with(|inside| {
            let is_of_now = |one: &&Event| one.id > event && one.kind != "ExecutionRedriven";
            let after = inside.history.iter().rev().take_while(is_of_now);
            let mut events: Vec<Event> = after.filter(|one| one.frame.as_deref() == Some(path)).cloned().collect();
            events.reverse();
            events
        })
    }

    /// Makes a line of work go on from an event of another.
    pub(crate) fn set_cursor(&self, path: &str, event: u64) {
        self.with(|inside| inside.cursors.insert(path.to_owned(), event));
    }

    /// Adds an event that continues a line of work.
    pub(crate) fn append(&self, path: &str, kind: &str, details: Map<String, Value>) -> Result<u64, HistoryFull> {
        let mut batch = Batch::default();
        let id = self.append_in(&mut batch, path, Note { kind, details })?;
        self.commit(&batch);
        Ok(id)
    }

    /// Adds an event that continues a line of work, together with other changes.
    pub(crate) fn append_in(&self, batch: &mut Batch, path: &str, note: Note<'_>) -> Result<u64, HistoryFull> {
        self.push(batch, self.cursor(path), note, Some(path), limits::HISTORY - 1)
    }

    /// Adds the event with which a line of work enters a state, with the frame from which a restart continues. What was
    /// below it is over.
    pub(crate) fn enter(
        &self,
        mut batch: Batch,
        path: &str,
        note: Note<'_>,
        frame: Frame,
    ) -> Result<Frame, HistoryFull> {
        self.forget_below_in(&mut batch, path);
        let entered_event = self.append_in(&mut batch, path, note)?;
        let frame = Frame { entered_event, ..frame };
        self.put_frame_in(&mut batch, path, frame.clone());
        self.commit(&batch);
        Ok(frame)
    }

    /// Adds the event after a given one that begins a line of work, with its frame.
    pub(crate) fn begin(&self, previous: u64, path: &str, note: Note<'_>, frame: Frame) -> Result<(), HistoryFull> {
        let mut batch = Batch::default();
        self.push(&mut batch, previous, note, Some(path), limits::HISTORY - 1)?;
        self.put_frame_in(&mut batch, path, frame);
        self.commit(&batch);
        Ok(())
    }

    /// Adds an event after a given one that nothing follows.
    pub(crate) fn note(&self, previous: u64, kind: &str, details: Map<String, Value>) -> Result<u64, HistoryFull> {
        let mut batch = Batch::default();
        let id = self.note_in(&mut batch, previous, Note { kind, details })?;
        self.commit(&batch);
        Ok(id)
    }

    /// Adds an event after a given one that nothing follows, together with other changes.
    pub(crate) fn note_in(&self, batch: &mut Batch, previous: u64, note: Note<'_>) -> Result<u64, HistoryFull> {
        self.push(batch, previous, note, None, limits::HISTORY - 1)
    }

    /// Adds the event that ends the execution, for which there is always room, and changes the record. The lines of
    /// work of one that succeeded are of no more use. Nobody may be at work on it any more.
    pub(crate) fn conclude(&self, note: Note<'_>, change: impl FnOnce(&mut Record)) -> Record {
        let mut batch = Batch::default();
        let mut record = locked(&self.record);
        record.events = self.push(&mut batch, self.cursor(""), note, None, u64::MAX).unwrap_or_default();
        change(&mut record);
        let mut inside = locked(&self.inside);
        if record.status == Status::Succeeded {
            for path in inside.iter().flat_map(|inside| inside.frames.keys()) {
                batch.delete(FRAMES, &self.key(path));
            }
        }
        report(batch.put(EXECUTIONS, &self.arn, &*record));
        self.commit(&batch);
        *inside = None;
        record.clone()
    }

    /// Changes the record and adds the event that follows the one that ended the execution, unless the change is
    /// refused; nobody else changes the record in between.
    pub(crate) fn reopen<T, E>(
        &self,
        change: impl FnOnce(&mut Record) -> Result<(T, Note<'static>, Lines), E>,
    ) -> Result<T, E> {
        let mut record = locked(&self.record);
        let (answer, note, lines) = change(&mut record)?;
        let mut batch = Batch::default();
        report(batch.put(EXECUTIONS, &self.arn, &*record));
        if lines == Lines::Forgotten {
            self.forget_below_in(&mut batch, "");
        }
        let last = self.with(|inside| inside.history.last().map_or(0, |event| event.id));
        if self.push(&mut batch, last, note, Some(""), u64::MAX).is_err() {
            tracing::error!("the event that goes on with a history was refused");
        }
        self.commit(&batch);
        Ok(answer)
    }

    /// Begins again with another first event: neither history nor lines of work are kept.
    pub(crate) fn start_over(&self, first: Note<'_>, change: impl FnOnce(&mut Record)) {
        let mut batch = Batch::default();
        let mut record = locked(&self.record);
        change(&mut record);
        self.stop.send_replace(None);
        self.with(|inside| {
            let before = std::mem::take(inside);
            before.history.iter().for_each(|event| batch.delete(HISTORY, &self.event_key(event.id)));
            before.frames.keys().for_each(|path| batch.delete(FRAMES, &self.key(path)));
        });
        report(batch.put(EXECUTIONS, &self.arn, &*record));
        if self.push(&mut batch, 0, first, None, u64::MAX).is_err() {
            tracing::error!("a new history has no room for its first event");
        }
        self.commit(&batch);
    }

    /// Adds an event. Where there is no room for it, what belongs to it is written at once: the execution ends with
    /// what it has come to.
    fn push(
        &self,
        batch: &mut Batch,
        previous: u64,
        note: Note<'_>,
        line: Option<&str>,
        most: u64,
    ) -> Result<u64, HistoryFull> {
        let pushed = self.with(|inside| {
            let event = inside.push(previous, note, line, most)?;
            report(batch.put(HISTORY, &self.event_key(event.id), event));
            Ok(event.id)
        });
        if pushed.is_err() {
            self.commit(&std::mem::take(batch));
        }
        pushed
    }

    /// Writes changes that belong together.
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

/// What cannot be written is lost only to a restart; the execution itself continues.
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
    fn an_execution_that_has_ended_keeps_its_history_in_the_store_alone() {
        let store = Arc::new(Store::in_memory().unwrap());
        let record = json!({"arn": "arn:e", "name": "e", "machine": "m", "revision": "r", "number": 1,
                            "status": "RUNNING", "started": 0, "input": "{}", "redrives": 0});
        let note = |kind| Note { kind, details: Map::new() };
        let record = serde_json::from_value(record).unwrap();
        let execution = Execution::new(&store, record, note("ExecutionStarted")).unwrap();
        execution.put_frame("", Frame::before("A", "Pass", json!(1)));
        assert!(locked(&execution.inside).is_some());
        execution.conclude(note("ExecutionSucceeded"), |record| record.status = Status::Succeeded);
        assert!(locked(&execution.inside).is_none());
        let events = execution.events(Span { after: None, order: Order::Ascending, limit: 9 }).unwrap();
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["ExecutionStarted", "ExecutionSucceeded"]);
        assert!(locked(&execution.inside).is_none());
        assert_eq!(execution.frame("").map(|frame| frame.state), None, "its lines of work are gone");
    }
}
