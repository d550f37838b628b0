//! What copying and completing are asked, and how far a slice is.

use serde::{Deserialize, Serialize};

use crate::{
    bounds,
    checksum::{Crc64Nvme, Sha256},
    contract::{Stored, Transfer},
    layout::Slice,
    names::PartNumber,
};

/// What copy-part is asked: the whole object, or one slice of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyInput {
    /// What goes where.
    pub transfer: Transfer,
    /// Which parts; absent for a single copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
}

/// What copy-part answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CopyOutput {
    /// The published copy of a whole object.
    Stored(Stored),
    /// How far the slice is.
    Slice(SliceResult),
}

/// How far a slice is. It is sent again until `done`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SliceResult {
    /// Which slice.
    pub index: u32,
    /// Whether nothing is left to do.
    pub done: bool,
    /// Bytes of the slice that are copied, or digested, so far.
    #[serde(deserialize_with = "bounds::size")]
    pub bytes: u64,
    /// The digest of the source's bytes, once a digest was asked for and is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<SliceDigest>,
    /// Where to go on, when a digest was asked for and is not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<DigestProgress>,
}

/// The digest of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SliceDigest {
    /// Over all bytes.
    pub crc64nvme: Crc64Nvme,
    /// Over the SHA-256s of the parts.
    pub sha256: Sha256,
}

/// A digest that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DigestProgress {
    /// The first part that is not digested.
    pub next_part: PartNumber,
    /// Over the bytes before it.
    pub crc64nvme: Crc64Nvme,
    /// Of the parts before it, in order.
    pub part_sha256: Vec<Sha256>,
}

/// What complete-multipart is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompleteInput {
    /// What goes where.
    pub transfer: Transfer,
    /// The results of all slices, in any order.
    pub slices: Vec<SliceResult>,
}
