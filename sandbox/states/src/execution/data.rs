//! History, frames and cursors of an execution, in memory.

use std::collections::BTreeMap;

use super::HistoryFull;
use crate::{
    clock,
    frame::Frame,
    history::{Event, Note},
};

/// The data of an execution that is in memory while it runs.
#[derive(Debug, Default)]
pub(super) struct ExecutionData {
    pub(super) history: Vec<Event>,
    pub(super) frames: BTreeMap<String, Frame>,
    pub(super) cursors: BTreeMap<String, u64>,
}

impl ExecutionData {
    /// Adds an event, unless the history is full.
    pub(super) fn push(
        &mut self,
        previous: u64,
        note: Note<'_>,
        flow: Option<&str>,
        most: u64,
    ) -> Result<&Event, HistoryFull> {
        let id = self.history.last().map_or(0, |event| event.id) + 1;
        if id > most {
            return Err(HistoryFull);
        }
        let frame = flow.map(str::to_owned);
        if let Some(frame) = &frame {
            self.cursors.insert(frame.clone(), id);
        }
        let Note { kind, details } = note;
        self.history.push(Event { id, previous, at: clock::now(), kind: kind.to_owned(), details, frame });
        self.history.last().ok_or(HistoryFull)
    }

    /// The paths of the flows below another. A Map of thousands of items has as many frames, so this scans only the
    /// frames below the path.
    pub(super) fn below(&self, path: &str) -> Vec<String> {
        let prefix = format!("{path}/");
        let paths = self.frames.range(prefix.clone()..).map(|(path, _)| path);
        paths.take_while(|path| path.starts_with(&prefix)).cloned().collect()
    }
}
