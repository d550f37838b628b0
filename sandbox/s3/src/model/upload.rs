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

/// The settings that an upload was created with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UploadSettings {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) initiated: Tick,
    pub(crate) attributes: Attributes,
    pub(crate) tags: Tags,
    /// The checksum that the caller declared. Without one, S3 computes a full-object CRC64NVME.
    pub(crate) declared: Option<(Algorithm, Kind)>,
    /// Whether its key was deleted after the initiation.
    #[serde(default)]
    pub(crate) key_was_deleted: bool,
    /// The lock that the caller requested. The bucket's default is added when the object appears.
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
