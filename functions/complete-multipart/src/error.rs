//! The facts that make complete-multipart fail.

use std::fmt;

use holdfast_core::{ErrorName, Fact, Remedy};
use holdfast_s3::S3Error;

use crate::parts::{CompositeDiffers, IncompleteUpload, NotReady};

/// The upload was not completed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The payload does not describe an upload whose slices are all done.
    #[error("The payload is not ready to be completed: {0}.")]
    NotReady(#[from] NotReady),
    /// Another client changed the upload: all slices reported their parts as stored, and listings are consistent.
    #[error("Upload {upload_id} of {destination} is incomplete: {problem}.")]
    Incomplete {
        /// The upload.
        upload_id: String,
        /// The destination.
        destination: String,
        /// The part that is missing or has a wrong size.
        problem: IncompleteUpload,
    },
    /// S3 refused to complete the upload, because its parts do not match the source.
    #[error("{mismatch} {abort}")]
    Mismatch {
        /// The error of S3.
        #[source]
        mismatch: S3Error,
        /// What was done about the upload.
        abort: Abort,
    },
    /// The composite checksum of the copied parts is not that of the source.
    #[error("The parts of {destination} do not match the source: {difference}. {abort}")]
    CompositeDiffers {
        /// The destination.
        destination: String,
        /// Both values.
        difference: CompositeDiffers,
        /// What was done about the upload.
        abort: Abort,
    },
    /// A request to S3 failed.
    #[error(transparent)]
    S3(#[from] S3Error),
}

/// What was done about an upload that S3 refused to complete.
#[derive(Debug)]
pub enum Abort {
    /// It was aborted.
    Done,
    /// It could not be aborted.
    Failed(Box<S3Error>),
}

impl fmt::Display for Abort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => formatter.write_str("The upload was aborted."),
            Self::Failed(error) => write!(formatter, "The upload could not be aborted: {error}"),
        }
    }
}

impl Fact for Error {
    fn name(&self) -> ErrorName {
        match self {
            Self::NotReady(_) => ErrorName::InputInvalid,
            // A retry does not restore the part; a new plan with a new upload copies it again.
            Self::Incomplete { .. } => ErrorName::UploadGone,
            Self::Mismatch { .. } | Self::CompositeDiffers { .. } => ErrorName::ChecksumMismatch,
            Self::S3(error) => error.name(),
        }
    }

    fn remedy(&self) -> Remedy {
        match self {
            Self::Mismatch { abort: Abort::Failed(_), .. } | Self::CompositeDiffers { abort: Abort::Failed(_), .. } => {
                Remedy::AbortUpload
            }
            Self::S3(error) => error.remedy(),
            Self::NotReady(_)
            | Self::Incomplete { .. }
            | Self::Mismatch { abort: Abort::Done, .. }
            | Self::CompositeDiffers { abort: Abort::Done, .. } => self.name().entry().remedy.clone(),
        }
    }
}
