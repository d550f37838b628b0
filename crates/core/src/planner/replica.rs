//! The planner of the replica leg.

use super::{Target, precondition};
use crate::{
    contract::{Backup, Copy, ReplicaPlan, ReplicateInput, Source, Stored},
    layout::{PartLayout, SourceParts, TooLarge, method_for},
};

/// What is replicated: the backup version that was proven.
pub fn source(input: &ReplicateInput) -> Source {
    let proven = &input.proven;
    Source {
        bucket: proven.destination.bucket.clone(),
        key: proven.destination.key.clone(),
        version_id: proven.stored.version_id.clone(),
        etag: proven.stored.etag.clone(),
        size: input.backup.copy.source.size,
        region: proven.destination.region.clone(),
    }
}

/// Plans the replica. It has the attributes and the stamp of the backup, so that it can replace it.
pub fn plan(input: &ReplicateInput, target: &Target, threshold: u64) -> Backup {
    let source = source(input);
    let backup = &input.backup;
    let copy = Copy {
        method: method_for(source.size, threshold),
        source,
        destination: target.destination.clone(),
        precondition: precondition(target.current.as_ref()),
        replaces: target.current.as_ref().and_then(|current| current.version_id.clone()),
        upload: None,
        crc64nvme: input.proven.stored.crc64nvme,
        attributes: backup.copy.attributes.clone(),
        displaced_metadata: backup.copy.displaced_metadata.clone(),
        rejected_versions: Vec::new(),
    };
    Backup { copy, stamp: backup.stamp.clone(), placement: target.placement, event: backup.event.clone() }
}

/// The parts of a large replica: those of the backup, so that the entity tags are equal. `found` are the parts of a
/// backup that was found already published, because its plan does not have them.
pub fn layout(input: &ReplicateInput, found: Option<SourceParts>) -> Result<PartLayout, TooLarge> {
    match input.backup.copy.layout() {
        Some(layout) => Ok(layout),
        None => PartLayout::plan(input.backup.copy.source.size, found),
    }
}

/// The answer for a replica that is published.
pub fn published(attempt: u32, replica: Backup, stored: Stored) -> ReplicaPlan {
    ReplicaPlan { attempt, replica, slices: Vec::new(), digest_slices: false, stored: Some(stored) }
}

/// The answer for a replica that is copied in parts. Without a stored checksum the backup has to be read; otherwise S3
/// has nothing to check the replica against.
pub fn in_parts(attempt: u32, replica: Backup, layout: PartLayout) -> ReplicaPlan {
    let digest_slices = replica.copy.crc64nvme.is_none();
    ReplicaPlan { attempt, replica, slices: layout.slices(), digest_slices, stored: None }
}
