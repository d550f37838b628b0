//! The access key of one worker. On AWS every execution environment has its own session credentials. Here the key
//! identifies the caller of each request.

use std::sync::Arc;

use sandbox_core::{
    identity::{Identity, Keyring},
    keys,
};
use sandbox_template::Function;

/// A key that is valid until its worker is dropped.
#[derive(Debug)]
pub(super) struct WorkerKey {
    identity: Identity,
    keyring: Arc<Keyring>,
}

impl WorkerKey {
    /// A new key for the function's role.
    pub(super) fn of(function: &Function, keyring: &Arc<Keyring>) -> Self {
        let identity = keys::assumed_role(&function.role_arn, &function.name);
        keyring.add(identity.clone());
        Self { identity, keyring: Arc::clone(keyring) }
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl Drop for WorkerKey {
    fn drop(&mut self) {
        self.keyring.remove(&self.identity.access_key_id);
    }
}
