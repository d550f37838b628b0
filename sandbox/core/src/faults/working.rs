//! Whose call it is: every worker of a function has an access key of its own, as every execution environment on AWS has
//! session credentials of its own, and works on one invocation at a time. So has every state that calls S3 itself.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

use super::call::{Call, Names};

/// An invocation that runs, or a state that makes calls of its own.
#[derive(Debug)]
pub struct Working {
    /// The function's name in Lambda and its crate; none where a state calls without one.
    function: Option<(String, String)>,
    /// The state that calls, or that invoked the function; none where no state did.
    state: Option<String>,
    killed: CancellationToken,
    doomed: AtomicBool,
}

impl Working {
    /// An invocation of a function, by a state if one invoked it.
    pub fn new(names: Names<'_>, state: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            function: Some((names.name.to_owned(), names.crate_name.to_owned())),
            state: state.map(str::to_owned),
            killed: CancellationToken::new(),
            doomed: AtomicBool::new(false),
        })
    }

    /// A state that calls a service without a function.
    pub fn of_state(state: &str) -> Arc<Self> {
        Arc::new(Self {
            function: None,
            state: Some(state.to_owned()),
            killed: CancellationToken::new(),
            doomed: AtomicBool::new(false),
        })
    }

    /// Ends its process, or drops its handler.
    pub fn kill(&self) {
        self.killed.cancel();
    }

    /// Waits until it is to be ended.
    pub async fn killed(&self) {
        self.killed.cancelled().await;
    }

    /// Lets it die with its next call.
    pub fn doom(&self) {
        self.doomed.store(true, Ordering::Relaxed);
    }

    pub(super) fn dies_with_its_next_call(&self) -> bool {
        self.doomed.swap(false, Ordering::Relaxed)
    }

    /// A call as one that this invocation makes.
    pub fn makes<'a>(&'a self, call: Call<'a>) -> Call<'a> {
        let names = self.function.as_ref().map(|(name, crate_name)| Names { name, crate_name });
        Call { function: names, state: self.state.as_deref(), ..call }
    }
}

/// Who calls, by access key.
#[derive(Debug, Default)]
pub(super) struct Workers {
    by_key: Mutex<HashMap<String, Arc<Working>>>,
}

impl Workers {
    pub(super) fn of(&self, access_key_id: &str) -> Option<Arc<Working>> {
        self.locked().get(access_key_id).cloned()
    }

    pub(super) fn introduce(&self, access_key_id: &str, working: Arc<Working>) {
        self.locked().insert(access_key_id.to_owned(), working);
    }

    pub(super) fn attribute(&self, access_key_id: &str, working: Arc<Working>) -> Attributed<'_> {
        self.introduce(access_key_id, working);
        Attributed { workers: self, access_key_id: access_key_id.to_owned() }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Arc<Working>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the attribution of a key to an invocation when it is dropped.
#[derive(Debug)]
pub struct Attributed<'a> {
    workers: &'a Workers,
    access_key_id: String,
}

impl Drop for Attributed<'_> {
    fn drop(&mut self) {
        self.workers.locked().remove(&self.access_key_id);
    }
}
