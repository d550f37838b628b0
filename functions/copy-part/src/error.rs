//! The facts that make copy-part fail.

use holdfast_core::{ErrorName, Fact, Remedy, event::InvalidInput};
use holdfast_s3::S3Error;

/// The object, or the slice, was not copied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Copy and slice of the payload do not agree with each other.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// No part was copied in the time of one invocation.
    #[error(
        "None of the {missing} missing parts of slice {slice} of {destination} was copied in the time of one invocation."
    )]
    NoProgress {
        /// How many parts are missing.
        missing: usize,
        /// The index of the slice.
        slice: u32,
        /// The destination.
        destination: String,
    },
    /// A request to S3 failed.
    #[error(transparent)]
    S3(#[from] S3Error),
}

impl Fact for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Input(error) => error.name(),
            // `done: false` without progress would repeat forever. A retrier ends.
            Self::NoProgress { .. } => ErrorName::S3Unavailable,
            Self::S3(error) => error.name(),
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::Input(error) => error.remedy(),
            Self::NoProgress { .. } => Remedy::ExtendTimeout,
            Self::S3(error) => error.remedy(),
        }
    }
}
