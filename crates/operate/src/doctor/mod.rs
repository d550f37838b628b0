//! Finds faults of a deployment before a backup fails: reads the configuration of the stack's resources ([`gather`]), and
//! decides what is wrong with it ([`decide`]). Works on AWS and in a sandbox alike.
//!
//! Service quotas, functions and KMS keys are not checked: that would need further SDK crates. A backup uses all of them.

mod decide;
mod facts;
mod gather;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::{
    decide::decide,
    facts::{BucketFacts, Facts, LifecycleRule, Role, Subscription, TopicFacts, Versioning},
    gather::gather,
};

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// The resource, for example `s3://backup`.
    pub resource: String,
    /// The result.
    pub status: Status,
    /// What was found, as a sentence.
    pub message: String,
    /// How to fix it; absent if nothing is to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    /// The bucket exists, and its region is the one that the stack expects.
    Region,
    /// The bucket keeps the versions of its objects.
    Versioning,
    /// The bucket sends its events to EventBridge.
    EventBridge,
    /// Incomplete uploads are removed, but not before the last redrive.
    Lifecycle,
    /// The topic has confirmed subscriptions.
    Subscriptions,
    /// The state machine can be started.
    StateMachine,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Nothing is wrong.
    Ok,
    /// It works, but protects less than it could.
    Advice,
    /// Backups or messages are or will be lost.
    Problem,
    /// The check was not possible.
    Unknown,
}

impl Status {
    /// Whether the deployment has to be fixed. A check that was not possible is not a success.
    pub fn needs_action(self) -> bool {
        matches!(self, Self::Problem | Self::Unknown)
    }
}
