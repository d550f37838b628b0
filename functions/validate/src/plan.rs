//! The decisions of validate, without any I/O.

use std::collections::BTreeMap;

use holdfast_core::{
    attributes::Attributes,
    contract::{Destination, Placement, Plan, Precondition, SkipReason, Source, StampPlace, Transfer},
    event::{InvalidInput, Upload},
    layout::{PartLayout, SourceParts},
    names::VersionId,
    stamp::{Stamp, Standing},
};
use holdfast_lambda::VerifyMode;
use holdfast_s3::{Head, ObjectRef, failure::Side};

use crate::{
    Refusal,
    config::{Config, StorageClass},
};

/// Why no plan to copy is answered.
#[derive(Debug)]
pub(crate) enum Stop {
    /// There is nothing to copy.
    Skip(SkipReason, String),
    /// It cannot be said.
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Stop {
    /// The answer of the function.
    pub(crate) fn answer(self) -> Result<Plan, Refusal> {
        match self {
            Self::Skip(reason, message) => Ok(Plan::Skip { reason, message }),
            Self::Refused(refusal) => Err(refusal),
        }
    }

    /// Nothing is left to do: this place says so.
    pub(crate) fn already_backed_up(place: ObjectRef<'_>) -> Self {
        let message = format!("{place} says that this very version is backed up already");
        Self::Skip(SkipReason::AlreadyBackedUp, message)
    }
}

/// The source as the event names it.
pub(crate) fn announced(upload: &Upload) -> ObjectRef<'_> {
    ObjectRef { bucket: &upload.bucket, key: &upload.key, version_id: upload.version_id.as_ref(), side: Side::Source }
}

/// The source, pinned to a version and an entity tag.
pub(crate) fn pin(upload: &Upload, head: Head) -> Result<(Source, Head), Stop> {
    let object = announced(upload);
    if let Some(announced) = upload.etag.as_ref().filter(|announced| **announced != head.etag) {
        let message = format!("{object} has the entity tag {}, but {announced} was announced", head.etag);
        return Err(if is_version(upload.version_id.as_ref()) {
            // A version never changes, so it is the event that is wrong, and that must be seen.
            Refusal::Malformed(InvalidInput { path: "detail.object.etag".to_owned(), problem: message }).into()
        } else {
            let message =
                format!("{message}: it was replaced before it could be copied, by an upload with its own event");
            Stop::Skip(SkipReason::Superseded, message)
        });
    }
    let source = Source {
        bucket: upload.bucket.clone(),
        key: upload.key.clone(),
        version_id: upload.version_id.clone().or_else(|| head.version_id.clone()),
        etag: head.etag.clone(),
        size: head.size,
        region: upload.region.clone(),
    };
    Ok((source, head))
}

/// Which upload the copy will be the backup of, and where that can be written down.
pub(crate) fn stamp(upload: &Upload, source: &Source, head: &Head) -> (Stamp, StampPlace) {
    let stamp = Stamp {
        version_id: source.version_id.clone(),
        sequencer: upload.event.sequencer.clone(),
        etag: source.etag.clone(),
        // Without versions there is none that S3 would have put beneath another.
        last_modified: head.last_modified.filter(|_| is_version(source.version_id.as_ref())),
    };
    let place = if stamp.fits(&head.attributes.metadata) { StampPlace::Metadata } else { StampPlace::Receipt };
    (stamp, place)
}

/// The stamp of an upload whose source is gone, where the event says enough.
pub(crate) fn stamp_of_gone(upload: &Upload) -> Option<Stamp> {
    let etag = upload.etag.clone()?;
    Some(Stamp {
        version_id: upload.version_id.clone(),
        sequencer: upload.event.sequencer.clone(),
        etag,
        last_modified: None,
    })
}

/// Whether what stands may be the copy of a plan that was given up, published by a request whose answer was lost. Asked
/// where the copy's metadata has no room for a stamp: then it is no more than that something came since that may be it.
pub(crate) fn may_be_copy(given_up: &Transfer, stands: &Head) -> bool {
    let was_there = match (&given_up.replaces, &given_up.precondition) {
        (Some(version), _) => stands.version_id.as_ref() == Some(version),
        (None, Precondition::IfMatch(etag)) => *etag == stands.etag,
        (None, Precondition::IfAbsent) => false,
    };
    !was_there && is_unstamped_copy(given_up, stands)
}

/// Whether this looks like the copy of an upload whose stamp has no room in its metadata: it has no stamp, the size and,
/// where both are known, the checksum.
pub(crate) fn is_unstamped_copy(given_up: &Transfer, head: &Head) -> bool {
    let differs = given_up.crc64nvme.zip(head.crc64nvme).is_some_and(|(source, copy)| source != copy);
    let same = head.size == given_up.source.size && !differs;
    given_up.stamp_place == StampPlace::Receipt && head.stamp.is_none() && same
}

/// Whether the source's checksum, which the plan that was given up read, is that of what stands. Then whatever it was copied
/// from, it has the source's bytes, and the verification proves it without the source.
pub(crate) fn has_the_bytes(given_up: &Transfer, head: &Head) -> bool {
    given_up.crc64nvme.is_some() && given_up.crc64nvme == head.crc64nvme && head.size == given_up.source.size
}

/// The transfer whose copy stands there already.
///
/// What it replaced is what the plan that was given up knew, where that plan was for the same key and knew something. Else
/// nobody knows, and it is said to replace itself: the verification then looks at what lies around it.
pub(crate) fn standing(
    given_up: &Transfer,
    (destination, placement): (Destination, Placement),
    head: &Head,
) -> Transfer {
    let transfer = Transfer { destination, placement, upload: None, ..given_up.clone() };
    if transfer.destination == given_up.destination && given_up.replaces.is_some() {
        return transfer;
    }
    Transfer { precondition: precondition(Some(head)), replaces: head.version_id.clone(), ..transfer }
}

/// Whether what a plan was to copy is not there any more: deleted or, where the source keeps no versions, overwritten.
pub(crate) fn is_lost(given_up: &Transfer, source: Option<&Head>) -> bool {
    source.is_none_or(|head| head.etag != given_up.source.etag)
}

/// Where a copy goes, as far as what stands at its key tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The backup of this very upload stands there.
    Taken,
    /// At the source's own key.
    Current,
    /// Among the late ones.
    History,
    /// There, if it is the newest version that the source has; else among the late ones.
    AskSource,
}

/// Where the copy with this stamp goes, given what stands at the source's own key in the backup bucket.
///
/// An object that says nothing about its order (no stamp of ours on it, or one without a sequencer, or an operator's
/// request without one) must not be buried under an old version. The source then tells whether the version is old.
pub(crate) fn place(stands: Option<&Head>, stamp: &Stamp) -> Place {
    let Some(head) = stands else { return Place::Current };
    match head.stamp.as_ref().map_or(Standing::Unknown, |standing| standing.standing(stamp)) {
        Standing::Same => Place::Taken,
        Standing::Newer => Place::History,
        Standing::Unknown if is_version(stamp.version_id.as_ref()) => Place::AskSource,
        // The source keeps no versions: what it holds is what is current.
        Standing::Older | Standing::Unknown => Place::Current,
    }
}

/// Whether this names a version that stays as it is; `null` names whatever an unversioned upload left.
fn is_version(version: Option<&VersionId>) -> bool {
    version.is_some_and(|version| version.as_str() != "null")
}

/// Where the copy goes, given the newest version that the source has, delete markers aside.
pub(crate) fn place_by_source(newest: Option<&VersionId>, stamp: &Stamp) -> Placement {
    if newest.is_some() && newest == stamp.version_id.as_ref() { Placement::Current } else { Placement::History }
}

/// What must hold when the copy is published.
pub(crate) fn precondition(stands: Option<&Head>) -> Precondition {
    stands.map_or(Precondition::IfAbsent, |head| Precondition::IfMatch(head.etag.clone()))
}

/// What the copy carries besides the bytes. Its storage class is the configured one, or the source's.
///
/// A source that was restored from an archive is in its archive class still. A backup in that class could not be read,
/// so where something has to read it, it gets the cheapest class that can be.
pub(crate) fn attributes(config: &Config, head: &Head, tags: BTreeMap<String, String>) -> Attributes {
    let attributes = head.attributes.clone();
    let inherited = attributes.storage_class.clone().map(StorageClass).map(|class| {
        if class.is_archive() && config.reader().is_some() { StorageClass("GLACIER_IR".to_owned()) } else { class }
    });
    let class = config.storage_class.clone().or(inherited);
    Attributes { tags, storage_class: class.map(|class| class.0), ..attributes }
}

/// Refuses what cannot be copied as it is.
pub(crate) fn check_readable(source: &Source, head: &Head) -> Result<(), Refusal> {
    if head.archived {
        let class = head.attributes.storage_class.as_deref().unwrap_or("an archive access tier").to_owned();
        return Err(Refusal::Archived { object: ObjectRef::source(source).to_string(), class });
    }
    layout(source, None).map(|_| ())
}

/// The parts of a large copy.
pub(crate) fn layout(source: &Source, parts: Option<SourceParts>) -> Result<PartLayout, Refusal> {
    PartLayout::plan(source.size, parts)
        .map_err(|reason| Refusal::TooLarge { object: ObjectRef::source(source).to_string(), reason })
}

/// Whether the source has to be read for the proof of a multipart copy.
pub(crate) fn digest_slices(config: &Config, head: &Head) -> bool {
    head.crc64nvme.is_none() || config.verify_mode == VerifyMode::Streamed
}
