//! Decisions without I/O: how a copy is to be proven, and what it means when it is not its source.

use holdfast_core::{
    ErrorName, Failure,
    checksum::{Crc64Nvme, Sha256},
    contract::{SliceDigest, Transfer},
    layout::PartLayout,
    names::PartNumber,
};
use holdfast_lambda::VerifyMode;
use holdfast_s3::ObjectRef;

use crate::{object::Asked, read::Target};

/// How a copy is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Two stored checksums are compared.
    Compare { source: Crc64Nvme, copy: Crc64Nvme },
    /// The source was digested slice by slice while it was copied; the combination is compared.
    Combine { source: Vec<SliceDigest>, copy: Crc64Nvme },
    /// The source is read now, and compared with the copy's stored checksum.
    StreamSource { copy: Crc64Nvme },
    /// The copy is read; so is the source, unless it was digested while it was copied.
    StreamBoth { source: Option<Vec<SliceDigest>> },
}

/// Chooses the way that reads least. The copy's value is always the one that its store computed, never one that it was
/// sent.
pub(crate) fn choose(
    mode: VerifyMode,
    source: Option<Crc64Nvme>,
    copy: Option<Crc64Nvme>,
    digests: Option<Vec<SliceDigest>>,
) -> Way {
    match (mode, source, copy, digests) {
        (VerifyMode::Streamed, _, _, source) | (VerifyMode::Stored, _, None, source) => Way::StreamBoth { source },
        (VerifyMode::Stored, Some(source), Some(copy), _) => Way::Compare { source, copy },
        (VerifyMode::Stored, None, Some(copy), Some(source)) => Way::Combine { source, copy },
        (VerifyMode::Stored, None, Some(copy), None) => Way::StreamSource { copy },
    }
}

/// The layout by which a copy is read: that of its upload, or one of ours.
pub(crate) fn layout(transfer: &Transfer) -> Result<PartLayout, Failure> {
    match transfer.layout() {
        Some(layout) => Ok(layout),
        None => PartLayout::plan(transfer.source.size, None)
            .map_err(|error| Failure::new(ErrorName::InputInvalid, format!("transfer.source.size: {error}"))),
    }
}

/// The failure of a copy that is not its source.
pub(crate) fn mismatch(
    source: ObjectRef<'_>,
    copy: ObjectRef<'_>,
    what: &str,
    (of_source, of_copy): (&dyn std::fmt::Display, &dyn std::fmt::Display),
) -> Failure {
    Failure::new(
        ErrorName::ChecksumMismatch,
        format!(
            "The copy {copy} is not its source {source}: {what} of the source is {of_source}, of the copy {of_copy}."
        ),
    )
}

/// The failure of a copy that stands, but whose source is not there any more to prove it by.
pub(crate) fn source_gone(asked: Asked<'_>) -> Failure {
    let (source, copy) = (asked.source(), asked.copy());
    let message = if asked.is_replica() {
        format!(
            "The backup version {source} was deleted before its replica could be proven. The replica stands at {copy}, \
             unproven, and no receipt was written. {}",
            without_source(asked)
        )
    } else {
        format!(
            "The source version {source} was deleted before its copy could be proven. The copy stands at {copy}, unproven \
             and without a receipt. A new plan asks whether another execution has proven it."
        )
    };
    Failure::new(ErrorName::SourceGone, message)
}

/// What a person can do about a copy that stands while what it was copied from is gone.
///
/// A redrive that finds no copy any more makes a new plan. That of the first leg ends as skipped, because there is nothing to
/// copy. That of the second leg cannot: its backup is gone, and only a new backup of the upload brings another.
pub(crate) fn without_source(asked: Asked<'_>) -> &'static str {
    if asked.is_replica() {
        "No redrive can bring the backup back. If the source version still stands, request its backup anew (an event Backup \
         Requested that names it): that proves this replica too, or replaces it. If not, the replica may be all there is: \
         keep it, and compare it by other means."
    } else {
        "Compare it by other means, or delete that version of it and redrive, which then ends as skipped."
    }
}

/// Compares a part that was read from both sides.
pub(crate) fn same_part(
    source: &Target,
    copy: &Target,
    part: PartNumber,
    of_source: Sha256,
    of_copy: Sha256,
) -> Result<(), Failure> {
    if of_source == of_copy {
        return Ok(());
    }
    let what = format!("the SHA-256 of part {part}");
    Err(mismatch(source.object(), copy.object(), &what, (&of_source, &of_copy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_that_reads_least_is_chosen() {
        use VerifyMode::{Stored, Streamed};

        let (a, b) = (Crc64Nvme::of(b"a"), Crc64Nvme::of(b"b"));
        let digests = vec![SliceDigest { crc64nvme: a, sha256: Sha256::of(b"a") }];
        let some = || Some(digests.clone());
        for (mode, source, copy, slices, way, why) in [
            (Stored, Some(a), Some(b), None, Way::Compare { source: a, copy: b }, "both are stored"),
            (Stored, Some(a), Some(b), some(), Way::Compare { source: a, copy: b }, "both are stored, digests too"),
            (Stored, None, Some(b), some(), Way::Combine { source: digests.clone(), copy: b }, "digested on the way"),
            (Stored, None, Some(b), None, Way::StreamSource { copy: b }, "an old object copied at once"),
            (Stored, Some(a), None, None, Way::StreamBoth { source: None }, "a store without checksums"),
            (Stored, None, None, some(), Way::StreamBoth { source: some() }, "such a store, source digested"),
            (Streamed, Some(a), Some(b), None, Way::StreamBoth { source: None }, "asked for"),
            (Streamed, Some(a), Some(b), some(), Way::StreamBoth { source: some() }, "asked for, source digested"),
        ] {
            assert_eq!(choose(mode, source, copy, slices), way, "{why}");
        }
    }
}
