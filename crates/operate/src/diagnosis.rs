//! What an operator can do about a failed execution.

use holdfast_core::{ErrorName, history::Failure};

/// How to complete a backup after its execution failed and the cause is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Redrive the execution.
    Redrive,
    /// A redrive fails again: do what the cause says.
    FollowCause,
}

/// How to complete the backup after this failure.
pub fn next_step(failure: &Failure) -> NextStep {
    let Some(name) = failure.error.as_deref().and_then(ErrorName::parse) else {
        // An error of Lambda or Step Functions, or an execution that was stopped.
        return NextStep::Redrive;
    };
    match name {
        // A redrive runs with the same event, and with the same source.
        ErrorName::InputInvalid | ErrorName::SourceGone | ErrorName::SourceTooLarge => NextStep::FollowCause,
        ErrorName::S3Throttled
        | ErrorName::S3Unavailable
        | ErrorName::SnsUnavailable
        | ErrorName::StepFunctionsUnavailable
        | ErrorName::DestinationChanged
        | ErrorName::UploadGone
        | ErrorName::SourceDenied
        | ErrorName::SourceArchived
        | ErrorName::SourceUnreadable
        | ErrorName::DestinationDenied
        | ErrorName::DestinationContended
        | ErrorName::ChecksumMismatch
        | ErrorName::KmsDenied
        | ErrorName::TopicNotFound
        | ErrorName::ConfigInvalid
        | ErrorName::ConfigLoop
        | ErrorName::Internal => NextStep::Redrive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_is_advised_only_for_errors_that_it_can_fix() {
        for (error, expected) in [
            (Some("S3.Throttled"), NextStep::Redrive),
            (Some("Destination.Denied"), NextStep::Redrive),
            (Some("Runtime.ExitError"), NextStep::Redrive),
            (None, NextStep::Redrive),
            (Some("Input.Invalid"), NextStep::FollowCause),
            (Some("Source.Gone"), NextStep::FollowCause),
            (Some("Source.TooLarge"), NextStep::FollowCause),
        ] {
            let failure = Failure { error: error.map(str::to_owned), ..Failure::default() };
            assert_eq!(next_step(&failure), expected, "{error:?}");
        }
    }
}
