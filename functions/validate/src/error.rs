//! The facts that make validate fail.

use holdfast_core::{
    ErrorName, Fact, Recovery, Remedy,
    event::{InvalidInput, Upload},
    layout::{MAX_OBJECT, TooLarge},
    names::{BucketName, ETag, InvalidName},
};
use holdfast_s3::{ObjectRef, S3Error, replan::ReplanError};

use crate::announced;

/// The upload cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event, or the payload around it, is malformed.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// The derived key of the receipt or of the late backup is not a valid object key.
    #[error("The derived key of the receipt or of the late backup is not valid: {0}.")]
    DerivedKey(#[from] InvalidName),
    /// Holdfast writes to the source bucket.
    #[error("The source bucket {bucket} is also {variable}, so that every backup would start another backup.")]
    Loop {
        /// The bucket.
        bucket: BucketName,
        /// The variable that names it.
        variable: &'static str,
    },
    /// The source is in an archive and not restored.
    #[error("{object} is archived ({class}) and is not restored.")]
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
         receipt."
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
         are above the copy to look for it."
    )]
    NotSearched {
        /// The source.
        object: String,
        /// The key of the copy.
        key: String,
    },
    /// The plan that was given up does not allow another one.
    #[error(transparent)]
    Replan(ReplanError),
    /// Source or destination changed between two requests of this call.
    #[error("While the plan was made: {0}")]
    ChangedMeanwhile(#[source] S3Error),
    /// A request to S3 failed.
    #[error(transparent)]
    S3(S3Error),
}

impl Error {
    /// The event names another entity tag than its version has.
    pub(crate) fn other_version(upload: &Upload, found: &ETag) -> Self {
        let expected = upload.etag.as_ref().map(ToString::to_string).unwrap_or_default();
        let problem = format!("{} has the entity tag {found}, and the event says {expected}", announced(upload));
        Self::Input(InvalidInput { path: "detail.object.etag".to_owned(), problem })
    }

    /// A request names an object that does not exist.
    pub(crate) fn requested_object_missing(upload: &Upload) -> Self {
        let problem = format!(
            "{} does not exist. A request has the key as it is, not URL-encoded; compare it with the key in the source bucket",
            announced(upload)
        );
        Self::Input(InvalidInput { path: "detail.object".to_owned(), problem })
    }

    /// The object is too large.
    pub(crate) fn too_large(object: ObjectRef<'_>, reason: TooLarge) -> Self {
        Self::TooLarge { object: object.to_string(), reason }
    }
}

impl From<S3Error> for Error {
    fn from(error: S3Error) -> Self {
        match error.name().recovery() {
            Recovery::Replan => Self::ChangedMeanwhile(error),
            Recovery::Retry | Recovery::Redrive => Self::S3(error),
        }
    }
}

impl From<ReplanError> for Error {
    fn from(error: ReplanError) -> Self {
        match error {
            ReplanError::S3(error) => error.into(),
            error @ (ReplanError::OtherLeg(_) | ReplanError::Contended { .. }) => Self::Replan(error),
        }
    }
}

impl Fact for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Input(_) => ErrorName::InputInvalid,
            Self::DerivedKey(_) => ErrorName::ConfigInvalid,
            Self::Loop { .. } => ErrorName::ConfigLoop,
            Self::Archived { .. } => ErrorName::SourceArchived,
            Self::TooLarge { .. } => ErrorName::SourceTooLarge,
            Self::Unproven { .. } | Self::NotSearched { .. } => ErrorName::SourceGone,
            Self::Replan(error) => error.name(),
            // The state retries, and the next attempt reads the current state of both sides.
            Self::ChangedMeanwhile(_) => ErrorName::S3Unavailable,
            Self::S3(error) => error.name(),
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::DerivedKey(_) => {
                Remedy::SetVariable { variable: "RECEIPT_PREFIX".into(), expected: "a shorter prefix".into() }
            }
            Self::Loop { variable, .. } => Remedy::SeparateBuckets { variable: (*variable).into() },
            Self::Archived { object, .. } => Remedy::Restore { object: object.clone().into() },
            Self::Unproven { .. } => Remedy::CompareCopy,
            Self::NotSearched { .. } => Remedy::FindCopy,
            Self::Replan(error) => error.remedy(),
            Self::S3(error) => error.remedy(),
            Self::Input(_) | Self::TooLarge { .. } | Self::ChangedMeanwhile(_) => self.name().entry().remedy.clone(),
        }
    }
}
