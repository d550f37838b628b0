//! Counts requests by operation. S3 bills by the request, so tests check the cost of a program.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The number of requests by operation name.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Requests {
    pub(crate) fn snapshot(&self) -> BTreeMap<String, u64> {
        self.locked().clone()
    }

    /// Counts a request of a known caller, even if it is rejected later.
    pub(crate) fn count(&self, operation: &str) {
        *self.locked().entry(operation.to_owned()).or_default() += 1;
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
