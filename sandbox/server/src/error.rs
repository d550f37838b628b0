//! Why a sandbox does not start or stop.

use std::{net::SocketAddr, path::PathBuf};

use sandbox_core::store::StoreError;
use sandbox_iam::PolicyError;
use sandbox_lambda::MissingBinary;
use sandbox_sns::SnsError;
use sandbox_template::TemplateError;

use crate::deploy::DeployError;

/// Why a sandbox did not start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The template cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A value was given for a variable that no function has.
    #[error("no function has the configuration {name}; the known names are {known}")]
    UnknownVariable {
        /// The given name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A function's binary is missing.
    #[error(transparent)]
    Binary(#[from] MissingBinary),
    /// A policy of the template cannot be evaluated.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A service rejected a resource of the template.
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
    /// The path of the data folder is a file.
    #[error(
        "the sandbox cannot keep its data at {path}, which is a file: choose a folder, which is created if it is missing"
    )]
    NotAFolder {
        /// The given path.
        path: PathBuf,
    },
    /// A folder cannot be created.
    #[error("cannot create the folder {path}: {source}")]
    Folder {
        /// The path of the folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The sandbox cannot listen on the address.
    #[error("the sandbox cannot listen on {address}: {source}; choose another port, or 0 for any free port")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
}
