//! Failures whose sentence already contains the advice.

use std::error::Error;

use super::{CallFailure, ErrorName, Fact, Recovery, Remedy};

/// An error whose `Display` already says what to do.
pub trait Named: Error + Send + Sync + 'static {
    /// The name that Retry and Catch match.
    fn name(&self) -> ErrorName;
}

impl<T: Named> Fact for T {
    fn name(&self) -> ErrorName {
        Named::name(self)
    }

    fn remedy(&self) -> Remedy {
        Remedy::Stated
    }
}

/// A call to a service that failed, or another failure that is described by a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
pub struct Failure {
    name: ErrorName,
    fact: String,
    remedy: Box<Remedy>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure that no service reported.
    pub fn new(name: ErrorName, sentence: impl Into<String>) -> Self {
        Self { name, fact: sentence.into(), remedy: Box::new(Remedy::Stated), source: None }
    }

    /// What happened.
    pub fn fact(&self) -> &str {
        &self.fact
    }

    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        Remedy::clone(&self.remedy)
    }

    fn message(&self) -> String {
        format!("{} {}", self.fact, self.remedy).trim_end().to_owned()
    }

    /// The same failure, followed by a sentence that also replaces the remedy.
    #[must_use]
    pub fn followed_by(self, sentence: impl std::fmt::Display) -> Self {
        Self { fact: format!("{} {sentence}", self.fact), remedy: Box::new(Remedy::Stated), ..self }
    }

    /// The same failure of a call that no replan follows: a retry reads the current state of the objects, so it
    /// replaces the replan.
    #[must_use]
    pub fn retried(self, during: &str) -> Self {
        match self.name.recovery() {
            Recovery::Replan => Self {
                name: ErrorName::S3Unavailable,
                fact: format!("{during}: {}", self.fact),
                remedy: Box::new(ErrorName::S3Unavailable.entry().remedy.clone()),
                ..self
            },
            Recovery::Retry | Recovery::Redrive => self,
        }
    }
}

impl Named for Failure {
    fn name(&self) -> ErrorName {
        self.name
    }
}

impl From<CallFailure> for Failure {
    fn from(call: CallFailure) -> Self {
        Self {
            name: call.name,
            fact: call.to_string(),
            remedy: Box::new(call.remedy.clone()),
            source: Some(Box::new(call)),
        }
    }
}
