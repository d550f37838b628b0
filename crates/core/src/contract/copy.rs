//! A copy of one object version to one destination, the backup of one upload, and a published version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    attributes::Attributes,
    bounds,
    checksum::Crc64Nvme,
    event::EventRef,
    layout::PartLayout,
    names::{BucketName, ETag, ObjectKey, VersionId},
    order::{Placement, Stamp},
    source_checksum::{Algorithm, SourceChecksum},
};

/// A copy of one object version to one destination. The functions that make the copy need no other input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Copy {
    /// The version to copy.
    pub source: Source,
    /// The destination of the copy.
    pub destination: Destination,
    /// The condition under which the copy is published.
    pub precondition: Precondition,
    /// The version that was current at the destination when the copy was planned. S3 has no condition on a version, so
    /// the position of the copy is checked after it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<VersionId>,
    /// How the object is copied.
    pub method: Method,
    /// The open upload; present if the method is `multipart`, unless the copy was found already published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<MultipartUpload>,
    /// The source's stored full-object CRC64NVME, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc64nvme: Option<Crc64Nvme>,
    /// The source's checksum of another algorithm or type, if it has no full-object CRC64NVME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_checksum: Option<SourceChecksum>,
    /// The attributes of the copy, including its stamp and its storage class.
    pub attributes: Attributes,
    /// Metadata of the source for which the copy has no room beside its stamp.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub displaced_metadata: BTreeMap<String, String>,
    /// Versions of the destination's key that are earlier copies of the same upload and did not match it. The receipt
    /// names them. They are never used as the copy again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_versions: Vec<VersionId>,
}

/// The backup of one upload: a copy with its stamp, its placement and the event that announced the upload. A replica is
/// the backup's copy in the second region, with the same stamp and event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// The copy.
    pub copy: Copy,
    /// The stamp, which identifies the upload.
    pub stamp: Stamp,
    /// Whether the copy becomes the current backup of its key.
    pub placement: Placement,
    /// The event that announced the upload.
    pub event: EventRef,
}

/// A pinned object version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The version; absent if the bucket has no versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// The entity tag. Every read is conditional on it.
    pub etag: ETag,
    /// The size in bytes.
    #[serde(deserialize_with = "bounds::size")]
    pub size: u64,
    /// The bucket's region.
    #[serde(deserialize_with = "bounds::region")]
    pub region: String,
}

/// The destination of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The bucket's region, to which the requests are sent.
    #[serde(deserialize_with = "bounds::region")]
    pub region: String,
}

/// The condition on the destination key under which a copy is published
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Precondition {
    /// No object, or a delete marker: `If-None-Match: *`.
    IfAbsent,
    /// The object with this entity tag: `If-Match`.
    IfMatch(ETag),
}

/// How an object is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// One `CopyObject`.
    CopyObject,
    /// `UploadPartCopy` for every part, then `CompleteMultipartUpload`.
    Multipart,
}

/// An open multipart upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultipartUpload {
    /// The upload ID of S3.
    #[serde(deserialize_with = "bounds::opaque")]
    pub upload_id: String,
    /// The size of every part except the last, in bytes.
    #[serde(deserialize_with = "bounds::part_size")]
    pub part_size: u64,
    /// The number of parts.
    #[serde(deserialize_with = "bounds::part_count")]
    pub part_count: u64,
}

impl Copy {
    /// The parts of the open upload; `None` for a copy in one request.
    pub fn layout(&self) -> Option<PartLayout> {
        self.upload.as_ref().map(|upload| PartLayout::with_part_size(self.source.size, upload.part_size))
    }

    /// The checksum that the source has had since its upload.
    pub fn checksum(&self) -> Option<SourceChecksum> {
        self.crc64nvme.map(SourceChecksum::from).or_else(|| self.other_checksum.clone())
    }

    /// The checksum that S3 computes and checks while it completes a multipart copy; `None` if it has to be computed
    /// from the bytes of the source.
    pub fn multipart_checksum(&self) -> Option<SourceChecksum> {
        self.checksum().filter(SourceChecksum::is_kept_by_multipart_copies)
    }

    /// The algorithm with which a multipart copy is made.
    pub fn multipart_algorithm(&self) -> Algorithm {
        self.multipart_checksum().map_or(Algorithm::Crc64Nvme, |checksum| checksum.algorithm)
    }

    /// The stamp in the metadata of the copy; `None` for a restored object.
    pub fn stamp(&self) -> Option<Stamp> {
        Stamp::read(&self.attributes.metadata)
    }
}

impl Backup {
    /// Whether this is a replica. The source of a replica is a backup, not the upload in the stamp.
    pub fn is_replica(&self) -> bool {
        let source = &self.copy.source;
        source.version_id != self.stamp.version_id || source.etag != self.stamp.etag
    }
}

/// A published object version, as S3 describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// The version; absent if the bucket has no versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// The entity tag.
    pub etag: ETag,
    /// The full-object CRC64NVME that S3 returns; absent if S3 returns none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc64nvme: Option<Crc64Nvme>,
}

impl Stored {
    /// Whether both describe the same published version.
    pub fn is_same(&self, other: &Self) -> bool {
        self.version_id == other.version_id && self.etag == other.etag
    }
}
