//! The planner of the replica leg.

use super::{Target, precondition};
use crate::{
    contract::{Backup, Copy, Method, ReplicaPlan, ReplicateInput, Source, Stored},
    layout::{MIB, PartLayout, SourceParts, TooLarge, method_for},
};

/// The size at which a replica is copied in parts, so that it does not have to be read from another region. Below it, a
/// read costs less than the additional states and requests: $0.02 per GB are $0.00016 for 8 MiB.
const READ_BACK_LIMIT: u64 = 8 * MIB;

/// The source of the replica: the proven version of the backup.
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

/// Plans the replica. It has the attributes and the stamp of the backup, so that the replica can serve as the backup.
pub fn plan(input: &ReplicateInput, target: &Target, threshold: u64) -> Backup {
    let source = source(input);
    let backup = &input.backup;
    let class = backup.copy.attributes.storage_class.as_deref();
    let method = method_for(source.size, threshold.min(READ_BACK_LIMIT), class);
    // The backup is proven, so it has the checksum of its source. If a copy in parts cannot have that one, S3 compares the
    // CRC64NVME that it stores for the backup.
    let other_checksum = backup
        .copy
        .other_checksum
        .clone()
        .filter(|checksum| method == Method::CopyObject || checksum.is_kept_by_multipart_copies());
    let of_backup = input.proven.stored.crc64nvme.filter(|_| other_checksum.is_none());
    let copy = Copy {
        method,
        source,
        destination: target.destination.clone(),
        precondition: precondition(target.current.as_ref()),
        replaces: target.current.as_ref().and_then(|current| current.version_id.clone()),
        upload: None,
        crc64nvme: backup.copy.crc64nvme.or(of_backup),
        other_checksum,
        attributes: backup.copy.attributes.clone(),
        displaced_metadata: backup.copy.displaced_metadata.clone(),
        rejected_versions: Vec::new(),
    };
    Backup { copy, stamp: backup.stamp.clone(), placement: target.placement, event: backup.event.clone() }
}

/// The layout of a large replica: that of the backup, so that the entity tags are equal. The plan of a backup that was
/// found already published has no layout; `found` has the parts of such a backup.
pub fn layout(input: &ReplicateInput, found: Option<SourceParts>) -> Result<PartLayout, TooLarge> {
    let size = input.backup.copy.source.size;
    let of_checksum = input.backup.copy.other_checksum.as_ref().and_then(|checksum| checksum.layout(size));
    if let Some(layout) = of_checksum {
        return Ok(layout);
    }
    match input.backup.copy.layout() {
        Some(layout) => Ok(layout),
        None => PartLayout::plan(input.backup.copy.source.size, found),
    }
}

/// The plan for a replica that is already published.
pub fn published(attempt: u32, replica: Backup, stored: Stored) -> ReplicaPlan {
    ReplicaPlan { attempt, replica, slices: Vec::new(), digest_slices: false, stored: Some(stored) }
}

/// The plan for a replica that is copied in parts. If the backup has no stored checksum, it has to be read, so that S3
/// can check the replica.
pub fn in_parts(attempt: u32, replica: Backup, layout: PartLayout) -> ReplicaPlan {
    let digest_slices = replica.copy.multipart_checksum().is_none();
    ReplicaPlan { attempt, replica, slices: layout.slices(), digest_slices, stored: None }
}
