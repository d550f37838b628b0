//! The options of a sandbox, and the values that its clients require.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use sandbox_lambda::Functions;
use sandbox_s3::BucketSettings;

/// The options of a sandbox.
#[derive(Debug, Clone)]
pub struct Options {
    /// The template. Paths in it are relative to its folder.
    pub template: PathBuf,
    /// The name of the stack, which prefixes the names of its resources.
    pub stack_name: String,
    /// The region of the stack.
    pub region: String,
    /// Buckets that exist outside of the stack. The sandbox creates a missing one before the stack and does not change
    /// an existing one. A template can only refer to such buckets by name, for example if they are in another account
    /// or region.
    pub existing_buckets: Vec<BucketSettings>,
    /// How functions run.
    pub functions: Functions,
    /// The folder for all data; `None` for a temporary folder that is removed at the end.
    pub data: Option<PathBuf>,
    /// The address to serve at; port 0 selects a free port.
    pub listen: SocketAddr,
    /// Values for the template's parameters; the others keep their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Values that replace those in the functions' environments. A name that no function has is an error.
    pub environment: BTreeMap<String, String>,
    /// The factor for the seconds of Wait states and retry intervals: 1.0 is real time, 0.01 is a hundred times faster.
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

/// An access key of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The ID.
    pub id: String,
    /// The secret.
    pub secret: String,
}

/// What a client requires to use a running sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// The endpoint of every service.
    pub endpoint_url: String,
    /// The region of the stack.
    pub region: String,
    /// An access key with every permission.
    pub access_key: AccessKey,
    /// The name of the stack.
    pub stack_name: String,
    /// The folder of messages to subscribers.
    pub outbox_dir: PathBuf,
    /// The template's section Outputs.
    pub outputs: BTreeMap<String, String>,
}
