//! Sample outputs of the functions: ordinary ones, and the largest that S3 and the types allow.

use std::collections::BTreeMap;

use holdfast_core::{
    attributes::{Attributes, Difference},
    checksum::{Crc64Nvme, Sha256},
    contract::{
        Algorithm, Backup, Copy, Destination, DigestProgress, Evidence, Method, MultipartUpload, Notified, Placement,
        Plan, Precondition, ProofMethod, ReceiptRef, ReplicaPlan, ReplicaTarget, SkipReason, Slice, SliceDigest,
        SliceResult, Source, Stored, TagComparison, Verification,
    },
    event::EventRef,
    layout::{MAX_OBJECT, PartLayout},
    names::{BucketName, ETag, ObjectKey, Sequencer, VersionId},
    order::Stamp,
    source_checksum::{Composite, SourceChecksum},
};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

/// The size of the values that a client chooses.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Extent {
    Ordinary,
    /// The largest that S3 allows, in the characters with the longest JSON.
    Largest,
}

/// How an object is copied, and whether its slices are read.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Path {
    Single,
    Parts { digest: bool },
}

/// Creates outputs of the functions.
#[derive(Clone, Copy)]
pub(crate) struct Samples {
    pub(crate) extent: Extent,
    pub(crate) path: Path,
    pub(crate) replica: bool,
}

pub(crate) fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).unwrap()
}

impl Samples {
    fn long(self, ordinary: &str, unit: &str, times: usize) -> String {
        if self.extent == Extent::Ordinary { ordinary.to_owned() } else { unit.repeat(times) }
    }

    fn size(self) -> u64 {
        match (self.extent, self.path) {
            (_, Path::Single) => 48_213,
            (Extent::Ordinary, Path::Parts { .. }) => 1 << 30,
            (Extent::Largest, Path::Parts { .. }) => MAX_OBJECT,
        }
    }

    fn layout(self) -> PartLayout {
        PartLayout::plan(self.size(), None).unwrap()
    }

    fn slices(self) -> Vec<Slice> {
        if self.path == Path::Single { Vec::new() } else { self.layout().slices() }
    }

    /// Ten tags of 128 and 256 characters with four bytes each, and 2 KB of headers and of user metadata: the limits of
    /// S3.
    fn attributes(self) -> Attributes {
        if self.extent == Extent::Ordinary {
            return Attributes { content_type: Some("text/plain".to_owned()), ..Attributes::default() };
        }
        let tags = (0..10).map(|index| (format!("{index}{}", "𐐀".repeat(127)), "𐐀".repeat(256))).collect();
        let metadata: BTreeMap<_, _> = (0..20).map(|index| (format!("name-{index:05}"), "\"".repeat(92))).collect();
        let content_type = Some("\"".repeat(2048));
        Attributes {
            content_type,
            metadata,
            tags,
            storage_class: Some("GLACIER_IR".to_owned()),
            ..Attributes::default()
        }
    }

    /// A control character has six bytes in JSON.
    fn key(self) -> ObjectKey {
        ObjectKey::new(self.long("reports/november.pdf", "\u{1}", 1024)).unwrap()
    }

    fn version(self) -> VersionId {
        VersionId::new(self.long("wBYbHcg9Zy3PpT1sQk7uRVdLm0xEaN4f", "v", 1024)).unwrap()
    }

    fn etag(self) -> ETag {
        ETag::new(&self.long("b57f9512698f4b09e608f4f2a65852e5", "e", 64)).unwrap()
    }

    fn sequencer(self) -> Sequencer {
        Sequencer::new(self.long("006921C0E4A1B2C3D4", "A", 64)).unwrap()
    }

    fn backup(self) -> Backup {
        let stamp = Stamp {
            version_id: Some(self.version()),
            sequencer: Some(self.sequencer()),
            etag: self.etag(),
            last_modified: OffsetDateTime::UNIX_EPOCH,
        };
        let event = EventRef {
            id: "17793124-05d4-b198-2fde-7ededc63b103".to_owned(),
            time: OffsetDateTime::UNIX_EPOCH,
            sequencer: Some(self.sequencer()),
        };
        Backup { copy: self.copy(&stamp), stamp, placement: Placement::Current, event }
    }

    fn copy(self, stamp: &Stamp) -> Copy {
        let upload = (self.path != Path::Single).then(|| MultipartUpload {
            upload_id: self.long("2~upload", "u", 1024),
            part_size: self.layout().part_size(),
            part_count: self.layout().part_count(),
        });
        let attributes = self.attributes();
        let stamped = stamp.add_to(&attributes.metadata);
        Copy {
            source: Source {
                bucket: BucketName::new(self.long("holdfast-source", "b", 63)).unwrap(),
                key: self.key(),
                version_id: Some(self.version()),
                etag: self.etag(),
                size: self.size(),
                region: "ap-southeast-1".to_owned(),
            },
            destination: self.destination(),
            precondition: Precondition::IfMatch(self.etag()),
            replaces: Some(self.version()),
            method: if upload.is_some() { Method::Multipart } else { Method::CopyObject },
            upload,
            crc64nvme: Some(Crc64Nvme::EMPTY),
            other_checksum: (self.extent != Extent::Ordinary).then(|| SourceChecksum {
                algorithm: Algorithm::Sha512,
                value: "A".repeat(88),
                composite: Some(Composite { part_size: 5 << 30 }),
            }),
            attributes: Attributes { metadata: stamped.metadata, ..attributes },
            displaced_metadata: stamped.displaced,
            rejected_versions: if self.extent == Extent::Ordinary { Vec::new() } else { vec![self.version(); 4] },
        }
    }

    fn destination(self) -> Destination {
        Destination {
            bucket: BucketName::new(self.long("holdfast-backup", "d", 63)).unwrap(),
            key: self.key(),
            region: "ap-southeast-1".to_owned(),
        }
    }

    fn digests(self) -> bool {
        self.path == Path::Parts { digest: true }
    }

    /// The output of Validate.
    pub(crate) fn plan(self, attempt: u32) -> Plan {
        let replica = self.replica.then(|| ReplicaTarget {
            bucket: BucketName::new(self.long("holdfast-replica", "r", 63)).unwrap(),
            region: "eu-central-1".to_owned(),
        });
        Plan::Copy {
            attempt,
            backup: Box::new(self.backup()),
            slices: self.slices(),
            digest_slices: self.digests(),
            replica,
            stored: None,
        }
    }

    /// The output of Validate for a skipped event.
    pub(crate) fn skip() -> Plan {
        Plan::Skip { reason: SkipReason::AlreadyBackedUp, message: "The version is backed up already.".to_owned() }
    }

    /// The output of cross-region-replicate.
    pub(crate) fn replica_plan(self, attempt: u32) -> ReplicaPlan {
        let stored = (self.path == Path::Single).then(|| self.stored());
        let replica = self.backup();
        ReplicaPlan { attempt, replica, slices: self.slices(), digest_slices: self.digests(), stored }
    }

    /// The output of copy-part and complete-multipart for a published object.
    pub(crate) fn stored(self) -> Stored {
        Stored { version_id: Some(self.version()), etag: self.etag(), crc64nvme: Some(Crc64Nvme::EMPTY) }
    }

    /// A finished slice.
    fn slice_done(index: u32, digested: bool) -> SliceResult {
        let digest = digested.then(|| SliceDigest { crc64nvme: Crc64Nvme::EMPTY, sha256: Sha256::of(b"") });
        SliceResult { index, done: true, bytes: MAX_OBJECT, digest, resume: None }
    }

    /// An unfinished slice. If it is digested, only the last part is missing.
    pub(crate) fn slice_unfinished(self, index: u32, digested: bool) -> SliceResult {
        let slice = self.slices()[usize::try_from(index).unwrap()];
        let resume = digested.then(|| DigestProgress {
            next_part: slice.last_part,
            crc64nvme: Crc64Nvme::EMPTY,
            part_sha256: vec![Sha256::of(b""); slice.parts().count() - 1],
        });
        SliceResult { index, done: false, bytes: MAX_OBJECT, digest: None, resume }
    }

    /// The output of checksum-verify after the last run. With the largest extent, every attribute differs.
    pub(crate) fn verified(self) -> Verification {
        let none = Attributes::default();
        let differences: Vec<Difference> =
            if self.extent == Extent::Ordinary { Vec::new() } else { self.attributes().differences(&none) };
        let evidence = Evidence {
            method: ProofMethod::SourceRead,
            algorithm: Algorithm::Sha256,
            source: "0".repeat(64),
            copy: "0".repeat(64),
            bytes_read: MAX_OBJECT,
            etags_equal: false,
            tags_compared: TagComparison::Values,
            differences,
            rejected_versions: self.backup().copy.rejected_versions,
        };
        Verification { done: true, evidence: Some(evidence), resume: None }
    }

    /// The output of Notify.
    pub(crate) fn notified(self) -> Notified {
        let receipt = ReceiptRef { bucket: self.destination().bucket, key: self.key(), written: true };
        Notified { receipt: Some(receipt), message_id: Some("17793124-05d4-b198-2fde-7ededc63b103".to_owned()) }
    }

    /// The output of a state's function if it succeeds in one run.
    pub(crate) fn output(self, state: &str, payload: &Value) -> Value {
        let index = u32::try_from(payload["slice"]["index"].as_u64().unwrap_or_default()).unwrap();
        let attempt = u32::try_from(payload["replan"]["attempt"].as_u64().unwrap_or(1)).unwrap();
        match state {
            "Validate" => value(self.plan(attempt)),
            "Replicate" => value(self.replica_plan(attempt)),
            "CopyObject" | "CompleteUpload" | "CompleteReplica" => value(self.stored()),
            "CopySlice" | "CopyReplicaSlice" => value(Self::slice_done(index, false)),
            "DigestSlice" | "DigestReplicaSlice" => value(Self::slice_done(index, true)),
            "VerifyBackup" | "VerifyReplica" => value(self.verified()),
            "Notify" => value(self.notified()),
            other => panic!("{other} has no sample output"),
        }
    }
}
