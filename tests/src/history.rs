//! What an execution did, told by its history: every invocation of a function, with what it was given and what came of
//! it.

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
    /// What the function was given.
    pub payload: Value,
    /// What came of it; absent where nothing had when the history was read.
    pub outcome: Option<Result<Value, Problem>>,
}

/// How an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the error.
    pub error: String,
    /// The cause as Step Functions writes it; empty for a timeout.
    pub cause: String,
}

impl Attempt {
    /// The name of its error, if it failed.
    pub fn error(&self) -> Option<&str> {
        self.outcome.as_ref()?.as_ref().err().map(|problem| problem.error.as_str())
    }
}

/// Every attempt of every Task, in the order in which they were scheduled.
pub fn attempts(history: &[HistoryEvent]) -> TestResult<Vec<Attempt>> {
    let events: HashMap<i64, &HistoryEvent> = history.iter().map(|event| (event.id, event)).collect();
    let before = |event: &HistoryEvent, is_it: &dyn Fn(&HistoryEvent) -> bool| {
        let mut event = events.get(&event.previous_event_id).copied();
        while let Some(found) = event.filter(|found| !is_it(found)) {
            event = events.get(&found.previous_event_id).copied();
        }
        event
    };
    let mut attempts = Vec::new();
    let mut places = HashMap::new();
    for event in history {
        if let Some(details) = event.task_scheduled_event_details() {
            let entered = before(event, &|event| event.state_entered_event_details.is_some());
            let entered =
                entered.and_then(HistoryEvent::state_entered_event_details).ok_or("a Task without a state")?;
            let arguments: Value = serde_json::from_str(details.parameters())?;
            places.insert(event.id, attempts.len());
            attempts.push(Attempt {
                state: entered.name().to_owned(),
                function: arguments["FunctionName"].as_str().ok_or("no FunctionName")?.to_owned(),
                payload: arguments["Payload"].clone(),
                outcome: None,
            });
            continue;
        }
        let Some(outcome) = outcome(event)? else { continue };
        let scheduled = before(event, &|event| event.task_scheduled_event_details.is_some());
        let place =
            scheduled.and_then(|event| places.get(&event.id)).ok_or("an outcome of a Task that was not scheduled")?;
        attempts[*place].outcome = Some(outcome);
    }
    Ok(attempts)
}

fn outcome(event: &HistoryEvent) -> TestResult<Option<Result<Value, Problem>>> {
    if let Some(details) = event.task_succeeded_event_details() {
        let result: Value = serde_json::from_str(details.output().unwrap_or_default())?;
        return Ok(Some(Ok(result["Payload"].clone())));
    }
    let problem = |error: Option<&str>, cause: Option<&str>| Problem {
        error: error.unwrap_or_default().to_owned(),
        cause: cause.unwrap_or_default().to_owned(),
    };
    let failed = event.task_failed_event_details().map(|details| problem(details.error(), details.cause()));
    let timed_out = event.task_timed_out_event_details().map(|details| problem(details.error(), details.cause()));
    Ok(failed.or(timed_out).map(Err))
}
