//! The inputs of copy-part and complete-multipart, and the progress of a slice.

use serde::{Deserialize, Serialize};

use crate::{
    bounds,
    checksum::{Crc64Nvme, Sha256},
    contract::{Copy, Stored},
    layout::Slice,
    names::PartNumber,
};

/// The input of copy-part: a whole object, or one slice of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyInput {
    /// The copy.
    pub copy: Copy,
    /// The parts; absent for a copy in one request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
}

/// The output of copy-part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CopyOutput {
    /// The published copy of a whole object.
    Stored(Stored),
    /// The progress of the slice.
    Slice(SliceResult),
}

/// The progress of a slice. The function is called again until `done`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceResult {
    /// The index of the slice.
    pub index: u32,
    /// Whether the slice is complete.
    pub done: bool,
    /// The bytes of the slice that are copied, or digested, so far.
    #[serde(deserialize_with = "bounds::size")]
    pub bytes: u64,
    /// The digest of the source's bytes, if a digest was requested and is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<SliceDigest>,
    /// The progress of a requested digest that is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<DigestProgress>,
}

/// The digest of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceDigest {
    /// The CRC64NVME over all bytes.
    pub crc64nvme: Crc64Nvme,
    /// The SHA-256 over the SHA-256s of the parts.
    pub sha256: Sha256,
}

/// The progress of a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DigestProgress {
    /// The first part that is not digested.
    pub next_part: PartNumber,
    /// The CRC64NVME over the bytes before that part.
    pub crc64nvme: Crc64Nvme,
    /// The SHA-256s of the parts before it, in order.
    pub part_sha256: Vec<Sha256>,
}

/// The input of complete-multipart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteInput {
    /// The copy.
    pub copy: Copy,
    /// The results of all slices, in any order.
    pub slices: Vec<SliceResult>,
}
