//! Copies and their sources: a copy that a receipt names exists, matches its source, and is the only one.

use holdfast_core::{
    attributes::Attributes,
    contract::{Algorithm, Evidence, Placement, ProvenCopy},
    names::VersionId,
    receipt::{REJECTED_PREFIX, Receipt},
};

use super::{
    Check, Promise, Snapshot,
    attributes::differing_names,
    keys::late_key,
    objects::{Bucket, Version, version_id},
};

/// An existing copy, and the receipt that names it.
#[derive(Clone, Copy)]
struct NamedCopy<'a> {
    receipt: &'a Receipt,
    evidence: &'a Evidence,
    copy: &'a Version,
    bucket: &'a Bucket,
}

/// The copy in this bucket that a receipt names.
pub(super) fn proven_in<'a>(snapshot: &Snapshot, receipt: &'a Receipt, bucket: &Bucket) -> Option<&'a ProvenCopy> {
    if bucket.name == snapshot.backup.name { Some(&receipt.backup) } else { receipt.replica.as_ref() }
}

/// Whether a version is the proven copy.
pub(super) fn is_named(proven: &ProvenCopy, bucket: &Bucket, version: &Version) -> bool {
    let id = version_id(proven.stored.version_id.as_ref().map(VersionId::as_str));
    let same = id == version.id.as_deref() && proven.stored.etag == version.etag;
    let destination = &proven.destination;
    same && destination.bucket.as_str() == bucket.name && destination.key.as_str() == version.key
}

/// Whether the evidence lists a version as rejected.
fn is_rejected(proven: &ProvenCopy, version: &Version) -> bool {
    let mut rejected = proven.evidence.rejected_versions.iter().map(VersionId::as_str);
    proven.destination.key.as_str() == version.key && rejected.any(|id| version.id.as_deref() == Some(id))
}

/// The receipt of the source version that a copy is of, found by the stamp or by the proof.
pub(super) fn receipt_of<'a>(snapshot: &'a Snapshot, bucket: &Bucket, copy: &Version) -> Option<&'a Receipt> {
    snapshot.readable_receipts().find(|receipt| {
        let is_named = proven_in(snapshot, receipt, bucket).is_some_and(|proven| is_named(proven, bucket, copy));
        is_named
            || (copy.stamp.is_some()
                && copy.stamp.as_ref() == Some(&receipt.stamp)
                && receipt.source.key.as_str() == copy.key)
    })
}

impl<'a> Check<'a> {
    /// Checks both copies of a receipt.
    pub(super) fn check_copies(&mut self, receipt: &'a Receipt) {
        let snapshot = self.snapshot;
        self.check_copy(receipt, &receipt.backup, &snapshot.backup);
        match (&snapshot.replica, &receipt.replica) {
            (Some(bucket), Some(replica)) => self.check_copy(receipt, replica, bucket),
            (Some(_), None) => {
                let source = &receipt.source;
                self.violated(Promise::Replicated, format!("s3://{}/{} has no replica", source.bucket, source.key));
            }
            (None, _) => {}
        }
    }

    fn check_copy(&mut self, receipt: &'a Receipt, proven: &'a ProvenCopy, bucket: &'a Bucket) {
        let destination = &proven.destination;
        let key = destination.key.as_str();
        if !self.has_expected_key(receipt, proven) {
            let placement = receipt.placement;
            let message = format!("s3://{}/{key} is not a key for the placement {placement:?}", destination.bucket);
            self.violated(Promise::CopyExists, message);
        }
        match bucket.versions_of(key).find(|version| is_named(proven, bucket, version)) {
            Some(copy) => self.compare(NamedCopy { receipt, evidence: &proven.evidence, copy, bucket }),
            // A bucket without versioning has only the newest copy.
            None if !bucket.is_versioned && bucket.current(key).is_some() => {}
            None => {
                let version =
                    proven.stored.version_id.as_ref().map(|id| format!(" (version {id})")).unwrap_or_default();
                let message = format!("s3://{}/{key}{version} has a receipt but does not exist", bucket.name);
                self.violated(Promise::CopyExists, message);
            }
        }
    }

    /// A current backup has the key of its source, a late backup its late key. A replica can be late although its
    /// backup is not.
    fn has_expected_key(&self, receipt: &Receipt, proven: &ProvenCopy) -> bool {
        let key = &proven.destination.key;
        let is_late_key = key.as_str() == late_key(receipt);
        let is_backup = proven.destination.bucket.as_str() == self.snapshot.backup.name;
        match receipt.placement {
            Placement::Current => *key == receipt.source.key || (!is_backup && is_late_key),
            Placement::Late => is_late_key,
        }
    }

    fn compare(&mut self, named: NamedCopy<'a>) {
        let NamedCopy { receipt, copy, bucket, .. } = named;
        let name = copy.name(bucket);
        let stamp = &receipt.stamp;
        if copy.stamp.as_ref() != Some(stamp) {
            let message = format!("{name} has the stamp {:?}, but its receipt has {stamp:?}", copy.stamp);
            self.violated(Promise::Stamped, message);
        }
        self.compare_bytes(named, &name);
        if let Some(source) = self.snapshot.source_of(receipt) {
            self.compare_attributes(named, source, &name);
        }
    }

    fn compare_bytes(&mut self, named: NamedCopy<'a>, name: &str) {
        let NamedCopy { receipt, evidence, copy, .. } = named;
        if copy.size != receipt.source.size {
            let message = format!("{name} has {} bytes, but its source has {}", copy.size, receipt.source.size);
            self.violated(Promise::SameBytes, message);
        }
        // An archived copy cannot be read.
        let Some(bytes) = copy.bytes else { return };
        let source = self.snapshot.source_of(receipt).and_then(|source| source.bytes);
        if let Some(source) = source.filter(|source| *source != bytes) {
            self.violated(Promise::SameBytes, format!("{name} has {bytes:?}, but its source has {source:?}"));
        }
        // The replica is a copy of the backup.
        let is_backup = named.bucket.name == self.snapshot.backup.name;
        let copied = if is_backup { &receipt.source.etag } else { &receipt.backup.stored.etag };
        let fault = match evidence.algorithm {
            _ if evidence.source != evidence.copy => Some("has two different values".to_owned()),
            Algorithm::Crc64Nvme if evidence.copy != bytes.crc64nvme.to_string() => {
                Some(format!("has the CRC64NVME {}, but the bytes have {}", evidence.copy, bytes.crc64nvme))
            }
            _ if evidence.etags_equal != (copy.etag == *copied) => Some("has a wrong etagsEqual".to_owned()),
            _ => None,
        };
        if let Some(fault) = fault {
            self.violated(Promise::TrueEvidence, format!("the evidence for {name} {fault}"));
        }
    }

    fn compare_attributes(&mut self, named: NamedCopy<'a>, source: &Version, name: &str) {
        if source.bytes.is_none() || named.copy.bytes.is_none() {
            return;
        }
        let class = self.snapshot.settings.storage_class.clone().or_else(|| source.attributes.storage_class.clone());
        let expected = Attributes { storage_class: class, ..source.attributes.clone() };
        for attribute in differing_names(&expected, &named.copy.attributes) {
            let recorded = &named.evidence.differences;
            if !recorded.iter().any(|difference| difference.name == attribute && !difference.repaired) {
                let message = format!("{attribute} of {name} differs from its source, and its receipt does not say so");
                self.violated(Promise::SameAttributes, message);
            }
        }
    }

    /// Every visible object is proven. Three kinds of unproven objects are allowed: copies of an execution that waits
    /// for a redrive; second copies of a proven version, which are counted; and rejected copies that could not be
    /// removed, are not current, and are listed in the receipt.
    pub(super) fn check_unproven_objects(&mut self) {
        let snapshot = self.snapshot;
        for bucket in snapshot.destinations() {
            for version in &bucket.versions {
                let proofs = || {
                    let receipts = snapshot.readable_receipts();
                    receipts.filter_map(|receipt| Some((receipt, proven_in(snapshot, receipt, bucket)?)))
                };
                if version.key.starts_with(REJECTED_PREFIX)
                    || proofs().any(|(_, proven)| is_named(proven, bucket, version))
                    || (!version.current && proofs().any(|(_, proven)| is_rejected(proven, version)))
                {
                    continue;
                }
                let is_duplicate = proofs().any(|(receipt, _)| {
                    let same_bytes = snapshot.source_of(receipt).is_none_or(|source| source.bytes == version.bytes);
                    version.stamp.as_ref() == Some(&receipt.stamp) && same_bytes
                });
                if is_duplicate {
                    self.report.duplicate_copies += 1;
                } else if !self.is_being_copied(version) {
                    let name = version.name(bucket);
                    let kind = if version.current { "is visible" } else { "exists" };
                    self.violated(Promise::EveryObjectProven, format!("{name} {kind}, but no receipt names it"));
                }
            }
        }
    }

    /// Whether an execution that waits for a redrive made this copy.
    fn is_being_copied(&self, copy: &Version) -> bool {
        let snapshot = self.snapshot;
        snapshot.executions.iter().filter(|execution| execution.is_unfinished()).any(|execution| {
            let Some(key) = execution.object("key") else { return false };
            let has_key = copy.key == key || copy.key.starts_with(&format!(".holdfast/late/{key}/"));
            let has_stamp = copy.stamp.as_ref().is_some_and(|stamp| {
                let id = version_id(stamp.version_id.as_ref().map(VersionId::as_str));
                execution.is_about(key, id, stamp.etag.as_str())
            });
            has_key && has_stamp
        })
    }
}
