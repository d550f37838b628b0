//! Who calls: access keys and the principals behind them.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

/// A caller: an access key and the principal it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The public half of the key.
    pub access_key_id: String,
    /// The secret half of the key.
    pub secret_access_key: String,
    /// The principal, for example `arn:aws:sts::000000000000:assumed-role/holdfast-validate/holdfast-validate`.
    pub arn: String,
}

/// Every identity the sandbox knows, by access key id.
#[derive(Debug, Default)]
pub struct Keyring {
    identities: RwLock<HashMap<String, Identity>>,
}

impl Keyring {
    /// Adds an identity, or replaces the one with the same access key id.
    pub fn add(&self, identity: Identity) {
        self.identities
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(identity.access_key_id.clone(), identity);
    }

    /// The identity behind an access key id.
    pub fn get(&self, access_key_id: &str) -> Option<Identity> {
        self.identities.read().unwrap_or_else(PoisonError::into_inner).get(access_key_id).cloned()
    }
}
