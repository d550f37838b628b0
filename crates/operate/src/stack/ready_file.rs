//! The ready file of a sandbox: the facts that a client needs, written when the sandbox serves.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Connection, FindStackError, SandboxAccess, Stack};

/// The contents of a ready file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadyFile {
    /// The endpoint of every service.
    pub endpoint_url: String,
    /// The region of the stack.
    pub region: String,
    /// The ID of an access key with every permission.
    pub access_key_id: String,
    /// The secret of that key.
    pub secret_access_key: String,
    /// The name of the stack.
    pub stack_name: String,
    /// The folder of messages to subscribers.
    pub outbox_dir: PathBuf,
    /// The outputs of the template by name.
    pub outputs: BTreeMap<String, String>,
}

impl ReadyFile {
    /// Reads a ready file.
    pub fn read(path: &Path) -> Result<Self, FindStackError> {
        let invalid = |reason: String| FindStackError::InvalidReadyFile { path: path.to_owned(), reason };
        let text = std::fs::read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => FindStackError::NoReadyFile { path: path.to_owned() },
            _ => invalid(error.to_string()),
        })?;
        serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))
    }

    /// The stack that the sandbox deployed.
    pub fn stack(&self) -> Result<Stack, FindStackError> {
        let access = SandboxAccess {
            endpoint_url: self.endpoint_url.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            outbox_dir: self.outbox_dir.clone(),
        };
        Stack::from_outputs(&self.stack_name, &self.region, Connection::Sandbox(access), &self.outputs)
    }
}
