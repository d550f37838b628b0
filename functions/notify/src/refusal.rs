//! Why notify fails, one variant for each reason.

use holdfast_core::{ErrorName, Failure, Named, event::InvalidInput, names::InvalidName};

/// The outcome could not be written down or told.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The payload is neither a finished execution nor the event of a failed one.
    #[error("{0}")]
    Malformed(#[from] InvalidInput),
    /// The receipt's key is none.
    #[error("no key can be derived for the receipt: {0}. Shorten RECEIPT_PREFIX, then redrive.")]
    Key(#[from] InvalidName),
    /// The receipt cannot be written as JSON.
    #[error("the receipt cannot be written as JSON: {0}. Please report it with this message.")]
    Json(#[from] serde_json::Error),
    /// A service failed.
    #[error(transparent)]
    Service(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        // Another request to write the same receipt may be under way. To try again settles it.
        Self::Service(failure.retried("while the receipt was written"))
    }
}

impl Named for Refusal {
    fn name(&self) -> ErrorName {
        match self {
            Self::Malformed(_) => ErrorName::InputInvalid,
            Self::Key(_) => ErrorName::ConfigInvalid,
            Self::Json(_) => ErrorName::Internal,
            Self::Service(failure) => failure.name(),
        }
    }
}
