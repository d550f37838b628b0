//! The checksum that a source has had since its upload, and the digest of a stream of bytes with the same algorithm.
//!
//! S3 stores a checksum in base64. A composite one is the checksum over the checksums of the parts, followed by the
//! number of parts (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use crc_fast::CrcAlgorithm;
use md5::Md5;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::{
    bounds,
    checksum::Crc64Nvme,
    layout::{PartLayout, SourceParts, uniform_part_size},
    names::ETag,
};

/// The algorithm of a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// CRC64NVME.
    #[serde(rename = "CRC64NVME")]
    Crc64Nvme,
    /// CRC32 of ISO/HDLC.
    #[serde(rename = "CRC32")]
    Crc32,
    /// CRC32C.
    #[serde(rename = "CRC32C")]
    Crc32C,
    /// SHA-1.
    #[serde(rename = "SHA1")]
    Sha1,
    /// SHA-256. If both sides were read, it is in hexadecimal: of the bytes if the object has one part, over the
    /// SHA-256s of its parts if it has one slice, otherwise over those of its slices.
    #[serde(rename = "SHA256")]
    Sha256,
    /// SHA-512.
    #[serde(rename = "SHA512")]
    Sha512,
    /// MD5.
    #[serde(rename = "MD5")]
    Md5,
}

impl Algorithm {
    /// Whether S3 computes the checksum of a whole multipart object from those of its parts.
    fn is_linear(self) -> bool {
        matches!(self, Self::Crc64Nvme | Self::Crc32 | Self::Crc32C)
    }

    /// Whether S3 stores composites of this algorithm.
    fn has_composites(self) -> bool {
        matches!(self, Self::Crc32 | Self::Crc32C | Self::Sha1 | Self::Sha256)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Crc64Nvme => "CRC64NVME",
            Self::Crc32 => "CRC32",
            Self::Crc32C => "CRC32C",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
            Self::Md5 => "MD5",
        })
    }
}

/// The checksum of a source, in the text form of S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceChecksum {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The value.
    #[serde(deserialize_with = "bounds::opaque")]
    pub value: String,
    /// Present if the value is a composite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composite: Option<Composite>,
}

/// The parts over which a composite checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Composite {
    /// The size of every part except the last, in bytes.
    #[serde(deserialize_with = "bounds::part_size")]
    pub part_size: u64,
}

impl From<Crc64Nvme> for SourceChecksum {
    fn from(crc: Crc64Nvme) -> Self {
        Self { algorithm: Algorithm::Crc64Nvme, value: crc.to_string(), composite: None }
    }
}

impl SourceChecksum {
    /// Whether a multipart copy can have the same checksum without a read: S3 computes it from the parts.
    pub fn is_kept_by_multipart_copies(&self) -> bool {
        self.composite.is_some() || self.algorithm.is_linear()
    }

    /// The parts that a digest of the bytes needs; `None` if the checksum does not depend on parts.
    pub fn layout(&self, size: u64) -> Option<PartLayout> {
        self.composite.map(|composite| PartLayout::with_part_size(size, composite.part_size))
    }
}

/// What `HeadObject` with `ChecksumMode=ENABLED` says about the checksum of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadChecksum {
    /// Of all bytes.
    Whole {
        /// The algorithm.
        algorithm: Algorithm,
        /// The value.
        value: String,
    },
    /// Over the checksums of the parts.
    Composite {
        /// The algorithm.
        algorithm: Algorithm,
        /// The value with the number of parts.
        value: String,
    },
    /// No checksum from which the bytes can be proven.
    Absent,
}

/// The facts of `HeadObject` about the checksum of an object.
#[derive(Debug)]
pub struct HeadFacts<'a> {
    /// The stored checksums, the preferred first.
    pub stored: &'a [(Algorithm, Option<&'a str>)],
    /// Whether the stored checksum is a composite.
    pub is_composite: bool,
    /// The entity tag.
    pub etag: &'a ETag,
    /// Whether the object is encrypted with a KMS key. Then the entity tag is not an MD5.
    pub has_kms_key: bool,
}

impl HeadChecksum {
    /// Decides which checksum a proof can use. A checksum of the whole object is preferred. The entity tag of an object
    /// that was uploaded in one request and is not encrypted with a KMS key is its MD5
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>).
    pub fn of(facts: &HeadFacts<'_>) -> Self {
        let mut stored = facts.stored.iter().filter_map(|(algorithm, value)| Some((*algorithm, (*value)?)));
        if let Some((algorithm, value)) = stored.find(|(_, value)| value.contains('-') == facts.is_composite) {
            let value = value.to_owned();
            return match facts.is_composite {
                false => Self::Whole { algorithm, value },
                true if algorithm.has_composites() => Self::Composite { algorithm, value },
                true => Self::Absent,
            };
        }
        match hex_md5(facts.etag).filter(|_| !facts.has_kms_key) {
            Some(md5) => Self::Whole { algorithm: Algorithm::Md5, value: STANDARD.encode(md5) },
            None => Self::Absent,
        }
    }

    /// The checksum of a source of this size. A composite needs the layout of the source, and that layout must be
    /// uniform.
    pub fn of_source(&self, size: u64, parts: Option<SourceParts>) -> Option<SourceChecksum> {
        match self {
            Self::Absent => None,
            Self::Whole { algorithm, value } => {
                Some(SourceChecksum { algorithm: *algorithm, value: value.clone(), composite: None })
            }
            Self::Composite { algorithm, value } => {
                let parts = parts.filter(|parts| value.ends_with(&format!("-{}", parts.count)))?;
                let part_size = match parts.count {
                    1 => Some(size).filter(|size| *size > 0 && *size == parts.first_size),
                    _ => uniform_part_size(size, parts),
                }?;
                let composite = Some(Composite { part_size });
                Some(SourceChecksum { algorithm: *algorithm, value: value.clone(), composite })
            }
        }
    }

    /// Whether the object has this value, of the same algorithm and type.
    pub fn value_for(&self, source: &SourceChecksum) -> Option<&str> {
        match (self, source.composite) {
            (Self::Whole { algorithm, value }, None) | (Self::Composite { algorithm, value }, Some(_)) => {
                Some(value.as_str()).filter(|_| *algorithm == source.algorithm)
            }
            _ => None,
        }
    }
}

/// The bytes of an entity tag that is an MD5 in hexadecimal.
fn hex_md5(etag: &ETag) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(etag.as_str(), &mut bytes).ok().map(|()| bytes)
}

/// The composite of the checksums of parts, in part order; `None` if one of them is not base64.
pub fn composite<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut digest = Hasher::new(algorithm);
    let mut count = 0_u64;
    for part in parts {
        digest.update(&STANDARD.decode(part).ok()?);
        count += 1;
    }
    Some(format!("{}-{count}", STANDARD.encode(digest.finish())))
}

/// Digests the bytes of a copy with the algorithm and the type of its source's checksum.
#[derive(Debug)]
pub struct ReadBackDigest {
    algorithm: Algorithm,
    digest: Hasher,
    /// The checksums of the completed parts, if the value is a composite.
    parts: Option<Vec<String>>,
}

impl ReadBackDigest {
    /// The digest to compare with this checksum.
    pub fn new(source: &SourceChecksum) -> Self {
        let algorithm = source.algorithm;
        Self { algorithm, digest: Hasher::new(algorithm), parts: source.composite.map(|_| Vec::new()) }
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
    }

    /// Ends a part of the layout of the checksum.
    pub fn end_part(&mut self) {
        if let Some(parts) = &mut self.parts {
            let digest = std::mem::replace(&mut self.digest, Hasher::new(self.algorithm));
            parts.push(STANDARD.encode(digest.finish()));
        }
    }

    /// The value in the text form of S3.
    pub fn finish(self) -> String {
        match self.parts {
            None => STANDARD.encode(self.digest.finish()),
            Some(parts) => composite(self.algorithm, parts.iter().map(String::as_str)).unwrap_or_default(),
        }
    }
}

#[derive(Debug)]
enum Hasher {
    /// With the length of the value in bytes.
    Crc(crc_fast::Digest, usize),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
    Md5(Md5),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc64Nvme => Self::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme), 8),
            Algorithm::Crc32 => Self::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc32IsoHdlc), 4),
            Algorithm::Crc32C => Self::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi), 4),
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
            Algorithm::Md5 => Self::Md5(Md5::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(digest, _) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
            Self::Sha512(digest) => digest.update(bytes),
            Self::Md5(digest) => digest.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc(digest, length) => digest.finalize().to_be_bytes()[8 - length..].to_vec(),
            Self::Sha1(digest) => digest.finalize().to_vec(),
            Self::Sha256(digest) => digest.finalize().to_vec(),
            Self::Sha512(digest) => digest.finalize().to_vec(),
            Self::Md5(digest) => digest.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layout::MIB, names::InvalidName};

    #[test]
    fn every_kind_of_source_offers_the_right_checksum() -> Result<(), InvalidName> {
        use Algorithm::{Crc32, Crc64Nvme, Md5, Sha256};

        let whole = |algorithm, value: &str| HeadChecksum::Whole { algorithm, value: value.to_owned() };
        let composite = |algorithm, value: &str| HeadChecksum::Composite { algorithm, value: value.to_owned() };
        let md5 = ETag::new("900150983cd24fb0d6963f7d28e17f72")?;
        let of_parts = ETag::new("900150983cd24fb0d6963f7d28e17f72-2")?;
        let of_abc = whole(Md5, "kAFQmDzST7DWlj99KOF/cg==");
        for (stored, is_composite, etag, has_kms_key, expected) in [
            (vec![(Crc64Nvme, Some("a=")), (Crc32, None)], false, &md5, false, whole(Crc64Nvme, "a=")),
            (vec![(Crc64Nvme, None), (Crc32, Some("b="))], false, &of_parts, true, whole(Crc32, "b=")),
            (vec![(Sha256, Some("c=-2"))], true, &of_parts, false, composite(Sha256, "c=-2")),
            (vec![(Crc64Nvme, Some("a=-2"))], true, &of_parts, false, HeadChecksum::Absent),
            (vec![(Sha256, Some("c=-2"))], false, &of_parts, false, HeadChecksum::Absent),
            (vec![], false, &md5, false, of_abc),
            (vec![], false, &md5, true, HeadChecksum::Absent),
            (vec![], false, &of_parts, false, HeadChecksum::Absent),
        ] {
            let facts = HeadFacts { stored: &stored, is_composite, etag, has_kms_key };
            assert_eq!(HeadChecksum::of(&facts), expected, "{facts:?}");
        }
        Ok(())
    }

    #[test]
    fn a_composite_is_used_only_with_a_uniform_layout() {
        let head = HeadChecksum::Composite { algorithm: Algorithm::Sha1, value: "c=-2".to_owned() };
        let parts = |count, first_size| Some(SourceParts { count, first_size });
        let part_size = |size, parts| head.of_source(size, parts)?.composite.map(|composite| composite.part_size);
        assert_eq!(part_size(8 * MIB, parts(2, 5 * MIB)), Some(5 * MIB));
        assert_eq!(part_size(11 * MIB, parts(2, 5 * MIB)), None, "the second part is larger");
        assert_eq!(part_size(15 * MIB, parts(3, 5 * MIB)), None, "another number of parts");
        assert_eq!(part_size(8 * MIB, None), None);
        let head = HeadChecksum::Composite { algorithm: Algorithm::Sha1, value: "c=-1".to_owned() };
        let one = head.of_source(7, parts(1, 7));
        assert_eq!(one.and_then(|one| one.composite), Some(Composite { part_size: 7 }));
    }

    /// The values are those of `printf abc | openssl dgst`, and the check values of the CRC catalogue for "123456789".
    #[test]
    fn digests_have_the_text_form_of_s3() {
        let value = |algorithm, bytes: &[u8]| {
            let mut digest = ReadBackDigest::new(&SourceChecksum { algorithm, value: String::new(), composite: None });
            bytes.chunks(2).for_each(|piece| digest.update(piece));
            digest.finish()
        };
        let check = b"123456789";
        assert_eq!(value(Algorithm::Crc32, check), STANDARD.encode(0xcbf4_3926_u32.to_be_bytes()));
        assert_eq!(value(Algorithm::Crc32C, check), STANDARD.encode(0xe306_9283_u32.to_be_bytes()));
        assert_eq!(value(Algorithm::Crc64Nvme, check), Crc64Nvme::of(check).to_string());
        assert_eq!(value(Algorithm::Md5, b"abc"), "kAFQmDzST7DWlj99KOF/cg==");
        assert_eq!(value(Algorithm::Sha1, b"abc"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
        assert_eq!(value(Algorithm::Sha256, b"abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert_eq!(
            value(Algorithm::Sha512, b"abc"),
            "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
        );
    }

    #[test]
    fn a_composite_is_the_checksum_of_the_checksums() {
        let source = SourceChecksum {
            algorithm: Algorithm::Sha256,
            value: String::new(),
            composite: Some(Composite { part_size: 3 }),
        };
        let mut digest = ReadBackDigest::new(&source);
        for part in [&b"abc"[..], b"de"] {
            digest.update(part);
            digest.end_part();
        }
        let of_parts = [Sha256::digest(b"abc"), Sha256::digest(b"de")].concat();
        assert_eq!(digest.finish(), format!("{}-2", STANDARD.encode(Sha256::digest(of_parts))));
    }
}
