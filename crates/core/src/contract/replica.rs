//! The replica leg: the input of cross-region-replicate, and the plan that it returns.

use serde::{Deserialize, Serialize};

use crate::{
    bounds,
    contract::{Backup, ProvenCopy, Replan, Stored},
    layout::Slice,
    names::BucketName,
};

/// The destination of replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaTarget {
    /// The bucket.
    pub bucket: BucketName,
    /// The bucket's region.
    #[serde(deserialize_with = "bounds::region")]
    pub region: String,
}

/// The input of cross-region-replicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicateInput {
    /// The backup as it was planned.
    pub backup: Backup,
    /// The proven backup, which is replicated.
    pub proven: ProvenCopy,
    /// The replica's destination.
    pub replica: ReplicaTarget,
    /// Present if an earlier plan of the replica leg could not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replan: Option<Replan>,
    /// The number of redrives of the execution.
    #[serde(default)]
    pub redrives: u32,
}

/// The output of cross-region-replicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaPlan {
    /// The number of this plan, from 1.
    pub attempt: u32,
    /// The copy from the backup's version to the replica bucket.
    pub replica: Backup,
    /// The slices; empty if the replica is published already.
    pub slices: Vec<Slice>,
    /// Whether every slice of the backup has to be read and digested.
    pub digest_slices: bool,
    /// The replica, if it was copied in one request or was published already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
}
