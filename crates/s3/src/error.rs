//! The errors of requests to S3.

use aws_sdk_s3::error::BuildError;
use holdfast_core::{ErrorName, Fact, Remedy, failure::CallFailure, names::InvalidName};

/// A request to S3 failed, or its response cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// S3 refused the request or sent no response.
    #[error(transparent)]
    Call(#[from] Box<CallFailure>),
    /// The response lacks a value or ends early. S3 may have carried out the request; the next attempt finds out.
    #[error("{operation} of {resource} returned an incomplete response: {problem}.")]
    Incomplete {
        /// The operation, for example `CopyObject`.
        operation: &'static str,
        /// The object.
        resource: String,
        /// The missing value, or the error of the connection.
        problem: String,
    },
    /// The response has a value that S3 never returns.
    #[error("{operation} of {resource} returned an invalid response: {problem}.")]
    Invalid {
        /// The operation, for example `HeadObject`.
        operation: &'static str,
        /// The object.
        resource: String,
        /// The value, or the reason why it is invalid.
        problem: String,
    },
    /// The SDK cannot write the tags.
    #[error("The tags of {object} cannot be written: {problem}.")]
    Tags {
        /// The object.
        object: String,
        /// The reason.
        #[source]
        problem: BuildError,
    },
    /// The key of the record about a rejected copy is not a valid object key.
    #[error("The key of the record about {copy} is not valid: {problem}.")]
    RecordKey {
        /// The copy.
        copy: String,
        /// The reason.
        #[source]
        problem: InvalidName,
    },
}

impl Fact for S3Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Call(failure) => failure.name,
            Self::Incomplete { .. } => ErrorName::S3Unavailable,
            Self::Invalid { .. } | Self::Tags { .. } | Self::RecordKey { .. } => ErrorName::Internal,
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::Call(failure) => failure.remedy.clone(),
            Self::Incomplete { .. } | Self::Invalid { .. } | Self::Tags { .. } | Self::RecordKey { .. } => {
                self.name().entry().remedy.clone()
            }
        }
    }
}
