//! The planner of the backup leg.

use std::collections::BTreeMap;

use super::{Target, precondition};
use crate::{
    attributes::Attributes,
    contract::{Backup, Copy, Destination, Placement, Source},
    event::Upload,
    layout::{SourceParts, is_archive, method_for},
    names::VersionId,
    object::Head,
    order::{STAMP_NAME, Stamp},
};

/// The storage class of a backup with an archived source, if the backup has to be read later.
const READABLE_CLASS: &str = "GLACIER_IR";

/// The result of pinning an upload to its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinned {
    /// The source has the announced entity tag. Every request of the copy names this version and entity tag.
    Source {
        /// The source.
        source: Box<Source>,
        /// The stamp of its copy.
        stamp: Box<Stamp>,
    },
    /// The version has another entity tag. A version never changes, so the event is wrong.
    OtherVersion,
    /// The bucket has no versions, and another upload replaced this one.
    Superseded,
}

/// Pins an upload to the version and the entity tag that its source has.
pub fn pin(upload: &Upload, head: &Head) -> Pinned {
    if upload.etag.as_ref().is_some_and(|announced| *announced != head.etag) {
        let is_version = upload.version_id.as_ref().is_some_and(|version| version.as_str() != "null");
        return if is_version { Pinned::OtherVersion } else { Pinned::Superseded };
    }
    let source = Source {
        bucket: upload.bucket.clone(),
        key: upload.key.clone(),
        version_id: upload.version_id.clone().or_else(|| head.version_id.clone()),
        etag: head.etag.clone(),
        size: head.size,
        region: upload.region.clone(),
    };
    let mut stamp = Stamp {
        version_id: source.version_id.clone(),
        sequencer: upload.event.sequencer.clone(),
        etag: source.etag.clone(),
        last_modified: head.last_modified,
    };
    if !stamp.is_versioned() && stamp.sequencer.is_some() {
        // See `Stamp::last_modified`.
        stamp.last_modified = upload.event.time.truncate_to_second();
    }
    Pinned::Source { source: Box::new(source), stamp: Box::new(stamp) }
}

/// The configuration of the backup leg.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The size in bytes at which an object is copied in parts.
    pub multipart_threshold: u64,
    /// The storage class of backups; `None` for that of each source.
    pub storage_class: Option<&'a str>,
    /// Whether the backup is read later, by the replica leg or by the proof.
    pub is_read: bool,
}

/// The facts for the plan of a backup.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The upload.
    pub upload: Upload,
    /// The source.
    pub source: Source,
    /// The stamp of the copy.
    pub stamp: Stamp,
    /// The source, as HeadObject describes it.
    pub head: &'a Head,
    /// The parts of the source, if its checksum or its copy depends on them.
    pub parts: Option<SourceParts>,
    /// The source's tags.
    pub tags: BTreeMap<String, String>,
    /// The target of the copy.
    pub target: &'a Target,
    /// Versions of the destination's key that were rejected.
    pub rejected_versions: Vec<VersionId>,
    /// The configuration.
    pub settings: Settings<'a>,
}

/// Plans the backup of an upload. A multipart copy has no upload yet.
pub fn plan(facts: Facts<'_>) -> Backup {
    let Facts { upload, source, stamp, head, parts, tags, target, rejected_versions, settings } = facts;
    let mut attributes = Attributes { tags, ..head.attributes.clone() };
    attributes.storage_class = storage_class(settings, attributes.storage_class);
    attributes.metadata.remove(STAMP_NAME);
    let stamped = stamp.add_to(&attributes.metadata);
    attributes.metadata = stamped.metadata;
    let of_source = head.checksum.of_source(source.size, parts);
    let other_checksum = of_source.filter(|_| head.crc64nvme.is_none());
    let copy = Copy {
        method: method_for(source.size, settings.multipart_threshold, attributes.storage_class.as_deref()),
        source,
        destination: target.destination.clone(),
        precondition: precondition(target.current.as_ref()),
        replaces: target.current.as_ref().and_then(|current| current.version_id.clone()),
        upload: None,
        crc64nvme: head.crc64nvme,
        other_checksum,
        attributes,
        displaced_metadata: stamped.displaced,
        rejected_versions,
    };
    Backup { copy, stamp, placement: target.placement, event: upload.event }
}

/// The configured class, or that of the source. A source that was restored from an archive still has its archive class.
/// A backup in that class cannot be read. If it has to be read later, it gets the cheapest readable class.
fn storage_class(settings: Settings<'_>, of_source: Option<String>) -> Option<String> {
    let inherited = match of_source {
        Some(class) if settings.is_read && is_archive(&class) => Some(READABLE_CLASS.to_owned()),
        other => other,
    };
    settings.storage_class.map(str::to_owned).or(inherited)
}

/// The plan for a copy that was found already published.
///
/// If the earlier plan was for the same destination, the copy replaced the object in that plan. Otherwise the replaced
/// object is unknown, and the plan names the copy itself as the replaced object. The check after publishing recognizes
/// that as unknown.
pub fn plan_published(given_up: &Backup, found: &FoundCopy, rejected_versions: Vec<VersionId>) -> Backup {
    let FoundCopy { destination, placement, head } = found;
    let is_same_place = *destination == given_up.copy.destination && given_up.copy.replaces.is_some();
    let mut copy = Copy { destination: destination.clone(), upload: None, rejected_versions, ..given_up.copy.clone() };
    if !is_same_place {
        copy.precondition = precondition(Some(head));
        copy.replaces.clone_from(&head.version_id);
    }
    Backup { copy, placement: *placement, ..given_up.clone() }
}

/// A copy that was found already published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCopy {
    /// The copy's location.
    pub destination: Destination,
    /// Whether the copy is the current one of its key or a late one.
    pub placement: Placement,
    /// The copy, as HeadObject describes it.
    pub head: Head,
}

/// Whether the source of a plan was deleted or, without versions, replaced.
pub fn is_source_lost(given_up: &Copy, source: Option<&Head>) -> bool {
    source.is_none_or(|head| head.etag != given_up.source.etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_gets_the_configured_class_or_that_of_its_source() {
        for (configured, is_read, of_source, class) in [
            (None, false, None, None),
            (None, false, Some("DEEP_ARCHIVE"), Some("DEEP_ARCHIVE")),
            (None, true, Some("DEEP_ARCHIVE"), Some("GLACIER_IR")),
            (None, true, Some("STANDARD_IA"), Some("STANDARD_IA")),
            (Some("ONEZONE_IA"), true, Some("GLACIER"), Some("ONEZONE_IA")),
        ] {
            let settings = Settings { multipart_threshold: 0, storage_class: configured, is_read };
            assert_eq!(storage_class(settings, of_source.map(str::to_owned)).as_deref(), class, "{of_source:?}");
        }
    }
}
