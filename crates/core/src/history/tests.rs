//! Histories with the event types, the order and the `previousEventId` that were recorded from AWS.

use std::ops::ControlFlow;

use super::*;

const CAUSE: &str = r#"{"errorType":"X","errorMessage":"grant it to the role"}"#;

/// One event: its ID, the ID of the previous event, the type, and a name, an error or a number.
type Line = (i64, i64, &'static str, &'static str);

fn event((id, previous_id, kind, detail): Line) -> HistoryEvent {
    let plain = HistoryEvent { id, previous_id, kind: EventKind::Other, name: None, error: None, cause: None };
    let named = |kind| HistoryEvent { kind, name: Some(detail.to_owned()), ..plain.clone() };
    let failed = |kind| HistoryEvent {
        kind,
        error: Some(detail.to_owned()).filter(|error| !error.is_empty()),
        cause: Some(CAUSE.to_owned()),
        ..plain.clone()
    };
    match kind {
        "TaskStateEntered" => named(EventKind::StateEntered(StateKind::Task)),
        "MapStateEntered" => named(EventKind::StateEntered(StateKind::Map)),
        "ChoiceStateEntered" => named(EventKind::StateEntered(StateKind::Control)),
        "TaskStateExited" => named(EventKind::StateExited(StateKind::Task)),
        "MapStateExited" => named(EventKind::StateExited(StateKind::Map)),
        "ChoiceStateExited" => named(EventKind::StateExited(StateKind::Control)),
        "MapStateStarted" => {
            HistoryEvent { kind: EventKind::MapStarted { items: detail.parse().unwrap_or_default() }, ..plain }
        }
        "MapIterationFailed" => {
            let (map, index) = detail.split_once('/').unwrap_or_default();
            let kind = EventKind::IterationFailed { index: index.parse().unwrap_or_default() };
            HistoryEvent { kind, name: Some(map.to_owned()), ..plain }
        }
        "TaskFailed" => failed(EventKind::AttemptFailed),
        "EvaluationFailed" => HistoryEvent { name: Some("Route".to_owned()), ..failed(EventKind::AttemptFailed) },
        "ExecutionFailed" => failed(EventKind::ExecutionEnded(End::Failed)),
        "ExecutionTimedOut" => HistoryEvent { kind: EventKind::ExecutionEnded(End::TimedOut), ..plain },
        "ExecutionAborted" => HistoryEvent { kind: EventKind::ExecutionEnded(End::Aborted), ..plain },
        _ => plain,
    }
}

fn history(lines: &[Line]) -> Vec<HistoryEvent> {
    lines.iter().copied().map(event).collect()
}

/// State, error and cause of the failure.
fn found(lines: &[Line]) -> (Option<String>, Option<String>, Option<String>) {
    let Failure { state, error, cause, .. } = failure(&history(lines)).unwrap_or_default();
    (state, error, cause)
}

#[test]
fn a_path_names_a_map_with_its_iterations_and_no_state_inside_it() {
    let history = history(&[
        (1, 0, "ExecutionStarted", ""),
        (2, 0, "TaskStateEntered", "Validate"),
        (3, 2, "TaskStateExited", "Validate"),
        (4, 3, "ChoiceStateEntered", "Route"),
        (5, 4, "ChoiceStateExited", "Route"),
        (6, 5, "MapStateEntered", "CopyParts"),
        (7, 6, "MapStateStarted", "2"),
        (8, 7, "MapIterationStarted", ""),
        (9, 8, "TaskStateEntered", "CopySlice"),
        (10, 7, "MapIterationStarted", ""),
        (11, 10, "TaskStateEntered", "CopySlice"),
        (12, 11, "MapStateSucceeded", ""),
        (13, 11, "MapStateExited", "CopyParts"),
        (14, 13, "TaskStateEntered", "VerifyBackup"),
        (15, 14, "TaskStateExited", "VerifyBackup"),
        (16, 15, "TaskStateEntered", "VerifyBackup"),
        (17, 16, "TaskStateExited", "VerifyBackup"),
    ]);

    let steps: Vec<String> = path(&history).iter().map(ToString::to_string).collect();

    assert_eq!(steps, ["Validate", "Route", "CopyParts×2", "VerifyBackup (2 times)"]);
    assert_eq!(states_entered(&history).filter(|state| *state == "CopySlice").count(), 2);
    assert_eq!(failure(&history), None);
}

#[test]
fn a_failure_inside_a_map_names_the_inner_state_and_the_message_of_its_cause() {
    let found = found(&[
        (1, 0, "ExecutionStarted", ""),
        (2, 0, "MapStateEntered", "CopyParts"),
        (3, 2, "MapStateStarted", "2"),
        (4, 3, "MapIterationStarted", ""),
        (5, 4, "TaskStateEntered", "CopySlice"),
        (6, 3, "MapIterationStarted", ""),
        (7, 6, "TaskStateEntered", "CopySlice"),
        (8, 5, "TaskFailed", "S3.Throttled"),
        (9, 8, "TaskScheduled", ""),
        (10, 7, "TaskFailed", "Source.Denied"),
        (11, 10, "MapIterationFailed", "CopyParts/1"),
        (12, 10, "MapStateFailed", ""),
        (13, 12, "ExecutionFailed", "Source.Denied"),
    ]);
    assert_eq!(found, (Some("CopySlice".into()), Some("Source.Denied".into()), Some("grant it to the role".into())));
}

#[test]
fn a_failed_iteration_is_found_among_concurrent_iterations() {
    let history = history(&[
        (3, 2, "MapStateEntered", "CopyParts"),
        (4, 3, "MapStateStarted", "2"),
        (5, 4, "MapIterationStarted", ""),
        (6, 4, "MapIterationStarted", ""),
        (7, 6, "TaskStateEntered", "DigestSlice"),
        (8, 5, "TaskStateEntered", "CopySlice"),
        (9, 7, "TaskFailed", "Source.Denied"),
        (10, 9, "MapIterationFailed", "CopyParts/3"),
        (11, 8, "MapIterationAborted", ""),
        (12, 9, "MapStateFailed", ""),
        (13, 12, "ExecutionFailed", "Source.Denied"),
    ]);
    let expected = Failure {
        state: Some("DigestSlice".into()),
        iteration: Some(Iteration { map: "CopyParts".to_owned(), index: 3 }),
        error: Some("Source.Denied".into()),
        cause: Some("grant it to the role".into()),
    };
    assert_eq!(failure(&history), Some(expected));
}

#[test]
fn a_failed_attempt_before_a_retry_is_not_the_failure() {
    let found = found(&[
        (1, 0, "ExecutionStarted", ""),
        (2, 0, "TaskStateEntered", "Validate"),
        (3, 2, "TaskFailed", "S3.Throttled"),
        (4, 3, "TaskScheduled", ""),
        (5, 4, "TaskStateExited", "Validate"),
        (6, 5, "TaskStateEntered", "Notify"),
        (7, 6, "TaskFailed", "S3.Throttled"),
        (8, 7, "ExecutionFailed", "S3.Throttled"),
    ]);
    assert_eq!(found.0, Some("Notify".into()));
}

#[test]
fn an_expression_that_cannot_be_evaluated_names_its_state() {
    for previous in [2, 0] {
        let found = found(&[
            (1, 0, "ExecutionStarted", ""),
            (2, 0, "ChoiceStateEntered", "Route"),
            (3, previous, "EvaluationFailed", "States.QueryEvaluationError"),
            (4, 3, "ExecutionFailed", "States.QueryEvaluationError"),
        ]);
        assert_eq!((found.0, found.1), (Some("Route".into()), Some("States.QueryEvaluationError".into())));
    }
}

#[test]
fn an_execution_that_was_stopped_or_timed_out_ended_in_the_state_that_was_running() {
    for (end, previous, error) in [
        ("ExecutionAborted", 3, None),
        ("ExecutionAborted", 0, None),
        ("ExecutionTimedOut", 0, Some("States.Timeout".into())),
    ] {
        let found = found(&[
            (1, 0, "ExecutionStarted", ""),
            (2, 0, "TaskStateEntered", "CopyObject"),
            (3, 2, "TaskScheduled", ""),
            (4, previous, end, ""),
        ]);
        assert_eq!(found, (Some("CopyObject".into()), error, None), "{end} after {previous}");
    }
}

#[test]
fn a_state_that_was_entered_twice_and_exited_once_was_running() {
    let found = found(&[
        (1, 0, "TaskStateEntered", "Validate"),
        (2, 1, "TaskStateExited", "Validate"),
        (3, 2, "TaskStateEntered", "CopyObject"),
        (4, 3, "TaskStateExited", "CopyObject"),
        (5, 4, "TaskStateEntered", "Validate"),
        (6, 0, "ExecutionAborted", ""),
    ]);
    assert_eq!((found.0, found.1), (Some("Validate".into()), None));
}

#[test]
fn the_newest_failed_end_counts_after_a_redrive() {
    let failed = found(&[
        (1, 0, "TaskStateEntered", "CopyObject"),
        (2, 1, "TaskFailed", "Kms.Denied"),
        (3, 2, "ExecutionFailed", "Kms.Denied"),
        (4, 3, "ExecutionRedriven", ""),
        (5, 4, "TaskStateExited", "CopyObject"),
        (6, 5, "TaskStateEntered", "VerifyBackup"),
    ]);
    assert_eq!((failed.0, failed.1), (Some("CopyObject".into()), Some("Kms.Denied".into())));

    let stopped = found(&[
        (1, 0, "TaskStateEntered", "CopyObject"),
        (2, 0, "ExecutionAborted", ""),
        (3, 2, "ExecutionRedriven", ""),
        (4, 3, "TaskStateExited", "CopyObject"),
        (5, 4, "TaskStateEntered", "VerifyBackup"),
    ]);
    assert_eq!(stopped.0, Some("CopyObject".into()));
}

#[test]
fn an_end_without_an_error_has_the_error_of_the_task() {
    let found = found(&[
        (1, 0, "TaskStateEntered", "CopyObject"),
        (2, 1, "TaskFailed", "Kms.Denied"),
        (3, 2, "ExecutionFailed", ""),
    ]);
    assert_eq!(found.1, Some("Kms.Denied".into()));
}

#[test]
fn the_search_stops_at_the_entry_of_the_state_that_failed() {
    let history = history(&[
        (1, 0, "ExecutionStarted", ""),
        (2, 0, "TaskStateEntered", "Validate"),
        (3, 2, "TaskStateExited", "Validate"),
        (4, 3, "TaskStateEntered", "CopyObject"),
        (5, 4, "TaskFailed", "Kms.Denied"),
        (6, 5, "ExecutionFailed", "Kms.Denied"),
    ]);
    let mut search = FailureSearch::default();
    let count = history.iter().rev().map(|event| search.take(event)).take_while(ControlFlow::is_continue).count();
    assert_eq!((count, search.finish().state), (2, Some("CopyObject".into())));
}

#[test]
fn a_history_without_an_end_has_no_failure_but_a_running_state() {
    let lines = [(1, 0, "ExecutionStarted", ""), (2, 0, "TaskStateEntered", "Validate")];
    assert_eq!(failure(&history(&lines)), None);
    let mut search = FailureSearch::default();
    let _ = history(&lines).iter().rev().try_for_each(|event| search.take(event));
    assert_eq!(search.finish().state, Some("Validate".into()));
}

#[test]
fn the_message_is_extracted_from_a_cause() {
    assert_eq!(cause_message(CAUSE), Some("grant it to the role".into()));
    assert_eq!(cause_message(" plain text \n"), Some("plain text".into()));
    for empty in ["", "  ", r#"{"errorMessage": ""}"#] {
        assert_eq!(cause_message(empty), None, "{empty:?}");
    }
}
