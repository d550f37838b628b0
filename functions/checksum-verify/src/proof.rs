//! Decides how a copy is proven, and holds the compared values.

use holdfast_core::{
    checksum::{Crc64Nvme, Sha256},
    contract::{Algorithm, Copy, ProofMethod, SliceDigest},
    event::InvalidInput,
    layout::PartLayout,
    source_checksum::SourceChecksum,
};
use holdfast_lambda::VerifyMode;
use holdfast_s3::Head;

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
    /// A comparison with the checksum that the source has had since its upload.
    pub(crate) fn of_source(source: SourceChecksum, copy: String, method: ProofMethod, bytes_read: u64) -> Self {
        Self { method, algorithm: source.algorithm, source: source.value, copy, bytes_read }
    }

    /// A comparison with the digest of the source, which was read once.
    pub(crate) fn source_read(source: Crc64Nvme, copy: Crc64Nvme, bytes_read: u64) -> Self {
        Self::of_source(source.into(), copy.to_string(), ProofMethod::SourceRead, bytes_read)
    }

    /// The SHA-256 of a copy whose parts or slices were compared with the source while they were read.
    pub(crate) fn both_read(value: Sha256, bytes_read: u64) -> Self {
        let value = value.to_string();
        let (method, algorithm) = (ProofMethod::BothRead, Algorithm::Sha256);
        Self { method, algorithm, source: value.clone(), copy: value, bytes_read }
    }
}

/// How a copy is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// The checksum of the source is compared with that which S3 computed from the parts of the copy.
    Compare { source: SourceChecksum, copy: String },
    /// The copy is read, and its digest compared with the checksum of the source.
    ReadBack { source: SourceChecksum },
    /// The source was digested slice by slice while it was copied; the combination is compared with the checksum that S3
    /// computed from the parts of the copy.
    Combine { source: Vec<SliceDigest>, copy: Crc64Nvme },
    /// The source is read now, and compared with the checksum that S3 computed from the parts of the copy.
    StreamSource { copy: Crc64Nvme },
    /// The copy is read; so is the source, unless it was digested while it was copied.
    StreamBoth { source: Option<Vec<SliceDigest>> },
}

/// The facts that decide how a copy is proven.
#[derive(Debug, Clone)]
pub(crate) struct ProofFacts<'a> {
    pub(crate) mode: VerifyMode,
    /// The checksum that the source has had since its upload.
    pub(crate) source: Option<SourceChecksum>,
    /// The digests of the source's slices, if it was read while it was copied.
    pub(crate) digests: Option<Vec<SliceDigest>>,
    /// The copy, as S3 describes it.
    pub(crate) copy: &'a Head,
}

/// Chooses the strategy that reads least. S3 may have carried the stored checksum of a copy in one request over from the
/// source, so such a value is never compared. That of a copy in parts was computed from the parts. The copy's value is
/// always the one that S3 stores, never one that was sent.
pub(crate) fn choose(facts: ProofFacts<'_>) -> Strategy {
    let ProofFacts { mode, source, digests, copy } = facts;
    if mode == VerifyMode::Streamed {
        return Strategy::StreamBoth { source: digests };
    }
    let of_parts = Some(copy).filter(|copy| copy.etag.is_of_parts());
    let computed = |source: &SourceChecksum| of_parts.and_then(|copy| copy.checksum.value_for(source));
    let crc = of_parts.and_then(|copy| copy.crc64nvme);
    match (source, crc, digests) {
        (Some(source), _, _) if computed(&source).is_some() => {
            let copy = computed(&source).unwrap_or_default().to_owned();
            Strategy::Compare { source, copy }
        }
        (_, Some(copy), Some(source)) => Strategy::Combine { source, copy },
        (Some(source), _, _) => Strategy::ReadBack { source },
        (None, Some(copy), None) => Strategy::StreamSource { copy },
        (None, None, source) => Strategy::StreamBoth { source },
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
    use holdfast_core::source_checksum::HeadChecksum;
    use holdfast_s3::testing;

    use super::*;

    fn crc_head(etag: &str, crc: Crc64Nvme) -> Head {
        testing::head(etag, Some(crc), HeadChecksum::Whole { algorithm: Algorithm::Crc64Nvme, value: crc.to_string() })
    }

    #[test]
    fn the_strategy_that_reads_least_is_chosen() {
        use VerifyMode::{Stored, Streamed};

        let (a, b) = (Crc64Nvme::of(b"a"), Crc64Nvme::of(b"b"));
        let digests = vec![SliceDigest { crc64nvme: a, sha256: Sha256::of(b"a") }];
        let read = || Some(digests.clone());
        let source = |crc: Crc64Nvme| Some(SourceChecksum::from(crc));
        let md5 = SourceChecksum { algorithm: Algorithm::Md5, value: "m".to_owned(), composite: None };
        let (single, parts) = (crc_head("copied", b), crc_head("copied-2", b));
        let none = testing::head("copied-2", None, HeadChecksum::Absent);
        let read_back = |crc: Crc64Nvme| Strategy::ReadBack { source: crc.into() };
        let compare = Strategy::Compare { source: a.into(), copy: b.to_string() };
        let combine = Strategy::Combine { source: digests.clone(), copy: b };
        for (mode, source, copy, digests, strategy, why) in [
            (Stored, source(a), &single, None, read_back(a), "S3 may have carried the value over"),
            (Stored, source(a), &parts, None, compare.clone(), "S3 computed the value from the parts"),
            (Stored, source(a), &parts, read(), compare, "the same, with digests"),
            (Stored, source(a), &none, None, read_back(a), "a store without checksums"),
            (Stored, Some(md5.clone()), &parts, read(), combine.clone(), "parts have no MD5 of the whole"),
            (Stored, Some(md5.clone()), &parts, None, Strategy::ReadBack { source: md5 }, "the same, found published"),
            (Stored, None, &parts, read(), combine, "digested while it was copied"),
            (Stored, None, &parts, None, Strategy::StreamSource { copy: b }, "found published"),
            (Stored, None, &single, None, Strategy::StreamBoth { source: None }, "nothing to compare with"),
            (Stored, None, &none, read(), Strategy::StreamBoth { source: read() }, "no checksums, source digested"),
            (Streamed, source(a), &parts, None, Strategy::StreamBoth { source: None }, "the mode is streamed"),
            (Streamed, source(a), &parts, read(), Strategy::StreamBoth { source: read() }, "the same, digested"),
        ] {
            assert_eq!(choose(ProofFacts { mode, source, digests, copy }), strategy, "{why}");
        }
    }
}
