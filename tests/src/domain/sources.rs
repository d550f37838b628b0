//! Source versions and their receipts: nothing lost, one receipt each.

use std::collections::BTreeMap;

use holdfast_core::{
    contract::ProvenCopy,
    names::VersionId,
    receipt::{Receipt, Receipts},
};

use super::{
    Check, Facts, Rule,
    facts::FiledReceipt,
    objects::{Version, version_id},
};

/// Whether a receipt is of this source version. A bucket that keeps no versions has one object of each key; its
/// receipts are those of the uploads with the bytes that it has now.
pub(super) fn is_of(receipt: &Receipt, version: &Version) -> bool {
    let source = &receipt.source;
    let id = version_id(source.version_id.as_ref().map(VersionId::as_str));
    let same_upload = version.id.is_some() || source.etag == version.etag;
    source.key.as_str() == version.key && id == version.id.as_deref() && same_upload
}

impl Facts {
    /// The source version of a receipt, if it still exists. Of several uploads with the same bytes to a bucket that
    /// keeps no versions, what stands is the newest.
    pub(super) fn source_of(&self, receipt: &Receipt) -> Option<&Version> {
        let version = self.source.versions_of(receipt.source.key.as_str()).find(|version| is_of(receipt, version))?;
        let is_newer = |other: &Receipt| is_of(other, version) && other.stamp.sequencer > receipt.stamp.sequencer;
        (version.id.is_some() || !self.readable().any(is_newer)).then_some(version)
    }

    /// Whether an execution that waits for a redrive is about a version that exists: a source version, or a
    /// copy of one.
    pub(super) fn is_awaited(&self, key: &str, id: Option<&str>, etag: &str) -> bool {
        self.executions.iter().any(|execution| execution.is_unfinished() && execution.is_about(key, id, etag))
    }
}

impl Check<'_> {
    /// Every source version that exists has a receipt, or an execution that a redrive finishes.
    pub(super) fn sources(&mut self) {
        let facts = self.facts;
        for version in facts.source.versions.iter().filter(|version| !facts.is_excluded(&version.key)) {
            self.report.versions += 1;
            if facts.readable().any(|receipt| is_of(receipt, version)) {
                self.report.proven += 1;
            } else if !facts.is_awaited(&version.key, version.id.as_deref(), version.etag.as_str()) {
                let name = version.name(&facts.source);
                let sentence = format!("{name} has no receipt, and no execution that failed is there to be redriven");
                self.broken(Rule::NothingLost, sentence);
            }
        }
    }

    /// Every receipt is the only one of its upload, lies where it belongs, and is true of the copies that it names.
    pub(super) fn receipts(&mut self) {
        let facts = self.facts;
        let mut of_upload: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for filed in &facts.receipts {
            self.report.receipts += 1;
            let FiledReceipt { key, receipt, replaced } = filed;
            for replaced in replaced.iter().flatten().filter(|replaced| stands(facts, &replaced.backup)) {
                let version = replaced.backup.stored.version_id.as_ref();
                let sentence =
                    format!("the receipt {key} was written again, and the version {version:?} that it named stands");
                self.broken(Rule::OneReceipt, sentence);
            }
            let receipt = match receipt {
                Ok(receipt) => receipt,
                Err(error) => {
                    self.broken(Rule::OneReceipt, format!("{key} lies among the receipts and is none: {error}"));
                    continue;
                }
            };
            let belongs = self.belongs_at(receipt);
            if belongs.as_deref() != Some(key) {
                let belongs = belongs.unwrap_or_else(|| "no key at all".to_owned());
                self.broken(Rule::OneReceipt, format!("the receipt {key} belongs at {belongs}"));
            }
            of_upload.entry(upload_of(receipt)).or_default().push(key);
            self.copies_of(receipt);
        }
        for (upload, keys) in of_upload.into_iter().filter(|(_, keys)| keys.len() > 1) {
            self.broken(Rule::OneReceipt, format!("{upload} has {} receipts: {}", keys.len(), keys.join(", ")));
        }
    }

    fn belongs_at(&self, receipt: &Receipt) -> Option<String> {
        let source = &receipt.source;
        let prefix = self.facts.settings.receipt_prefix.clone();
        let receipts = Receipts { bucket: source.bucket.clone(), prefix };
        receipts.key_of(&source.bucket, &source.key, &receipt.stamp).ok().map(|key| key.to_string())
    }
}

fn stands(facts: &Facts, proven: &ProvenCopy) -> bool {
    let id = proven.stored.version_id.as_ref().map(VersionId::as_str);
    facts.backup.versions.iter().any(|version| {
        version.key == proven.destination.key.as_str()
            && version.id.as_deref() == id
            && version.etag == proven.stored.etag
    })
}

/// Which upload a receipt is of: a version, or where the bucket keeps none the upload with a sequencer.
fn upload_of(receipt: &Receipt) -> String {
    let source = &receipt.source;
    let id = version_id(source.version_id.as_ref().map(VersionId::as_str));
    let sequencer = || receipt.stamp.sequencer.as_ref().map_or_else(|| source.etag.to_string(), ToString::to_string);
    let which = id.map_or_else(|| format!("upload {}", sequencer()), |id| format!("version {id}"));
    format!("s3://{}/{} ({which})", source.bucket, source.key)
}
