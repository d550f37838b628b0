//! The facts about a deployment that the decisions need.

use std::fmt;

use serde::Serialize;

use crate::AwsError;

/// The facts. Each can be missing for a reason of its own, for example a missing permission.
#[derive(Debug)]
pub struct Facts {
    /// The buckets of the stack.
    pub buckets: Vec<BucketFacts>,
    /// The topic.
    pub topic: TopicFacts,
    /// The status of the state machine.
    pub state_machine: Result<String, AwsError>,
    /// The ARN of the state machine.
    pub state_machine_arn: String,
}

/// The purpose of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Its uploads are backed up.
    Source,
    /// It has the backups.
    Backup,
    /// It has the replicas.
    Replica,
    /// It has the receipts and nothing else.
    Receipts,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Source => "source",
            Self::Backup => "backup",
            Self::Replica => "replica",
            Self::Receipts => "receipt",
        })
    }
}

/// The facts about a bucket.
#[derive(Debug)]
pub struct BucketFacts {
    /// The purpose of the bucket.
    pub role: Role,
    /// The bucket's name.
    pub name: String,
    /// The region in which the stack expects the bucket.
    pub expected_region: String,
    /// The bucket's region. If it cannot be read, neither can the rest.
    pub region: Result<String, AwsError>,
    /// Whether the bucket keeps versions.
    pub versioning: Result<Versioning, AwsError>,
    /// Whether the bucket sends events to EventBridge.
    pub sends_events: Result<bool, AwsError>,
    /// The enabled lifecycle rules that remove incomplete uploads.
    pub lifecycle: Result<Vec<LifecycleRule>, AwsError>,
}

/// Whether a bucket keeps the versions of its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// Each upload adds a version.
    Enabled,
    /// An upload overwrites the version `null`.
    Suspended,
    /// An upload overwrites the object.
    Never,
}

/// An enabled lifecycle rule that removes incomplete uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifecycleRule {
    /// The age in days at which an upload is removed.
    pub days: i32,
    /// Whether the rule applies to every key.
    pub is_for_all_keys: bool,
}

/// The facts about the topic.
#[derive(Debug)]
pub struct TopicFacts {
    /// The topic's ARN.
    pub arn: String,
    /// The endpoint of each subscription, and whether it is confirmed.
    pub subscriptions: Result<Vec<Subscription>, AwsError>,
}

/// A subscription to the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// For example an email address.
    pub endpoint: String,
    /// Whether the receiver has confirmed it. SNS sends nothing to the others.
    pub is_confirmed: bool,
}
