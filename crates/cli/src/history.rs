//! What an execution's history tells: its way through the graph, and where and why it failed.

use std::fmt;

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType, MapStateStartedEventDetails, StateEnteredEventDetails};
use serde::Serialize;
use serde_json::Value;

/// A state on an execution's way, or a run of the same state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    /// The state's name.
    pub(crate) state: String,
    /// Its kind.
    #[serde(flatten)]
    pub(crate) kind: StepKind,
    /// How often it was entered in a row.
    pub(crate) times: u32,
}

/// The kind of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub(crate) enum StepKind {
    /// Work.
    Task,
    /// Work on every item; the states inside are not steps of the whole.
    Map {
        /// How many items.
        iterations: u32,
    },
    /// Everything that decides or ends.
    Control,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.state)?;
        if let StepKind::Map { iterations } = self.kind {
            write!(formatter, "×{iterations}")?;
        }
        if self.times > 1 {
            write!(formatter, " ({} times)", self.times)?;
        }
        Ok(())
    }
}

/// Where and why an execution failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    /// The state; absent where the execution failed outside any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    /// The error's name.
    pub(crate) error: String,
    /// A sentence.
    pub(crate) cause: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Some(state) => write!(formatter, "in {state}: {}: {}", self.error, self.cause),
            None => write!(formatter, "{}: {}", self.error, self.cause),
        }
    }
}

/// Every state of the outer graph that was entered, in order. Runs of one state are one step.
pub(crate) fn path(history: &[HistoryEvent]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside_map = false;
    for event in history {
        if let Some(kind) = entered(event.r#type()) {
            let Some(state) = event.state_entered_event_details().map(|details| details.name().to_owned()) else {
                continue;
            };
            if inside_map {
                continue;
            }
            inside_map = matches!(kind, StepKind::Map { .. });
            match steps.last_mut().filter(|last| last.state == state && last.kind == kind) {
                Some(last) => last.times += 1,
                None => steps.push(Step { state, kind, times: 1 }),
            }
        } else if *event.r#type() == HistoryEventType::MapStateStarted {
            let length = event.map_state_started_event_details().map_or(0, MapStateStartedEventDetails::length);
            if let Some(StepKind::Map { iterations }) = steps.last_mut().map(|last| &mut last.kind) {
                *iterations = u32::try_from(length).unwrap_or(0);
            }
        } else if *event.r#type() == HistoryEventType::MapStateExited {
            inside_map = false;
        }
    }
    steps
}

/// The work on the way, without the states that only decide: `Validate → CopyParts×3 → Notify`.
pub(crate) fn work(path: &[Step]) -> String {
    let mut shown: Vec<Step> = Vec::new();
    for step in path.iter().filter(|step| step.kind != StepKind::Control) {
        match shown.last_mut().filter(|last| last.state == step.state && last.kind == step.kind) {
            Some(last) => last.times += step.times,
            None => shown.push(step.clone()),
        }
    }
    shown.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ")
}

/// The name of every state that was entered, inside Maps too, in order.
pub(crate) fn states_entered(history: &[HistoryEvent]) -> impl Iterator<Item = &str> {
    history.iter().filter_map(|event| event.state_entered_event_details().map(StateEnteredEventDetails::name))
}

/// Where and why an execution failed; none while it has not.
pub(crate) fn failure(history: &[HistoryEvent]) -> Option<Failure> {
    let end = history.iter().rev().find(|event| is_end(event.r#type()))?;
    let (error, cause) = reason(end).unwrap_or_else(|| (fallback_error(end.r#type()), String::new()));
    // The error travels from a Task up through its iteration and its Map, which say nothing of its place.
    let place = history.iter().rev().find(|event| event.id() < end.id() && is_origin(history, event, &error));
    let state = state_of(history, place.unwrap_or(end));
    Some(Failure { state, error, cause: sentence(&cause) })
}

fn entered(kind: &HistoryEventType) -> Option<StepKind> {
    match kind {
        HistoryEventType::TaskStateEntered => Some(StepKind::Task),
        HistoryEventType::MapStateEntered => Some(StepKind::Map { iterations: 0 }),
        HistoryEventType::ChoiceStateEntered
        | HistoryEventType::FailStateEntered
        | HistoryEventType::ParallelStateEntered
        | HistoryEventType::PassStateEntered
        | HistoryEventType::SucceedStateEntered
        | HistoryEventType::WaitStateEntered => Some(StepKind::Control),
        _ => None,
    }
}

fn is_end(kind: &HistoryEventType) -> bool {
    matches!(
        kind,
        HistoryEventType::ExecutionFailed | HistoryEventType::ExecutionTimedOut | HistoryEventType::ExecutionAborted
    )
}

fn fallback_error(end: &HistoryEventType) -> String {
    if *end == HistoryEventType::ExecutionAborted { "Aborted" } else { "States.Timeout" }.to_owned()
}

/// Whether the event is a failure by this name whose state was not left afterwards by a catcher or a retrier.
fn is_origin(history: &[HistoryEvent], event: &HistoryEvent, error: &str) -> bool {
    let same = reason(event).is_some_and(|(name, _)| name == error);
    same && !history
        .iter()
        .any(|later| later.previous_event_id() == event.id() && (left(later.r#type()) || scheduled(later.r#type())))
}

fn left(kind: &HistoryEventType) -> bool {
    matches!(kind, HistoryEventType::TaskStateExited | HistoryEventType::MapStateExited)
}

fn scheduled(kind: &HistoryEventType) -> bool {
    matches!(
        kind,
        HistoryEventType::TaskScheduled | HistoryEventType::LambdaFunctionScheduled | HistoryEventType::MapStateStarted
    )
}

/// The error and cause that an event carries.
fn reason(event: &HistoryEvent) -> Option<(String, String)> {
    macro_rules! first_of {
        ($($details:ident),+ $(,)?) => {
            $(if let Some(details) = event.$details() {
                let error = details.error().unwrap_or_default();
                return Some((error.to_owned(), details.cause().unwrap_or_default().to_owned()));
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
        evaluation_failed_event_details,
        execution_failed_event_details,
        execution_timed_out_event_details,
        execution_aborted_event_details,
    );
    None
}

/// The state that an event happened in: the nearest that was entered on the way back.
fn state_of(history: &[HistoryEvent], event: &HistoryEvent) -> Option<String> {
    if let Some(details) = event.evaluation_failed_event_details() {
        return Some(details.state().to_owned());
    }
    let mut current = event;
    loop {
        if let Some(details) = current.state_entered_event_details() {
            return Some(details.name().to_owned());
        }
        let previous = current.previous_event_id();
        // Event ids grow, so the way back ends.
        current = history.iter().find(|event| event.id() == previous && previous < current.id())?;
    }
}

/// A cause is often the JSON that Lambda answers; people want its message.
fn sentence(cause: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(cause).ok();
    let message = parsed.as_ref().and_then(|value| value.get("errorMessage")).and_then(Value::as_str);
    let text = message.unwrap_or(cause).trim();
    if text.is_empty() { "no cause was given".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
