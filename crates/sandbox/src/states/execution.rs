//! An execution: its record, its history, and its frames.
//!
//! A frame is one line of work: the machine's own (path `""`), a Map's iteration or a Parallel's branch (the parent's
//! path and `/index`). It holds the state it is in with that state's input and the variables of that moment, and how it
//! ended. That is what a sandbox started again needs to go on, and what a redrive goes on from.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{clock, history::Event, limits};
use crate::store::{Store, StoreError};

/// Executions by ARN.
pub(crate) const EXECUTIONS: &str = "states.executions";
/// Events by ARN and id.
pub(crate) const HISTORY: &str = "states.history";
/// Frames by ARN and path.
pub(crate) const FRAMES: &str = "states.frames";

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    /// It runs.
    Running,
    /// It came to its end.
    Succeeded,
    /// A state failed.
    Failed,
    /// It took longer than the machine's `TimeoutSeconds`.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

impl Status {
    /// AWS's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

/// What is known of an execution besides its history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its ARN.
    pub(crate) arn: String,
    /// Its name.
    pub(crate) name: String,
    /// Its machine's ARN.
    pub(crate) machine: String,
    /// The revision of the machine that it runs.
    pub(crate) revision: String,
    /// Its place among all executions, to list the newest first.
    pub(crate) number: u64,
    /// How it stands.
    pub(crate) status: Status,
    /// When it started.
    pub(crate) started: i64,
    /// When it ended.
    pub(crate) stopped: Option<i64>,
    /// Its input, word for word.
    pub(crate) input: String,
    /// Its output as JSON text.
    pub(crate) output: Option<String>,
    /// The name of the error that ended it.
    pub(crate) error: Option<String>,
    /// The cause of that error.
    pub(crate) cause: Option<String>,
    /// How often it was redriven.
    pub(crate) redrives: u32,
    /// When it was last redriven.
    #[serde(default)]
    pub(crate) redriven: Option<i64>,
    /// The tokens of the last redrives, oldest first.
    #[serde(default)]
    pub(crate) tokens: Vec<Token>,
}

/// A client token of a redrive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Token {
    /// The token.
    pub(crate) text: String,
    /// When the execution was redriven with it.
    pub(crate) used: i64,
}

/// How a line of work stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Progress {
    /// It is in its state.
    Running,
    /// It came to its end with this output.
    Succeeded(Value),
    /// It failed in its state.
    Failed,
    /// It was given up in its state because something else failed or ended.
    Aborted,
}

/// One line of work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Frame {
    /// The state it is in.
    pub(crate) state: String,
    /// That state's type.
    pub(crate) kind: String,
    /// That state's input.
    pub(crate) input: Value,
    /// The variables of this line of work when it entered the state.
    pub(crate) variables: Map<String, Value>,
    /// When it entered the state.
    pub(crate) entered: i64,
    /// The event of that.
    pub(crate) entered_event: u64,
    /// How it stands.
    pub(crate) progress: Progress,
}

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

#[derive(Debug, Default)]
struct Inside {
    history: Vec<Event>,
    frames: BTreeMap<String, Frame>,
    cursors: BTreeMap<String, u64>,
}

/// An execution that is running or has ended.
#[derive(Debug)]
pub(crate) struct Execution {
    store: Arc<Store>,
    record: Mutex<Record>,
    inside: Mutex<Inside>,
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

/// Every record of a table whose keys are `ARN#rest`, by ARN.
fn by_arn<T: DeserializeOwned>(store: &Store, table: &str) -> Result<BTreeMap<String, Vec<(String, T)>>, StoreError> {
    let mut found: BTreeMap<String, Vec<(String, T)>> = BTreeMap::new();
    for (key, value) in store.load(table)? {
        let (arn, rest) = key.split_once('#').unwrap_or((&key, ""));
        found.entry(arn.to_owned()).or_default().push((rest.to_owned(), value));
    }
    Ok(found)
}

impl Execution {
    /// A new execution, written to the store.
    pub(crate) fn new(store: &Arc<Store>, record: Record) -> Self {
        let execution = Self::assemble(store, record, Inside::default());
        execution.save_record(&execution.record());
        execution
    }

    /// Every execution in the store, by ARN.
    pub(crate) fn load(store: &Arc<Store>) -> Result<BTreeMap<String, Arc<Self>>, StoreError> {
        let mut histories = by_arn::<Event>(store, HISTORY)?;
        let mut frames = by_arn::<Frame>(store, FRAMES)?;
        let mut executions = BTreeMap::new();
        for (arn, record) in store.load::<Record>(EXECUTIONS)? {
            let history: Vec<Event> =
                histories.remove(&arn).unwrap_or_default().into_iter().map(|(_, event)| event).collect();
            let cursors =
                history.iter().filter_map(|event| Some((event.frame.clone()?, event.id))).collect::<BTreeMap<_, _>>();
            let frames = frames.remove(&arn).unwrap_or_default().into_iter().collect();
            executions.insert(arn, Arc::new(Self::assemble(store, record, Inside { history, frames, cursors })));
        }
        Ok(executions)
    }

    fn assemble(store: &Arc<Store>, record: Record, inside: Inside) -> Self {
        Self {
            store: Arc::clone(store),
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

    /// Changes the record and writes it.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Record)) -> Record {
        let record = {
            let mut record = locked(&self.record);
            change(&mut record);
            record.clone()
        };
        self.save_record(&record);
        record
    }

    /// Changes the record and writes it, unless the change is refused; nobody else changes it in between.
    pub(crate) fn try_change<T, E>(&self, change: impl FnOnce(&mut Record) -> Result<T, E>) -> Result<T, E> {
        let (record, answer) = {
            let mut record = locked(&self.record);
            let answer = change(&mut record)?;
            (record.clone(), answer)
        };
        self.save_record(&record);
        Ok(answer)
    }

    /// Looks at the history where it is: a copy of a long one is large.
    pub(crate) fn with_history<T>(&self, look: impl FnOnce(&[Event]) -> T) -> T {
        look(&locked(&self.inside).history)
    }

    /// How many events there are.
    pub(crate) fn events(&self) -> u64 {
        locked(&self.inside).history.last().map_or(0, |event| event.id)
    }

    /// A copy of a frame.
    pub(crate) fn frame(&self, path: &str) -> Option<Frame> {
        locked(&self.inside).frames.get(path).cloned()
    }

    /// Writes a frame.
    pub(crate) fn put_frame(&self, path: &str, frame: Frame) {
        Self::report(self.store.put(FRAMES, &self.key(path), &frame));
        locked(&self.inside).frames.insert(path.to_owned(), frame);
    }

    /// Changes how a line of work stands, where it has begun.
    pub(crate) fn set_progress(&self, path: &str, progress: Progress) {
        if let Some(frame) = self.frame(path) {
            self.put_frame(path, Frame { progress, ..frame });
        }
    }

    /// The paths of the lines of work directly below one, with their frames.
    pub(crate) fn children(&self, path: &str) -> Vec<(usize, Frame)> {
        let prefix = format!("{path}/");
        let mut children: Vec<(usize, Frame)> = locked(&self.inside)
            .frames
            .iter()
            .filter_map(|(path, frame)| Some((path.strip_prefix(&prefix)?.parse().ok()?, frame.clone())))
            .collect();
        children.sort_by_key(|(index, _)| *index);
        children
    }

    /// Forgets every line of work below one.
    pub(crate) fn forget_below(&self, path: &str) {
        let prefix = format!("{path}/");
        // A Map of thousands of items has as many frames; only those below are looked at.
        let paths: Vec<String> = locked(&self.inside)
            .frames
            .range(prefix.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&prefix))
            .cloned()
            .collect();
        for path in paths {
            Self::report(self.store.delete(FRAMES, &self.key(&path)));
            let mut inside = locked(&self.inside);
            inside.frames.remove(&path);
            inside.cursors.remove(&path);
        }
    }

    /// Forgets every line of work: the execution succeeded.
    pub(crate) fn forget_frames(&self) {
        self.forget_below("");
        Self::report(self.store.delete(FRAMES, &self.key("")));
        locked(&self.inside).frames.clear();
    }

    /// The last event of a line of work; 0 where there is none.
    pub(crate) fn cursor(&self, path: &str) -> u64 {
        locked(&self.inside).cursors.get(path).copied().unwrap_or(0)
    }

    /// Makes a line of work go on from an event of another.
    pub(crate) fn set_cursor(&self, path: &str, event: u64) {
        locked(&self.inside).cursors.insert(path.to_owned(), event);
    }

    /// Adds an event that continues a line of work.
    pub(crate) fn append(&self, path: &str, kind: &str, details: Map<String, Value>) -> Result<u64, HistoryFull> {
        let previous = self.cursor(path);
        self.add(previous, kind, details, Some(path), limits::HISTORY - 1)
    }

    /// Adds an event after a given one, which begins a line of work.
    pub(crate) fn begin(
        &self,
        previous: u64,
        path: &str,
        kind: &str,
        details: Map<String, Value>,
    ) -> Result<u64, HistoryFull> {
        self.add(previous, kind, details, Some(path), limits::HISTORY - 1)
    }

    /// Adds an event after a given one that nothing follows.
    pub(crate) fn note(&self, previous: u64, kind: &str, details: Map<String, Value>) -> Result<u64, HistoryFull> {
        self.add(previous, kind, details, None, limits::HISTORY - 1)
    }

    /// Adds the event that ends the execution; there is always room for it.
    pub(crate) fn conclude(&self, kind: &str, details: Map<String, Value>) {
        let previous = self.cursor("");
        if self.add(previous, kind, details, None, u64::MAX).is_err() {
            tracing::error!(kind, "the last event of a history was refused");
        }
    }

    /// Adds the event that follows the one that ended the execution.
    pub(crate) fn reopen(&self, kind: &str, details: Map<String, Value>) {
        if self.add(self.events(), kind, details, Some(""), u64::MAX).is_err() {
            tracing::error!(kind, "the event that goes on with a history was refused");
        }
    }

    fn add(
        &self,
        previous: u64,
        kind: &str,
        details: Map<String, Value>,
        frame: Option<&str>,
        most: u64,
    ) -> Result<u64, HistoryFull> {
        let event = {
            let mut inside = locked(&self.inside);
            let id = inside.history.last().map_or(0, |event| event.id) + 1;
            if id > most {
                return Err(HistoryFull);
            }
            let frame = frame.map(str::to_owned);
            if let Some(frame) = &frame {
                inside.cursors.insert(frame.clone(), id);
            }
            let event = Event { id, previous, at: clock::now(), kind: kind.to_owned(), details, frame };
            inside.history.push(event.clone());
            event
        };
        Self::report(self.store.put(HISTORY, &self.key(&format!("{:08}", event.id)), &event));
        Ok(event.id)
    }

    fn key(&self, rest: &str) -> String {
        format!("{}#{rest}", locked(&self.record).arn)
    }

    fn save_record(&self, record: &Record) {
        Self::report(self.store.put(EXECUTIONS, &record.arn, record));
    }

    /// What cannot be written is lost only to a restart; the execution itself goes on.
    fn report(written: Result<(), StoreError>) {
        if let Err(error) = written {
            tracing::error!(%error, "an execution's state was not written and would be lost in a restart");
        }
    }
}
