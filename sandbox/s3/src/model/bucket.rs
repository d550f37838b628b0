//! A bucket and its configuration.

use s3s::dto;
use serde::{Deserialize, Serialize};

use crate::model::{lock::ObjectLock, tick::Tick};

/// Whether a bucket keeps old versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// It never did: every object has the version ID `null`.
    Never,
    /// Every write creates a version.
    Enabled,
    /// It did before: new objects are `null` versions, older versions stay.
    Suspended,
}

/// A bucket's stored configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BucketRecord {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) created: Tick,
    pub(crate) versioning: Versioning,
    pub(crate) event_bridge: bool,
    pub(crate) encryption: Option<dto::ServerSideEncryptionConfiguration>,
    pub(crate) public_access_block: Option<dto::PublicAccessBlockConfiguration>,
    pub(crate) tagging: Option<dto::Tagging>,
    pub(crate) lifecycle: Option<dto::BucketLifecycleConfiguration>,
    pub(crate) object_lock: Option<ObjectLock>,
}
