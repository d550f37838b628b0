//! CRC64NVME of whole objects, computed from the bytes or from the CRCs of their pieces, and SHA-256 of slices,
//! computed from their parts.
//!
//! S3 stores CRC64NVME as base64 of the eight big-endian bytes. The CRC is linear: the CRC of two concatenated pieces
//! can be computed from both CRCs and the length of the second piece
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use crc_fast::CrcAlgorithm;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};

use crate::{bounds::shown, names::InvalidName};

const ALGORITHM: CrcAlgorithm = CrcAlgorithm::Crc64Nvme;

/// A CRC64NVME; as text, the base64 form of S3's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Crc64Nvme(u64);

/// The text is not base64 of eight bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a CRC64NVME; expected eight bytes in base64", shown(.0))]
pub struct InvalidCrc(String);

impl Crc64Nvme {
    /// The CRC of zero bytes.
    pub const EMPTY: Self = Self(0);

    /// The CRC of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc_fast::checksum(ALGORITHM, bytes))
    }

    /// The CRC of the bytes of `self` followed by `length` bytes with the CRC `next`.
    #[must_use]
    pub fn followed_by(self, next: Self, length: u64) -> Self {
        if length == 0 { self } else { Self(crc_fast::checksum_combine(ALGORITHM, self.0, next.0, length)) }
    }

    /// Parses the base64 form.
    pub fn parse(text: &str) -> Result<Self, InvalidCrc> {
        let bytes = STANDARD.decode(text).map_err(|_| InvalidCrc(text.to_owned()))?;
        let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| InvalidCrc(text.to_owned()))?;
        Ok(Self(u64::from_be_bytes(bytes)))
    }
}

impl fmt::Display for Crc64Nvme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&STANDARD.encode(self.0.to_be_bytes()))
    }
}

impl TryFrom<String> for Crc64Nvme {
    type Error = InvalidCrc;

    fn try_from(text: String) -> Result<Self, InvalidCrc> {
        Self::parse(&text)
    }
}

impl From<Crc64Nvme> for String {
    fn from(crc: Crc64Nvme) -> Self {
        crc.to_string()
    }
}

/// A SHA-256; as text, 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The SHA-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hasher::digest(bytes).into())
    }

    /// The SHA-256 over the SHA-256s of parts, in part order. This is the digest of a slice.
    pub fn over_parts(parts: &[Self]) -> Self {
        let mut hasher = Hasher::new();
        for part in parts {
            hasher.update(part.0);
        }
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes).map_err(|_| {
            InvalidName::new(format!("{} is not a SHA-256; expected 64 hexadecimal digits", shown(&text)))
        })?;
        Ok(Self(bytes))
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

/// Digests a stream of bytes.
#[derive(Debug, Clone)]
pub struct StreamDigest {
    crc: crc_fast::Digest,
    sha: Hasher,
    length: u64,
}

impl Default for StreamDigest {
    fn default() -> Self {
        Self { crc: crc_fast::Digest::new(ALGORITHM), sha: Hasher::new(), length: 0 }
    }
}

impl StreamDigest {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.sha.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// The number of bytes so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Both digests of all bytes.
    pub fn finish(self) -> (Crc64Nvme, Sha256) {
        (Crc64Nvme(self.crc.finalize()), Sha256(self.sha.finalize().into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_check_value_of_the_nvme_specification_holds() {
        // "123456789" is the catalogue's check input
        // (https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme).
        assert_eq!(Crc64Nvme::of(b"123456789"), Crc64Nvme(0xae8b_1486_0a79_9888));
        assert_eq!(Crc64Nvme::of(b""), Crc64Nvme::EMPTY);
        assert_eq!(Crc64Nvme::EMPTY.to_string(), "AAAAAAAAAAA=");
    }

    #[test]
    fn text_that_is_not_base64_of_eight_bytes_is_refused() {
        for bad in ["", "AAAA", "not base64!", "AAAAAAAAAAAAAAAA"] {
            assert!(Crc64Nvme::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn combined_pieces_give_the_crc_of_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..4096),
            cuts in prop::collection::vec(0_usize..4096, 0..8),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let combined = cuts.windows(2).fold(Crc64Nvme::EMPTY, |crc, edge| {
                let piece = &bytes[edge[0]..edge[1]];
                crc.followed_by(Crc64Nvme::of(piece), piece.len() as u64)
            });
            prop_assert_eq!(combined, Crc64Nvme::of(&bytes));
        }

        #[test]
        fn a_stream_has_the_digest_of_the_whole(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6)) {
            let mut digest = StreamDigest::default();
            for piece in &pieces {
                digest.update(piece);
            }
            let whole = pieces.concat();
            prop_assert_eq!(digest.length(), whole.len() as u64);
            prop_assert_eq!(digest.finish(), (Crc64Nvme::of(&whole), Sha256::of(&whole)));
        }

        #[test]
        fn a_crc_is_parsed_from_its_own_text(value in any::<u64>()) {
            prop_assert_eq!(Crc64Nvme::parse(&Crc64Nvme(value).to_string()), Ok(Crc64Nvme(value)));
        }
    }
}
