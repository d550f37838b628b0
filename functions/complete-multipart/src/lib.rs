//! complete-multipart: turns the copied parts into the object, on conditions that make S3 itself refuse a wrong one.
//!
//! S3 is told the size, the full-object CRC64NVME where it is known, and what must hold at the destination. So a copy
//! that is not its source, or that would replace what the plan did not know of, never comes to exist.

mod complete;
mod parts;
#[cfg(test)]
mod tests;

use holdfast_core::{
    ErrorName, Failure,
    contract::{CompleteInput, Stored},
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function};

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
    type Error = Failure;

    fn new(_environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        Ok(Self { aws })
    }

    async fn call(&self, input: CompleteInput, _deadline: Deadline) -> Result<Stored, Failure> {
        let client = self.aws.s3(&input.transfer.destination.region);
        complete::complete(&client, &input.transfer, &input.slices).await
    }
}
