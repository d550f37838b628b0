//! The attempts of an execution's Tasks, read from its history.

use std::collections::HashMap;

use aws_sdk_sfn::types::HistoryEvent;
use serde_json::Value;

use crate::TestResult;

/// One attempt of a Task.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The state's name.
    pub state: String,
    /// The ARN of the function.
    pub function: String,
    /// The payload.
    pub payload: Value,
    /// The result; absent if there was none when the history was read.
    pub outcome: Option<Result<Value, AttemptError>>,
}

/// The error of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptError {
    /// The name of the error.
    pub error: String,
    /// The cause as Step Functions writes it; empty for a timeout.
    pub cause: String,
}

impl Attempt {
    /// The name of the error, if the attempt failed.
    pub fn error(&self) -> Option<&str> {
        self.outcome.as_ref()?.as_ref().err().map(|failed| failed.error.as_str())
    }
}

/// Every attempt of every Task, in the order of scheduling.
pub fn attempts(history: &[HistoryEvent]) -> TestResult<Vec<Attempt>> {
    let events: HashMap<i64, &HistoryEvent> = history.iter().map(|event| (event.id, event)).collect();
    let predecessor = |event: &HistoryEvent, is_wanted: &dyn Fn(&HistoryEvent) -> bool| {
        let mut event = events.get(&event.previous_event_id).copied();
        while let Some(found) = event.filter(|found| !is_wanted(found)) {
            event = events.get(&found.previous_event_id).copied();
        }
        event
    };
    let mut attempts = Vec::new();
    let mut indexes = HashMap::new();
    for event in history {
        if let Some(details) = event.task_scheduled_event_details() {
            let entered = predecessor(event, &|event| event.state_entered_event_details.is_some());
            let entered =
                entered.and_then(HistoryEvent::state_entered_event_details).ok_or("a Task without a state")?;
            let arguments: Value = serde_json::from_str(details.parameters())?;
            indexes.insert(event.id, attempts.len());
            attempts.push(Attempt {
                state: entered.name().to_owned(),
                function: arguments["FunctionName"].as_str().ok_or("no FunctionName")?.to_owned(),
                payload: arguments["Payload"].clone(),
                outcome: None,
            });
            continue;
        }
        let Some(outcome) = outcome(event)? else { continue };
        let scheduled = predecessor(event, &|event| event.task_scheduled_event_details.is_some());
        let index =
            scheduled.and_then(|event| indexes.get(&event.id)).ok_or("an outcome of a Task that was not scheduled")?;
        attempts[*index].outcome = Some(outcome);
    }
    Ok(attempts)
}

fn outcome(event: &HistoryEvent) -> TestResult<Option<Result<Value, AttemptError>>> {
    if let Some(details) = event.task_succeeded_event_details() {
        let result: Value = serde_json::from_str(details.output().unwrap_or_default())?;
        return Ok(Some(Ok(result["Payload"].clone())));
    }
    let failed = |error: Option<&str>, cause: Option<&str>| AttemptError {
        error: error.unwrap_or_default().to_owned(),
        cause: cause.unwrap_or_default().to_owned(),
    };
    let task_failed = event.task_failed_event_details().map(|details| failed(details.error(), details.cause()));
    let timed_out = event.task_timed_out_event_details().map(|details| failed(details.error(), details.cause()));
    Ok(task_failed.or(timed_out).map(Err))
}
