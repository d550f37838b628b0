//! copy-part: copies a whole object in one request, or one slice of a large object part by part.
//!
//! S3 itself moves the bytes. Every request is pinned to the source's version and entity tag, so a retry, a redrive or
//! a second delivery copies the same bytes again.

mod error;
mod schedule;
mod slice;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use holdfast_core::{
    ErrorName,
    contract::{CopyInput, CopyOutput},
};
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function};
use holdfast_s3 as s3;

pub use crate::error::Error;

/// The default of `COPY_CONCURRENCY`.
const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

/// The function.
#[derive(Debug)]
pub struct CopyPart {
    aws: Aws,
    concurrency: NonZeroUsize,
    /// The key that encrypts backups. Replicas are not copied here in one request, and an open upload has its key
    /// already.
    kms_key: Option<String>,
}

impl Function for CopyPart {
    const NAME: &'static str = "copy-part";
    const ENVIRONMENT: &'static [&'static str] = &["COPY_CONCURRENCY", "KMS_KEY_ID"];
    const RAISES: &'static [ErrorName] = &[
        ErrorName::S3Throttled,
        ErrorName::S3Unavailable,
        ErrorName::DestinationChanged,
        ErrorName::UploadGone,
        ErrorName::SourceGone,
        ErrorName::SourceDenied,
        ErrorName::SourceArchived,
        ErrorName::SourceUnreadable,
        ErrorName::DestinationDenied,
        ErrorName::KmsDenied,
        ErrorName::ConfigInvalid,
        ErrorName::InputInvalid,
        ErrorName::Internal,
    ];
    type Input = CopyInput;
    type Output = CopyOutput;
    type Error = Error;

    fn new(environment: &Environment, aws: Aws) -> Result<Self, ConfigError> {
        let concurrency =
            environment.optional("COPY_CONCURRENCY", "how many parts to copy at the same time, at least 1")?;
        Ok(Self {
            aws,
            concurrency: concurrency.unwrap_or(DEFAULT_CONCURRENCY),
            kms_key: environment.optional("KMS_KEY_ID", "the id or ARN of a KMS key")?,
        })
    }

    async fn call(&self, input: CopyInput, deadline: Deadline) -> Result<CopyOutput, Error> {
        let CopyInput { copy, slice } = input;
        let client = self.aws.s3(&copy.destination.region);
        match slice {
            None => Ok(CopyOutput::Stored(s3::copy_object(&client, &copy, self.kms_key.as_deref()).await?)),
            Some(slice) => slice::copy(&client, &copy, slice, self.concurrency, deadline).await.map(CopyOutput::Slice),
        }
    }
}
