//! What Validate is asked, and the plan that it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    contract::{ReplicaTarget, Stored, Transfer},
    layout::Slice,
};

/// What Validate is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidateInput {
    /// The event that started the execution, as it came.
    pub event: Value,
    /// Present when an earlier plan could not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replan: Option<Replan>,
    /// How often the execution was redriven; each redrive allows as many plans again.
    #[serde(default)]
    pub redrives: u32,
}

/// Why a plan is made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replan {
    /// Which attempt the new plan is: 2 for the first that is made anew.
    pub attempt: u32,
    /// The error that the earlier plan met, for example `Destination.Changed`.
    pub error: String,
    /// The transfer that was given up. Its upload, if it has one, is aborted.
    pub given_up: Transfer,
    /// The published copy that could not be proven, where there was one. It is not taken for the backup again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Stored>,
    /// The published copy whose source was gone before it was proven, where there was one. It may be good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<Stored>,
}

impl Replan {
    /// How many plans are made before a person has to look.
    pub const MAX_ATTEMPTS: u32 = 5;

    /// Whether the world changed under too many plans in a row. A redrive enters the same state with the same input, so
    /// it has to allow further plans, or it could never help.
    pub fn is_exhausted(&self, redrives: u32) -> bool {
        self.attempt > Self::MAX_ATTEMPTS.saturating_mul(redrives.saturating_add(1))
    }
}

/// What to do about an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "decision", deny_unknown_fields)]
pub enum Plan {
    /// Nothing, and why.
    Skip {
        /// Why.
        reason: SkipReason,
        /// A sentence for people.
        message: String,
    },
    /// Copy it.
    Copy {
        /// Which attempt this is, from 1.
        attempt: u32,
        /// What goes where, and how.
        transfer: Box<Transfer>,
        /// The runs of parts; empty for a single copy.
        slices: Vec<Slice>,
        /// Whether every slice of the source has to be read and digested.
        digest_slices: bool,
        /// Where the backup is replicated to, if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replica: Option<ReplicaTarget>,
        /// The copy, when one of this very version stands already but nothing says that it was proven. It is proven where
        /// it stands, and nothing is copied.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stored: Option<Stored>,
    },
}

/// Why an upload is not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// The backup of this very version stands already.
    AlreadyBackedUp,
    /// The configuration leaves this key out.
    Excluded,
    /// The version was deleted before it could be copied.
    SourceGone,
    /// The bucket keeps no versions, and a newer upload has replaced this one; that one has an event of its own.
    Superseded,
}
