//! What proving is asked, and the proof.

use serde::{Deserialize, Serialize};

use crate::{
    attributes::Difference,
    bounds,
    contract::{Destination, DigestProgress, SliceDigest, SliceResult, Stored, Transfer},
    layout::Slice,
    names::VersionId,
};

/// What checksum-verify is asked. Read with [`Payload::read`](crate::payload::Payload::read), which knows the path of a
/// fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "mode")]
pub enum VerifyInput {
    /// Read one slice of the source and digest it.
    Digest {
        /// What is being copied.
        transfer: Transfer,
        /// Which parts.
        slice: Slice,
        /// Where an earlier call stopped.
        #[serde(skip_serializing_if = "Option::is_none")]
        resume: Option<DigestProgress>,
    },
    /// Compare the copy with its source.
    Object {
        /// What was copied.
        transfer: Transfer,
        /// The copy.
        stored: Stored,
        /// The results of the slices, where there were any.
        slices: Vec<SliceResult>,
        /// Where an earlier call stopped.
        #[serde(skip_serializing_if = "Option::is_none")]
        resume: Option<VerifyProgress>,
    },
}

/// What checksum-verify answers about a whole object. It is asked again until `done`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verification {
    /// Whether nothing is left to read.
    pub done: bool,
    /// The proof, once done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Where to go on, when not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<VerifyProgress>,
}

/// How far the reading back of a large copy is. What lies before was compared and is equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyProgress {
    /// Digests of the slices that are done, in order; the next one is being read.
    pub slices: Vec<SliceDigest>,
    /// How far that next one is; absent at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<DigestProgress>,
    /// Bytes read so far.
    #[serde(deserialize_with = "bounds::bytes_read")]
    pub bytes_read: u64,
}

/// The proof that a copy is its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// How it was proven.
    pub method: ProofMethod,
    /// Which digest the two values are: `CRC64NVME` (base64) or `SHA256` (hexadecimal).
    pub algorithm: Algorithm,
    /// The source's value.
    pub source: String,
    /// The copy's value: the same.
    pub copy: String,
    /// Bytes that were read for it, of either side.
    #[serde(deserialize_with = "bounds::bytes_read")]
    pub bytes_read: u64,
    /// Whether the entity tags are equal too. Supporting, never a proof: under SSE-KMS or another part size they differ.
    pub etags_equal: bool,
    /// How the tags of the copy were looked at.
    pub tags_compared: TagComparison,
    /// Every attribute of the copy that was not as planned.
    pub differences: Vec<Difference>,
    /// Versions of the copy's key that are earlier copies of the same upload, found not to be it. They are no backups, and
    /// stand only where they could not be removed, for example because of object lock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad_versions: Vec<VersionId>,
}

/// How a copy was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProofMethod {
    /// Both sides have a stored full-object CRC64NVME; nothing was read.
    StoredChecksums,
    /// The source was read once; the digest equals what the store computed over the copy.
    SourceStreamed,
    /// Both sides were read.
    BothStreamed,
}

/// A digest's algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// CRC64NVME, as S3 stores it.
    #[serde(rename = "CRC64NVME")]
    Crc64Nvme,
    /// SHA-256 of the object; for one of several parts over the SHA-256s of its parts, and for one of several slices
    /// over those of its slices.
    #[serde(rename = "SHA256")]
    Sha256,
}

/// How tags were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TagComparison {
    /// The store's own count of the copy's tags equals the number that the copy was given, in the same request as its
    /// bytes.
    Count,
    /// The tags were read and compared one by one.
    Values,
}

/// A copy with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proven {
    /// Where it is.
    pub destination: Destination,
    /// What is there.
    pub stored: Stored,
    /// Why it is known to be the source.
    pub evidence: Evidence,
}
