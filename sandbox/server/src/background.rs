//! Periodic work of a running sandbox.

use std::{sync::Arc, time::Duration};

use sandbox_core::store::Store;
use sandbox_s3::S3;
use tokio::{task::JoinSet, time::interval};

use crate::services::Services;

/// The delay between a write and its sync.
const FLUSH: Duration = Duration::from_millis(250);
/// The interval of lifecycle rules. S3 runs them once a day, at midnight UTC.
const LIFECYCLE: Duration = Duration::from_hours(1);
/// The interval of checks whether a restore is complete.
const RESTORES: Duration = Duration::from_secs(1);

/// Whether the data outlives the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// The data stays.
    Kept,
    /// The data is removed when the sandbox ends, so it need not be synced.
    Temporary,
}

/// Starts the work.
pub(crate) fn start(services: &Services, data: Lifetime) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if data == Lifetime::Kept {
        tasks.spawn(flush(Arc::clone(&services.store)));
    }
    tasks.spawn(run_lifecycle(services.s3.clone()));
    tasks.spawn(complete_restores(services.s3.clone()));
    tasks
}

/// Applies the buckets' lifecycle rules.
async fn run_lifecycle(s3: S3) {
    let mut ticks = interval(LIFECYCLE);
    loop {
        ticks.tick().await;
        if let Err(error) = s3.run_lifecycle() {
            tracing::error!(%error, "cannot apply the lifecycle rules");
        }
    }
}

/// Completes the restores of archived objects. Waits while there are none.
async fn complete_restores(s3: S3) {
    loop {
        s3.restoring().await;
        tokio::time::sleep(RESTORES).await;
        if let Err(error) = s3.complete_restores().await {
            tracing::error!(%error, "cannot complete a restore");
        }
    }
}

/// Syncs data shortly after it was written. Waits while nothing is written.
async fn flush(store: Arc<Store>) {
    loop {
        store.dirtied().await;
        tokio::time::sleep(FLUSH).await;
        let store = Arc::clone(&store);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || store.flush()).await {
            tracing::error!(%error, "cannot sync the latest writes: a crash would lose them");
        }
    }
}
