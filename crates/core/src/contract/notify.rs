//! The end of an execution: what Notify is asked and answers.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    bounds,
    contract::{Backup, ProvenCopy, SliceResult},
    names::{BucketName, ObjectKey},
};

/// What notify is asked at the end of an execution.
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
    /// The execution that did it.
    pub execution: ExecutionRef,
}

/// An execution of the state machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRef {
    /// Its ARN.
    #[serde(deserialize_with = "bounds::execution_arn")]
    pub arn: String,
    /// When it started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
}

/// What notify answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notified {
    /// Where the receipt is; absent for a failure, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptRef>,
    /// SNS's id of the message; absent where the configuration asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

/// Where a receipt is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptRef {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// Whether this call wrote it; false when an earlier one had.
    pub written: bool,
}
