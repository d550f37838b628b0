//! Why cross-region-replicate fails, one variant for each reason.

use holdfast_core::{ErrorName, Failure, Named, event::InvalidInput, layout::TooLarge, names::InvalidName};
use holdfast_s3::replan::Contended;

/// The second leg cannot be planned, or its small copy not made.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The payload contradicts itself.
    #[error("{0}")]
    Malformed(#[from] InvalidInput),
    /// The key of a late replica is none.
    #[error("no key can be derived for the late replica: {0}. Please report it with this message.")]
    Key(#[from] InvalidName),
    /// The key of the receipt is none.
    #[error("no key can be derived for the receipt: {0}. Shorten RECEIPT_PREFIX, then redrive.")]
    ReceiptKey(#[source] InvalidName),
    /// The backup is larger than S3 stores.
    #[error("the backup {object} cannot be cut into parts: {reason}. Please report it with this message.")]
    TooLarge {
        /// The backup.
        object: String,
        /// By how much.
        reason: TooLarge,
    },
    /// The verified backup was deleted.
    #[error(
        "the verified backup {object} was deleted while it was being replicated ({failure}). Find out who deletes \
         backups; then request the backup of the source version anew, since a redrive cannot bring this one back."
    )]
    BackupGone {
        /// The backup version.
        object: String,
        /// What S3 said.
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
            Self::ReceiptKey(_) => ErrorName::ConfigInvalid,
            Self::Malformed(_) => ErrorName::InputInvalid,
            Self::Key(_) | Self::TooLarge { .. } => ErrorName::Internal,
            Self::BackupGone { .. } => ErrorName::SourceGone,
            Self::Contended(_) => ErrorName::DestinationContended,
            Self::Service(failure) => failure.name(),
        }
    }
}
