//! Why validate fails, one variant for each reason.

use holdfast_core::{
    ErrorName,
    event::InvalidInput,
    layout::{MAX_OBJECT, TooLarge},
    names::{BucketName, InvalidName},
};
use holdfast_lambda::{Failure, Named, replan::Contended};

/// Validate cannot answer a plan.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The event, or the payload around it, is malformed.
    #[error("{0}")]
    Malformed(#[from] InvalidInput),
    /// A key that has to be derived is none.
    #[error("no key can be derived for the receipt or the late backup: {0}. Shorten RECEIPT_PREFIX, then redrive.")]
    Key(#[from] InvalidName),
    /// The source bucket is one that Holdfast writes to.
    #[error(
        "the source bucket {bucket} is also {variable}: every backup would be an upload to back up again. Set \
         {variable} to another bucket, then redrive."
    )]
    Loop {
        /// The bucket.
        bucket: BucketName,
        /// Which variable names it.
        variable: &'static str,
    },
    /// The source has to be restored first.
    #[error(
        "{object} is archived ({class}) and was not restored. Restore it (aws s3api restore-object), wait until that is \
         done, then redrive."
    )]
    Archived {
        /// The object.
        object: String,
        /// Its storage class.
        class: String,
    },
    /// The source is larger than S3 stores.
    #[error(
        "{object} is too large: {reason}. Check with AWS how it came to be; it cannot be copied. (S3 stores at most {MAX_OBJECT} bytes.)"
    )]
    TooLarge {
        /// The object.
        object: String,
        /// By how much.
        reason: TooLarge,
    },
    /// The source is gone, and what may be its copy was never proven.
    #[error(
        "The source version {object} was deleted before its copy could be proven. {copy} stands without a receipt, and \
         nothing is left to prove it by: compare it by other means, or delete that version of it and redrive, which then \
         ends as skipped."
    )]
    Unproven {
        /// The source.
        object: String,
        /// What stands.
        copy: String,
    },
    /// The destination kept changing.
    #[error(transparent)]
    Contended(#[from] Contended),
    /// A service failed.
    #[error(transparent)]
    Service(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        // The world may move between two requests of this call. The state tries again, and then sees it as it is.
        Self::Service(failure.retried("while the plan was made"))
    }
}

impl Named for Refusal {
    fn name(&self) -> ErrorName {
        match self {
            Self::Malformed(_) => ErrorName::InputInvalid,
            Self::Key(_) => ErrorName::ConfigInvalid,
            Self::Loop { .. } => ErrorName::ConfigLoop,
            Self::Archived { .. } => ErrorName::SourceArchived,
            Self::TooLarge { .. } => ErrorName::SourceTooLarge,
            Self::Unproven { .. } => ErrorName::SourceGone,
            Self::Contended(_) => ErrorName::DestinationContended,
            Self::Service(failure) => failure.name(),
        }
    }
}
