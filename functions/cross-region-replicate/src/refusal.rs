//! Why cross-region-replicate fails, one variant for each reason.

use holdfast_core::{ErrorName, Failure, Named, event::InvalidInput, layout::TooLarge, names::InvalidName};
use holdfast_s3::replan::Contended;

/// The replica leg cannot be planned, or its copy cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The payload contradicts itself.
    #[error("{0}")]
    Malformed(#[from] InvalidInput),
    /// The key of the late replica would be invalid.
    #[error("The key of the late replica is invalid: {0}. Please report it with this message.")]
    Key(#[from] InvalidName),
    /// The backup is larger than any object that S3 stores.
    #[error("The backup {object} has no layout of parts: {reason}. Please report it with this message.")]
    TooLarge {
        /// The backup.
        object: String,
        /// The reason.
        reason: TooLarge,
    },
    /// The proven backup was deleted.
    #[error(
        "The proven backup {object} was deleted while it was being replicated ({failure}). A redrive cannot bring it back. \
         Find out who deletes backups, then request the backup of the source version again."
    )]
    BackupGone {
        /// The backup version.
        object: String,
        /// The error of S3.
        #[source]
        failure: Failure,
    },
    /// The replica's key kept changing.
    #[error(transparent)]
    Contended(#[from] Contended),
    /// A service failed.
    #[error(transparent)]
    Service(#[from] Failure),
}

impl Named for Refusal {
    fn name(&self) -> ErrorName {
        match self {
            Self::Malformed(_) => ErrorName::InputInvalid,
            Self::Key(_) | Self::TooLarge { .. } => ErrorName::Internal,
            Self::BackupGone { .. } => ErrorName::SourceGone,
            Self::Contended(_) => ErrorName::DestinationContended,
            Self::Service(failure) => failure.name(),
        }
    }
}
