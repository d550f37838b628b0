//! The closed list of errors that a function can raise, and what each one asks of the state machine and of people.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What settles an error. `statemachine/backup.asl.json` follows it to the letter; a test holds the two together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recovery {
    /// The state tries again by itself, with back-off and jitter.
    Retry,
    /// The state machine goes back and plans anew: the world changed underneath the plan.
    Replan,
    /// The execution fails in the state where it happened. A person mends the cause and redrives.
    Redrive,
}

/// The name of an error as Step Functions shows it: `Subject.Condition`.
///
/// `StepFunctions.Unavailable` is not called `States.Unavailable`: the Amazon States Language reserves the prefix
/// `States.` for its own errors (<https://states-language.net/spec.html#error-names>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorName {
    /// S3 asked to slow down (503 `SlowDown`, 429).
    #[serde(rename = "S3.Throttled")]
    S3Throttled,
    /// S3 did not answer, or answered with an internal error.
    #[serde(rename = "S3.Unavailable")]
    S3Unavailable,
    /// SNS did not answer, throttled, or answered with an internal error.
    #[serde(rename = "Sns.Unavailable")]
    SnsUnavailable,
    /// Step Functions did not answer, throttled, or answered with an internal error.
    #[serde(rename = "StepFunctions.Unavailable")]
    StepFunctionsUnavailable,
    /// The destination key was written by somebody else since the plan was made.
    #[serde(rename = "Destination.Changed")]
    DestinationChanged,
    /// The multipart upload does not exist any more and nothing of ours stands in its place.
    #[serde(rename = "Upload.Gone")]
    UploadGone,
    /// The source version does not exist any more.
    #[serde(rename = "Source.Gone")]
    SourceGone,
    /// The role may not read the source.
    #[serde(rename = "Source.Denied")]
    SourceDenied,
    /// The source is in an archive class and was not restored.
    #[serde(rename = "Source.Archived")]
    SourceArchived,
    /// The source cannot be read with what we have, for example because it is encrypted with a customer's key (SSE-C).
    #[serde(rename = "Source.Unreadable")]
    SourceUnreadable,
    /// The source is larger than the largest object S3 stores.
    #[serde(rename = "Source.TooLarge")]
    SourceTooLarge,
    /// The role may not write the backup, the replica or the receipt.
    #[serde(rename = "Destination.Denied")]
    DestinationDenied,
    /// The destination kept changing under every plan that was made.
    #[serde(rename = "Destination.Contended")]
    DestinationContended,
    /// The copy is not the source.
    #[serde(rename = "Checksum.Mismatch")]
    ChecksumMismatch,
    /// The role may not use a KMS key.
    #[serde(rename = "Kms.Denied")]
    KmsDenied,
    /// The topic does not exist.
    #[serde(rename = "Topic.NotFound")]
    TopicNotFound,
    /// A configured value is missing, malformed, or names something that does not exist.
    #[serde(rename = "Config.Invalid")]
    ConfigInvalid,
    /// The backup would trigger itself: source and destination bucket are the same.
    #[serde(rename = "Config.Loop")]
    ConfigLoop,
    /// The event or the payload is malformed.
    #[serde(rename = "Input.Invalid")]
    InputInvalid,
    /// Something that nobody foresaw; a defect of Holdfast.
    #[serde(rename = "Internal")]
    Internal,
}

impl ErrorName {
    /// Every name, in the order of the documentation's tables.
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

    /// What settles it.
    pub fn recovery(self) -> Recovery {
        match self {
            Self::S3Throttled | Self::S3Unavailable | Self::SnsUnavailable | Self::StepFunctionsUnavailable => {
                Recovery::Retry
            }
            Self::DestinationChanged | Self::UploadGone | Self::SourceGone => Recovery::Replan,
            Self::SourceDenied
            | Self::SourceArchived
            | Self::SourceUnreadable
            | Self::SourceTooLarge
            | Self::DestinationDenied
            | Self::DestinationContended
            | Self::ChecksumMismatch
            | Self::KmsDenied
            | Self::TopicNotFound
            | Self::ConfigInvalid
            | Self::ConfigLoop
            | Self::InputInvalid
            | Self::Internal => Recovery::Redrive,
        }
    }

    /// The name with this spelling, if it is one of ours.
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
    fn every_name_is_spelled_alike_in_serde_and_in_display() {
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
