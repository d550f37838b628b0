//! The facts that make notify fail.

use aws_sdk_sns::error::BuildError;
use holdfast_core::{ErrorName, Fact, Recovery, Remedy, event::InvalidInput, failure::CallFailure, names::InvalidName};
use holdfast_s3::S3Error;

/// The receipt was not written, or the message was not published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The payload is neither a proven backup nor the event of an ended execution.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// The derived key of the receipt is not a valid object key.
    #[error("The derived key of the receipt is not valid: {0}.")]
    ReceiptKey(#[from] InvalidName),
    /// The receipt cannot be written as JSON.
    #[error("The receipt cannot be written as JSON: {0}.")]
    ReceiptJson(#[from] serde_json::Error),
    /// Another client replaced or removed the receipt during the call.
    #[error("Another client replaced or removed the receipt {receipt} during this call.")]
    ReceiptChanged {
        /// The receipt.
        receipt: String,
    },
    /// The receipt changed between two requests of this call.
    #[error("While the receipt was written: {0}")]
    ChangedMeanwhile(#[source] S3Error),
    /// A request to S3 failed.
    #[error(transparent)]
    S3(S3Error),
    /// SNS did not publish the message.
    #[error(transparent)]
    Publish(#[from] CallFailure),
    /// An attribute of the message is incomplete.
    #[error("An attribute of the message cannot be built: {0}.")]
    Attribute(#[from] BuildError),
}

impl From<S3Error> for Error {
    fn from(error: S3Error) -> Self {
        match error.name().recovery() {
            Recovery::Replan => Self::ChangedMeanwhile(error),
            Recovery::Retry | Recovery::Redrive => Self::S3(error),
        }
    }
}

impl Fact for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Input(_) => ErrorName::InputInvalid,
            Self::ReceiptKey(_) => ErrorName::ConfigInvalid,
            Self::ReceiptJson(_) | Self::Attribute(_) => ErrorName::Internal,
            // The state retries, and the next attempt reads the receipt again.
            Self::ReceiptChanged { .. } | Self::ChangedMeanwhile(_) => ErrorName::S3Unavailable,
            Self::S3(error) => error.name(),
            Self::Publish(failure) => failure.name,
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::ReceiptKey(_) => {
                Remedy::SetVariable { variable: "RECEIPT_PREFIX".into(), expected: "a shorter prefix".into() }
            }
            Self::S3(error) => error.remedy(),
            Self::Publish(failure) => failure.remedy.clone(),
            Self::Input(_)
            | Self::ReceiptJson(_)
            | Self::ReceiptChanged { .. }
            | Self::ChangedMeanwhile(_)
            | Self::Attribute(_) => self.name().entry().remedy.clone(),
        }
    }
}
