//! How a sandbox is to be started, and what its users need to know of it once it serves.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use serde::Serialize;

use sandbox_lambda::Functions;
use sandbox_template::Stack;

/// How a sandbox is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The template; the files that it names are looked for beside it.
    pub template: PathBuf,
    /// How functions run.
    pub functions: Functions,
    /// Where everything is kept; none for a temporary folder that is removed at the end.
    pub data: Option<PathBuf>,
    /// The address to serve at; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Values for the template's parameters; the others keep their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Values that replace those of the functions' environment. A name that no function has is an error.
    pub environment: BTreeMap<String, String>,
    /// What seconds of Wait states and of back-off are multiplied with: 1.0 is as written, 0.01 a hundred times faster.
    pub time_scale: f64,
}

impl Options {
    /// As written in the template, in a temporary folder, on a free port of this machine.
    pub fn new(template: impl Into<PathBuf>, functions: Functions) -> Self {
        Self {
            template: template.into(),
            functions,
            data: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
            time_scale: 1.0,
        }
    }
}

/// What a client needs to know of a sandbox that serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// The one endpoint of every service.
    pub endpoint_url: String,
    /// The region of the stack.
    pub region: String,
    /// The region of the replica bucket.
    pub replica_region: String,
    /// The public half of a key that may do everything.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// Where users put objects.
    pub source_bucket: String,
    /// Where backups land.
    pub backup_bucket: String,
    /// Where second copies land; empty without a replica.
    pub replica_bucket: String,
    /// Where receipts are written.
    pub receipt_bucket: String,
    /// What the keys of receipts begin with.
    pub receipt_prefix: String,
    /// The topic that tells people.
    pub topic_arn: String,
    /// The backup state machine.
    pub state_machine_arn: String,
    /// The folder where messages to subscribers land.
    pub outbox_dir: PathBuf,
}

/// An output that the sandbox hands on but the template does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template's section Outputs has no {0}, which tells the sandbox's users where things are")]
pub struct MissingOutput(pub &'static str);

/// The parts of [`Outputs`] that the template does not know.
pub(crate) struct Place {
    pub(crate) endpoint_url: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) outbox_dir: PathBuf,
}

impl Outputs {
    pub(crate) fn of(stack: &Stack, place: Place) -> Result<Self, MissingOutput> {
        let optional = |name: &str| stack.outputs.get(name).cloned().unwrap_or_default();
        let required = |name: &'static str| stack.outputs.get(name).cloned().ok_or(MissingOutput(name));
        Ok(Self {
            endpoint_url: place.endpoint_url,
            region: stack.settings.region.clone(),
            replica_region: optional("ReplicaRegion"),
            access_key_id: place.access_key_id,
            secret_access_key: place.secret_access_key,
            source_bucket: required("SourceBucketName")?,
            backup_bucket: required("BackupBucketName")?,
            replica_bucket: optional("ReplicaBucketName"),
            receipt_bucket: required("ReceiptBucketName")?,
            receipt_prefix: required("ReceiptPrefix")?,
            topic_arn: required("TopicArn")?,
            state_machine_arn: required("StateMachineArn")?,
            outbox_dir: place.outbox_dir,
        })
    }
}
