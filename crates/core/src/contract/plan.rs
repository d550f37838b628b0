//! The input of validate, and the plan that it answers.

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
    /// The event that started the execution, as it came.
    pub event: Value,
    /// Present if an earlier plan could not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replan: Option<Replan>,
    /// How often the execution was redriven.
    #[serde(default)]
    pub redrives: u32,
}

/// Why another plan is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replan {
    /// Which attempt the new plan is: 2 for the second plan.
    pub attempt: u32,
    /// The error that the earlier plan met, for example `Destination.Changed`.
    pub error: String,
    /// The plan that was given up. Its upload, if it has one, is aborted.
    pub given_up: Backup,
    /// The published copy that could not be proven, if there was one. It is not used as the backup again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Stored>,
    /// The published copy whose source was deleted before it was proven, if there was one. It may match its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<Stored>,
}

impl Replan {
    /// How many plans are made before a person has to look into it.
    pub const MAX_ATTEMPTS: u32 = 5;

    /// Whether too many plans in a row could not be carried out. A redrive enters the same state with the same input,
    /// so each redrive allows as many plans again.
    pub fn is_exhausted(&self, redrives: u32) -> bool {
        self.attempt > Self::MAX_ATTEMPTS.saturating_mul(redrives.saturating_add(1))
    }
}

/// What to do about an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "decision")]
pub enum Plan {
    /// There is nothing to do.
    Skip {
        /// The reason.
        reason: SkipReason,
        /// A sentence for people.
        message: String,
    },
    /// Copy it.
    Copy {
        /// Which attempt this is, from 1.
        attempt: u32,
        /// What is copied, and where to.
        backup: Box<Backup>,
        /// The slices; empty for a copy in one request.
        slices: Vec<Slice>,
        /// Whether every slice of the source has to be read and digested.
        digest_slices: bool,
        /// Where the backup is replicated to; absent without a replica.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replica: Option<ReplicaTarget>,
        /// The copy of this version that is published already, but without a receipt. It is proven, and nothing is
        /// copied.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<Stored>,
    },
}

/// Why an upload is not copied.
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
