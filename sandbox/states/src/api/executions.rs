//! The operations on executions.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    body::{Body, invalid},
    constraints, lookup,
    page::{PageRequest, page},
    write_failed,
};
use crate::{
    Announce, Inner, announce, clock,
    definition::Workflow,
    execution::{Execution, Span, Stop},
    executions::Added,
    history::{self, Data, Event},
    map_run::MapRunStatus,
    record::{Record, Start, Status},
    redrive as redriving,
};
use sandbox_core::{
    ports::{ACCOUNT, ApiError},
    store::Order,
};

pub(super) fn start_execution(inner: &Arc<Inner>, body: &Body) -> Result<Value, ApiError> {
    let machine = body.text("stateMachineArn")?;
    let name = body.optional_text("name")?.map(str::to_owned);
    let input = body.optional_text("input")?.unwrap_or("{}");
    let record = start(inner, machine, name, input)?.record();
    Ok(json!({"executionArn": record.arn, "startDate": clock::wire(record.started)}))
}

/// Starts an execution, or returns the running one that has the same name and input.
pub(crate) fn start(
    inner: &Arc<Inner>,
    machine: &str,
    name: Option<String>,
    input: &str,
) -> Result<Arc<Execution>, ApiError> {
    lookup::refuse_label(machine)?;
    let machine = lookup::machine(inner, machine)?;
    if machine.deleting {
        let message = format!("State Machine is being deleted: '{}'", machine.arn);
        return Err(ApiError::new("StateMachineDeleting", message));
    }
    if inner.closing.is_cancelled() {
        return Err(ApiError::new("ServiceUnavailable", "The sandbox is shutting down.").with_status(503));
    }
    let name = name.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    constraints::check_name(&name)?;
    Body::name(&name)?;
    check_input(input)?;
    let arn = format!("arn:aws:states:{}:{ACCOUNT}:execution:{}:{name}", inner.region, machine.name);
    let role = inner.machines.revision(&machine.revision).map(|revision| revision.role.clone()).unwrap_or_default();
    let added = inner.executions.add(&arn, |number| {
        let start = Start {
            arn: arn.clone(),
            name,
            machine: machine.arn,
            revision: machine.revision,
            input: input.to_owned(),
            child: None,
        };
        Execution::new(&inner.store, Record::new(start, number), history::execution_started(input, &role))
    });
    match added.map_err(write_failed)? {
        Added::New(execution) => {
            Inner::launch(inner, Arc::clone(&execution), Announce::IfNew);
            Ok(execution)
        }
        Added::Existing(existing)
            if existing.with_record(|record| record.status == Status::Running && record.input == input) =>
        {
            Ok(existing)
        }
        Added::Existing(_) => {
            Err(ApiError::new("ExecutionAlreadyExists", format!("Execution Already Exists: '{arn}'")))
        }
    }
}

fn check_input(input: &str) -> Result<(), ApiError> {
    constraints::check_input(input)?;
    serde_json::from_str::<Value>(input).map(drop).map_err(|error| {
        ApiError::new(
            "InvalidExecutionInput",
            format!("Invalid State Machine Execution Input: it is not JSON: {error}"),
        )
    })
}

pub(super) async fn stop(inner: &Arc<Inner>, body: &Body) -> Result<Value, ApiError> {
    let execution = lookup::execution(inner, body)?;
    let error = body.optional_text("error")?.map(str::to_owned);
    let cause = body.optional_text("cause")?.map(str::to_owned);
    execution.stop.send_if_modified(|stop| {
        let first = stop.is_none();
        if first {
            *stop = Some(Stop { error, cause });
        }
        first
    });
    // The sender lives as long as the execution, so this waits only for the end or for a shutdown.
    let mut ended = execution.ended.subscribe();
    tokio::select! {
        _ = ended.wait_for(|()| !execution.is_running()) => {}
        () = inner.closing.cancelled() => {}
    }
    let stopped = execution.record().stopped.unwrap_or_else(clock::now);
    Ok(json!({"stopDate": clock::wire(stopped)}))
}

pub(super) fn redrive(inner: &Arc<Inner>, body: &Body) -> Result<Value, ApiError> {
    let execution = lookup::execution(inner, body)?;
    let token = body.optional_text("clientToken")?;
    if inner.closing.is_cancelled() {
        return Err(ApiError::new("ServiceUnavailable", "The sandbox is shutting down.").with_status(503));
    }
    let at = redriving::redrive(inner, &execution, token)
        .map_err(|reason| ApiError::new("ExecutionNotRedrivable", format!("{reason}: '{}'", execution.record().arn)))?;
    Ok(json!({"redriveDate": clock::wire(at)}))
}

pub(super) fn describe(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let execution = lookup::execution(inner, body)?;
    let record = execution.record();
    let mut answer = summary(inner, &record);
    if body.optional_text("includedData")? != Some("METADATA_ONLY") {
        answer["input"] = json!(record.input);
        answer["inputDetails"] = json!({"included": true});
        if let Some(output) = &record.output {
            answer["output"] = json!(output);
            answer["outputDetails"] = json!({"included": true});
        }
        for (name, text) in [("error", &record.error), ("cause", &record.cause)] {
            if let Some(text) = text {
                answer[name] = json!(text);
            }
        }
    }
    let (status, reason) = announce::redrive_status(inner, &record);
    answer["redriveStatus"] = json!(status);
    if let Some(reason) = reason {
        answer["redriveStatusReason"] = json!(reason);
    }
    Ok(answer)
}

/// AWS's name for the status of an execution. A child that its Map Run will redrive is `PENDING_REDRIVE`.
fn status(inner: &Inner, record: &Record) -> &'static str {
    let map_run = record.child.as_ref().and_then(|child| inner.map_runs.get(&child.map_run)).map(|run| run.record());
    let is_pending = map_run.is_some_and(|map_run| {
        map_run.status == MapRunStatus::Running && redriving::needs_redrive(inner, &map_run, record)
    });
    if is_pending { "PENDING_REDRIVE" } else { record.status.name() }
}

/// An execution in the list of `ListExecutions`.
fn summary(inner: &Inner, record: &Record) -> Value {
    let mut summary = json!({
        "executionArn": record.arn,
        "stateMachineArn": record.machine,
        "name": record.name,
        "status": status(inner, record),
        "startDate": clock::wire(record.started),
        "redriveCount": record.redrives,
    });
    if let Some(child) = &record.child {
        summary["mapRunArn"] = json!(child.map_run);
    }
    if let Some(stopped) = record.stopped {
        summary["stopDate"] = clock::wire(stopped);
    }
    if let Some(redriven) = record.redriven {
        summary["redriveDate"] = clock::wire(redriven);
    }
    summary
}

/// The machine or the Map Run whose executions are listed.
enum Parent {
    Machine(String),
    MapRun(String),
}

impl Parent {
    fn contains(&self, record: &Record) -> bool {
        match self {
            Self::Machine(arn) => record.machine == *arn,
            Self::MapRun(arn) => record.child.as_ref().is_some_and(|child| child.map_run == *arn),
        }
    }
}

/// Lists executions, newest first.
pub(super) fn list(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let parent = match (body.optional_text("stateMachineArn")?, body.optional_text("mapRunArn")?) {
        (Some(machine), None) => Parent::Machine(lookup::machine(inner, machine)?.arn),
        (None, Some(map_run)) => Parent::MapRun(lookup::map_run(inner, map_run)?.arn().to_owned()),
        _ => return Err(invalid("Give either 'stateMachineArn' or 'mapRunArn'.")),
    };
    let (wanted, redriven) = (body.optional_text("statusFilter")?, body.optional_text("redriveFilter")?);
    if matches!(parent, Parent::Machine(_)) && wanted == Some("PENDING_REDRIVE") {
        return Err(invalid("A 'statusFilter' of PENDING_REDRIVE needs a 'mapRunArn'."));
    }
    let PageRequest { after, size } = PageRequest::new(body)?;
    let found = inner.executions.newest(after.map(|key| u64::MAX - key), size.saturating_add(1), |record| {
        parent.contains(record)
            && wanted.is_none_or(|wanted| status(inner, record) == wanted)
            && redriven.is_none_or(|filter| (record.redrives > 0) == (filter == "REDRIVEN"))
    });
    let items = found.iter().map(|one| (u64::MAX - one.with_record(|record| record.number), one));
    page(body, "executions", items, |one| {
        one.with_record(|record| {
            let mut shown = summary(inner, record);
            if let (Parent::MapRun(_), Some(child)) = (&parent, &record.child) {
                shown["itemCount"] = json!(child.items);
            }
            shown
        })
    })
}

pub(super) fn history(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let execution = lookup::execution(inner, body)?;
    // "This API action is not supported by EXPRESS state machines" (API reference of `GetExecutionHistory`).
    if execution.with_record(|record| record.child.as_ref().is_some_and(|child| child.workflow == Workflow::Express)) {
        let arn = body.text("executionArn")?;
        return Err(ApiError::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'")));
    }
    let data = match body.get("includeExecutionData") {
        Some(Value::Bool(false)) => Data::Excluded,
        _ => Data::Included,
    };
    let reverse = body.flag("reverseOrder")?;
    let PageRequest { after, size } = PageRequest::new(body)?;
    let limit = size.saturating_add(1);
    let (order, after) =
        if reverse { (Order::Descending, after.map(|key| u64::MAX - key)) } else { (Order::Ascending, after) };
    let events = execution.events(Span { after, order, limit }).map_err(write_failed)?;
    let key = |event: &Event| if reverse { u64::MAX - event.id } else { event.id };
    page(body, "events", events.iter().map(|event| (key(event), event)), |event| event.wire(data))
}
