//! Histories as Step Functions writes them: event types, order and `previousEventId` as recorded from AWS.

use aws_sdk_sfn::{
    error::BuildError,
    primitives::DateTime,
    types::{
        EvaluationFailedEventDetails, ExecutionFailedEventDetails, TaskFailedEventDetails,
        builders::HistoryEventBuilder,
    },
};

use super::*;

type Built = Result<Vec<HistoryEvent>, BuildError>;

/// One line of a history: id, id of the event before, type, and a name, an error or a length.
fn event(id: i64, previous: i64, kind: &str, detail: &str) -> Result<HistoryEvent, BuildError> {
    let builder = HistoryEvent::builder()
        .id(id)
        .previous_event_id(previous)
        .timestamp(DateTime::from_secs(id))
        .r#type(HistoryEventType::from(kind));
    with_detail(builder, kind, detail)?.build()
}

fn with_detail(builder: HistoryEventBuilder, kind: &str, detail: &str) -> Result<HistoryEventBuilder, BuildError> {
    let cause = r#"{"errorType":"X","errorMessage":"grant it to the role"}"#;
    Ok(match kind {
        "MapStateStarted" => builder.map_state_started_event_details(
            MapStateStartedEventDetails::builder().length(detail.parse().unwrap_or(0)).build(),
        ),
        "TaskFailed" => builder.task_failed_event_details(
            TaskFailedEventDetails::builder()
                .resource_type("lambda")
                .resource("invoke")
                .error(detail)
                .cause(cause)
                .build()?,
        ),
        "EvaluationFailed" => builder.evaluation_failed_event_details(
            EvaluationFailedEventDetails::builder().state("Route").error(detail).cause("no such field").build()?,
        ),
        "ExecutionFailed" => builder
            .execution_failed_event_details(ExecutionFailedEventDetails::builder().error(detail).cause(cause).build()),
        kind if kind.ends_with("StateEntered") => {
            builder.state_entered_event_details(StateEnteredEventDetails::builder().name(detail).build()?)
        }
        _ => builder,
    })
}

fn history(lines: &[(i64, i64, &str, &str)]) -> Built {
    lines.iter().map(|(id, previous, kind, detail)| event(*id, *previous, kind, detail)).collect()
}

#[test]
fn the_work_of_a_fan_out_names_its_map_with_the_number_of_iterations_and_no_inner_state() -> Result<(), BuildError> {
    let history = history(&[
        (1, 0, "ExecutionStarted", ""),
        (2, 0, "TaskStateEntered", "Validate"),
        (3, 2, "TaskStateExited", ""),
        (4, 3, "ChoiceStateEntered", "Route"),
        (5, 4, "ChoiceStateExited", ""),
        (6, 5, "MapStateEntered", "CopyParts"),
        (7, 6, "MapStateStarted", "2"),
        (8, 7, "MapIterationStarted", ""),
        (9, 8, "TaskStateEntered", "CopySlice"),
        (10, 7, "MapIterationStarted", ""),
        (11, 10, "TaskStateEntered", "CopySlice"),
        (12, 11, "MapStateSucceeded", ""),
        (13, 11, "MapStateExited", ""),
        (14, 13, "TaskStateEntered", "VerifyBackup"),
        (15, 14, "TaskStateExited", ""),
        (16, 15, "ChoiceStateEntered", "ReplicaWanted"),
        (17, 16, "ChoiceStateExited", ""),
        (18, 17, "TaskStateEntered", "VerifyBackup"),
        (19, 18, "TaskStateExited", ""),
    ])?;
    let path = path(&history);
    assert_eq!(work(&path), "Validate → CopyParts×2 → VerifyBackup (2 times)");
    let states: Vec<&str> = path.iter().map(|step| step.state.as_str()).collect();
    assert_eq!(states, ["Validate", "Route", "CopyParts", "VerifyBackup", "ReplicaWanted", "VerifyBackup"]);
    assert_eq!(states_entered(&history).filter(|state| *state == "CopySlice").count(), 2);
    assert_eq!(failure(&history), None);
    Ok(())
}

#[test]
fn a_failure_is_told_with_the_state_inside_the_map_and_the_message_of_its_cause() -> Result<(), BuildError> {
    let history = history(&[
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
        (11, 10, "MapIterationFailed", ""),
        (12, 10, "MapStateFailed", ""),
        (13, 12, "ExecutionFailed", "Source.Denied"),
    ])?;
    let found = failure(&history).map(|failure| failure.to_string());
    assert_eq!(found.as_deref(), Some("in CopySlice: Source.Denied: grant it to the role"));
    Ok(())
}

#[test]
fn a_failure_that_a_retry_followed_is_not_the_place() -> Result<(), BuildError> {
    let history = history(&[
        (1, 0, "ExecutionStarted", ""),
        (2, 0, "TaskStateEntered", "Validate"),
        (3, 2, "TaskFailed", "S3.Throttled"),
        (4, 3, "TaskScheduled", ""),
        (5, 4, "TaskStateExited", ""),
        (6, 5, "TaskStateEntered", "Notify"),
        (7, 6, "TaskFailed", "S3.Throttled"),
        (8, 7, "ExecutionFailed", "S3.Throttled"),
    ])?;
    assert_eq!(failure(&history).and_then(|failure| failure.state).as_deref(), Some("Notify"));
    Ok(())
}

#[test]
fn an_expression_that_cannot_be_evaluated_names_its_state() -> Result<(), BuildError> {
    let history = history(&[
        (1, 0, "ExecutionStarted", ""),
        (2, 0, "ChoiceStateEntered", "Route"),
        (3, 2, "EvaluationFailed", "States.QueryEvaluationError"),
        (4, 3, "ExecutionFailed", "States.QueryEvaluationError"),
    ])?;
    let failure = failure(&history);
    assert_eq!(failure.and_then(|failure| failure.state).as_deref(), Some("Route"));
    Ok(())
}

#[test]
fn an_execution_that_was_stopped_failed_in_the_state_it_was_in() -> Result<(), BuildError> {
    let history = history(&[
        (1, 0, "ExecutionStarted", ""),
        (2, 0, "TaskStateEntered", "CopyObject"),
        (3, 2, "TaskScheduled", ""),
        (4, 3, "ExecutionAborted", ""),
    ])?;
    let found = failure(&history).map(|failure| failure.to_string());
    assert_eq!(found.as_deref(), Some("in CopyObject: Aborted: no cause was given"));
    Ok(())
}
