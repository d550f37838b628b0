//! checksum-verify: digests slices of a source that has no checksum, and proves that a copy matches its source.
//!
//! A copy in one request is read back and compared with the checksum of its source. The checksum of a copy in parts is
//! compared, and nothing is read. If the source has no checksum, source and copy are read. Bytes are streamed, with
//! several ranged reads in flight and bounded memory.

mod attributes;
mod digest;
mod error;
mod mismatch;
mod object;
mod obstacle;
mod order;
mod proof;
mod read;
mod read_back;
mod reject;
#[cfg(test)]
mod tests;
mod walk;

use holdfast_core::{
    ErrorName,
    contract::{SliceResult, Verification, VerifyInput},
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function, Pace, VerifyMode};
use serde::Serialize;

pub use crate::{
    error::{Change, Error, Rejection, WrongOrder},
    mismatch::{ComparedValue, Mismatch},
    obstacle::Obstacle,
};

/// The function.
#[derive(Debug)]
pub struct ChecksumVerify {
    aws: Aws,
    mode: VerifyMode,
}

/// The answer of checksum-verify, in either mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Verified {
    /// The progress of a slice's digest.
    Slice(SliceResult),
    /// The progress of the comparison.
    Object(Verification),
}

impl Function for ChecksumVerify {
    const NAME: &'static str = "checksum-verify";
    const ENVIRONMENT: &'static [&'static str] = &[VerifyMode::VARIABLE];
    const RAISES: &'static [ErrorName] = &[
        ErrorName::S3Throttled,
        ErrorName::S3Unavailable,
        ErrorName::DestinationChanged,
        ErrorName::SourceGone,
        ErrorName::SourceDenied,
        ErrorName::SourceArchived,
        ErrorName::SourceUnreadable,
        ErrorName::DestinationDenied,
        ErrorName::ChecksumMismatch,
        ErrorName::KmsDenied,
        ErrorName::ConfigInvalid,
        ErrorName::InputInvalid,
        ErrorName::Internal,
    ];
    type Input = VerifyInput;
    type Output = Verified;
    type Error = Error;

    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        Ok(Self { aws, mode: VerifyMode::of(environment)? })
    }

    async fn call(&self, input: VerifyInput, deadline: Deadline) -> Result<Verified, Error> {
        let pace = Pace::new(deadline);
        match input {
            VerifyInput::Digest { copy, slice, resume } => {
                digest::digest(&self.aws, &copy, slice, resume, pace).await.map(Verified::Slice)
            }
            VerifyInput::Backup { backup, stored, slices, resume } => {
                let subject = object::Subject { backup: &backup, stored: &stored, slices: &slices };
                object::verify(&self.aws, self.mode, subject, resume, pace).await.map(Verified::Object)
            }
        }
    }
}
