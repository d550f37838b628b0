//! The decisions of the second leg, without any I/O.

use holdfast_core::{
    contract::{Destination, Method, Placement, Precondition, ReplicaPlan, ReplicateInput, Source, Stored, Transfer},
    layout::{PartLayout, SourceParts, method_for},
    stamp::{Stamp, Standing},
};
use holdfast_s3::{Head, ObjectRef, replan};

use crate::Refusal;

/// Where the replica goes, as far as what stands at its key tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The replica of this very upload stands there.
    Taken,
    /// At the backup's own key.
    Backup,
    /// Among the late ones.
    History,
    /// At the backup's own key, if the backup is still the current one there; else among the late ones.
    AskBackup,
}

/// Where the replica goes, given what stands at the backup's key in the replica bucket.
pub(crate) fn place(stands: Option<&Head>, stamp: &Stamp) -> Place {
    let Some(head) = stands else { return Place::Backup };
    match head.stamp.as_ref().map_or(Standing::Unknown, |standing| standing.standing(stamp)) {
        Standing::Same => Place::Taken,
        Standing::Newer => Place::History,
        Standing::Older => Place::Backup,
        Standing::Unknown => Place::AskBackup,
    }
}

/// Whether the backup that is replicated is the current object of its key. The first leg put it there in order, so
/// what replaced it is newer.
pub(crate) fn is_current(current: Option<&Head>, backup: &Source) -> bool {
    current.is_some_and(|head| head.version_id == backup.version_id && head.etag == backup.etag)
}

/// Whether this is the replica of the upload, and not a version whose proof failed.
pub(crate) fn is_replica(input: &ReplicateInput, head: &Head) -> bool {
    let stamp = head.stamp.as_ref();
    stamp.is_some_and(|stamp| stamp.standing(&input.transfer.stamp) == Standing::Same)
        && !replan::is_given_up(input.replan.as_ref(), head)
}

/// What is replicated: the very version that was verified.
pub(crate) fn source(input: &ReplicateInput) -> Source {
    let backup = &input.backup;
    Source {
        bucket: backup.destination.bucket.clone(),
        key: backup.destination.key.clone(),
        version_id: backup.stored.version_id.clone(),
        etag: backup.stored.etag.clone(),
        size: input.transfer.source.size,
        region: backup.destination.region.clone(),
    }
}

/// The second leg: stamp and attributes are the backup's own, so that the replica can take its place.
pub(crate) fn transfer(
    input: &ReplicateInput,
    destination: Destination,
    placement: Placement,
    stands: Option<&Head>,
    threshold: u64,
) -> Transfer {
    let source = source(input);
    let first = &input.transfer;
    Transfer {
        method: method_for(source.size, first.stamp_place, threshold),
        precondition: stands.map_or(Precondition::IfAbsent, |head| Precondition::IfMatch(head.etag.clone())),
        replaces: stands.and_then(|head| head.version_id.clone()),
        destination,
        upload: None,
        crc64nvme: input.backup.stored.crc64nvme,
        attributes: first.attributes.clone(),
        stamp: first.stamp.clone(),
        stamp_place: first.stamp_place,
        placement,
        event: first.event.clone(),
        bad_versions: Vec::new(),
        source,
    }
}

/// The parts of a large replica: the backup's own, so that the entity tags are equal. `found` are those of a backup that was
/// found where it stood, so that its plan does not say them.
pub(crate) fn layout(input: &ReplicateInput, found: Option<SourceParts>) -> Result<PartLayout, Refusal> {
    let size = input.transfer.source.size;
    match input.transfer.layout() {
        Some(layout) => Ok(layout),
        None => PartLayout::plan(size, found).map_err(|reason| {
            let object = ObjectRef::stored(&input.backup.destination, &input.backup.stored).to_string();
            Refusal::TooLarge { object, reason }
        }),
    }
}

/// The answer for a replica that stands.
pub(crate) fn stands(attempt: u32, transfer: Transfer, stored: Stored) -> ReplicaPlan {
    ReplicaPlan { attempt, transfer, slices: Vec::new(), digest_slices: false, stored: Some(stored) }
}

/// The answer for a replica that is copied in parts.
pub(crate) fn in_parts(attempt: u32, transfer: Transfer, layout: PartLayout) -> ReplicaPlan {
    // Without a stored checksum the backup has to be read, or S3 would have nothing to check the replica against.
    let digest_slices = transfer.crc64nvme.is_none();
    ReplicaPlan { attempt, transfer, slices: layout.slices(), digest_slices, stored: None }
}

/// Whether a transfer is small enough to be copied here and now.
pub(crate) fn is_small(transfer: &Transfer) -> bool {
    transfer.method == Method::CopyObject
}
