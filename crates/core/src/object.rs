//! An object as `HeadObject` describes it.

use time::OffsetDateTime;

use crate::{
    attributes::Attributes,
    checksum::Crc64Nvme,
    contract::Stored,
    names::{ETag, VersionId},
    order::{Neighbor, Occupant, Stamp},
    source_checksum::HeadChecksum,
};

/// Everything about an object version except its bytes and its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The version; absent if the bucket has no versions.
    pub version_id: Option<VersionId>,
    /// The entity tag.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The time at which its upload was initiated, in whole seconds.
    pub last_modified: OffsetDateTime,
    /// The stored full-object CRC64NVME; absent if S3 returns none.
    pub crc64nvme: Option<Crc64Nvme>,
    /// The checksum by which the object can be proven.
    pub checksum: HeadChecksum,
    /// Headers, metadata and storage class. HeadObject returns no tags.
    pub attributes: Attributes,
    /// Holdfast's stamp, if the metadata has one.
    pub stamp: Option<Stamp>,
    /// The number of tags; S3 omits it if there are none.
    pub tag_count: Option<u64>,
    /// Whether the object must be restored before it can be read.
    pub archived: bool,
}

impl Head {
    /// The object as a published copy.
    pub fn stored(&self) -> Stored {
        Stored { version_id: self.version_id.clone(), etag: self.etag.clone(), crc64nvme: self.crc64nvme }
    }

    /// The object as a neighbor of a published copy; `None` without a version.
    pub fn neighbor(&self) -> Option<Neighbor> {
        let (etag, stamp) = (self.etag.clone(), self.stamp.clone());
        Some(Neighbor { version_id: self.version_id.clone()?, etag, size: self.size, stamp })
    }
}

/// The current object of a key, as an input of [`place`](crate::order::place).
pub fn occupant(current: Option<&Head>) -> Occupant<'_> {
    current.map_or(Occupant::Nothing, |head| Occupant::Object(head.stamp.as_ref()))
}
