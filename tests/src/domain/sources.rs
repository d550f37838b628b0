//! Source versions and their receipts: nothing is lost, and each version has one receipt.

use std::collections::BTreeMap;

use holdfast_core::{contract::ProvenCopy, names::VersionId, receipt::Receipt};

use super::{
    Check, Promise, Snapshot,
    keys::{padded_sequencer, receipt_key},
    objects::{Version, version_id},
    snapshot::StoredReceipt,
};

/// Whether a receipt is of this source version. In a bucket without versioning, a key has one object; its receipts are
/// those of the uploads with the same entity tag.
pub(super) fn is_of(receipt: &Receipt, version: &Version) -> bool {
    let source = &receipt.source;
    let id = version_id(source.version_id.as_ref().map(VersionId::as_str));
    let same_upload = version.id.is_some() || source.etag == version.etag;
    source.key.as_str() == version.key && id == version.id.as_deref() && same_upload
}

impl Snapshot {
    /// The source version of a receipt, if it exists. Without versioning, the existing object is the newest of the
    /// uploads with the same bytes.
    pub(super) fn source_of(&self, receipt: &Receipt) -> Option<&Version> {
        let version = self.source.versions_of(receipt.source.key.as_str()).find(|version| is_of(receipt, version))?;
        let sequencer = padded_sequencer(&receipt.stamp);
        let is_newer = |other: &Receipt| is_of(other, version) && padded_sequencer(&other.stamp) > sequencer;
        (version.id.is_some() || !self.readable_receipts().any(is_newer)).then_some(version)
    }

    /// Whether an execution for this version waits for a redrive.
    fn is_awaited(&self, key: &str, id: Option<&str>, etag: &str) -> bool {
        self.executions.iter().any(|execution| execution.is_unfinished() && execution.is_about(key, id, etag))
    }
}

impl Check<'_> {
    /// Every existing source version has a receipt, or an execution that a redrive finishes.
    pub(super) fn check_sources(&mut self) {
        let snapshot = self.snapshot;
        for version in snapshot.source.versions.iter().filter(|version| !snapshot.is_excluded(&version.key)) {
            self.report.versions += 1;
            if snapshot.readable_receipts().any(|receipt| is_of(receipt, version)) {
                self.report.proven += 1;
            } else if !snapshot.is_awaited(&version.key, version.id.as_deref(), version.etag.as_str()) {
                let name = version.name(&snapshot.source);
                let message = format!("{name} has neither a receipt nor an execution that can be redriven");
                self.violated(Promise::NothingLost, message);
            }
        }
    }

    /// Every receipt is the only one of its upload, is at its key, and matches its copies.
    pub(super) fn check_receipts(&mut self) {
        let snapshot = self.snapshot;
        let mut keys_by_upload: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for stored in &snapshot.receipts {
            self.report.receipts += 1;
            let StoredReceipt { key, receipt, replaced } = stored;
            for replaced in replaced.iter().flatten().filter(|replaced| exists(snapshot, &replaced.backup)) {
                let version = replaced.backup.stored.version_id.as_ref();
                let message = format!("the receipt {key} was replaced, but its backup {version:?} still exists");
                self.violated(Promise::OneReceipt, message);
            }
            let receipt = match receipt {
                Ok(receipt) => receipt,
                Err(error) => {
                    self.violated(Promise::OneReceipt, format!("{key} is not a readable receipt: {error}"));
                    continue;
                }
            };
            let expected = receipt_key(receipt, &snapshot.settings.receipt_prefix);
            if expected != *key {
                self.violated(Promise::OneReceipt, format!("the receipt {key} belongs at {expected}"));
            }
            keys_by_upload.entry(upload_of(receipt)).or_default().push(key);
            self.check_copies(receipt);
        }
        for (upload, keys) in keys_by_upload.into_iter().filter(|(_, keys)| keys.len() > 1) {
            self.violated(Promise::OneReceipt, format!("{upload} has {} receipts: {}", keys.len(), keys.join(", ")));
        }
    }
}

fn exists(snapshot: &Snapshot, proven: &ProvenCopy) -> bool {
    let id = proven.stored.version_id.as_ref().map(VersionId::as_str);
    snapshot.backup.versions.iter().any(|version| {
        version.key == proven.destination.key.as_str()
            && version.id.as_deref() == id
            && version.etag == proven.stored.etag
    })
}

/// The upload of a receipt: a version, or without versioning the upload with a sequencer.
fn upload_of(receipt: &Receipt) -> String {
    let source = &receipt.source;
    let id = version_id(source.version_id.as_ref().map(VersionId::as_str));
    let sequencer = || receipt.stamp.sequencer.as_ref().map_or_else(|| source.etag.to_string(), ToString::to_string);
    let upload = id.map_or_else(|| format!("upload {}", sequencer()), |id| format!("version {id}"));
    format!("s3://{}/{} ({upload})", source.bucket, source.key)
}
