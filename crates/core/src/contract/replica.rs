//! The second leg: what replication is asked, and its plan.

use serde::{Deserialize, Serialize};

use crate::{
    bounds,
    contract::{Proven, Replan, Stored, Transfer},
    layout::Slice,
    names::BucketName,
};

/// Where backups are replicated to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplicaTarget {
    /// The bucket.
    pub bucket: BucketName,
    /// Its region.
    #[serde(deserialize_with = "bounds::region")]
    pub region: String,
}

/// What cross-region-replicate is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplicateInput {
    /// The first leg.
    pub transfer: Transfer,
    /// Its verified copy: what is replicated.
    pub backup: Proven,
    /// Where to.
    pub replica: ReplicaTarget,
    /// Present when an earlier plan of the second leg could not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replan: Option<Replan>,
    /// How often the execution was redriven; each redrive allows as many plans again.
    #[serde(default)]
    pub redrives: u32,
}

/// What cross-region-replicate answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplicaPlan {
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The second leg: from the backup version to the replica.
    pub transfer: Transfer,
    /// The runs of parts; empty when the replica stands already.
    pub slices: Vec<Slice>,
    /// Whether every slice of the backup has to be read and digested.
    pub digest_slices: bool,
    /// The replica, when it was small enough to be copied at once, or stood already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
}
