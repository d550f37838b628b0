//! The frames and cursors of an execution's flows.

use super::{Execution, FRAMES, report};
use crate::{
    frame::{Frame, Progress},
    history::Event,
};
use sandbox_core::store::Batch;

impl Execution {
    pub(crate) fn frame(&self, path: &str) -> Option<Frame> {
        self.with(|data| data.frames.get(path).cloned())
    }

    pub(crate) fn put_frame(&self, path: &str, frame: Frame) {
        let mut batch = Batch::default();
        self.put_frame_in(&mut batch, path, frame);
        self.commit(&batch);
    }

    /// Writes a frame in a batch.
    pub(crate) fn put_frame_in(&self, batch: &mut Batch, path: &str, frame: Frame) {
        report(batch.put(FRAMES, &self.key(path), &frame));
        self.with(|data| data.frames.insert(path.to_owned(), frame));
    }

    /// Changes the progress of a flow that has started.
    pub(crate) fn set_progress(&self, path: &str, progress: Progress) {
        if let Some(frame) = self.frame(path) {
            self.put_frame(path, Frame { progress, ..frame });
        }
    }

    /// The flows directly below a path, by index.
    pub(crate) fn children(&self, path: &str) -> Vec<(usize, Frame)> {
        let prefix = format!("{path}/");
        let mut children: Vec<(usize, Frame)> = self.with(|data| {
            let frames = data.frames.iter();
            frames
                .filter_map(|(path, frame)| Some((path.strip_prefix(&prefix)?.parse().ok()?, frame.clone())))
                .collect()
        });
        children.sort_by_key(|(index, _)| *index);
        children
    }

    /// Removes every flow below a path.
    pub(crate) fn remove_flows_below(&self, path: &str) {
        let mut batch = Batch::default();
        self.remove_flows_below_in(&mut batch, path);
        self.commit(&batch);
    }

    pub(super) fn remove_flows_below_in(&self, batch: &mut Batch, path: &str) {
        self.with(|data| {
            for path in data.below(path) {
                batch.delete(FRAMES, &self.key(&path));
                data.frames.remove(&path);
                data.cursors.remove(&path);
            }
        });
    }

    /// The last event of a flow; 0 if it has no event.
    pub(crate) fn cursor(&self, path: &str) -> u64 {
        self.with(|data| data.cursors.get(path).copied().unwrap_or(0))
    }

    /// Whether the last event of a flow has this type.
    pub(crate) fn last_is(&self, path: &str, kind: &str) -> bool {
        let last = self.cursor(path);
        self.with(|data| data.history.iter().rev().find(|event| event.id == last).is_some_and(|one| one.kind == kind))
    }

    /// The events of a flow after a given event and after the last redrive.
    pub(crate) fn since(&self, path: &str, event: u64) -> Vec<Event> {
        self.with(|data| {
            let is_since = |one: &&Event| one.id > event && one.kind != "ExecutionRedriven";
            let after = data.history.iter().rev().take_while(is_since);
            let mut events: Vec<Event> = after.filter(|one| one.frame.as_deref() == Some(path)).cloned().collect();
            events.reverse();
            events
        })
    }

    /// Sets the event that the next event of a flow follows.
    pub(crate) fn set_cursor(&self, path: &str, event: u64) {
        self.with(|data| data.cursors.insert(path.to_owned(), event));
    }
}
