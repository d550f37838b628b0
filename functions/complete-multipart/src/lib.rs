//! complete-multipart: completes the upload, on conditions that make S3 refuse a wrong object.
//!
//! The request names the size, the full-object CRC64NVME if it is known, and the precondition. So a copy that does not
//! match its source, or that would replace an object that the plan did not see, is never published.

mod complete;
mod error;
mod parts;
#[cfg(test)]
mod tests;

use holdfast_core::{
    ErrorName,
    contract::{CompleteInput, Stored},
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function};

pub use crate::error::{Abort, Error};

/// The function.
#[derive(Debug)]
pub struct CompleteMultipart {
    aws: Aws,
}

impl Function for CompleteMultipart {
    const NAME: &'static str = "complete-multipart";
    const ENVIRONMENT: &'static [&'static str] = &[];
    const RAISES: &'static [ErrorName] = &[
        ErrorName::S3Throttled,
        ErrorName::S3Unavailable,
        ErrorName::DestinationChanged,
        ErrorName::UploadGone,
        ErrorName::DestinationDenied,
        ErrorName::ChecksumMismatch,
        ErrorName::KmsDenied,
        ErrorName::ConfigInvalid,
        ErrorName::InputInvalid,
        ErrorName::Internal,
    ];
    type Input = CompleteInput;
    type Output = Stored;
    type Error = Error;

    fn new(_environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        Ok(Self { aws })
    }

    async fn call(&self, input: CompleteInput, _deadline: Deadline) -> Result<Stored, Error> {
        let client = self.aws.s3(&input.copy.destination.region);
        complete::complete(&client, &input.copy, &input.slices).await
    }
}
