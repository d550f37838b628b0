//! Whose call it is: every worker of a function has an access key of its own, as every execution environment on AWS has
//! session credentials of its own, and works on one invocation at a time.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

use super::call::{Call, Names};

/// An invocation that runs.
#[derive(Debug)]
pub(crate) struct Working {
    /// The function's name in Lambda.
    pub(crate) function: String,
    /// The function's crate.
    pub(crate) crate_name: String,
    /// The state that invoked it; none where no state did.
    pub(crate) state: Option<String>,
    killed: CancellationToken,
    doomed: AtomicBool,
}

impl Working {
    pub(crate) fn new(names: Names<'_>, state: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            function: names.name.to_owned(),
            crate_name: names.crate_name.to_owned(),
            state: state.map(str::to_owned),
            killed: CancellationToken::new(),
            doomed: AtomicBool::new(false),
        })
    }

    /// Ends its process, or drops its handler.
    pub(crate) fn kill(&self) {
        self.killed.cancel();
    }

    /// Waits until it is to be ended.
    pub(crate) async fn killed(&self) {
        self.killed.cancelled().await;
    }

    /// Lets it die with its next call.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Relaxed);
    }

    pub(super) fn dies_with_its_next_call(&self) -> bool {
        self.doomed.swap(false, Ordering::Relaxed)
    }

    /// A call as one that this invocation makes.
    pub(crate) fn makes<'a>(&'a self, call: Call<'a>) -> Call<'a> {
        let names = Names { name: &self.function, crate_name: &self.crate_name };
        Call { function: Some(names), state: self.state.as_deref(), ..call }
    }
}

/// The invocations that run, by the access key of their worker.
#[derive(Debug, Default)]
pub(super) struct Workers {
    by_key: Mutex<HashMap<String, Arc<Working>>>,
}

impl Workers {
    pub(super) fn of(&self, access_key_id: &str) -> Option<Arc<Working>> {
        self.locked().get(access_key_id).cloned()
    }

    pub(super) fn attribute(&self, access_key_id: &str, working: Arc<Working>) -> Attributed<'_> {
        self.locked().insert(access_key_id.to_owned(), working);
        Attributed { workers: self, access_key_id: access_key_id.to_owned() }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Arc<Working>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the attribution of a key to an invocation when it is dropped.
#[derive(Debug)]
pub(crate) struct Attributed<'a> {
    workers: &'a Workers,
    access_key_id: String,
}

impl Drop for Attributed<'_> {
    fn drop(&mut self) {
        self.workers.locked().remove(&self.access_key_id);
    }
}
