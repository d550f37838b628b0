//! Redrive: an execution that failed, timed out or was aborted continues in the states where it ended. Source: Step
//! Functions Developer Guide, "Restarting state machine executions with redrive in Step Functions"
//! (`redrive-executions.html`), and the API reference of `RedriveExecution` and `DescribeExecution`.
//!
//! A redrive copies no data. The frames still hold the state of each flow, with its input and variables, and the
//! outputs of the flows that succeeded. The engine resumes the frames that failed or were aborted (`engine/graph.rs`).
//! Retry counters and timeouts restart because they are not stored.

use std::sync::Arc;

use serde_json::json;

use super::{
    Announce, Inner, clock,
    definition::Workflow,
    execution::{ChildFlows, Execution},
    frame::Progress,
    history::{self, Note},
    limits,
    map_run::MapRunRecord,
    record::{Record, Status, Token},
};

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;
/// How long after its end an execution can be redriven.
const REDRIVE_PERIOD: i64 = 14 * DAY;
/// The maximum time from the start of an execution to a redrive.
const MAX_AGE: i64 = 365 * DAY;
/// How long a client token identifies its redrive.
const TOKEN_VALID: i64 = 15 * MINUTE;
/// The number of stored client tokens.
const TOKENS: usize = 10;

/// Why a request starts no redrive.
enum NotRedriven {
    /// It repeats the request that redrove the execution at this time.
    Repeated(i64),
    /// It is refused for this reason.
    Refused(String),
}

/// Why an execution cannot be redriven, by itself or by its Map Run, as in `redriveStatusReason`. `None` if it can.
pub(crate) fn not_redrivable_reason(inner: &Inner, record: &Record) -> Option<String> {
    let now = clock::now();
    match record.status {
        Status::Running | Status::Succeeded => {
            return Some(format!("Execution is {} and cannot be redriven", record.status.name()));
        }
        Status::Failed | Status::TimedOut | Status::Aborted => {}
    }
    // An Express child restarts from its first state, which is always possible.
    if record.child.as_ref().is_some_and(|child| child.workflow == Workflow::Express) {
        return None;
    }
    let reason = if inner.machines.get(record.machine_without_label()).is_none_or(|machine| machine.deleting) {
        "State machine is in DELETING status"
    } else if record.events >= limits::HISTORY - 1 {
        "Execution history event limit exceeded"
    } else if now - record.started > MAX_AGE {
        "Execution has exceeded the max execution time"
    } else if now - record.stopped.unwrap_or(now) > REDRIVE_PERIOD {
        "Execution redrivable period exceeded"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

/// Redrives an execution. Returns the time of the redrive, or why it is not possible.
pub(crate) fn redrive(inner: &Arc<Inner>, execution: &Arc<Execution>, token: Option<&str>) -> Result<i64, String> {
    let reopened = execution.reopen(|record| {
        let now = clock::now();
        record.tokens.retain(|token| now - token.used < TOKEN_VALID);
        if let Some(earlier) = record.tokens.iter().find(|earlier| Some(earlier.text.as_str()) == token) {
            return Err(NotRedriven::Repeated(earlier.used));
        }
        if let Some(reason) = not_redrivable_reason(inner, record) {
            return Err(NotRedriven::Refused(reason));
        }
        if record.child.is_some() {
            let reason = "Execution was started by a Map Run, which redrives it when its parent is redriven";
            return Err(NotRedriven::Refused(reason.to_owned()));
        }
        execution.stop.send_replace(None);
        let flows = child_flows(execution, record);
        Ok((now, reopen(record, token, now), flows))
    });
    match reopened {
        Ok(now) => {
            Inner::launch(inner, Arc::clone(execution), Announce::Always);
            Ok(now)
        }
        Err(NotRedriven::Repeated(at)) => Ok(at),
        Err(NotRedriven::Refused(reason)) => Err(reason),
    }
}

/// Whether a Map Run will run an ended child again.
pub(crate) fn needs_redrive(inner: &Inner, map_run: &MapRunRecord, record: &Record) -> bool {
    let is_of_an_earlier_round = record.child.as_ref().is_some_and(|child| child.round < map_run.redrives);
    is_of_an_earlier_round && not_redrivable_reason(inner, record).is_none()
}

/// Redrives a Standard child in a round of its Map Run. If that is no longer possible, the child keeps its last outcome
/// (`redrive-map-run.html`).
pub(crate) fn redrive_child(inner: &Arc<Inner>, execution: &Arc<Execution>, round: u32) {
    let reopened = execution.reopen(|record| {
        if let Some(reason) = not_redrivable_reason(inner, record) {
            return Err(reason);
        }
        execution.stop.send_replace(None);
        let flows = child_flows(execution, record);
        record.child.iter_mut().for_each(|child| child.round = round);
        Ok(((), reopen(record, None, clock::now()), flows))
    });
    if reopened.is_ok() {
        Inner::launch(inner, Arc::clone(execution), Announce::Always);
    }
}

fn reopen(record: &mut Record, token: Option<&str>, now: i64) -> Note<'static> {
    record.status = Status::Running;
    record.stopped = None;
    record.output = None;
    record.error = None;
    record.cause = None;
    record.redrives += 1;
    record.redriven = Some(now);
    record.tokens.extend(token.map(|text| Token { text: text.to_owned(), used: now }));
    record.tokens.drain(..record.tokens.len().saturating_sub(TOKENS));
    let details = history::details("ExecutionRedriven", json!({"redriveCount": record.redrives}));
    Note { kind: "ExecutionRedriven", details }
}

/// A Map or Parallel that failed because of the size of its data runs again from its start, without the flows below it.
/// The error propagates unchanged, so the frame of the execution itself decides.
fn child_flows(execution: &Execution, record: &Record) -> ChildFlows {
    let failed = || execution.frame("").is_some_and(|frame| frame.progress == Progress::Failed);
    if record.error.as_deref() == Some("States.DataLimitExceeded") && failed() {
        ChildFlows::Discarded
    } else {
        ChildFlows::Kept
    }
}
