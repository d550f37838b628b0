//! The checksums that S3 stores: five algorithms, for a whole object or composed from its parts.
//!
//! Which algorithm allows which kind:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>.

pub(crate) mod digest;

use base64::{Engine, engine::general_purpose::STANDARD};
use crc_fast::CrcAlgorithm;
use serde::{Deserialize, Serialize};

use crate::checksum::digest::Hasher;

/// A checksum algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// The input of a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// The bytes of the object.
    FullObject,
    /// The concatenated checksums of its parts.
    Composite,
}

/// A checksum as S3 returns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    pub(crate) kind: Kind,
    /// Base64; a composite one ends with `-` and the number of parts.
    pub(crate) value: String,
}

impl Algorithm {
    /// Every algorithm.
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The value for `x-amz-checksum-algorithm`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header or trailer for its value.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The algorithm of a name or header name, case-insensitively.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|one| one.name().eq_ignore_ascii_case(text) || one.header().eq_ignore_ascii_case(text))
    }

    /// The default type of a multipart upload that only names the algorithm.
    pub(crate) fn default_kind(self) -> Kind {
        if self == Self::Crc64Nvme { Kind::FullObject } else { Kind::Composite }
    }

    /// Whether a multipart upload may use this type.
    pub(crate) fn allows(self, kind: Kind) -> bool {
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
    /// The value for `x-amz-checksum-type`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    /// By name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::FullObject, Self::Composite].into_iter().find(|kind| kind.name() == text)
    }
}

impl Checksum {
    /// A checksum of all bytes.
    pub(crate) fn full(algorithm: Algorithm, value: String) -> Self {
        Self { algorithm, kind: Kind::FullObject, value }
    }

    /// A full-object CRC64NVME.
    pub(crate) fn crc64nvme(crc: u64) -> Self {
        Self::full(Algorithm::Crc64Nvme, STANDARD.encode(crc.to_be_bytes()))
    }

    /// A CRC of all bytes.
    pub(crate) fn crc(algorithm: Algorithm, crc: u64) -> Self {
        Self::full(algorithm, encode(algorithm, crc))
    }

    /// The checksum of the checksums of parts; `None` if one of them is not Base64.
    pub(crate) fn composite<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut hasher = Hasher::new(algorithm);
        let mut count = 0;
        for part in parts {
            hasher.update(&STANDARD.decode(part).ok()?);
            count += 1;
        }
        Some(Self { algorithm, kind: Kind::Composite, value: format!("{}-{count}", hasher.finish()) })
    }

    /// The checksum of the whole, from the checksums and byte lengths of its parts. `None` if the algorithm does not
    /// allow it or a value is invalid.
    pub(crate) fn combined<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = (&'a str, u64)>) -> Option<Self> {
        let mut whole = 0;
        for (value, length) in parts {
            whole = combine(algorithm, whole, number(algorithm, value)?, length)?;
        }
        Some(Self::crc(algorithm, whole))
    }
}

/// The CRC of some bytes; `None` for an algorithm that is not a CRC.
pub(crate) fn crc(algorithm: Algorithm, bytes: &[u8]) -> Option<u64> {
    Some(crc_fast::checksum(algorithm.crc()?, bytes))
}

/// The CRC of two concatenated pieces; `None` for an algorithm that is not a CRC.
pub(crate) fn combine(algorithm: Algorithm, first: u64, second: u64, second_length: u64) -> Option<u64> {
    Some(crc_fast::checksum_combine(algorithm.crc()?, first, second, second_length))
}

pub(crate) fn encode(algorithm: Algorithm, crc: u64) -> String {
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
