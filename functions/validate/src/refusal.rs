//! Why validate fails, one variant for each reason.

use holdfast_core::{
    ErrorName, Failure, Named,
    event::{InvalidInput, Upload},
    layout::{MAX_OBJECT, TooLarge},
    names::{BucketName, ETag, InvalidName},
};
use holdfast_s3::{ObjectRef, replan::Contended};

use crate::announced;

/// Validate cannot answer a plan.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The event, or the payload around it, is malformed.
    #[error("{0}")]
    Malformed(#[from] InvalidInput),
    /// The key of the receipt or of the late backup would be invalid.
    #[error("The key of the receipt or of the late backup is invalid: {0}. Shorten RECEIPT_PREFIX, then redrive.")]
    Key(#[from] InvalidName),
    /// The source bucket is a bucket that Holdfast writes to.
    #[error(
        "The source bucket {bucket} is also {variable}: every backup would be an upload to back up again. Set \
         {variable} to another bucket, then redrive."
    )]
    Loop {
        /// The bucket.
        bucket: BucketName,
        /// The variable that names it.
        variable: &'static str,
    },
    /// The source must be restored first.
    #[error(
        "{object} is archived ({class}) and was not restored. Restore it (aws s3api restore-object), wait until the restore \
         is complete, then redrive."
    )]
    Archived {
        /// The object.
        object: String,
        /// Its storage class.
        class: String,
    },
    /// The source is larger than any object that S3 stores.
    #[error("{object} is too large to be copied: {reason}. S3 stores at most {MAX_OBJECT} bytes.")]
    TooLarge {
        /// The object.
        object: String,
        /// The reason.
        reason: TooLarge,
    },
    /// The source is gone, and its copy was never proven.
    #[error(
        "The source {object} was deleted or overwritten before its copy could be proven. The copy {copy} exists without a \
         receipt, and nothing is left to prove it by. If another execution of this upload failed, redrive that one first: it \
         may know the source's checksum. Otherwise compare the copy by other means and keep it. Only as a last resort delete \
         that version and redrive, which then ends as skipped."
    )]
    Unproven {
        /// The source.
        object: String,
        /// The copy.
        copy: String,
    },
    /// The source is gone, and more versions are above its copy, if the copy exists, than a search reads.
    #[error(
        "The source {object} was deleted or overwritten before its copy could be proven. Too many newer versions of {key} \
         are above the copy to look for it. Find it with aws s3api list-object-versions: its metadata holdfast-stamp names the \
         source version. If it exists, compare it by other means. A redrive ends like this too."
    )]
    NotSearched {
        /// The source.
        object: String,
        /// The key of the copy.
        key: String,
    },
    /// The destination kept changing.
    #[error(transparent)]
    Contended(#[from] Contended),
    /// A service failed.
    #[error(transparent)]
    Service(Failure),
}

impl Refusal {
    /// The event names another entity tag than its version has.
    pub(crate) fn other_version(upload: &Upload, found: &ETag) -> Self {
        let expected = upload.etag.as_ref().map(ToString::to_string).unwrap_or_default();
        let problem = format!("{} has the entity tag {found}, and the event says {expected}", announced(upload));
        Self::Malformed(InvalidInput { path: "detail.object.etag".to_owned(), problem })
    }

    /// The object is too large.
    pub(crate) fn too_large(object: ObjectRef<'_>, reason: TooLarge) -> Self {
        Self::TooLarge { object: object.to_string(), reason }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        // Source or destination may change between two requests of this call. The state tries again.
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
            Self::Unproven { .. } | Self::NotSearched { .. } => ErrorName::SourceGone,
            Self::Contended(_) => ErrorName::DestinationContended,
            Self::Service(failure) => failure.name(),
        }
    }
}
