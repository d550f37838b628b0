//! Deliveries that start later: after some time, or after later events.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sandbox_core::faults::RuleId;
use tokio::sync::Notify;

use super::Bus;

/// When the first attempt of a delivery starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    AtOnce,
    /// After this time, without the time scale.
    After(Duration),
    /// After this number of later events at the same target, or when the rule is removed.
    AfterLaterEvents {
        by: u64,
        rule: RuleId,
    },
}

/// The deliveries that wait for later events.
#[derive(Debug, Default)]
pub(super) struct WaitingDeliveries {
    entries: Mutex<Vec<WaitingDelivery>>,
}

#[derive(Debug)]
struct WaitingDelivery {
    target: String,
    /// The number of the delivery. Later deliveries have greater numbers.
    number: u64,
    remaining: u64,
    released: Arc<Notify>,
}

impl WaitingDeliveries {
    fn entries(&self) -> MutexGuard<'_, Vec<WaitingDelivery>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a delivery that waits for later events. The result is notified when enough of them have arrived.
    fn add(&self, target: &str, number: u64, by: u64) -> Arc<Notify> {
        let released = Arc::new(Notify::new());
        self.entries().push(WaitingDelivery {
            target: target.to_owned(),
            number,
            remaining: by,
            released: Arc::clone(&released),
        });
        released
    }

    /// Records that a delivery reached its target.
    pub(super) fn arrived(&self, target: &str, number: u64) {
        self.entries().retain_mut(|entry| {
            if entry.target != target || entry.number >= number {
                return true;
            }
            entry.remaining = entry.remaining.saturating_sub(1);
            if entry.remaining == 0 {
                entry.released.notify_one();
            }
            entry.remaining > 0
        });
    }
}

impl Bus {
    /// Waits until a delivery can start.
    pub(super) async fn wait(&self, start: Start, target: &str, number: u64) {
        match start {
            Start::AtOnce => {}
            Start::After(time) => tokio::time::sleep(time).await,
            Start::AfterLaterEvents { by, rule } => {
                let released = self.waiting.add(target, number, by);
                tokio::select! {
                    () = released.notified() => {}
                    () = self.faults.removed(&rule) => {}
                }
            }
        }
    }
}
