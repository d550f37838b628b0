//! The checksums S3 keeps: five algorithms, over a whole object or composed of its parts'.
//!
//! Which algorithm allows which kind:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>.

use base64::{Engine, engine::general_purpose::STANDARD};
use crc_fast::CrcAlgorithm;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// A checksum algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// What a checksum is computed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// The bytes of the object.
    FullObject,
    /// The checksums of its parts, one after another.
    Composite,
}

/// A checksum as S3 answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) kind: Kind,
    /// Base64; a composite one ends with `-` and the number of parts.
    pub(super) value: String,
}

impl Algorithm {
    /// Every algorithm.
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// As in `x-amz-checksum-algorithm`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header or trailer that carries its value.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// By name or header, in any case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|one| one.name().eq_ignore_ascii_case(text) || one.header().eq_ignore_ascii_case(text))
    }

    /// The kind a multipart upload gets when it names only the algorithm.
    pub(super) fn default_kind(self) -> Kind {
        if self == Self::Crc64Nvme { Kind::FullObject } else { Kind::Composite }
    }

    /// Whether a multipart upload may ask for this kind.
    pub(super) fn allows(self, kind: Kind) -> bool {
        match self {
            Self::Crc64Nvme => kind == Kind::FullObject,
            Self::Sha1 | Self::Sha256 => kind == Kind::Composite,
            Self::Crc32 | Self::Crc32c => true,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

impl Kind {
    /// As in `x-amz-checksum-type`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    /// By name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::FullObject, Self::Composite].into_iter().find(|kind| kind.name() == text)
    }
}

impl Checksum {
    /// A checksum over all the bytes.
    pub(super) fn full(algorithm: Algorithm, value: String) -> Self {
        Self { algorithm, kind: Kind::FullObject, value }
    }

    /// A full-object CRC64NVME.
    pub(super) fn crc64nvme(crc: u64) -> Self {
        Self::full(Algorithm::Crc64Nvme, STANDARD.encode(crc.to_be_bytes()))
    }

    /// A CRC over all the bytes.
    pub(super) fn crc(algorithm: Algorithm, crc: u64) -> Self {
        Self::full(algorithm, encode(algorithm, crc))
    }

    /// The checksum of the checksums of parts; `None` when one of them is not base64.
    pub(super) fn composite<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut hasher = Hasher::new(algorithm);
        let mut count = 0;
        for part in parts {
            hasher.update(&STANDARD.decode(part).ok()?);
            count += 1;
        }
        Some(Self { algorithm, kind: Kind::Composite, value: format!("{}-{count}", hasher.finish()) })
    }

    /// The checksum of the whole from those of its parts, given with their lengths in bytes; `None` when the algorithm
    /// cannot do that, or a value is not one of its.
    pub(super) fn combined<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = (&'a str, u64)>) -> Option<Self> {
        let mut whole = 0;
        for (value, length) in parts {
            whole = combine(algorithm, whole, number(algorithm, value)?, length)?;
        }
        Some(Self::crc(algorithm, whole))
    }
}

/// The CRC of some bytes; `None` for an algorithm that is not a CRC.
pub(super) fn crc(algorithm: Algorithm, bytes: &[u8]) -> Option<u64> {
    Some(crc_fast::checksum(algorithm.crc()?, bytes))
}

/// The CRC of two pieces one after the other; `None` for an algorithm that is not a CRC.
pub(super) fn combine(algorithm: Algorithm, first: u64, second: u64, second_length: u64) -> Option<u64> {
    Some(crc_fast::checksum_combine(algorithm.crc()?, first, second, second_length))
}

fn encode(algorithm: Algorithm, crc: u64) -> String {
    let bytes = crc.to_be_bytes();
    STANDARD.encode(if algorithm == Algorithm::Crc64Nvme { &bytes[..] } else { &bytes[4..] })
}

fn number(algorithm: Algorithm, value: &str) -> Option<u64> {
    let bytes = STANDARD.decode(value).ok()?;
    if algorithm == Algorithm::Crc64Nvme {
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    } else {
        Some(u64::from(u32::from_be_bytes(bytes.try_into().ok()?)))
    }
}

/// Computes one checksum.
pub(super) enum Hasher {
    Crc(Algorithm, Box<crc_fast::Digest>),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    /// Of nothing yet.
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match (algorithm.crc(), algorithm) {
            (Some(crc), _) => Self::Crc(algorithm, Box::new(crc_fast::Digest::new(crc))),
            (None, Algorithm::Sha1) => Self::Sha1(Sha1::new()),
            (None, _) => Self::Sha256(Sha256::new()),
        }
    }

    /// Takes more bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Sha1(sha1) => sha1.update(bytes),
            Self::Sha256(sha256) => sha256.update(bytes),
        }
    }

    /// In base64.
    pub(super) fn finish(self) -> String {
        match self {
            Self::Crc(algorithm, digest) => encode(algorithm, digest.finalize()),
            Self::Sha1(sha1) => STANDARD.encode(sha1.finalize()),
            Self::Sha256(sha256) => STANDARD.encode(sha256.finalize()),
        }
    }
}

/// Computes everything that is wanted of a stream of bytes in one pass.
pub(super) struct Digester {
    md5: Md5,
    crc64nvme: crc_fast::Digest,
    other: Option<(Algorithm, Hasher)>,
}

/// What a [`Digester`] found.
#[derive(Debug, Clone)]
pub(super) struct Digests {
    /// In hexadecimal.
    pub(super) md5: String,
    pub(super) crc64nvme: u64,
    other: Option<(Algorithm, String)>,
}

impl Digester {
    /// MD5 and CRC64NVME, and the algorithm that the caller names.
    pub(super) fn new(algorithm: Option<Algorithm>) -> Self {
        Self {
            md5: Md5::new(),
            crc64nvme: crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme),
            other: algorithm
                .filter(|algorithm| *algorithm != Algorithm::Crc64Nvme)
                .map(|algorithm| (algorithm, Hasher::new(algorithm))),
        }
    }

    /// Takes more bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.crc64nvme.update(bytes);
        if let Some((_, hasher)) = &mut self.other {
            hasher.update(bytes);
        }
    }

    /// The digests of everything taken.
    pub(super) fn finish(self) -> Digests {
        Digests {
            md5: hex::encode(self.md5.finalize()),
            crc64nvme: self.crc64nvme.finalize(),
            other: self.other.map(|(algorithm, hasher)| (algorithm, hasher.finish())),
        }
    }
}

impl Digests {
    /// The full-object checksum of the algorithm that was asked for, else CRC64NVME.
    pub(super) fn checksum(&self) -> Checksum {
        match &self.other {
            Some((algorithm, value)) => Checksum::full(*algorithm, value.clone()),
            None => Checksum::crc64nvme(self.crc64nvme),
        }
    }
}

/// The value of `ETag` for an object made of parts: the MD5 of their MD5s, and their number.
pub(super) fn multipart_etag<'a>(md5s: impl IntoIterator<Item = &'a str>) -> String {
    let mut md5 = Md5::new();
    let mut count = 0;
    for part in md5s {
        md5.update(hex::decode(part).unwrap_or_default());
        count += 1;
    }
    format!("{}-{count}", hex::encode(md5.finalize()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(algorithm: Algorithm, bytes: &[u8]) -> String {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    #[test]
    fn the_check_values_of_the_catalogues_are_met() {
        let check = b"123456789";
        assert_eq!(of(Algorithm::Crc32, check), STANDARD.encode(0xcbf4_3926_u32.to_be_bytes()));
        assert_eq!(of(Algorithm::Crc32c, check), STANDARD.encode(0xe306_9283_u32.to_be_bytes()));
        assert_eq!(of(Algorithm::Crc64Nvme, check), STANDARD.encode(0xae8b_1486_0a79_9888_u64.to_be_bytes()));
        assert_eq!(of(Algorithm::Sha1, b""), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
        assert_eq!(of(Algorithm::Sha256, b""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn the_etag_of_parts_is_the_md5_of_their_md5s() {
        let parts = ["0cc175b9c0f1b6a831c399e269772661", "92eb5ffee6ae2fec3ad71c777531578f"];
        let mut whole = Md5::new();
        whole.update(hex::decode(parts.concat()).unwrap_or_default());
        assert_eq!(multipart_etag(parts), format!("{}-2", hex::encode(whole.finalize())));
    }

    #[test]
    fn a_composite_checksum_is_the_checksum_of_the_parts_checksums() {
        let parts = [of(Algorithm::Sha256, b"a"), of(Algorithm::Sha256, b"b")];
        let joined: Vec<u8> = parts.iter().flat_map(|part| STANDARD.decode(part).unwrap_or_default()).collect();
        let composite = Checksum::composite(Algorithm::Sha256, parts.iter().map(String::as_str));
        assert_eq!(composite.map(|checksum| checksum.value), Some(format!("{}-2", of(Algorithm::Sha256, &joined))));
    }

    proptest! {
        #[test]
        fn crcs_of_parts_combine_to_the_crc_of_the_whole(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6)) {
            for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
                let values: Vec<(String, u64)> =
                    parts.iter().map(|part| (of(algorithm, part), part.len() as u64)).collect();
                let combined = Checksum::combined(algorithm, values.iter().map(|(value, length)| (value.as_str(), *length)));
                prop_assert_eq!(combined, Some(Checksum::full(algorithm, of(algorithm, &parts.concat()))));
            }
        }
    }
}
