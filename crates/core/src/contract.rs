//! What passes between the states of `statemachine/backup.asl.json` and the six functions: one type for each payload,
//! camelCase, unknown fields refused.
//!
//! | state | function | input | output |
//! |---|---|---|---|
//! | Validate | validate | [`ValidateInput`] | [`Plan`] |
//! | CopyObject | copy-part | [`CopyInput`] without a slice | [`Stored`] |
//! | CopySlice, CopyReplicaSlice | copy-part | [`CopyInput`] with a slice | [`SliceResult`] |
//! | DigestSlice, DigestReplicaSlice | checksum-verify | [`VerifyInput::Digest`] | [`SliceResult`] |
//! | CompleteUpload, CompleteReplica | complete-multipart | [`CompleteInput`] | [`Stored`] |
//! | VerifyBackup, VerifyReplica | checksum-verify | [`VerifyInput::Object`] | [`Verification`] |
//! | Replicate | cross-region-replicate | [`ReplicateInput`] | [`ReplicaPlan`] |
//! | Notify | notify | [`NotifyInput`] | [`Notified`] |

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

pub use crate::layout::Slice;
use crate::{
    attributes::{Attributes, Difference},
    checksum::{Crc64Nvme, Sha256},
    event::EventRef,
    layout::PartLayout,
    names::{BucketName, ETag, ObjectKey, PartNumber, VersionId},
    stamp::Stamp,
};

/// What Validate is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidateInput {
    /// The event that started the execution, as it came.
    pub event: Value,
    /// Present when an earlier plan could not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replan: Option<Replan>,
    /// How often the execution was redriven; each redrive allows as many plans again.
    #[serde(default)]
    pub redrives: u32,
}

/// Why a plan is made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replan {
    /// Which attempt the new plan is: 2 for the first that is made anew.
    pub attempt: u32,
    /// The error that the earlier plan met, for example `Destination.Changed`.
    pub error: String,
    /// The transfer that was given up. Its upload, if it has one, is aborted.
    pub given_up: Transfer,
}

impl Replan {
    /// How many plans are made before a person has to look.
    pub const MAX_ATTEMPTS: u32 = 5;

    /// Whether the world changed under too many plans in a row. A redrive enters the same state with the same input, so
    /// it has to allow further plans, or it could never help.
    pub fn is_exhausted(&self, redrives: u32) -> bool {
        self.attempt > Self::MAX_ATTEMPTS.saturating_mul(redrives.saturating_add(1))
    }
}

/// What to do about an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "decision", deny_unknown_fields)]
pub enum Plan {
    /// Nothing, and why.
    Skip {
        /// Why.
        reason: SkipReason,
        /// A sentence for people.
        message: String,
    },
    /// Copy it.
    Copy {
        /// Which attempt this is, from 1.
        attempt: u32,
        /// What goes where, and how.
        transfer: Box<Transfer>,
        /// The runs of parts; empty for a single copy.
        slices: Vec<Slice>,
        /// Whether every slice of the source has to be read and digested.
        digest_slices: bool,
        /// Where the backup is replicated to, if it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replica: Option<ReplicaTarget>,
    },
}

/// Why an upload is not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// The backup of this very version stands already.
    AlreadyBackedUp,
    /// The configuration leaves this key out.
    Excluded,
    /// The version was deleted before it could be copied.
    SourceGone,
    /// The bucket keeps no versions, and a newer upload has replaced this one; that one has an event of its own.
    Superseded,
}

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
    /// How.
    pub method: Method,
    /// The open upload; present exactly when the method is `multipart`.
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
    pub size: u64,
    /// Its bucket's region.
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
    pub upload_id: String,
    /// Bytes of every part but the last.
    pub part_size: u64,
    /// How many parts.
    pub part_count: u32,
}

/// Where backups are replicated to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplicaTarget {
    /// The bucket.
    pub bucket: BucketName,
    /// Its region.
    pub region: String,
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

/// What checksum-verify is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "mode", deny_unknown_fields)]
pub enum VerifyInput {
    /// Read one slice of the source and digest it.
    Digest {
        /// What is being copied.
        transfer: Transfer,
        /// Which parts.
        slice: Slice,
        /// Where an earlier call stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<DigestProgress>,
    },
    /// Compare the copy with its source.
    Object {
        /// What was copied.
        transfer: Transfer,
        /// The copy.
        stored: Stored,
        /// The results of the slices, where there were any.
        #[serde(default)]
        slices: Vec<SliceResult>,
        /// Where an earlier call stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
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
    pub bytes_read: u64,
    /// Whether the entity tags are equal too. Supporting, never a proof: under SSE-KMS or another part size they differ.
    pub etags_equal: bool,
    /// How the tags of the copy were looked at.
    pub tags_compared: TagComparison,
    /// Every attribute of the copy that was not as planned.
    pub differences: Vec<Difference>,
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

/// What cross-region-replicate is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplicateInput {
    /// The first leg.
    pub transfer: Transfer,
    /// Its verified copy: what is replicated.
    pub backup: Proven,
    /// Where to.
    pub replica: ReplicaTarget,
    /// Present when an earlier plan of the second leg could not be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replan: Option<Replan>,
    /// How often the execution was redriven; each redrive allows as many plans again.
    #[serde(default)]
    pub redrives: u32,
}

/// What cross-region-replicate answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplicaPlan {
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The second leg: from the backup version to the replica.
    pub transfer: Transfer,
    /// The runs of parts; empty when the replica stands already.
    pub slices: Vec<Slice>,
    /// Whether every slice of the backup has to be read and digested.
    pub digest_slices: bool,
    /// The replica, when it was small enough to be copied at once, or stood already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
}

/// What notify is asked at the end of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifyInput {
    /// The first leg.
    pub transfer: Transfer,
    /// The backup.
    pub backup: Proven,
    /// The results of the backup's slices, for the digests that go into the receipt.
    #[serde(default)]
    pub slices: Vec<SliceResult>,
    /// The replica, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<Proven>,
    /// The execution that did it.
    pub execution: ExecutionRef,
}

/// An execution of the state machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecutionRef {
    /// Its ARN.
    pub arn: String,
    /// When it started.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
}

/// What notify answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notified {
    /// Where the receipt is; absent for a failure, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptRef>,
    /// SNS's id of the message; absent where the configuration asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

/// Where a receipt is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReceiptRef {
    /// The bucket.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// Whether this call wrote it; false when an earlier one had.
    pub written: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::decode;

    #[test]
    fn an_unknown_field_is_refused_with_its_path() {
        let slice = json!({"index": 0, "done": true, "bytes": 1, "digest": {"crc64nvme": "AAAAAAAAAAA=", "sha1": ""}});
        let error = decode::<SliceResult>(&slice).err();
        assert_eq!(error.map(|error| error.path), Some("digest.sha1".to_owned()));
    }

    #[test]
    fn preconditions_and_decisions_read_as_people_would_write_them() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(serde_json::to_value(Precondition::IfAbsent)?, json!("ifAbsent"));
        assert_eq!(serde_json::to_value(Precondition::IfMatch(ETag::new("e")?))?, json!({"ifMatch": "e"}));
        let skip = Plan::Skip { reason: SkipReason::SourceGone, message: "gone".to_owned() };
        assert_eq!(serde_json::to_value(skip)?, json!({"decision": "skip", "reason": "sourceGone", "message": "gone"}));
        Ok(())
    }
}
