//! The names of the errors that a function can raise.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an error is recovered from. `statemachine/backup.asl.json` follows it exactly; a contract test compares the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recovery {
    /// The state retries, with exponential back-off and jitter.
    Retry,
    /// The state machine returns to the planning state, because the objects changed after the plan was made.
    Replan,
    /// The execution fails in the state that raised the error. A person fixes the cause.
    Redrive,
}

/// The name of an error as Step Functions shows it: `Subject.Condition`. [`ErrorName::entry`] explains each one.
///
/// `StepFunctions.Unavailable` is not called `States.Unavailable`: the Amazon States Language reserves the prefix
/// `States.` for its own errors (<https://states-language.net/spec.html#error-names>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the catalogue has the meaning of every name")]
pub enum ErrorName {
    #[serde(rename = "S3.Throttled")]
    S3Throttled,
    #[serde(rename = "S3.Unavailable")]
    S3Unavailable,
    #[serde(rename = "Sns.Unavailable")]
    SnsUnavailable,
    #[serde(rename = "StepFunctions.Unavailable")]
    StepFunctionsUnavailable,
    #[serde(rename = "Destination.Changed")]
    DestinationChanged,
    #[serde(rename = "Upload.Gone")]
    UploadGone,
    #[serde(rename = "Source.Gone")]
    SourceGone,
    #[serde(rename = "Source.Denied")]
    SourceDenied,
    #[serde(rename = "Source.Archived")]
    SourceArchived,
    #[serde(rename = "Source.Unreadable")]
    SourceUnreadable,
    #[serde(rename = "Source.TooLarge")]
    SourceTooLarge,
    #[serde(rename = "Destination.Denied")]
    DestinationDenied,
    #[serde(rename = "Destination.Contended")]
    DestinationContended,
    #[serde(rename = "Checksum.Mismatch")]
    ChecksumMismatch,
    #[serde(rename = "Kms.Denied")]
    KmsDenied,
    #[serde(rename = "Topic.NotFound")]
    TopicNotFound,
    #[serde(rename = "Config.Invalid")]
    ConfigInvalid,
    #[serde(rename = "Config.Loop")]
    ConfigLoop,
    #[serde(rename = "Input.Invalid")]
    InputInvalid,
    #[serde(rename = "Internal")]
    Internal,
}

impl ErrorName {
    /// Every name, in the order of the tables in the documentation.
    pub const ALL: [Self; 20] = [
        Self::S3Throttled,
        Self::S3Unavailable,
        Self::SnsUnavailable,
        Self::StepFunctionsUnavailable,
        Self::DestinationChanged,
        Self::UploadGone,
        Self::SourceGone,
        Self::SourceDenied,
        Self::SourceArchived,
        Self::SourceUnreadable,
        Self::SourceTooLarge,
        Self::DestinationDenied,
        Self::DestinationContended,
        Self::ChecksumMismatch,
        Self::KmsDenied,
        Self::TopicNotFound,
        Self::ConfigInvalid,
        Self::ConfigLoop,
        Self::InputInvalid,
        Self::Internal,
    ];

    /// The name as Retry, Catch and the console show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S3Throttled => "S3.Throttled",
            Self::S3Unavailable => "S3.Unavailable",
            Self::SnsUnavailable => "Sns.Unavailable",
            Self::StepFunctionsUnavailable => "StepFunctions.Unavailable",
            Self::DestinationChanged => "Destination.Changed",
            Self::UploadGone => "Upload.Gone",
            Self::SourceGone => "Source.Gone",
            Self::SourceDenied => "Source.Denied",
            Self::SourceArchived => "Source.Archived",
            Self::SourceUnreadable => "Source.Unreadable",
            Self::SourceTooLarge => "Source.TooLarge",
            Self::DestinationDenied => "Destination.Denied",
            Self::DestinationContended => "Destination.Contended",
            Self::ChecksumMismatch => "Checksum.Mismatch",
            Self::KmsDenied => "Kms.Denied",
            Self::TopicNotFound => "Topic.NotFound",
            Self::ConfigInvalid => "Config.Invalid",
            Self::ConfigLoop => "Config.Loop",
            Self::InputInvalid => "Input.Invalid",
            Self::Internal => "Internal",
        }
    }

    /// How the error is recovered from.
    pub fn recovery(self) -> Recovery {
        self.entry().recovery
    }

    /// The name with this spelling, if Holdfast raises it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|candidate| candidate.as_str() == name)
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_and_display_spell_every_name_alike() {
        for name in ErrorName::ALL {
            assert_eq!(serde_json::to_value(name).ok(), Some(name.to_string().into()));
            assert_eq!(ErrorName::parse(name.as_str()), Some(name));
        }
    }

    #[test]
    fn no_name_uses_the_prefix_that_the_states_language_reserves() {
        for name in ErrorName::ALL {
            assert!(!name.as_str().starts_with("States."), "{name} is reserved");
        }
    }
}
