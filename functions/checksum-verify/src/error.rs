//! The facts that make checksum-verify fail.

use std::fmt;

use holdfast_core::{ErrorName, Fact, Remedy, event::InvalidInput, names::VersionId};
use holdfast_s3::S3Error;
use tokio::task::JoinError;

use crate::{mismatch::Mismatch, obstacle::Obstacle};

/// The slice was not digested, or the copy was not proven.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The payload contradicts itself.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// A request to S3 failed.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// The task that digests ended by itself.
    #[error("The digest was not computed: {0}.")]
    Digest(#[from] JoinError),
    /// No part was read in the time of one invocation.
    #[error("Part {part} was not read in the time of one invocation.")]
    NoProgress {
        /// The part.
        part: u32,
    },
    /// The copy changed after it was published.
    #[error("The copy {copy} was {change} after it was published.")]
    CopyChanged {
        /// The copy.
        copy: String,
        /// How it changed.
        change: Change,
    },
    /// The copy must be read, but it is in an archive.
    #[error("The copy {copy} is stored as {class} and cannot be read.")]
    CopyArchived {
        /// The copy.
        copy: String,
        /// The storage class.
        class: String,
    },
    /// The copy does not match its source.
    #[error(transparent)]
    Mismatch(#[from] Box<Mismatch>),
    /// The copy does not match its source and was rejected.
    #[error("{mismatch} {rejection}")]
    Rejected {
        /// The values that differ.
        #[source]
        mismatch: Box<Mismatch>,
        /// What was done with the copy.
        rejection: Rejection,
    },
    /// The copy was rejected by an earlier attempt.
    #[error("The copy {copy} was rejected before.")]
    RejectedBefore {
        /// The copy.
        copy: String,
    },
    /// The source is gone, so that nothing is left to prove its copy by.
    #[error(
        "The source version {source_version} was deleted before its copy could be proven. The copy {copy} exists without a \
         receipt."
    )]
    SourceGone {
        /// The source version.
        source_version: String,
        /// The copy.
        copy: String,
    },
    /// The backup is gone, so that nothing is left to prove its replica by.
    #[error(
        "The backup version {backup} was deleted before its replica could be proven. The replica {replica} exists, and no \
         receipt was written."
    )]
    BackupGone {
        /// The backup version.
        backup: String,
        /// The replica.
        replica: String,
    },
    /// The copy replaced a newer version and was withdrawn.
    #[error(
        "Two uploads of the same bytes let {copy} replace the newer version {newer} of its key. The copy was withdrawn."
    )]
    Withdrawn {
        /// The copy.
        copy: String,
        /// The newer version.
        newer: VersionId,
    },
    /// Another execution of the same event withdrew the copy.
    #[error("The copy {copy} was withdrawn by another execution.")]
    WithdrawnBefore {
        /// The copy.
        copy: String,
    },
    /// An older upload is the current version, and only a person can change that.
    #[error(
        "Two uploads of the same bytes left {copy} and version {other} of its key in the wrong order: an older upload is the \
         current backup. {reason}"
    )]
    WrongOrder {
        /// The copy.
        copy: String,
        /// The other version.
        other: VersionId,
        /// The reason.
        reason: WrongOrder,
    },
}

/// How a copy changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It does not exist any more.
    Deleted,
    /// The key has another object, or the version has another entity tag.
    Replaced,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Deleted => "deleted",
            Self::Replaced => "replaced",
        })
    }
}

/// What was done with a copy that does not match its source.
#[derive(Debug)]
pub enum Rejection {
    /// It was removed.
    Removed,
    /// It was marked, because it could not be removed.
    Marked(Obstacle),
    /// It was kept, because its source is gone.
    Kept,
    /// The replica was kept, because its backup is gone.
    ReplicaKept,
    /// It could be neither removed nor marked.
    Failed(Box<S3Error>),
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => formatter.write_str("That version was removed."),
            Self::Marked(obstacle) => write!(
                formatter,
                "That version is not a backup, but it could not be removed: {obstacle} It now has the tag \
                 holdfast-proof=failed, and the receipt will name it."
            ),
            Self::Kept => formatter.write_str("The source is gone, so the copy was not removed."),
            Self::ReplicaKept => formatter.write_str("The backup is gone, so the replica was not removed."),
            Self::Failed(error) => write!(formatter, "That version could not be removed or marked: {error}"),
        }
    }
}

/// Why an older upload is the current version.
#[derive(Debug)]
pub enum WrongOrder {
    /// S3 placed a multipart copy below an older version.
    BelowOlder,
    /// The copy is above a newer version and cannot be withdrawn.
    NotWithdrawn(Obstacle),
}

impl fmt::Display for WrongOrder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BelowOlder => formatter.write_str(
                "S3 orders a multipart object by the time when its upload was opened, not by the time of its completion.",
            ),
            Self::NotWithdrawn(obstacle) => {
                write!(formatter, "The copy is proven, but it cannot be withdrawn: {obstacle}")
            }
        }
    }
}

impl Fact for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::Input(error) => error.name(),
            Self::S3(error) => error.name(),
            Self::Digest(_) => ErrorName::Internal,
            Self::NoProgress { .. } => ErrorName::S3Unavailable,
            Self::CopyChanged { .. }
            | Self::RejectedBefore { .. }
            | Self::Withdrawn { .. }
            | Self::WithdrawnBefore { .. } => ErrorName::DestinationChanged,
            Self::CopyArchived { .. } => ErrorName::ConfigInvalid,
            Self::Mismatch(_) | Self::Rejected { .. } => ErrorName::ChecksumMismatch,
            Self::SourceGone { .. } | Self::BackupGone { .. } => ErrorName::SourceGone,
            Self::WrongOrder { .. } => ErrorName::DestinationDenied,
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::Input(error) => error.remedy(),
            Self::S3(error) => error.remedy(),
            Self::NoProgress { .. } => Remedy::ExtendTimeout,
            Self::CopyArchived { .. } => Remedy::RestoreCopy,
            Self::Rejected { rejection: Rejection::Kept, .. } => Remedy::CompareCopy,
            Self::Rejected { rejection: Rejection::ReplicaKept, .. } | Self::BackupGone { .. } => Remedy::KeepReplica,
            Self::Rejected { rejection: Rejection::Failed(error), .. } => error.remedy(),
            Self::WrongOrder { .. } => Remedy::CopyNewerVersion,
            Self::Digest(_)
            | Self::CopyChanged { .. }
            | Self::Mismatch(_)
            | Self::Rejected { rejection: Rejection::Removed | Rejection::Marked(_), .. }
            | Self::RejectedBefore { .. }
            | Self::SourceGone { .. }
            | Self::Withdrawn { .. }
            | Self::WithdrawnBefore { .. } => self.name().entry().remedy.clone(),
        }
    }
}
