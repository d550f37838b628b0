//! Failures with names: what a function raises, and how Step Functions knows it.

use std::error::Error;

use crate::{ErrorName, Recovery};

/// An error that the state machine knows by name.
pub trait Named: Error + Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> ErrorName;
}

/// A call to a service that failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    name: ErrorName,
    message: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure that no service reported.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), source: None }
    }

    /// The same failure, with the error that a service or its SDK reported.
    #[must_use]
    pub fn caused_by(self, error: impl Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(error)), ..self }
    }

    /// The same failure, with what was done about it.
    #[must_use]
    pub fn followed_by(self, sentence: impl std::fmt::Display) -> Self {
        Self { message: format!("{} {sentence}", self.message), ..self }
    }

    /// The same failure for a call that no new plan follows: what a new plan would settle is settled by trying again,
    /// because the next try sees the world as it is then.
    #[must_use]
    pub fn retried(self, during: &str) -> Self {
        match self.name.recovery() {
            Recovery::Replan => {
                Self { name: ErrorName::S3Unavailable, message: format!("{during}: {}", self.message), ..self }
            }
            Recovery::Retry | Recovery::Redrive => self,
        }
    }
}

impl Named for Failure {
    fn name(&self) -> ErrorName {
        self.name
    }
}
