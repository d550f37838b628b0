//! The facts that make notify fail.

use aws_sdk_sns::error::BuildError;
use holdfast_core::{ErrorName, Fact, Failure, Remedy, event::InvalidInput, failure::CallFailure, names::InvalidName};

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
    /// A call of S3 failed.
    #[error("{}", .0.fact())]
    S3(#[source] Failure),
    /// SNS did not publish the message.
    #[error(transparent)]
    Publish(#[from] CallFailure),
    /// An attribute of the message is incomplete.
    #[error("An attribute of the message cannot be built: {0}.")]
    Attribute(#[from] BuildError),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        // Another client may write the same receipt at the same time. A retry reads the receipt again.
        Self::S3(failure.retried("While the receipt was written"))
    }
}

impl Fact for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Input(_) => ErrorName::InputInvalid,
            Self::ReceiptKey(_) => ErrorName::ConfigInvalid,
            Self::ReceiptJson(_) | Self::Attribute(_) => ErrorName::Internal,
            Self::ReceiptChanged { .. } => ErrorName::S3Unavailable,
            Self::S3(failure) => Fact::name(failure),
            Self::Publish(failure) => failure.name,
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::ReceiptKey(_) => {
                Remedy::SetVariable { variable: "RECEIPT_PREFIX".into(), expected: "a shorter prefix".into() }
            }
            Self::S3(failure) => failure.remedy(),
            Self::Publish(failure) => failure.remedy.clone(),
            Self::Input(_) | Self::ReceiptJson(_) | Self::ReceiptChanged { .. } | Self::Attribute(_) => {
                self.name().entry().remedy.clone()
            }
        }
    }
}
