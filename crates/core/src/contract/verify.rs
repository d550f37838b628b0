//! The input of checksum-verify, and the proof that it returns.

use serde::{Deserialize, Serialize};

use crate::{
    attributes::Difference,
    bounds,
    contract::{Backup, Copy, Destination, DigestProgress, SliceDigest, SliceResult, Stored},
    layout::Slice,
    names::VersionId,
    source_checksum::Algorithm,
};

/// The input of checksum-verify. Read it with [`Payload::read`](crate::payload::Payload::read), so that errors have a
/// path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "mode")]
pub enum VerifyInput {
    /// Read one slice of the source and digest it.
    Digest {
        /// The copy with the source to read.
        copy: Box<Copy>,
        /// The parts.
        slice: Slice,
        /// The progress of an earlier call.
        #[serde(skip_serializing_if = "Option::is_none")]
        resume: Option<DigestProgress>,
    },
    /// Compare a backup or a replica with its source, then check its position among the versions of its key.
    Backup {
        /// The backup as it was planned.
        backup: Box<Backup>,
        /// The published copy.
        stored: Stored,
        /// The results of the slices; empty for a copy in one request.
        slices: Vec<SliceResult>,
        /// The progress of an earlier call.
        #[serde(skip_serializing_if = "Option::is_none")]
        resume: Option<VerifyProgress>,
    },
}

/// The output of checksum-verify for a whole object. The function is called again until `done`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Whether all bytes are read.
    pub done: bool,
    /// The proof, if done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// The progress, if not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<VerifyProgress>,
}

/// The progress of reading a large copy back. All bytes before it are compared and equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyProgress {
    /// Digests of the completed slices, in order.
    pub slices: Vec<SliceDigest>,
    /// The progress of the next slice; absent at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestProgress>,
    /// Bytes read so far.
    #[serde(deserialize_with = "bounds::bytes_read")]
    pub bytes_read: u64,
}

/// The proof that a copy matches its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// How it was proven.
    pub method: ProofMethod,
    /// The algorithm of the two values. They are in base64, as S3 writes them, but in hexadecimal if both sides were
    /// read.
    pub algorithm: Algorithm,
    /// The source's value.
    pub source: String,
    /// The copy's value, which is equal.
    pub copy: String,
    /// The bytes that were read for the proof, of both sides.
    #[serde(deserialize_with = "bounds::bytes_read")]
    pub bytes_read: u64,
    /// Whether the entity tags are also equal. This is not a proof: under SSE-KMS or with another part size they
    /// differ.
    pub etags_equal: bool,
    /// How the tags of the copy were compared.
    pub tags_compared: TagComparison,
    /// Every attribute of the copy that differs from the plan.
    pub differences: Vec<Difference>,
    /// Versions of the copy's key that are earlier copies of the same upload and did not match it. They are not
    /// backups. They exist only if they could not be removed, for example because of Object Lock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_versions: Vec<VersionId>,
}

/// The level of a proof: what was compared, and what was read for it. Each accepts the name that earlier versions wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProofMethod {
    /// The copy was read. Its digest equals the checksum that the source has had since its upload.
    ReadBack,
    /// The checksum that S3 computed from the parts of a multipart copy equals that of the source. Nothing was read.
    #[serde(alias = "storedChecksums")]
    S3Checksum,
    /// The source has no checksum that a multipart copy can have. It was read once, and its digest equals the checksum
    /// that S3 computed from the parts of the copy.
    #[serde(alias = "sourceStreamed")]
    SourceRead,
    /// Both sides were read.
    #[serde(alias = "bothStreamed")]
    BothRead,
}

/// How tags were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TagComparison {
    /// S3's count of the copy's tags equals the number of tags that the request gave the copy.
    Count,
    /// The tags were read and compared one by one.
    Values,
}

/// A published copy with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvenCopy {
    /// The copy's location.
    pub destination: Destination,
    /// The published version.
    pub stored: Stored,
    /// The proof.
    pub evidence: Evidence,
}
