//! Errors of the search for a stack.

use std::path::PathBuf;

use holdfast_core::names::InvalidName;

use crate::AwsError;

/// A stack was not found. The message contains the remedy.
#[derive(Debug, thiserror::Error)]
pub enum FindStackError {
    /// CloudFormation has no stack of this name.
    #[error(
        "there is no stack {name} in {region}; check the name with `aws cloudformation describe-stacks`, and the \
         region in AWS_REGION or in your profile"
    )]
    NoSuchStack {
        /// The name.
        name: String,
        /// The region.
        region: String,
    },
    /// The ready file does not exist.
    #[error(
        "there is no ready file {}; a sandbox writes it and removes it when it stops: start one with \
         `holdfast up --ready-file {}`",
        .path.display(), .path.display()
    )]
    NoReadyFile {
        /// The file.
        path: PathBuf,
    },
    /// No region is configured.
    #[error("no region is configured; set AWS_REGION, or the region of your profile, to the region of the stack")]
    NoRegion,
    /// The ready file cannot be read.
    #[error(
        "the ready file {} cannot be read: {reason}; name the file that `holdfast up --ready-file` wrote",
        .path.display()
    )]
    InvalidReadyFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The stack lacks an output.
    #[error(
        "the stack {stack} has no output {output}; name a stack of Holdfast's template.yaml, or deploy the template of \
         this version"
    )]
    MissingOutput {
        /// The stack.
        stack: String,
        /// The output.
        output: &'static str,
    },
    /// An output is not a bucket name.
    #[error("the output {output} of the stack {stack} is invalid: {source}")]
    InvalidOutput {
        /// The stack.
        stack: String,
        /// The output.
        output: &'static str,
        /// The reason.
        source: InvalidName,
    },
    /// The request to CloudFormation failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl FindStackError {
    /// Whether the stack does not exist, as opposed to one that could not be read.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NoSuchStack { .. } | Self::NoReadyFile { .. })
    }
}
