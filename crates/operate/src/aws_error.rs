//! A failed call to AWS.

use std::{error::Error, fmt::Display};

use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use holdfast_core::format::error_chain;

/// A failed call to AWS: the problem and its reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}: {reason}")]
pub struct AwsError {
    problem: String,
    reason: String,
}

impl AwsError {
    /// A call that AWS refused, or that did not reach AWS.
    pub fn new(problem: impl Into<String>, error: &(impl ProvideErrorMetadata + Error + 'static)) -> Self {
        let reason = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            _ => error_chain(error),
        };
        Self { problem: problem.into(), reason }
    }

    /// A call with an unexpected response.
    pub fn unexpected(problem: impl Into<String>, reason: impl Display) -> Self {
        Self { problem: problem.into(), reason: reason.to_string() }
    }
}
