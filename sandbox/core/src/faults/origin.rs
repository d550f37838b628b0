//! Who makes a call. Each worker of a function has its own access key, as each execution environment on AWS has its own
//! session credentials, and runs one invocation at a time. Each state that calls S3 itself has its own key, too.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

use super::call::{Call, Names};

/// A running invocation, or a state that makes calls itself.
#[derive(Debug)]
pub struct CallOrigin {
    /// The function's name in Lambda and its crate; `None` if a state makes the call without a function.
    function: Option<(String, String)>,
    /// The state that makes the call or that invoked the function; `None` if no state did.
    state: Option<String>,
    killed: CancellationToken,
    kill_at_next_call: AtomicBool,
}

impl CallOrigin {
    /// An invocation of a function, with the state that invoked it, if any.
    pub fn new(names: Names<'_>, state: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            function: Some((names.name.to_owned(), names.crate_name.to_owned())),
            state: state.map(str::to_owned),
            killed: CancellationToken::new(),
            kill_at_next_call: AtomicBool::new(false),
        })
    }

    /// A state that calls a service without a function.
    pub fn of_state(state: &str) -> Arc<Self> {
        Arc::new(Self {
            function: None,
            state: Some(state.to_owned()),
            killed: CancellationToken::new(),
            kill_at_next_call: AtomicBool::new(false),
        })
    }

    /// Ends the caller's process, or drops its handler.
    pub fn kill(&self) {
        self.killed.cancel();
    }

    /// Waits until the caller is killed.
    pub async fn killed(&self) {
        self.killed.cancelled().await;
    }

    /// Marks the caller to die with its next call.
    pub fn kill_at_next_call(&self) {
        self.kill_at_next_call.store(true, Ordering::Relaxed);
    }

    pub(super) fn take_kill_at_next_call(&self) -> bool {
        self.kill_at_next_call.swap(false, Ordering::Relaxed)
    }

    /// Adds this caller's function and state to a call.
    pub fn attach_to<'a>(&'a self, call: Call<'a>) -> Call<'a> {
        let names = self.function.as_ref().map(|(name, crate_name)| Names { name, crate_name });
        Call { function: names, state: self.state.as_deref(), ..call }
    }
}

/// The callers by access key.
#[derive(Debug, Default)]
pub(super) struct Origins {
    by_key: Mutex<HashMap<String, Arc<CallOrigin>>>,
}

impl Origins {
    pub(super) fn of(&self, access_key_id: &str) -> Option<Arc<CallOrigin>> {
        self.locked().get(access_key_id).cloned()
    }

    pub(super) fn insert(&self, access_key_id: &str, origin: Arc<CallOrigin>) {
        self.locked().insert(access_key_id.to_owned(), origin);
    }

    pub(super) fn attribute(&self, access_key_id: &str, origin: Arc<CallOrigin>) -> Attribution<'_> {
        self.insert(access_key_id, origin);
        Attribution { origins: self, access_key_id: access_key_id.to_owned() }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Arc<CallOrigin>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the attribution of a key to a caller when dropped.
#[derive(Debug)]
pub struct Attribution<'a> {
    origins: &'a Origins,
    access_key_id: String,
}

impl Drop for Attribution<'_> {
    fn drop(&mut self) {
        self.origins.locked().remove(&self.access_key_id);
    }
}
