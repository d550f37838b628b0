//! The facts that make cross-region-replicate fail.

use holdfast_core::{ErrorName, Fact, Remedy, layout::TooLarge, names::InvalidName};
use holdfast_s3::{S3Error, replan::ReplanError};

/// The replica leg cannot be planned, or its copy cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The derived key of the late replica is not a valid object key.
    #[error("The derived key of the late replica is not valid: {0}.")]
    DerivedKey(#[from] InvalidName),
    /// The backup is larger than any object that S3 stores.
    #[error("The backup {object} has no layout of parts: {reason}.")]
    TooLarge {
        /// The backup.
        object: String,
        /// The reason.
        reason: TooLarge,
    },
    /// The proven backup was deleted.
    #[error("The proven backup {object} was deleted before it was replicated. {error}")]
    BackupGone {
        /// The backup version.
        object: String,
        /// The error of S3.
        #[source]
        error: S3Error,
    },
    /// The object at the replica's key was deleted after the plan was made.
    #[error("{object} was deleted after the plan was made.")]
    OccupantDeleted {
        /// The object.
        object: String,
    },
    /// The plan that was given up does not allow another one.
    #[error(transparent)]
    Replan(#[from] ReplanError),
    /// A request to S3 failed.
    #[error(transparent)]
    S3(#[from] S3Error),
}

impl Fact for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::DerivedKey(_) | Self::TooLarge { .. } => ErrorName::Internal,
            Self::BackupGone { .. } => ErrorName::SourceGone,
            Self::OccupantDeleted { .. } => ErrorName::DestinationChanged,
            Self::Replan(error) => error.name(),
            Self::S3(error) => error.name(),
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::BackupGone { .. } => Remedy::RequestBackup,
            Self::Replan(error) => error.remedy(),
            Self::S3(error) => error.remedy(),
            Self::DerivedKey(_) | Self::TooLarge { .. } | Self::OccupantDeleted { .. } => {
                self.name().entry().remedy.clone()
            }
        }
    }
}
