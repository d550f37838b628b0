//! The input and the output of notify.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    bounds,
    contract::{Backup, ProvenCopy, SliceResult},
    names::{BucketName, ObjectKey},
};

/// The input of notify at the end of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifyInput {
    /// The backup as it was planned.
    pub backup: Backup,
    /// The backup as it was proven.
    pub proven: ProvenCopy,
    /// The results of the backup's slices, for the digests that go into the receipt.
    #[serde(default)]
    pub slices: Vec<SliceResult>,
    /// The replica, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<ProvenCopy>,
    /// The execution.
    pub execution: ExecutionRef,
}

/// An execution of the state machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRef {
    /// The ARN.
    #[serde(deserialize_with = "bounds::execution_arn")]
    pub arn: String,
    /// The start time.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
}

/// The output of notify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notified {
    /// The receipt's location; absent for a failure, which has no receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptRef>,
    /// SNS's ID of the message; absent if the configuration disables the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

/// The location of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptRef {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// Whether this call wrote the receipt; false if an earlier call wrote it.
    pub written: bool,
}
