//! A multipart upload and its parts.

use serde::{Deserialize, Serialize};

use crate::{
    checksum::{Algorithm, Checksum, Kind},
    model::{
        lock::Lock,
        object::{Attributes, Tags},
        tick::Tick,
    },
    storage::extents::{Extent, total},
};

/// What an upload was opened with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UploadSettings {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) initiated: Tick,
    pub(crate) attributes: Attributes,
    pub(crate) tags: Tags,
    /// What the caller declared; S3 computes a full-object CRC64NVME where nothing was declared.
    pub(crate) declared: Option<(Algorithm, Kind)>,
    /// Whether its key was deleted since it was initiated.
    #[serde(default)]
    pub(crate) key_was_deleted: bool,
    /// What the caller asked for; the bucket's default is added when the object appears.
    #[serde(default)]
    pub(crate) lock: Lock,
}

/// A part of an open upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) number: u16,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) crc64nvme: u64,
    pub(crate) uploaded: Tick,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) extents: Vec<Extent>,
}

impl Part {
    /// In bytes.
    pub(crate) fn size(&self) -> u64 {
        total(&self.extents)
    }
}
