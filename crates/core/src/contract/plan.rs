//! The input of validate, and the plan that it returns.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    contract::{Backup, ReplicaTarget, Stored},
    layout::Slice,
};

/// The input of validate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidateInput {
    /// The event that started the execution, unchanged.
    pub event: Value,
    /// Present if an earlier plan could not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replan: Option<Replan>,
    /// The number of redrives of the execution.
    #[serde(default)]
    pub redrives: u32,
}

/// Why another plan is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replan {
    /// The number of the new plan: 2 for the second plan.
    pub attempt: u32,
    /// The error that stopped the earlier plan, for example `Destination.Changed`.
    pub error: String,
    /// The earlier plan. Its upload, if it has one, is aborted.
    pub given_up: Backup,
    /// The published copy that could not be proven, if there was one. It is not used as the backup again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Stored>,
    /// The published copy whose source was deleted before it was proven, if there was one. It may match its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<Stored>,
}

impl Replan {
    /// The number of plans after which the execution fails.
    pub const MAX_ATTEMPTS: u32 = 5;

    /// Whether too many plans in a row failed. A redrive enters the same state with the same input, so each redrive
    /// allows the same number of plans again.
    pub fn is_exhausted(&self, redrives: u32) -> bool {
        self.attempt > Self::MAX_ATTEMPTS.saturating_mul(redrives.saturating_add(1))
    }
}

/// The plan for an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "decision")]
pub enum Plan {
    /// Copy nothing.
    Skip {
        /// The reason.
        reason: SkipReason,
        /// The reason as a sentence.
        message: String,
    },
    /// Copy the upload.
    Copy {
        /// The number of this plan, from 1.
        attempt: u32,
        /// The backup to make.
        backup: Box<Backup>,
        /// The slices; empty for a copy in one request.
        slices: Vec<Slice>,
        /// Whether every slice of the source has to be read and digested.
        digest_slices: bool,
        /// The replica's destination; absent without a replica.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replica: Option<ReplicaTarget>,
        /// The published copy of this version that has no receipt. It is proven, and nothing is copied.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<Stored>,
    },
}

/// The reason why an upload is not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// This version is backed up already.
    AlreadyBackedUp,
    /// The configuration excludes this key.
    Excluded,
    /// The version was deleted before it could be copied.
    SourceGone,
    /// The bucket has no versions, and a newer upload, which has its own event, replaced this one.
    Superseded,
}
