//! What a demo found out about each upload: the rows of its table and of its JSON document.

use std::time::Duration;

use holdfast_core::{
    contract::{Proven, ReceiptRef},
    names::VersionId,
    receipt::Receipt,
};
use serde::{Serialize, Serializer};

use super::{
    compare::{self, Digests},
    upload::Uploaded,
    watch::Followed,
};
use crate::{
    aws::{AwsError, Clients},
    history::{self, Failure, Step},
    progress::Stage,
    proof::{self, Conclusion},
};

/// The whole result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Whether every object is proven.
    pub(super) proven: bool,
    /// From the first upload to the last comparison.
    #[serde(rename = "elapsedMs", serialize_with = "milliseconds")]
    pub(super) elapsed: Duration,
    /// One for each upload.
    pub(super) objects: Vec<Row>,
}

/// One upload.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    /// Its key.
    pub(super) key: String,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_id: Option<String>,
    /// Its execution; none was started where this is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution_arn: Option<String>,
    /// The states that the execution entered, outside Maps.
    pub(super) path: Vec<Step>,
    /// How long the execution took.
    #[serde(rename = "durationMs", serialize_with = "optional_milliseconds")]
    pub(super) took: Option<Duration>,
    /// What there is to show for it, or what is wrong.
    #[serde(flatten)]
    pub(super) verdict: Verdict,
}

/// Whether an upload is proven.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "verdict")]
pub(super) enum Verdict {
    /// It is.
    Proven(Box<Proof>),
    /// It is not.
    NotProven {
        /// Where and why.
        failure: Failure,
    },
}

/// What there is to show for a proven upload.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proof {
    /// The pipeline's own proof, in words.
    #[serde(rename = "proof")]
    pub(super) words: String,
    /// The backup with its evidence.
    pub(super) backup: Proven,
    /// The replica with its evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replica: Option<Proven>,
    /// Where the receipt is.
    pub(super) receipt: ReceiptRef,
    /// What this program read itself.
    pub(super) sha256: Digests,
    /// From the event to the receipt.
    pub(super) lag_ms: i64,
}

impl Report {
    /// The report on these rows.
    pub(super) fn new(objects: Vec<Row>, elapsed: Duration) -> Self {
        let proven = objects.iter().all(Row::is_proven);
        Self { proven, elapsed, objects }
    }
}

impl Row {
    /// Judges one upload: reads its receipt, then every byte of source, backup and replica.
    pub(super) async fn judge(
        upload: &Uploaded,
        followed: Option<&Followed>,
        clients: &Clients,
        stage: &Stage,
    ) -> Self {
        let verdict = match followed {
            None => not_proven("no execution was started for it; look at the EventBridge rule in template.yaml"),
            Some(followed) => verdict(upload, followed, clients, stage).await,
        };
        Self {
            key: upload.key.clone(),
            size: upload.size,
            version_id: upload.version_id.clone(),
            execution_arn: followed.map(|followed| followed.execution.arn.clone()),
            path: followed.map_or_else(Vec::new, |followed| history::path(&followed.history)),
            took: followed.and_then(|followed| followed.execution.took),
            verdict,
        }
    }

    /// Whether it is proven.
    pub(super) fn is_proven(&self) -> bool {
        matches!(self.verdict, Verdict::Proven(_))
    }

    /// How many bytes of the object and its copies were read and found equal.
    pub(super) fn bytes_compared(&self) -> u64 {
        match &self.verdict {
            Verdict::Proven(proof) if proof.replica.is_some() => 3 * self.size,
            Verdict::Proven(_) => 2 * self.size,
            Verdict::NotProven { .. } => 0,
        }
    }

    /// Whether there is a second copy.
    pub(super) fn has_replica(&self) -> bool {
        matches!(&self.verdict, Verdict::Proven(proof) if proof.replica.is_some())
    }
}

async fn verdict(upload: &Uploaded, followed: &Followed, clients: &Clients, stage: &Stage) -> Verdict {
    if let Some(failure) = history::failure(&followed.history) {
        return Verdict::NotProven { failure };
    }
    let place = match Conclusion::of(followed.execution.output.as_ref()) {
        Conclusion::Proven(place) => place,
        Conclusion::Skipped(reason) => return not_proven(&format!("it was skipped: {reason}")),
        Conclusion::Unknown => return not_proven("its execution succeeded without naming a receipt"),
    };
    match proof(upload, place, clients, stage).await {
        Ok(proof) if proof.sha256.are_equal() => Verdict::Proven(Box::new(proof)),
        Ok(proof) => not_proven(&format!("the bytes differ: {}", differing(&proof.sha256))),
        Err(error) => not_proven(&error.to_string()),
    }
}

async fn proof(upload: &Uploaded, place: ReceiptRef, clients: &Clients, stage: &Stage) -> Result<Proof, AwsError> {
    let receipt: Receipt = proof::receipt(&clients.s3, &place).await?;
    let version = receipt.source.version_id.as_ref().map(VersionId::as_str);
    if version != upload.version_id.as_deref() || receipt.source.size != upload.size {
        let wanted = format!("the receipt s3://{}/{} is no proof", place.bucket, place.key);
        return Err(AwsError::other(wanted, "it is about another version than the one that was uploaded"));
    }
    let sha256 = compare::read_back(clients, &receipt, stage).await?;
    Ok(Proof {
        words: proof::words(&receipt),
        backup: receipt.backup,
        replica: receipt.replica,
        receipt: place,
        sha256,
        lag_ms: receipt.lag_ms,
    })
}

fn differing(digests: &Digests) -> String {
    let replica = digests.replica.map_or_else(String::new, |replica| format!(", the replica {replica}"));
    format!("SHA-256 of the source is {}, of the backup {}{replica}", digests.source, digests.backup)
}

fn not_proven(cause: &str) -> Verdict {
    Verdict::NotProven { failure: Failure { state: None, error: "NotProven".to_owned(), cause: cause.to_owned() } }
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
