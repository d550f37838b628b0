//! Errors of Lambda and of Step Functions themselves
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>).

use super::Remedy;

/// The meaning of an error that Lambda or Step Functions raised itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignError {
    /// The names of the error; one that ends with `*` means every other name with this prefix.
    pub names: &'static [&'static str],
    /// The meaning, in one sentence.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: Remedy,
}

/// Every foreign error with a known meaning, then the one for all others.
pub static FOREIGN_ERRORS: [ForeignError; 6] = [
    ForeignError {
        names: &["States.Timeout", "Sandbox.Timedout"],
        meaning: "The function or the execution did not end in time.",
        remedy: Remedy::ReadLog,
    },
    ForeignError {
        names: &["Runtime.ExitError", "Lambda.Unknown"],
        meaning: "The process of the function ended without an answer, for example because of a crash or a lack of memory.",
        remedy: Remedy::ReadLog,
    },
    ForeignError {
        names: &["Lambda.TooManyRequestsException"],
        meaning: "Lambda refused to start the function, because the account has no concurrency left.",
        remedy: Remedy::RaiseConcurrency,
    },
    ForeignError {
        names: &["States.DataLimitExceeded", "States.Runtime"],
        meaning: "The state machine could not process the data of a state.",
        remedy: Remedy::Report,
    },
    ForeignError {
        names: &["Lambda.*"],
        meaning: "Step Functions could not invoke the function.",
        remedy: Remedy::CheckLambda,
    },
    ForeignError { names: &["*"], meaning: "Holdfast does not raise this error.", remedy: Remedy::ReadLog },
];

impl ForeignError {
    /// The meaning of an error that is not one of [`ErrorName`](super::ErrorName).
    pub fn of(error: &str) -> &'static Self {
        let [.., other] = &FOREIGN_ERRORS;
        FOREIGN_ERRORS.iter().find(|foreign| foreign.names.iter().any(|name| matches(name, error))).unwrap_or(other)
    }
}

fn matches(name: &str, error: &str) -> bool {
    name.strip_suffix('*').map_or(name == error, |prefix| error.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{super::NextStep, ForeignError};

    #[test]
    fn the_first_entry_that_matches_explains_an_error() {
        for (error, next_step) in [
            ("States.Timeout", NextStep::Redrive),
            ("Sandbox.Timedout", NextStep::Redrive),
            ("Runtime.ExitError", NextStep::Redrive),
            ("Lambda.Unknown", NextStep::Redrive),
            ("Lambda.TooManyRequestsException", NextStep::Redrive),
            ("Lambda.ServiceException", NextStep::RedriveLater),
            ("States.DataLimitExceeded", NextStep::None),
            ("States.Runtime", NextStep::None),
            ("Anything.Else", NextStep::Redrive),
        ] {
            assert_eq!(ForeignError::of(error).remedy.next_step(), next_step, "{error}");
        }
    }
}
