//! A deployed stack of `template.yaml`: its buckets, its topic and its state machine, and the connection to them.
//!
//! A stack is found by the outputs of a CloudFormation stack, by the ready file of a sandbox, or by outputs that the
//! caller passes.

mod cloudformation;
mod error;
mod ready_file;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, path::PathBuf};

use holdfast_core::{console, names::BucketName};
use serde::Serialize;

pub use self::{error::FindStackError, ready_file::ReadyFile};

/// A deployed stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    /// The stack's name.
    pub name: String,
    /// The stack's region.
    pub region: String,
    /// The connection to the stack's services.
    #[serde(skip)]
    pub connection: Connection,
    /// The bucket whose uploads are backed up.
    pub source_bucket: BucketName,
    /// The bucket of the backups.
    pub backup_bucket: BucketName,
    /// The bucket of the replicas, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica: Option<Replica>,
    /// The location of the receipts.
    pub receipts: Receipts,
    /// The topic of the messages.
    pub topic_arn: String,
    /// The state machine.
    pub state_machine_arn: String,
    /// The queue of events that could not be delivered.
    pub undelivered_events_url: String,
}

/// The location of the replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replica {
    /// The bucket.
    pub bucket: BucketName,
    /// The bucket's region.
    pub region: String,
}

/// The location of the receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipts {
    /// The bucket.
    pub bucket: BucketName,
    /// The prefix of their keys.
    pub prefix: String,
}

/// The connection to the services of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// With the credentials and the endpoint of the environment, as for the AWS CLI.
    Environment,
    /// At the endpoint of a sandbox.
    Sandbox(SandboxAccess),
}

/// Endpoint and credentials of a sandbox.
#[derive(Clone, PartialEq, Eq)]
pub struct SandboxAccess {
    /// The endpoint of every service.
    pub endpoint_url: String,
    /// The ID of an access key with every permission.
    pub access_key_id: String,
    /// The secret of that key.
    pub secret_access_key: String,
    /// The folder of messages to subscribers.
    pub outbox_dir: PathBuf,
}

impl fmt::Debug for SandboxAccess {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("SandboxAccess");
        debug.field("endpoint_url", &self.endpoint_url).field("access_key_id", &self.access_key_id);
        debug.field("outbox_dir", &self.outbox_dir).finish_non_exhaustive()
    }
}

impl Stack {
    /// The stack that has these outputs. Their names are those of `template.yaml`'s section Outputs.
    pub fn from_outputs(
        name: &str,
        region: &str,
        connection: Connection,
        outputs: &BTreeMap<String, String>,
    ) -> Result<Self, FindStackError> {
        let outputs = Outputs { stack: name, values: outputs };
        let replica = match outputs.optional("ReplicaBucketName") {
            Some(_) => Some(Replica {
                bucket: outputs.bucket("ReplicaBucketName")?,
                region: outputs.required("ReplicaRegion")?.to_owned(),
            }),
            None => None,
        };
        Ok(Self {
            name: name.to_owned(),
            region: region.to_owned(),
            connection,
            source_bucket: outputs.bucket("SourceBucketName")?,
            backup_bucket: outputs.bucket("BackupBucketName")?,
            replica,
            receipts: Receipts {
                bucket: outputs.bucket("ReceiptBucketName")?,
                prefix: outputs.required("ReceiptPrefix")?.to_owned(),
            },
            topic_arn: outputs.required("TopicArn")?.to_owned(),
            state_machine_arn: outputs.required("StateMachineArn")?.to_owned(),
            undelivered_events_url: outputs.required("UndeliveredEventsUrl")?.to_owned(),
        })
    }

    /// The page of the state machine in the AWS console; none for a sandbox.
    pub fn console_url(&self) -> Option<String> {
        match self.connection {
            Connection::Environment => Some(console::state_machine(&self.state_machine_arn)),
            Connection::Sandbox(_) => None,
        }
    }
}

/// The outputs of a stack by name.
struct Outputs<'a> {
    stack: &'a str,
    values: &'a BTreeMap<String, String>,
}

impl Outputs<'_> {
    fn optional(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<&str, FindStackError> {
        let missing = || FindStackError::MissingOutput { stack: self.stack.to_owned(), output: name };
        self.optional(name).ok_or_else(missing)
    }

    fn bucket(&self, name: &'static str) -> Result<BucketName, FindStackError> {
        let invalid = |source| FindStackError::InvalidOutput { stack: self.stack.to_owned(), output: name, source };
        BucketName::new(self.required(name)?).map_err(invalid)
    }
}
