//! Access keys for the users and functions that call the sandbox.

use crate::{
    identity::Identity,
    ports::ACCOUNT,
    store::{Store, StoreError},
};

const TABLE: &str = "sandbox";
const USER: &str = "user";

/// The key with every permission. It is created once and stored, so that a client's configuration survives a restart.
pub fn user(store: &Store) -> Result<Identity, StoreError> {
    let arn = format!("arn:aws:iam::{ACCOUNT}:root");
    let kept = store.load::<(String, String)>(TABLE)?.into_iter().find(|(name, _)| name == USER);
    if let Some((_, (access_key_id, secret_access_key))) = kept {
        return Ok(Identity { access_key_id, secret_access_key, arn });
    }
    let identity = made("AKIA", arn);
    store.put(TABLE, USER, &(&identity.access_key_id, &identity.secret_access_key))?;
    Ok(identity)
}

/// A new key for a session of a role, as functions have one.
pub fn assumed_role(role_arn: &str, session: &str) -> Identity {
    let role = role_arn.rsplit('/').next().unwrap_or(role_arn);
    made("ASIA", format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"))
}

/// Sixteen characters after the prefix and a secret of forty, as on AWS.
fn made(prefix: &str, arn: String) -> Identity {
    let characters = |count: usize, alphabet: &[u8]| -> String {
        let pick = |_| {
            let index = rand::random::<u32>() as usize % alphabet.len();
            alphabet.get(index).map_or('A', |byte| char::from(*byte))
        };
        (0..count).map(pick).collect()
    };
    Identity {
        access_key_id: format!("{prefix}{}", characters(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
        secret_access_key: characters(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
        arn,
    }
}
