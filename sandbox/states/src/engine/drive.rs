//! Runs one execution to its end, from its start or from its last state.

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use super::{Failure, Run, Scope};
use crate::{
    Announce, Inner, announce, clock,
    definition::Workflow,
    execution::{Execution, Stop},
    frame::Progress,
    history::{self, Note},
    limits,
    record::{Record, Status},
};

/// How an execution ended.
enum End {
    Finished(Result<Value, Failure>),
    TimedOut,
    Stopped(Stop),
}

/// Runs an execution to its end. If the service closes first, the execution stays RUNNING and is resumed at the next
/// start.
pub(crate) async fn drive(inner: Arc<Inner>, execution: Arc<Execution>, announce: Announce) {
    let _driver = execution.driver_lock.lock().await;
    let record = execution.record();
    let revision = inner.machines.revision(&record.revision);
    let Some((revision, machine_graph)) = revision.and_then(|found| Some((Arc::clone(&found), found.graph.clone()?)))
    else {
        let cause = "The definition that this execution runs can no longer be read by the sandbox.".to_owned();
        let stop = Stop { error: Some("States.Runtime".to_owned()), cause: Some(cause) };
        return conclude(&inner, &execution, End::Stopped(stop)).await;
    };
    let child = record.child.as_ref();
    // A child of a Map Run runs the item processor of its Map state.
    let graph = match child {
        Some(child) => machine_graph.map(&child.state).map_or(&*machine_graph, |map| &map.item_processor.graph),
        None => &*machine_graph,
    };
    let resumed = execution.frame("").is_some();
    if (!resumed || announce == Announce::Always) && is_announced(&record) {
        inner.events.put_event(announce::status(&inner, &record)).await;
    }
    let input: Value = serde_json::from_str(&record.input).unwrap_or_default();
    let first = (!resumed).then(|| input.clone());
    let is_express = child.is_some_and(|child| child.workflow == Workflow::Express);
    let timeout_seconds = if is_express { Some(limits::EXPRESS) } else { graph.timeout_seconds };
    let left = timeout_seconds.map_or(Duration::MAX, |seconds| {
        let passed =
            Duration::from_millis(u64::try_from(clock::now() - record.redriven.unwrap_or(record.started)).unwrap_or(0));
        Duration::from_secs(seconds).saturating_sub(passed)
    });
    let run = Run { inner: Arc::clone(&inner), execution: Arc::clone(&execution), revision, input };
    let scope = Scope { path: String::new(), outer: Map::new(), item: None };
    let mut stop = execution.stop.subscribe();
    let end = tokio::select! {
        biased;
        () = inner.closing.cancelled() => return,
        stop = stop.wait_for(Option::is_some) => {
            End::Stopped(stop.ok().and_then(|stop| stop.clone()).unwrap_or_default())
        }
        finished = run.walk(graph, &scope, first) => End::Finished(finished),
        () = tokio::time::sleep(left) => End::TimedOut,
    };
    conclude(&inner, &execution, end).await;
}

/// Writes the last event and the final record, and notifies `EventBridge`.
async fn conclude(inner: &Inner, execution: &Execution, end: End) {
    let stopped = clock::now();
    let record = match end {
        End::Finished(Ok(output)) => {
            let output = output.to_string();
            let details = history::details("ExecutionSucceeded", history::untruncated("output", &output));
            execution.conclude(Note { kind: "ExecutionSucceeded", details }, |record| {
                set_outcome(record, Status::Succeeded, stopped, (Some(output), None, None));
            })
        }
        End::Finished(Err(Failure { error, cause, .. })) => {
            conclude_unsuccessfully(execution, "ExecutionFailed", Status::Failed, stopped, Stop { error, cause })
        }
        End::TimedOut => {
            abort_flows(execution, "");
            conclude_unsuccessfully(execution, "ExecutionTimedOut", Status::TimedOut, stopped, Stop::default())
        }
        End::Stopped(stop) => {
            abort_flows(execution, "");
            conclude_unsuccessfully(execution, "ExecutionAborted", Status::Aborted, stopped, stop)
        }
    };
    inner.abort_map_runs(&record.arn, "");
    inner.finish_deletion(&record.machine);
    execution.ended.send_replace(());
    if is_announced(&record) {
        inner.events.put_event(announce::status(inner, &record)).await;
    }
}

/// Express workflows send no status events (`eventbridge-integration.html`).
fn is_announced(record: &Record) -> bool {
    record.child.as_ref().is_none_or(|child| child.workflow == Workflow::Standard)
}

type Outcome = (Option<String>, Option<String>, Option<String>);

fn set_outcome(record: &mut Record, status: Status, stopped: i64, (output, error, cause): Outcome) {
    record.status = status;
    record.stopped = Some(stopped);
    record.output = output;
    record.error = error;
    record.cause = cause;
}

fn conclude_unsuccessfully(execution: &Execution, kind: &str, status: Status, stopped: i64, stop: Stop) -> Record {
    let Stop { error, cause } = stop;
    let mut fields = Map::new();
    fields.extend(error.as_deref().map(|error| ("error".to_owned(), json!(error))));
    fields.extend(cause.as_deref().map(|cause| ("cause".to_owned(), json!(cause))));
    let details = history::details(kind, fields);
    execution.conclude(Note { kind, details }, |record| set_outcome(record, status, stopped, (None, error, cause)))
}

/// Marks every running flow as aborted, so that a redrive finds its state.
fn abort_flows(execution: &Execution, path: &str) {
    for (index, _) in execution.children(path) {
        abort_flows(execution, &format!("{path}/{index}"));
    }
    if execution.frame(path).is_some_and(|frame| frame.progress == Progress::Running) {
        execution.set_progress(path, Progress::Aborted);
    }
}
