//! The results of a demo, for the text report and the JSON document.

use std::{path::PathBuf, time::Duration};

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::{
    contract::{ProvenCopy, ReceiptRef, SkipReason},
    history::{self, Failure, Step},
    names::VersionId,
};
use holdfast_operate::{
    AwsError, Clients,
    executions::ExecutionOutput,
    read_back::{Digests, read_back},
    receipts,
};
use serde::{Serialize, Serializer};

use super::{upload::Uploaded, watch::FinishedExecution};
use crate::render::{progress::Phase, proof};

/// The whole result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Whether every object is proven or excluded by the configuration.
    pub(super) proven: bool,
    /// Time from the first upload to the last comparison.
    #[serde(rename = "elapsedMs", serialize_with = "milliseconds")]
    pub(super) elapsed: Duration,
    /// One row for each upload.
    pub(super) objects: Vec<Row>,
    /// Symbolic links that were not uploaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) skipped_links: Vec<PathBuf>,
}

/// The row of one upload.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    /// The key.
    pub(super) key: String,
    /// The size in bytes.
    pub(super) size: u64,
    /// The version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_id: Option<String>,
    /// The execution; absent if none was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution_arn: Option<String>,
    /// The states that the execution entered, outside Maps.
    pub(super) path: Vec<Step>,
    /// How long the execution took.
    #[serde(rename = "durationMs", serialize_with = "optional_milliseconds")]
    pub(super) duration: Option<Duration>,
    /// The result.
    #[serde(flatten)]
    pub(super) verdict: Verdict,
}

/// The result for one upload.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "verdict")]
pub(super) enum Verdict {
    /// The copies are proven, and this program read the same bytes from all of them.
    Proven(Box<Proof>),
    /// The configuration excludes the key.
    Excluded {
        /// The reason.
        reason: String,
    },
    /// The execution failed.
    Failed {
        /// The state that failed, and its error.
        failure: Failure,
    },
    /// The execution succeeded, but the copies are not proven.
    NotProven {
        /// The reason.
        reason: String,
    },
}

/// The proof of an upload.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proof {
    /// How the functions proved the copies.
    #[serde(rename = "proof")]
    pub(super) summary: String,
    /// The backup with its evidence.
    pub(super) backup: ProvenCopy,
    /// The replica with its evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replica: Option<ProvenCopy>,
    /// The receipt's location.
    pub(super) receipt: ReceiptRef,
    /// The digests of the bytes that this program read.
    pub(super) sha256: Digests,
    /// Milliseconds from the event to the receipt.
    pub(super) lag_ms: i64,
}

impl Report {
    /// The report of these uploads.
    pub(super) fn new(objects: Vec<Row>, skipped_links: Vec<PathBuf>, elapsed: Duration) -> Self {
        let proven = objects.iter().all(|row| matches!(row.verdict, Verdict::Proven(_) | Verdict::Excluded { .. }));
        Self { proven, elapsed, objects, skipped_links }
    }
}

impl Row {
    /// Evaluates one upload: reads its receipt, then all bytes of source, backup and replica.
    pub(super) async fn evaluate(
        upload: &Uploaded,
        finished: Option<&FinishedExecution>,
        clients: &Clients,
        phase: &Phase,
    ) -> Self {
        let verdict = match finished {
            None => not_proven("no execution was started for it; check the EventBridge rule in template.yaml"),
            Some(finished) => verdict(upload, finished, clients, phase).await,
        };
        Self {
            key: upload.key.clone(),
            size: upload.size,
            version_id: upload.version_id.clone(),
            execution_arn: finished.map(|finished| finished.execution.arn.clone()),
            path: finished.map_or_else(Vec::new, |finished| history::path(&finished.history)),
            duration: finished.and_then(|finished| finished.execution.duration),
            verdict,
        }
    }

    /// The number of bytes, of the object and its copies, that were read and are equal.
    pub(super) fn bytes_compared(&self) -> u64 {
        match &self.verdict {
            Verdict::Proven(proof) => proof.sha256.count() * self.size,
            _ => 0,
        }
    }
}

async fn verdict(upload: &Uploaded, finished: &FinishedExecution, clients: &Clients, phase: &Phase) -> Verdict {
    let execution = &finished.execution;
    if execution.status != ExecutionStatus::Succeeded {
        return Verdict::Failed { failure: history::failure(&finished.history).unwrap_or_default() };
    }
    let receipt = match execution.output() {
        ExecutionOutput::Receipt(receipt) => receipt,
        ExecutionOutput::Skipped { reason: SkipReason::Excluded, message } => {
            return Verdict::Excluded { reason: message };
        }
        ExecutionOutput::Skipped { message, .. } => return not_proven(&format!("it was skipped: {message}")),
        ExecutionOutput::Unknown => return not_proven("its execution succeeded without a receipt"),
    };
    match proof(upload, receipt, clients, phase).await {
        Ok(proof) if proof.sha256.are_equal() => Verdict::Proven(Box::new(proof)),
        Ok(proof) => not_proven(&format!("the bytes differ: {}", digests(&proof.sha256))),
        Err(error) => not_proven(&error.to_string()),
    }
}

async fn proof(upload: &Uploaded, reference: ReceiptRef, clients: &Clients, phase: &Phase) -> Result<Proof, AwsError> {
    let receipt = receipts::read(&clients.s3, &reference).await?;
    let version = receipt.source.version_id.as_ref().map(VersionId::as_str);
    if version != upload.version_id.as_deref() || receipt.source.size != upload.size {
        let problem = format!("the receipt s3://{}/{} does not prove the upload", reference.bucket, reference.key);
        return Err(AwsError::unexpected(problem, "it names another version than the uploaded one"));
    }
    let sha256 = read_back(clients, &receipt, &|bytes| phase.add(bytes)).await?;
    Ok(Proof {
        summary: proof::summary(&receipt),
        backup: receipt.backup,
        replica: receipt.replica,
        receipt: reference,
        sha256,
        lag_ms: receipt.lag_ms,
    })
}

fn digests(digests: &Digests) -> String {
    let replica = digests.replica.map_or_else(String::new, |replica| format!(", the replica {replica}"));
    format!("the source has the SHA-256 {}, the backup {}{replica}", digests.source, digests.backup)
}

fn not_proven(reason: &str) -> Verdict {
    Verdict::NotProven { reason: reason.to_owned() }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[allow(clippy::ref_option, reason = "serde's serialize_with takes the field by reference")]
fn optional_milliseconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => milliseconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}
