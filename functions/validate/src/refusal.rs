//! Why validate fails, one variant for each reason.

use std::fmt;

use holdfast_core::{
    ErrorName, Failure, Named,
    event::InvalidInput,
    layout::{MAX_OBJECT, TooLarge},
    names::{BucketName, InvalidName},
};
use holdfast_s3::replan::Contended;

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
        "The source {object} was deleted or overwritten before its copy could be proven. {whose} stands at {copy}, without a \
         receipt of this upload, and nothing is left to prove it by. {}",
        .whose.advice()
    )]
    Unproven {
        /// The source.
        object: String,
        /// What stands.
        copy: String,
        /// Whose it is.
        whose: Whose,
    },
    /// The source is gone, and more lies on top of its copy, if there is one, than is looked through.
    #[error(
        "The source {object} was deleted or overwritten before its copy could be proven. Whether the copy stands is not known: too many \
         newer versions of {key} lie on top. Look for it (aws s3api list-object-versions) from the time of the upload on; its \
         metadata holdfast-source-version and holdfast-source-etag name the upload. A redrive ends like this too: if it is \
         found, compare it by other means."
    )]
    NotLookedThrough {
        /// The source.
        object: String,
        /// Where the copy would be.
        key: String,
    },
    /// The destination kept changing.
    #[error(transparent)]
    Contended(#[from] Contended),
    /// A service failed.
    #[error(transparent)]
    Service(Failure),
}

/// Whose an unproven copy is, and so what a person may do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Its stamp or its key names this very upload.
    ThisUpload,
    /// It has no stamp, and may be the backup of another upload.
    Unknown {
        /// Where the receipts of the key's uploads are.
        receipts: String,
    },
}

impl Whose {
    fn advice(&self) -> String {
        let last = "first let the execution that made it end, or redrive that one: it may know the source's checksum and prove the \
                    copy, and a redrive of this one then ends as skipped. If no such execution is left, compare the copy by other \
                    means and keep it; only as a last resort delete that version of it and redrive, which then ends as skipped.";
        match self {
            Self::ThisUpload => format!("Its stamp or its key says that it is of this upload: {last}"),
            Self::Unknown { receipts } => format!(
                "It has no stamp, so that it may as well be the backup of another upload: look whether a receipt under \
                 {receipts} names that version as its backup. If one does, leave both it and this execution as they are. If \
                 none does, {last}"
            ),
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ThisUpload => "The copy",
            Self::Unknown { .. } => "What may be the copy",
        })
    }
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
            Self::Unproven { .. } | Self::NotLookedThrough { .. } => ErrorName::SourceGone,
            Self::Contended(_) => ErrorName::DestinationContended,
            Self::Service(failure) => failure.name(),
        }
    }
}
