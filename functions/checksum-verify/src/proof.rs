//! Decides how a copy is proven.

use holdfast_core::{
    checksum::Crc64Nvme,
    contract::{Copy, SliceDigest},
    event::InvalidInput,
    layout::PartLayout,
};
use holdfast_lambda::VerifyMode;

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
pub(crate) fn layout(copy: &Copy) -> Result<PartLayout, InvalidInput> {
    match copy.layout() {
        Some(layout) => Ok(layout),
        None => PartLayout::plan(copy.source.size, None)
            .map_err(|error| InvalidInput { path: "copy.source.size".to_owned(), problem: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::checksum::Sha256;

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
