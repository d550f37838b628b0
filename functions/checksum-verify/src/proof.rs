//! Decides how a copy is proven, and holds the compared values.

use holdfast_core::{
    checksum::{Crc64Nvme, Sha256},
    contract::{Algorithm, Copy, ProofMethod, SliceDigest},
    event::InvalidInput,
    layout::PartLayout,
};
use holdfast_lambda::VerifyMode;

/// The values that prove a copy, once they are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) method: ProofMethod,
    pub(crate) algorithm: Algorithm,
    pub(crate) source: String,
    pub(crate) copy: String,
    /// The bytes that were read, of both sides.
    pub(crate) bytes_read: u64,
}

impl Proof {
    pub(crate) fn crc64nvme(source: Crc64Nvme, copy: Crc64Nvme, method: ProofMethod, bytes_read: u64) -> Self {
        let (source, copy) = (source.to_string(), copy.to_string());
        Self { method, algorithm: Algorithm::Crc64Nvme, source, copy, bytes_read }
    }

    /// The SHA-256 of a copy whose parts or slices were compared with the source while they were read.
    pub(crate) fn both_streamed(value: Sha256, bytes_read: u64) -> Self {
        let value = value.to_string();
        let (method, algorithm) = (ProofMethod::BothStreamed, Algorithm::Sha256);
        Self { method, algorithm, source: value.clone(), copy: value, bytes_read }
    }
}

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
