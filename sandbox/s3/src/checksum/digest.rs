//! Digests of a stream of bytes, in one pass.

use base64::{Engine, engine::general_purpose::STANDARD};
use crc_fast::CrcAlgorithm;
use md5::Md5;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::checksum::{Algorithm, Checksum, encode};

/// Computes one checksum.
pub(crate) enum Hasher {
    Crc(Algorithm, Box<crc_fast::Digest>),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    /// A hasher without input.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match (algorithm.crc(), algorithm) {
            (Some(crc), _) => Self::Crc(algorithm, Box::new(crc_fast::Digest::new(crc))),
            (None, Algorithm::Sha1) => Self::Sha1(Sha1::new()),
            (None, _) => Self::Sha256(Sha256::new()),
        }
    }

    /// Adds bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Sha1(sha1) => sha1.update(bytes),
            Self::Sha256(sha256) => sha256.update(bytes),
        }
    }

    /// The value in Base64.
    pub(crate) fn finish(self) -> String {
        match self {
            Self::Crc(algorithm, digest) => encode(algorithm, digest.finalize()),
            Self::Sha1(sha1) => STANDARD.encode(sha1.finalize()),
            Self::Sha256(sha256) => STANDARD.encode(sha256.finalize()),
        }
    }
}

/// Computes all required digests of a stream of bytes in one pass.
pub(crate) struct Digester {
    md5: Md5,
    crc64nvme: crc_fast::Digest,
    other: Option<(Algorithm, Hasher)>,
}

/// The result of a [`Digester`].
#[derive(Debug, Clone)]
pub(crate) struct Digests {
    /// In hexadecimal.
    pub(crate) md5: String,
    pub(crate) crc64nvme: u64,
    other: Option<(Algorithm, String)>,
}

impl Digester {
    /// Computes MD5, CRC64NVME and the algorithm that the caller names.
    pub(crate) fn new(algorithm: Option<Algorithm>) -> Self {
        Self {
            md5: Md5::new(),
            crc64nvme: crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme),
            other: algorithm
                .filter(|algorithm| *algorithm != Algorithm::Crc64Nvme)
                .map(|algorithm| (algorithm, Hasher::new(algorithm))),
        }
    }

    /// Adds bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.crc64nvme.update(bytes);
        if let Some((_, hasher)) = &mut self.other {
            hasher.update(bytes);
        }
    }

    /// The digests of all added bytes.
    pub(crate) fn finish(self) -> Digests {
        Digests {
            md5: hex::encode(self.md5.finalize()),
            crc64nvme: self.crc64nvme.finalize(),
            other: self.other.map(|(algorithm, hasher)| (algorithm, hasher.finish())),
        }
    }
}

impl Digests {
    /// The full-object checksum of the requested algorithm, CRC64NVME by default.
    pub(crate) fn checksum(&self) -> Checksum {
        match &self.other {
            Some((algorithm, value)) => Checksum::full(*algorithm, value.clone()),
            None => Checksum::crc64nvme(self.crc64nvme),
        }
    }
}

/// The `ETag` of an object made of parts: the MD5 of their MD5s, and their number.
pub(crate) fn multipart_etag<'a>(md5s: impl IntoIterator<Item = &'a str>) -> String {
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
    fn digests_match_published_check_values() {
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
