//! Decisions without I/O: how a copy is proven, and what a mismatch means.

use holdfast_core::{
    ErrorName, Failure,
    checksum::{Crc64Nvme, Sha256},
    contract::{Copy, SliceDigest},
    layout::PartLayout,
    names::PartNumber,
};
use holdfast_lambda::VerifyMode;
use holdfast_s3::ObjectRef;

use crate::{object::Subject, read::Target};

/// How a copy is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Two stored checksums are compared.
    Compare { source: Crc64Nvme, copy: Crc64Nvme },
    /// The source was digested slice by slice while it was copied; the combination is compared.
    Combine { source: Vec<SliceDigest>, copy: Crc64Nvme },
    /// The source is read now, and compared with the copy's stored checksum.
    StreamSource { copy: Crc64Nvme },
    /// The copy is read; so is the source, unless it was digested while it was copied.
    StreamBoth { source: Option<Vec<SliceDigest>> },
}

/// Chooses the strategy that reads least. The copy's value is always the one that S3 computed, never one that was sent.
pub(crate) fn choose(
    mode: VerifyMode,
    source: Option<Crc64Nvme>,
    copy: Option<Crc64Nvme>,
    digests: Option<Vec<SliceDigest>>,
) -> Strategy {
    match (mode, source, copy, digests) {
        (VerifyMode::Streamed, _, _, source) | (VerifyMode::Stored, _, None, source) => Strategy::StreamBoth { source },
        (VerifyMode::Stored, Some(source), Some(copy), _) => Strategy::Compare { source, copy },
        (VerifyMode::Stored, None, Some(copy), Some(source)) => Strategy::Combine { source, copy },
        (VerifyMode::Stored, None, Some(copy), None) => Strategy::StreamSource { copy },
    }
}

/// The layout by which a copy is read: that of its upload, or a planned one.
pub(crate) fn layout(copy: &Copy) -> Result<PartLayout, Failure> {
    match copy.layout() {
        Some(layout) => Ok(layout),
        None => PartLayout::plan(copy.source.size, None)
            .map_err(|error| Failure::new(ErrorName::InputInvalid, format!("copy.source.size: {error}"))),
    }
}

/// The failure of a copy that does not match its source.
pub(crate) fn mismatch(
    source: ObjectRef<'_>,
    copy: ObjectRef<'_>,
    what: &str,
    (of_source, of_copy): (&dyn std::fmt::Display, &dyn std::fmt::Display),
) -> Failure {
    Failure::new(
        ErrorName::ChecksumMismatch,
        format!(
            "The copy {copy} does not match its source {source}: {what} of the source is {of_source}, of the copy {of_copy}."
        ),
    )
}

/// The failure of a copy whose source is gone, so that nothing is left to prove it by.
pub(crate) fn source_gone(subject: Subject<'_>) -> Failure {
    let (source, copy) = (subject.source(), subject.published());
    let message = if subject.backup.is_replica() {
        format!(
            "The backup version {source} was deleted before its replica could be proven. The replica {copy} exists, \
             unproven, and no receipt was written. {}",
            without_source(subject)
        )
    } else {
        format!(
            "The source version {source} was deleted before its copy could be proven. The copy {copy} exists, unproven and \
             without a receipt. A new plan checks whether another execution proved it."
        )
    };
    Failure::new(ErrorName::SourceGone, message)
}

/// What a person can do about a copy whose source is gone.
///
/// If the copy is deleted, a redrive makes a new plan. In the backup leg the plan is to skip, because there is nothing
/// to copy. In the replica leg the backup is gone, and only a new backup of the upload brings another one.
pub(crate) fn without_source(subject: Subject<'_>) -> &'static str {
    if subject.backup.is_replica() {
        "No redrive can bring the backup back. If the source version still exists, request its backup again (an event Backup \
         Requested that names it): that proves this replica too, or replaces it. Otherwise the replica may be the only copy: \
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
    fn the_strategy_that_reads_least_is_chosen() {
        use VerifyMode::{Stored, Streamed};

        let (a, b) = (Crc64Nvme::of(b"a"), Crc64Nvme::of(b"b"));
        let digests = vec![SliceDigest { crc64nvme: a, sha256: Sha256::of(b"a") }];
        let some = || Some(digests.clone());
        for (mode, source, copy, slices, strategy, why) in [
            (Stored, Some(a), Some(b), None, Strategy::Compare { source: a, copy: b }, "both are stored"),
            (
                Stored,
                Some(a),
                Some(b),
                some(),
                Strategy::Compare { source: a, copy: b },
                "both are stored, digests too",
            ),
            (
                Stored,
                None,
                Some(b),
                some(),
                Strategy::Combine { source: digests.clone(), copy: b },
                "digested while it was copied",
            ),
            (Stored, None, Some(b), None, Strategy::StreamSource { copy: b }, "a small source without a checksum"),
            (Stored, Some(a), None, None, Strategy::StreamBoth { source: None }, "a store without checksums"),
            (Stored, None, None, some(), Strategy::StreamBoth { source: some() }, "such a store, source digested"),
            (Streamed, Some(a), Some(b), None, Strategy::StreamBoth { source: None }, "the mode is streamed"),
            (
                Streamed,
                Some(a),
                Some(b),
                some(),
                Strategy::StreamBoth { source: some() },
                "the mode is streamed, source digested",
            ),
        ] {
            assert_eq!(choose(mode, source, copy, slices), strategy, "{why}");
        }
    }
}
