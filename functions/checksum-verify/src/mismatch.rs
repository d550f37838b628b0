//! A difference between a copy and its source.

use std::fmt;

use holdfast_core::{contract::Algorithm, names::PartNumber};
use holdfast_s3::ObjectRef;

/// A value of the copy differs from that of the source.
#[derive(Debug, thiserror::Error)]
#[error(
    "The copy {copy} does not match its source {source_object}: {what} of the source is {of_source}, of the copy {of_copy}."
)]
pub struct Mismatch {
    /// The source.
    source_object: String,
    /// The copy.
    copy: String,
    /// The value that was compared.
    what: ComparedValue,
    /// The value of the source.
    of_source: String,
    /// The value of the copy.
    of_copy: String,
}

impl Mismatch {
    /// A difference between these objects, if there is one.
    pub(crate) fn check<T: Eq + fmt::Display>(
        (source, copy): (ObjectRef<'_>, ObjectRef<'_>),
        what: ComparedValue,
        (of_source, of_copy): (&T, &T),
    ) -> Result<(), Box<Self>> {
        if of_source == of_copy {
            return Ok(());
        }
        Err(Box::new(Self {
            source_object: source.to_string(),
            copy: copy.to_string(),
            what,
            of_source: of_source.to_string(),
            of_copy: of_copy.to_string(),
        }))
    }
}

/// A value that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparedValue {
    /// The size in bytes.
    Size,
    /// A digest of the whole object.
    Object(Algorithm),
    /// The SHA-256 of a part.
    Part(PartNumber),
    /// The SHA-256 of the parts of a slice.
    Parts {
        /// The first part.
        first: PartNumber,
        /// The last part.
        last: PartNumber,
    },
}

impl fmt::Display for ComparedValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size => formatter.write_str("the size in bytes"),
            Self::Object(Algorithm::Crc64Nvme) => formatter.write_str("the CRC64NVME"),
            Self::Object(Algorithm::Sha256) => formatter.write_str("the SHA-256"),
            Self::Part(part) => write!(formatter, "the SHA-256 of part {part}"),
            Self::Parts { first, last } => write!(formatter, "the SHA-256 of parts {first} to {last}"),
        }
    }
}
