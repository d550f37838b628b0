//! The state, the stored bytes and the clock, which every operation uses.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sandbox_core::ports::EventSink;
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::{clock::Clock, state::State, storage::blobs::Blobs};

/// What every operation uses.
pub(crate) struct Backend {
    pub(crate) state: Mutex<State>,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) events: Arc<dyn EventSink>,
    pub(crate) clock: Arc<Clock>,
    /// Notified when the restore of an archived object starts.
    pub(crate) restore_began: Notify,
}

impl Backend {
    pub(crate) fn state(&self) -> Locked<'_> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Locked { state, _unused: RemoveUnused(&self.blobs) }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}

/// The locked state. Unused blobs are removed from the disk after the unlock.
pub(crate) struct Locked<'a> {
    /// Dropped first, because fields are dropped in their order.
    state: MutexGuard<'a, State>,
    _unused: RemoveUnused<'a>,
}

struct RemoveUnused<'a>(&'a Blobs);

impl Drop for RemoveUnused<'_> {
    fn drop(&mut self) {
        self.0.remove_unused();
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
