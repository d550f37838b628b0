//! Converts the SDK's history events to those of [`holdfast_core::history`].
//!
//! This is a separate crate because notify and the command line both need it, and notify must not link the crate for
//! operators.

#![warn(missing_docs)]

use aws_sdk_sfn::types::{self, HistoryEventType};
use holdfast_core::history::{End, EventKind, HistoryEvent, StateKind};

/// The part of an event that [`holdfast_core::history`] needs.
pub fn event(event: &types::HistoryEvent) -> HistoryEvent {
    let (error, cause) = reason(event).unwrap_or_default();
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    HistoryEvent {
        id: event.id(),
        previous_id: event.previous_event_id(),
        kind: kind(event),
        name: name(event).map(str::to_owned),
        error: text(error),
        cause: text(cause),
    }
}

fn kind(event: &types::HistoryEvent) -> EventKind {
    use HistoryEventType as Type;

    match event.r#type() {
        Type::TaskStateEntered => EventKind::StateEntered(StateKind::Task),
        Type::MapStateEntered => EventKind::StateEntered(StateKind::Map),
        Type::ChoiceStateEntered
        | Type::FailStateEntered
        | Type::ParallelStateEntered
        | Type::PassStateEntered
        | Type::SucceedStateEntered
        | Type::WaitStateEntered => EventKind::StateEntered(StateKind::Control),
        Type::TaskStateExited => EventKind::StateExited(StateKind::Task),
        Type::MapStateExited => EventKind::StateExited(StateKind::Map),
        Type::ChoiceStateExited
        | Type::ParallelStateExited
        | Type::PassStateExited
        | Type::SucceedStateExited
        | Type::WaitStateExited => EventKind::StateExited(StateKind::Control),
        Type::MapStateStarted => {
            let items = event.map_state_started_event_details().map(types::MapStateStartedEventDetails::length);
            // The API's minimum is 0.
            EventKind::MapStarted { items: items.and_then(|items| u32::try_from(items).ok()).unwrap_or_default() }
        }
        Type::MapIterationFailed => {
            let index = event.map_iteration_failed_event_details().map(types::MapIterationEventDetails::index);
            EventKind::IterationFailed { index: index.unwrap_or_default() }
        }
        Type::ExecutionFailed => EventKind::ExecutionEnded(End::Failed),
        Type::ExecutionTimedOut => EventKind::ExecutionEnded(End::TimedOut),
        Type::ExecutionAborted => EventKind::ExecutionEnded(End::Aborted),
        _ if reason(event).is_some() => EventKind::AttemptFailed,
        _ => EventKind::Other,
    }
}

fn name(event: &types::HistoryEvent) -> Option<&str> {
    let entered = event.state_entered_event_details().map(types::StateEnteredEventDetails::name);
    let exited = event.state_exited_event_details().map(types::StateExitedEventDetails::name);
    let evaluated = event.evaluation_failed_event_details().map(types::EvaluationFailedEventDetails::state);
    let iteration = event.map_iteration_failed_event_details().and_then(types::MapIterationEventDetails::name);
    entered.or(exited).or(evaluated).or(iteration)
}

/// The error and the cause of an event that has such details.
fn reason(event: &types::HistoryEvent) -> Option<(Option<&str>, Option<&str>)> {
    macro_rules! first_of {
        ($($details:ident),+ $(,)?) => {
            $(if let Some(details) = event.$details() {
                return Some((details.error(), details.cause()));
            })+
        };
    }
    first_of!(
        task_failed_event_details,
        task_timed_out_event_details,
        task_start_failed_event_details,
        task_submit_failed_event_details,
        lambda_function_failed_event_details,
        lambda_function_timed_out_event_details,
        lambda_function_start_failed_event_details,
        lambda_function_schedule_failed_event_details,
        map_run_failed_event_details,
        evaluation_failed_event_details,
        execution_failed_event_details,
        execution_timed_out_event_details,
        execution_aborted_event_details,
    );
    None
}

#[cfg(test)]
mod tests;
