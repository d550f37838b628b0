//! Counts requests by operation: S3 bills by the request, so this is how a test holds a backup to what it may cost.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use s3s::{
    S3Result,
    access::{S3Access, S3AccessContext},
    s3_error,
};

/// How many requests were made, by the operation's name.
#[derive(Debug, Default)]
pub(super) struct Requests {
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Requests {
    pub(super) fn snapshot(&self) -> BTreeMap<String, u64> {
        self.locked().clone()
    }

    fn count(&self, operation: &str) {
        *self.locked().entry(operation.to_owned()).or_default() += 1;
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what a known caller asks for, and refuses whoever is not known.
pub(super) struct CountedAccess {
    pub(super) requests: Arc<Requests>,
}

#[async_trait::async_trait]
impl S3Access for CountedAccess {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        self.requests.count(context.s3_op().name());
        Ok(())
    }
}
