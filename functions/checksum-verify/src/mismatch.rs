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

/// One value of the source and of the copy, to be compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparison<'a, T> {
    /// The source.
    pub(crate) source: ObjectRef<'a>,
    /// The copy.
    pub(crate) copy: ObjectRef<'a>,
    /// The value that is compared.
    pub(crate) what: ComparedValue,
    /// The value of the source.
    pub(crate) of_source: &'a T,
    /// The value of the copy.
    pub(crate) of_copy: &'a T,
}

impl<T: Eq + fmt::Display> Comparison<'_, T> {
    /// Fails if the two values differ.
    pub(crate) fn check(&self) -> Result<(), Box<Mismatch>> {
        if self.of_source == self.of_copy {
            return Ok(());
        }
        Err(Box::new(Mismatch {
            source_object: self.source.to_string(),
            copy: self.copy.to_string(),
            what: self.what,
            of_source: self.of_source.to_string(),
            of_copy: self.of_copy.to_string(),
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
            Self::Object(algorithm) => write!(formatter, "the {algorithm}"),
            Self::Part(part) => write!(formatter, "the SHA-256 of part {part}"),
            Self::Parts { first, last } => write!(formatter, "the SHA-256 of parts {first} to {last}"),
        }
    }
}
