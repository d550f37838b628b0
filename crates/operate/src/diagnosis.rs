//! The next step after a failed execution.

use holdfast_core::{
    failure::{NextStep, catalogue},
    history::Failure,
};

/// The next step to complete the backup after this failure, by the catalogue of errors.
pub fn next_step(failure: &Failure) -> NextStep {
    match &failure.error {
        Some(error) => catalogue::next_step(error, failure.cause.as_deref().unwrap_or_default()),
        // The execution was stopped.
        None => NextStep::Redrive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_is_that_of_the_catalogue_and_a_stopped_execution_can_be_redriven() {
        for (error, expected) in [
            (Some("Destination.Denied"), NextStep::Redrive),
            (Some("S3.Throttled"), NextStep::RedriveLater),
            (Some("Input.Invalid"), NextStep::CorrectInput),
            (Some("States.Runtime"), NextStep::None),
            (None, NextStep::Redrive),
        ] {
            let failure = Failure { error: error.map(str::to_owned), ..Failure::default() };
            assert_eq!(next_step(&failure), expected, "{error:?}");
        }
    }
}
