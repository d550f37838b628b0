//! How a sandbox is started, and what its clients need to know.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use sandbox_lambda::Functions;
use sandbox_s3::BucketSettings;
use serde::Serialize;

/// How a sandbox is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The template. Files that it names are relative to its folder.
    pub template: PathBuf,
    /// The name of the stack, which prefixes the names of its resources.
    pub stack_name: String,
    /// The region of the stack.
    pub region: String,
    /// Buckets that exist outside of the stack. A missing one is created before the stack; an existing one stays as it
    /// is. On AWS, too, a template can only name such buckets: they belong to somebody else or to another region.
    pub existing_buckets: Vec<BucketSettings>,
    /// How functions run.
    pub functions: Functions,
    /// The folder for all data; none for a temporary folder that is removed at the end.
    pub data: Option<PathBuf>,
    /// The address to serve at; port 0 selects a free port.
    pub listen: SocketAddr,
    /// Values for the template's parameters; the others keep their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Values that replace those in the functions' environments. A name that no function has is an error.
    pub environment: BTreeMap<String, String>,
    /// The factor for the seconds of Wait states and of back-off: 1.0 is as written, 0.01 a hundred times faster.
    pub time_scale: f64,
}

impl Options {
    /// The stack `sandbox` in `eu-west-1`, with the template's values, a temporary folder and a free port on loopback.
    pub fn new(template: impl Into<PathBuf>, functions: Functions) -> Self {
        Self {
            template: template.into(),
            stack_name: "sandbox".to_owned(),
            region: "eu-west-1".to_owned(),
            existing_buckets: Vec::new(),
            functions,
            data: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
            time_scale: 1.0,
        }
    }
}

/// What a client needs to know of a running sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// The endpoint of every service.
    pub endpoint_url: String,
    /// The region of the stack.
    pub region: String,
    /// The ID of an access key with every permission.
    pub access_key_id: String,
    /// The secret of that access key.
    pub secret_access_key: String,
    /// The name of the stack.
    pub stack_name: String,
    /// The folder of messages to subscribers.
    pub outbox_dir: PathBuf,
    /// The template's section Outputs.
    pub outputs: BTreeMap<String, String>,
}
