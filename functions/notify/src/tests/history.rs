//! The failed state, found in a history.

use crate::history::{Ending, Walk};

/// Histories, the newest event first, with the links that AWS gives them.
pub(super) mod events {
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

    pub(crate) fn plain(id: i64, previous: i64, kind: HistoryEventType) -> HistoryEvent {
        event(id, previous, kind).build().unwrap()
    }

    pub(crate) fn entered(id: i64, previous: i64, name: &str) -> HistoryEvent {
        let details = StateEnteredEventDetails::builder().name(name).build().unwrap();
        event(id, previous, HistoryEventType::TaskStateEntered).state_entered_event_details(details).build().unwrap()
    }

    pub(crate) fn left(id: i64, previous: i64, name: &str) -> HistoryEvent {
        let details = StateExitedEventDetails::builder().name(name).build().unwrap();
        event(id, previous, HistoryEventType::TaskStateExited).state_exited_event_details(details).build().unwrap()
    }

    pub(crate) fn task_failed(id: i64, previous: i64, error: &str, cause: &str) -> HistoryEvent {
        let details =
            TaskFailedEventDetails::builder().resource_type("lambda").resource("invoke").error(error).cause(cause);
        let details = details.build().unwrap();
        event(id, previous, HistoryEventType::TaskFailed).task_failed_event_details(details).build().unwrap()
    }

    pub(crate) fn failed(id: i64, previous: i64, error: &str, cause: &str) -> HistoryEvent {
        let details = ExecutionFailedEventDetails::builder().error(error).cause(cause).build();
        event(id, previous, HistoryEventType::ExecutionFailed).execution_failed_event_details(details).build().unwrap()
    }

    pub(crate) fn iteration_failed(id: i64, previous: i64, map: &str, index: i32) -> HistoryEvent {
        let details = MapIterationEventDetails::builder().name(map).index(index).build();
        event(id, previous, HistoryEventType::MapIterationFailed)
            .map_iteration_failed_event_details(details)
            .build()
            .unwrap()
    }

    pub(crate) fn failed_in(state: &str, error: &str, cause: &str) -> Vec<HistoryEvent> {
        vec![
            failed(8, 7, error, cause),
            task_failed(7, 6, error, cause),
            plain(6, 5, HistoryEventType::TaskStarted),
            plain(5, 4, HistoryEventType::TaskScheduled),
            entered(4, 3, state),
            left(3, 2, "Before"),
            entered(2, 0, "Before"),
            plain(1, 0, HistoryEventType::ExecutionStarted),
        ]
    }

    /// An execution that was ended from outside: its last event leads nowhere.
    pub(crate) fn ended_while_running(state: &str, status: &str) -> Vec<HistoryEvent> {
        let kind = match status {
            "TIMED_OUT" => HistoryEventType::ExecutionTimedOut,
            _ => HistoryEventType::ExecutionAborted,
        };
        let mut events = failed_in(state, "", "");
        events.splice(0..2, [plain(7, 0, kind)]);
        events
    }
}

use events::{entered, failed, iteration_failed, left, plain, task_failed};

fn walk(newest_first: &[aws_sdk_sfn::types::HistoryEvent]) -> Ending {
    let mut walk = Walk::default();
    let _ = newest_first.iter().try_for_each(|event| walk.take(event));
    walk.finish()
}

#[test]
fn a_failed_iteration_is_found_past_the_others_that_ran_at_the_same_time() {
    use aws_sdk_sfn::types::HistoryEventType as Kind;

    // The links are those of a recorded history: the failure of the Map leads to the task, not to the iteration.
    let newest_first = vec![
        failed(13, 12, "Source.Denied", "no"),
        plain(12, 9, Kind::MapStateFailed),
        plain(11, 8, Kind::MapIterationAborted),
        iteration_failed(10, 9, "CopyParts", 3),
        task_failed(9, 7, "Source.Denied", "no"),
        entered(8, 5, "CopySlice"),
        entered(7, 6, "DigestSlice"),
        plain(6, 4, Kind::MapIterationStarted),
        plain(5, 4, Kind::MapIterationStarted),
        plain(4, 3, Kind::MapStateStarted),
        entered(3, 2, "CopyParts"),
    ];
    let ending = walk(&newest_first);
    assert_eq!(
        ending,
        Ending {
            state: Some("DigestSlice".to_owned()),
            iteration: Some(("CopyParts".to_owned(), 3)),
            error: Some("Source.Denied".to_owned()),
            cause: Some("no".to_owned()),
        }
    );
}

#[test]
fn a_state_that_was_entered_twice_and_left_once_is_the_one_that_ran() {
    use aws_sdk_sfn::types::HistoryEventType as Kind;

    let ending = walk(&[
        plain(6, 0, Kind::ExecutionAborted),
        entered(5, 4, "Validate"),
        left(4, 3, "CopyObject"),
        entered(3, 2, "CopyObject"),
        left(2, 1, "Validate"),
        entered(1, 0, "Validate"),
    ]);
    assert_eq!((ending.state.as_deref(), ending.error), (Some("Validate"), None));
}

#[test]
fn an_end_that_was_redriven_meanwhile_is_still_told_as_it_was() {
    use aws_sdk_sfn::types::HistoryEventType as Kind;

    let mut events = events::failed_in("CopyObject", "Kms.Denied", "no");
    events.splice(0..0, [plain(10, 9, Kind::TaskScheduled), plain(9, 8, Kind::ExecutionRedriven)]);
    let ending = walk(&events);
    assert_eq!((ending.state.as_deref(), ending.error.as_deref()), (Some("CopyObject"), Some("Kms.Denied")));
}
