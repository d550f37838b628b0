//! The catalogue: one entry for each error name.

mod configuration;
mod destination;
mod services;
mod source;
mod steps;
#[cfg(test)]
mod tests;

pub use steps::Step;

use super::{ErrorName, ForeignError, NextStep, Recovery, Remedy};

/// What Holdfast knows about an error.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The error.
    pub name: ErrorName,
    /// How the state machine recovers from it.
    pub recovery: Recovery,
    /// What the error means, in one sentence.
    pub meaning: &'static str,
    /// What to do, if the fact does not know a more exact remedy.
    pub remedy: Remedy,
    /// What a person does, step by step. The runbook shows it.
    pub procedure: &'static [Step],
    /// Whether a redrive continues the execution, in one sentence.
    pub redrive: &'static str,
}

impl ErrorName {
    /// The catalogue's entry.
    pub fn entry(self) -> &'static Entry {
        match self {
            Self::S3Throttled => &services::S3_THROTTLED,
            Self::S3Unavailable => &services::S3_UNAVAILABLE,
            Self::SnsUnavailable => &services::SNS_UNAVAILABLE,
            Self::StepFunctionsUnavailable => &services::STEP_FUNCTIONS_UNAVAILABLE,
            Self::DestinationChanged => &destination::CHANGED,
            Self::UploadGone => &destination::UPLOAD_GONE,
            Self::SourceGone => &source::GONE,
            Self::SourceDenied => &source::DENIED,
            Self::SourceArchived => &source::ARCHIVED,
            Self::SourceUnreadable => &source::UNREADABLE,
            Self::SourceTooLarge => &source::TOO_LARGE,
            Self::DestinationDenied => &destination::DENIED,
            Self::DestinationContended => &destination::CONTENDED,
            Self::ChecksumMismatch => &destination::CHECKSUM_MISMATCH,
            Self::KmsDenied => &configuration::KMS_DENIED,
            Self::TopicNotFound => &configuration::TOPIC_NOT_FOUND,
            Self::ConfigInvalid => &configuration::INVALID,
            Self::ConfigLoop => &configuration::LOOP,
            Self::InputInvalid => &configuration::INPUT_INVALID,
            Self::Internal => &configuration::INTERNAL,
        }
    }
}

/// What a person does after an execution failed with this error and this [report](super::report). The report ends with
/// its remedy; the remedies that exclude a redrive are recognized by it.
pub fn next_step(error: &str, report: &str) -> NextStep {
    let Some(name) = ErrorName::parse(error) else { return ForeignError::of(error).remedy.next_step() };
    let stated = Remedy::WITHOUT_REDRIVE.iter().find(|remedy| report.ends_with(&remedy.to_string()));
    stated.unwrap_or(&name.entry().remedy).next_step()
}
