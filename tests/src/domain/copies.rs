//! Copies against their sources: what a receipt names exists, is the same, and is the only one.

use holdfast_core::{
    attributes::Attributes,
    contract::{Algorithm, Evidence, Placement, ProvenCopy},
    names::VersionId,
    receipt::{REJECTED_PREFIX, Receipt, late_key},
};

use super::{
    Check, Facts, Rule,
    objects::{Bucket, Version, version_id},
    sources::is_of,
};

/// A copy that exists, and the receipt that names it.
#[derive(Clone, Copy)]
struct Named<'a> {
    receipt: &'a Receipt,
    evidence: &'a Evidence,
    copy: &'a Version,
    bucket: &'a Bucket,
}

/// What a receipt says of its copy in a bucket.
pub(super) fn proven_in<'a>(facts: &Facts, receipt: &'a Receipt, bucket: &Bucket) -> Option<&'a ProvenCopy> {
    if bucket.name == facts.backup.name { Some(&receipt.backup) } else { receipt.replica.as_ref() }
}

/// Whether a version is the copy that this proof is about.
pub(super) fn is_named(proven: &ProvenCopy, bucket: &Bucket, version: &Version) -> bool {
    let id = version_id(proven.stored.version_id.as_ref().map(VersionId::as_str));
    let same = id == version.id.as_deref() && proven.stored.etag == version.etag;
    let destination = &proven.destination;
    same && destination.bucket.as_str() == bucket.name && destination.key.as_str() == version.key
}

/// Whether a proof says of a version that it is bad.
fn is_named_as_bad(proven: &ProvenCopy, version: &Version) -> bool {
    let mut bad = proven.evidence.rejected_versions.iter().map(VersionId::as_str);
    proven.destination.key.as_str() == version.key && bad.any(|id| version.id.as_deref() == Some(id))
}

impl<'a> Check<'a> {
    /// Both copies of a receipt.
    pub(super) fn copies_of(&mut self, receipt: &'a Receipt) {
        let facts = self.facts;
        self.copy_of(receipt, &receipt.backup, &facts.backup);
        match (&facts.replica, &receipt.replica) {
            (Some(bucket), Some(replica)) => self.copy_of(receipt, replica, bucket),
            (Some(_), None) => {
                let source = &receipt.source;
                self.broken(Rule::Replicated, format!("s3://{}/{} has no replica", source.bucket, source.key));
            }
            (None, _) => {}
        }
    }

    fn copy_of(&mut self, receipt: &'a Receipt, proven: &'a ProvenCopy, bucket: &'a Bucket) {
        let destination = &proven.destination;
        let key = destination.key.as_str();
        if !self.is_placed(receipt, proven) {
            let placement = receipt.placement;
            let sentence =
                format!("the copy s3://{}/{key} lies where a {placement:?} one does not", destination.bucket);
            self.broken(Rule::CopyStands, sentence);
        }
        match bucket.versions_of(key).find(|version| is_named(proven, bucket, version)) {
            Some(copy) => self.compare(Named { receipt, evidence: &proven.evidence, copy, bucket }),
            // A bucket that keeps no versions has the newest copy alone.
            None if !bucket.keeps_versions && bucket.current(key).is_some() => {}
            None => {
                let version =
                    proven.stored.version_id.as_ref().map(|id| format!(" (version {id})")).unwrap_or_default();
                let sentence = format!("s3://{}/{key}{version} has a receipt and does not stand", bucket.name);
                self.broken(Rule::CopyStands, sentence);
            }
        }
    }

    /// The backup of a newest version is at the key of its source, of a late one among the late ones. A replica may be
    /// late where its backup was not.
    fn is_placed(&self, receipt: &Receipt, proven: &ProvenCopy) -> bool {
        let key = &proven.destination.key;
        let late = late_key(&receipt.source.key, &receipt.stamp).ok();
        let is_backup = proven.destination.bucket.as_str() == self.facts.backup.name;
        match receipt.placement {
            Placement::Current => *key == receipt.source.key || (!is_backup && Some(key) == late.as_ref()),
            Placement::Late => Some(key) == late.as_ref(),
        }
    }

    fn compare(&mut self, named: Named<'a>) {
        let Named { receipt, copy, bucket, .. } = named;
        let name = copy.name(bucket);
        let stamp = &receipt.stamp;
        if copy.stamp.as_ref() != Some(stamp) {
            let sentence = format!("{name} carries the stamp {:?}, and its receipt says {stamp:?}", copy.stamp);
            self.broken(Rule::Stamped, sentence);
        }
        self.compare_bytes(named, &name);
        if let Some(source) = self.facts.source_of(receipt) {
            self.compare_attributes(named, source, &name);
        }
    }

    fn compare_bytes(&mut self, named: Named<'a>, name: &str) {
        let Named { receipt, evidence, copy, .. } = named;
        if copy.size != receipt.source.size {
            let sentence = format!("{name} has {} bytes, and its source has {}", copy.size, receipt.source.size);
            self.broken(Rule::SameBytes, sentence);
        }
        // An archived copy cannot be read back; its receipt has to do.
        let Some(bytes) = copy.bytes else { return };
        let source = self.facts.source_of(receipt).and_then(|source| source.bytes);
        if let Some(source) = source.filter(|source| *source != bytes) {
            self.broken(Rule::SameBytes, format!("{name} has {bytes:?}, and its source has {source:?}"));
        }
        // The replica is a copy of the backup.
        let is_backup = named.bucket.name == self.facts.backup.name;
        let copied = if is_backup { &receipt.source.etag } else { &receipt.backup.stored.etag };
        let untrue = match evidence.algorithm {
            _ if evidence.source != evidence.copy => Some("two values that differ".to_owned()),
            Algorithm::Crc64Nvme if evidence.copy != bytes.crc64nvme.to_string() => {
                Some(format!("the CRC64NVME {}, and the bytes have {}", evidence.copy, bytes.crc64nvme))
            }
            _ if evidence.etags_equal != (copy.etag == *copied) => {
                Some("something else about the entity tags than they are".to_owned())
            }
            Algorithm::Crc64Nvme | Algorithm::Sha256 => None,
        };
        if let Some(untrue) = untrue {
            self.broken(Rule::TrueEvidence, format!("the evidence for {name} says {untrue}"));
        }
    }

    fn compare_attributes(&mut self, named: Named<'a>, source: &Version, name: &str) {
        if source.bytes.is_none() || named.copy.bytes.is_none() {
            return;
        }
        let class = self.facts.settings.storage_class.clone().or_else(|| source.attributes.storage_class.clone());
        let expected = Attributes { storage_class: class, ..source.attributes.clone() };
        for difference in expected.differences(&named.copy.attributes) {
            let is_told = named.evidence.differences.iter().any(|told| told.name == difference.name && !told.repaired);
            if !is_told {
                let sentence =
                    format!("{name} differs from its source, and its receipt does not say so: {difference:?}");
                self.broken(Rule::SameAttributes, sentence);
            }
        }
    }

    /// No object is visible that is not proven. What an execution that waits for a redrive has copied is not proven
    /// yet; what a later plan copied once more is the same as what is. A bad copy that could not be removed lies
    /// beneath, and the receipt names it.
    pub(super) fn nothing_unproven(&mut self) {
        let facts = self.facts;
        for bucket in [Some(&facts.backup), facts.replica.as_ref()].into_iter().flatten() {
            for version in &bucket.versions {
                let proofs =
                    || facts.readable().filter_map(|receipt| Some((receipt, proven_in(facts, receipt, bucket)?)));
                if proofs().any(|(_, proven)| is_named(proven, bucket, version)) {
                    continue;
                }
                if version.key.starts_with(REJECTED_PREFIX) {
                    continue;
                }
                if !version.current && proofs().any(|(_, proven)| is_named_as_bad(proven, version)) {
                    continue;
                }
                let stamp = version.stamp.as_ref();
                let beside = proofs().any(|(receipt, _)| {
                    let same_bytes = facts.source_of(receipt).is_none_or(|source| source.bytes == version.bytes);
                    stamp == Some(&receipt.stamp) && same_bytes
                });
                if beside {
                    self.report.copies_beside += 1;
                } else if !self.is_being_copied(version) {
                    let name = version.name(bucket);
                    let kind = if version.current { "is visible" } else { "stands" };
                    self.broken(Rule::NothingUnproven, format!("{name} {kind}, and no receipt names it"));
                }
            }
        }
    }

    /// Whether an execution that waits for a redrive has copied this.
    fn is_being_copied(&self, copy: &Version) -> bool {
        let facts = self.facts;
        facts.executions.iter().filter(|execution| execution.is_unfinished()).any(|execution| {
            let Some(key) = execution.object("key") else { return false };
            let at_its_key = copy.key == key || copy.key.starts_with(&format!(".holdfast/late/{key}/"));
            let stamped = copy.stamp.as_ref().is_some_and(|stamp| {
                execution.is_about(
                    key,
                    version_id(stamp.version_id.as_ref().map(VersionId::as_str)),
                    stamp.etag.as_str(),
                )
            });
            at_its_key && stamped
        })
    }
}

/// The receipt of the source version that a copy is of, by its stamp or, where it has none, by its proof.
pub(super) fn receipt_of<'a>(facts: &'a Facts, bucket: &Bucket, copy: &Version) -> Option<&'a Receipt> {
    facts.readable().find(|receipt| {
        let named = proven_in(facts, receipt, bucket).is_some_and(|proven| is_named(proven, bucket, copy));
        named
            || (copy.stamp.is_some()
                && copy.stamp.as_ref() == Some(&receipt.stamp)
                && receipt.source.key.as_str() == copy.key)
    })
}

/// Whether a receipt is of one of these source versions.
pub(super) fn position_of(receipt: &Receipt, versions: &[&Version]) -> Option<usize> {
    versions.iter().position(|version| is_of(receipt, version))
}
