//! The details of each type of event that has a name or an error.

use aws_sdk_sfn::{
    error::BuildError,
    primitives::DateTime,
    types::{
        EvaluationFailedEventDetails, HistoryEvent as Event, MapIterationEventDetails, MapStateStartedEventDetails,
        StateEnteredEventDetails, TaskFailedEventDetails, builders::HistoryEventBuilder,
    },
};

use super::*;

fn of(kind: HistoryEventType) -> HistoryEventBuilder {
    Event::builder().id(7).previous_event_id(6).timestamp(DateTime::from_secs(0)).r#type(kind)
}

#[test]
fn a_state_that_was_entered_has_its_kind_and_its_name() -> Result<(), BuildError> {
    for (kind, expected) in [
        (HistoryEventType::TaskStateEntered, StateKind::Task),
        (HistoryEventType::MapStateEntered, StateKind::Map),
        (HistoryEventType::ChoiceStateEntered, StateKind::Control),
        (HistoryEventType::SucceedStateEntered, StateKind::Control),
    ] {
        let details = StateEnteredEventDetails::builder().name("State").build()?;
        let converted = event(&of(kind).state_entered_event_details(details).build()?);
        assert_eq!((converted.id, converted.previous_id), (7, 6));
        assert_eq!((converted.kind, converted.name.as_deref()), (EventKind::StateEntered(expected), Some("State")));
    }
    Ok(())
}

#[test]
fn a_map_has_its_items_and_a_failed_iteration_its_map_and_index() -> Result<(), BuildError> {
    let details = MapStateStartedEventDetails::builder().length(3).build();
    let started = event(&of(HistoryEventType::MapStateStarted).map_state_started_event_details(details).build()?);
    assert_eq!(started.kind, EventKind::MapStarted { items: 3 });

    let details = MapIterationEventDetails::builder().name("CopyParts").index(2).build();
    let failed = of(HistoryEventType::MapIterationFailed).map_iteration_failed_event_details(details).build()?;
    let failed = event(&failed);
    assert_eq!((failed.kind, failed.name.as_deref()), (EventKind::IterationFailed { index: 2 }, Some("CopyParts")));
    Ok(())
}

#[test]
fn a_failed_attempt_has_its_error_and_a_failed_expression_its_state_too() -> Result<(), BuildError> {
    let details = TaskFailedEventDetails::builder().resource_type("lambda").resource("invoke").error("E").cause("c");
    let task = event(&of(HistoryEventType::TaskFailed).task_failed_event_details(details.build()?).build()?);
    assert_eq!((task.kind, task.name), (EventKind::AttemptFailed, None));
    assert_eq!((task.error.as_deref(), task.cause.as_deref()), (Some("E"), Some("c")));

    let details = EvaluationFailedEventDetails::builder().state("Route").error("E").build()?;
    let evaluation = of(HistoryEventType::EvaluationFailed).evaluation_failed_event_details(details).build()?;
    let evaluation = event(&evaluation);
    assert_eq!((evaluation.kind, evaluation.name.as_deref()), (EventKind::AttemptFailed, Some("Route")));
    Ok(())
}

#[test]
fn an_end_without_details_and_other_events_have_a_kind() -> Result<(), BuildError> {
    for (kind, expected) in [
        (HistoryEventType::ExecutionFailed, EventKind::ExecutionEnded(End::Failed)),
        (HistoryEventType::ExecutionTimedOut, EventKind::ExecutionEnded(End::TimedOut)),
        (HistoryEventType::ExecutionAborted, EventKind::ExecutionEnded(End::Aborted)),
        (HistoryEventType::ExecutionRedriven, EventKind::Other),
        (HistoryEventType::TaskScheduled, EventKind::Other),
    ] {
        assert_eq!(event(&of(kind).build()?).kind, expected);
    }
    Ok(())
}
