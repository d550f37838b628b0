//! Histories, newest event first, with the links that AWS gives them.

use aws_sdk_sfn::{
    primitives::DateTime,
    types::{
        ExecutionFailedEventDetails, HistoryEvent, HistoryEventType, MapIterationEventDetails,
        StateEnteredEventDetails, StateExitedEventDetails, TaskFailedEventDetails, builders::HistoryEventBuilder,
    },
};

fn event(id: i64, previous: i64, kind: HistoryEventType) -> HistoryEventBuilder {
    HistoryEvent::builder().timestamp(DateTime::from_secs(0)).id(id).previous_event_id(previous).r#type(kind)
}

fn plain(id: i64, previous: i64, kind: HistoryEventType) -> HistoryEvent {
    event(id, previous, kind).build().unwrap()
}

fn entered(id: i64, previous: i64, name: &str) -> HistoryEvent {
    let details = StateEnteredEventDetails::builder().name(name).build().unwrap();
    event(id, previous, HistoryEventType::TaskStateEntered).state_entered_event_details(details).build().unwrap()
}

fn exited(id: i64, previous: i64, name: &str) -> HistoryEvent {
    let details = StateExitedEventDetails::builder().name(name).build().unwrap();
    event(id, previous, HistoryEventType::TaskStateExited).state_exited_event_details(details).build().unwrap()
}

fn task_failed(id: i64, previous: i64, error: &str, cause: &str) -> HistoryEvent {
    let details =
        TaskFailedEventDetails::builder().resource_type("lambda").resource("invoke").error(error).cause(cause);
    let details = details.build().unwrap();
    event(id, previous, HistoryEventType::TaskFailed).task_failed_event_details(details).build().unwrap()
}

fn failed(id: i64, previous: i64, error: &str, cause: &str) -> HistoryEvent {
    let details = ExecutionFailedEventDetails::builder().error(error).cause(cause).build();
    event(id, previous, HistoryEventType::ExecutionFailed).execution_failed_event_details(details).build().unwrap()
}

fn iteration_failed(id: i64, previous: i64, map: &str, index: i32) -> HistoryEvent {
    let details = MapIterationEventDetails::builder().name(map).index(index).build();
    event(id, previous, HistoryEventType::MapIterationFailed)
        .map_iteration_failed_event_details(details)
        .build()
        .unwrap()
}

/// An execution that failed in a state.
pub(super) fn failed_in(state: &str, error: &str, cause: &str) -> Vec<HistoryEvent> {
    vec![
        failed(8, 7, error, cause),
        task_failed(7, 6, error, cause),
        plain(6, 5, HistoryEventType::TaskStarted),
        plain(5, 4, HistoryEventType::TaskScheduled),
        entered(4, 3, state),
        exited(3, 2, "Before"),
        entered(2, 0, "Before"),
        plain(1, 0, HistoryEventType::ExecutionStarted),
    ]
}

/// An execution that failed in an iteration of a Map, while another iteration ran.
pub(super) fn failed_in_iteration(map: &str, index: i32, state: &str, error: &str) -> Vec<HistoryEvent> {
    vec![
        failed(13, 12, error, ""),
        plain(12, 9, HistoryEventType::MapStateFailed),
        plain(11, 8, HistoryEventType::MapIterationAborted),
        iteration_failed(10, 9, map, index),
        task_failed(9, 7, error, ""),
        entered(8, 5, "Another"),
        entered(7, 6, state),
        plain(6, 4, HistoryEventType::MapIterationStarted),
        plain(5, 4, HistoryEventType::MapIterationStarted),
        plain(4, 3, HistoryEventType::MapStateStarted),
        entered(3, 2, map),
    ]
}

/// An execution that was stopped or timed out as a whole: its last event follows no other.
pub(super) fn ended_while_running(state: &str, status: &str) -> Vec<HistoryEvent> {
    let kind = match status {
        "TIMED_OUT" => HistoryEventType::ExecutionTimedOut,
        _ => HistoryEventType::ExecutionAborted,
    };
    let mut events = failed_in(state, "", "");
    events.splice(0..2, [plain(7, 0, kind)]);
    events
}
