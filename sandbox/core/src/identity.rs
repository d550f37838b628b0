//! Access keys and their principals.

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
    /// The principal, for example `arn:aws:sts::000000000000:assumed-role/demo-copier/demo-copier`.
    pub arn: String,
}

impl Identity {
    /// The name of the session's role; `None` for the account itself.
    pub fn role(&self) -> Option<&str> {
        self.arn.split_once(":assumed-role/")?.1.split('/').next()
    }

    /// The account ID, twelve digits.
    pub fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    /// The ARN of the principal as policies name it. For a session, the ARN of its role.
    pub fn principal_arn(&self) -> String {
        match self.role() {
            Some(role) => format!("arn:aws:iam::{}:role/{role}", self.account()),
            None => self.arn.clone(),
        }
    }
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

    /// Removes an identity and its key.
    pub fn remove(&self, access_key_id: &str) {
        self.identities.write().unwrap_or_else(PoisonError::into_inner).remove(access_key_id);
    }

    /// The identity behind an access key id.
    pub fn get(&self, access_key_id: &str) -> Option<Identity> {
        self.identities.read().unwrap_or_else(PoisonError::into_inner).get(access_key_id).cloned()
    }
}
