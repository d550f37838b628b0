//! One copy of one object version: what, where to, how, and what is there afterwards.

use serde::{Deserialize, Serialize};

use crate::{
    attributes::Attributes,
    bounds,
    checksum::Crc64Nvme,
    event::EventRef,
    layout::PartLayout,
    names::{BucketName, ETag, ObjectKey, VersionId},
    stamp::Stamp,
};

/// One copy of one object version: what, where to, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transfer {
    /// What is copied.
    pub source: Source,
    /// Where to.
    pub destination: Destination,
    /// What must hold at the destination when the copy is published.
    pub precondition: Precondition,
    /// The version that stood there when that was planned. S3 cannot be asked for it as a condition, so it is looked at
    /// afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<VersionId>,
    /// How.
    pub method: Method,
    /// The open upload; present when the method is `multipart`, unless the copy stands already: for a replica that was
    /// found no upload is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<MultipartUpload>,
    /// The source's stored full-object CRC64NVME, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc64nvme: Option<Crc64Nvme>,
    /// What the copy carries besides the bytes; the storage class is the one wanted for the copy.
    pub attributes: Attributes,
    /// Which source upload the copy is the backup of.
    pub stamp: Stamp,
    /// Where the stamp is kept.
    pub stamp_place: StampPlace,
    /// Whether the copy becomes the current backup of its key or goes among the late ones.
    pub placement: Placement,
    /// The event that announced the upload.
    pub event: EventRef,
    /// Versions of the destination's key that are earlier copies of this very upload, found not to be it. The receipt names
    /// them, and none is taken for the copy again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad_versions: Vec<VersionId>,
}

/// A pinned object version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Its bucket.
    pub bucket: BucketName,
    /// Its key.
    pub key: ObjectKey,
    /// Its version; absent where the bucket keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// Its entity tag; every read is made conditional on it.
    pub etag: ETag,
    /// Its size in bytes.
    #[serde(deserialize_with = "bounds::size")]
    pub size: u64,
    /// Its bucket's region.
    #[serde(deserialize_with = "bounds::region")]
    pub region: String,
}

/// Where a copy goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Destination {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// The bucket's region; the copy is asked for there.
    #[serde(deserialize_with = "bounds::region")]
    pub region: String,
}

/// What must hold at the destination key when the copy is published
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

/// Where the stamp is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StampPlace {
    /// In the copy's user metadata.
    Metadata,
    /// In the receipt alone: the metadata has no room for it.
    Receipt,
}

/// Whether a copy becomes the current backup of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Placement {
    /// It does, at the source's own key.
    Current,
    /// A newer upload is backed up already: this one goes under `.holdfast/history/`.
    History,
}

/// An open multipart upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MultipartUpload {
    /// S3's id for it.
    #[serde(deserialize_with = "bounds::opaque")]
    pub upload_id: String,
    /// Bytes of every part but the last.
    #[serde(deserialize_with = "bounds::part_size")]
    pub part_size: u64,
    /// How many parts.
    #[serde(deserialize_with = "bounds::part_count")]
    pub part_count: u32,
}

impl Transfer {
    /// The parts of the open upload, or none for a single copy.
    pub fn layout(&self) -> Option<PartLayout> {
        self.upload.as_ref().map(|upload| PartLayout::with_part_size(self.source.size, upload.part_size))
    }

    /// The copy's user metadata: the source's own, and the stamp where it has its place there.
    pub fn metadata(&self) -> std::collections::BTreeMap<String, String> {
        let mut metadata = self.attributes.metadata.clone();
        if self.stamp_place == StampPlace::Metadata {
            metadata.extend(self.stamp.metadata());
        }
        metadata
    }
}

/// A published object version, as the service that stored it describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stored {
    /// Its version; absent where the bucket keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// Its entity tag.
    pub etag: ETag,
    /// The full-object CRC64NVME that the store computed, where it answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc64nvme: Option<Crc64Nvme>,
}

impl Stored {
    /// Whether both describe the same published version.
    pub fn is_same(&self, other: &Self) -> bool {
        self.version_id == other.version_id && self.etag == other.etag
    }
}
