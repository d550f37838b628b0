//! Reads an execution from the store.

use std::ops::Bound;

use serde::de::DeserializeOwned;

use super::{Execution, FRAMES, HISTORY, data::ExecutionData, locked};
use crate::{frame::Frame, history::Event};
use sandbox_core::store::{Order, StoreError};

/// A range of the history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// The ID of the event before the first; `None` for the start of the order.
    pub(crate) after: Option<u64>,
    pub(crate) order: Order,
    /// The maximum number of events.
    pub(crate) limit: usize,
}

impl Execution {
    /// Reads the data of an execution that ended, or that ran before a restart.
    pub(super) fn read(&self) -> ExecutionData {
        let history: Vec<Event> = self.read_table(HISTORY).into_iter().map(|(_, event)| event).collect();
        let cursors = history.iter().filter_map(|event| Some((event.frame.clone()?, event.id))).collect();
        let frames = self.read_table::<Frame>(FRAMES).into_iter();
        let path = |key: String| key.split_once('#').map(|(_, path)| path.to_owned()).unwrap_or_default();
        ExecutionData { history, frames: frames.map(|(key, frame)| (path(key), frame)).collect(), cursors }
    }

    fn read_table<T: DeserializeOwned>(&self, table: &str) -> Vec<(String, T)> {
        let (from, to) = (self.key(""), format!("{}$", self.arn));
        let keys = (Bound::Included(from.as_str()), Bound::Excluded(to.as_str()));
        self.store.scan(table, keys, Order::Ascending, usize::MAX).unwrap_or_else(|error| {
            tracing::error!(%error, arn = self.arn, "an execution cannot be read");
            Vec::new()
        })
    }

    /// Events of the history. For an ended execution, only the requested events are read.
    pub(crate) fn events(&self, span: Span) -> Result<Vec<Event>, StoreError> {
        let Span { after, order, limit } = span;
        if let Some(data) = &*locked(&self.data) {
            let is_in_span = |event: &&Event| match order {
                Order::Ascending => after.is_none_or(|after| event.id > after),
                Order::Descending => after.is_none_or(|after| event.id < after),
            };
            let events = data.history.iter();
            return Ok(match order {
                Order::Ascending => events.filter(is_in_span).take(limit).cloned().collect(),
                Order::Descending => events.rev().filter(is_in_span).take(limit).cloned().collect(),
            });
        }
        let (first, last) = (self.key(""), format!("{}$", self.arn));
        let from = after.map(|after| self.event_key(after));
        let from = from.as_deref().map(Bound::Excluded);
        let keys = match order {
            Order::Ascending => (from.unwrap_or(Bound::Included(&first)), Bound::Excluded(last.as_str())),
            Order::Descending => (Bound::Included(first.as_str()), from.unwrap_or(Bound::Excluded(&last))),
        };
        let records = self.store.scan(HISTORY, keys, order, limit)?;
        Ok(records.into_iter().map(|(_, event)| event).collect())
    }
}
