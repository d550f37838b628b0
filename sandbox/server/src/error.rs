//! Why a sandbox does not start or stop.

use std::{net::SocketAddr, path::PathBuf};

use sandbox_core::store::StoreError;
use sandbox_iam::PolicyError;
use sandbox_lambda::MissingBinary;
use sandbox_sns::SnsError;
use sandbox_template::TemplateError;

use crate::deploy::DeployError;

/// Why a sandbox did not start, or did not stop well.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The template cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A value was given for a variable that no function has.
    #[error("no function has the configuration {name}; there are {known}")]
    UnknownVariable {
        /// The name that was given.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A function's binary is missing.
    #[error(transparent)]
    Binary(#[from] MissingBinary),
    /// A policy of the template cannot be evaluated.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A service refused a resource of the template.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The data cannot be opened or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// S3's data cannot be opened.
    #[error(transparent)]
    S3(#[from] sandbox_s3::OpenError),
    /// SNS's data cannot be opened.
    #[error(transparent)]
    Sns(#[from] SnsError),
    /// What was given as the folder for the data is not a folder.
    #[error(
        "the sandbox cannot keep its data at {path}, which is a file: give it a folder, which is made if it is missing"
    )]
    NotAFolder {
        /// What was given.
        path: PathBuf,
    },
    /// A folder cannot be made.
    #[error("the folder {path} cannot be made: {source}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("the sandbox cannot listen on {address}: {source}; choose another port, or 0 for any that is free")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}
