//! Errors in ASL, and which of them a wildcard matches.

use serde_json::{Value, json};

use crate::{execution::HistoryFull, limits};

/// Why a state failed.
///
/// No event and no answer shows more than 256 characters of an error and 32,768 of a cause (API reference of
/// `TaskFailedEventDetails`, `ExecutionFailedEventDetails`, `DescribeExecution` and similar pages). AWS does not
/// document how longer values are shortened, nor whether a catcher sees the full value. Here both are truncated at the
/// end for every origin: a function's error, a Fail state, an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The error name; optional for a Fail state.
    pub(crate) error: Option<String>,
    /// The cause; a timeout has none.
    pub(crate) cause: Option<String>,
    /// Whether Retry and Catch are skipped.
    terminal: bool,
}

impl Failure {
    pub(super) fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::declared(Some(error.into()), Some(cause.into()))
    }

    /// The error of a Fail state.
    pub(super) fn declared(error: Option<String>, cause: Option<String>) -> Self {
        let error = error.map(|error| cut(error, limits::ERROR));
        let cause = cause.map(|cause| cut(cause, limits::CAUSE));
        Self { error, cause, terminal: false }
    }

    /// A Task that exceeded its timeout.
    pub(super) fn timeout() -> Self {
        Self { error: Some("States.Timeout".to_owned()), cause: None, terminal: false }
    }

    /// A payload that is too large.
    pub(super) fn too_large(what: &str) -> Self {
        Self::new(
            "States.DataLimitExceeded",
            format!(
                "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service \
                 limit."
            ),
        )
    }

    /// Variables that are too large. AWS documents the quota and not the error; this is its error name for data over a
    /// quota.
    pub(super) fn variables_too_large(state: &str) -> Self {
        Self::new(
            "States.DataLimitExceeded",
            format!(
                "The state '{state}' assigned variables with a size exceeding the maximum number of bytes service limit."
            ),
        )
    }

    /// An error of the definition or the engine that no retry can resolve.
    pub(super) fn runtime(cause: impl Into<String>) -> Self {
        Self { terminal: true, ..Self::new("States.Runtime", cause) }
    }

    /// The error that ended a Map Run before the sandbox was killed.
    pub(super) fn of_map_run(error: Option<String>, cause: Option<String>) -> Self {
        Self { terminal: error.as_deref() == Some("States.Runtime"), error, cause }
    }

    /// The error of a catcher's own expression.
    pub(super) fn uncaught(error: Option<String>, cause: Option<String>) -> Self {
        Self { terminal: true, ..Self::declared(error, cause) }
    }

    /// `$states.errorOutput`.
    pub(super) fn output(&self) -> Value {
        json!({"Error": self.error.as_deref().unwrap_or_default(), "Cause": self.cause.as_deref().unwrap_or_default()})
    }

    /// Whether a list of error names matches this error.
    ///
    /// The Developer Guide ("Handling errors in Step Functions workflows", `concepts-error-handling.html`) says that
    /// `States.ALL` does not match `States.DataLimitExceeded` and `States.Runtime`, and that `States.TaskFailed`
    /// matches every error of a Task except `States.Timeout`. One recording of AWS from March 2024 shows a `States.ALL`
    /// catcher that catches a Task's `States.DataLimitExceeded`. The sandbox follows the documentation.
    pub(super) fn is_matched_by(&self, names: &[String], kind: &str) -> bool {
        if self.terminal {
            return false;
        }
        let error = self.error.as_deref().unwrap_or_default();
        let unknown_to_wildcards = matches!(error, "States.DataLimitExceeded" | "States.Runtime");
        names.iter().any(|name| match name.as_str() {
            "States.ALL" => !unknown_to_wildcards,
            "States.TaskFailed" => {
                error == "States.TaskFailed" || (kind == "Task" && !unknown_to_wildcards && error != "States.Timeout")
            }
            name => name == error,
        })
    }
}

/// Truncates text to a number of characters.
fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
    text
}

impl From<HistoryFull> for Failure {
    fn from(HistoryFull: HistoryFull) -> Self {
        Self::runtime(format!("The execution reached the maximum number of history events ({}).", limits::HISTORY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_the_documented_errors() {
        let matched = |error: &str, name: &str, kind: &str| {
            Failure::new(error, "why").is_matched_by(&["Other".to_owned(), name.to_owned()], kind)
        };
        assert!(matched("S3.Throttled", "S3.Throttled", "Task"));
        assert!(!matched("S3.Throttled", "S3", "Task"));
        assert!(matched("S3.Throttled", "States.ALL", "Map"));
        assert!(matched("S3.Throttled", "States.TaskFailed", "Task"));
        assert!(!matched("S3.Throttled", "States.TaskFailed", "Map"));
        assert!(!matched("States.Timeout", "States.TaskFailed", "Task"));
        assert!(matched("States.Timeout", "States.ALL", "Task"));
        assert!(!matched("States.DataLimitExceeded", "States.ALL", "Task"));
        assert!(!matched("States.DataLimitExceeded", "States.TaskFailed", "Task"));
        assert!(matched("States.DataLimitExceeded", "States.DataLimitExceeded", "Task"));
        assert!(!matched("States.Runtime", "States.ALL", "Task"));
        assert!(!Failure::runtime("why").is_matched_by(&["States.Runtime".to_owned()], "Task"));
    }
}
