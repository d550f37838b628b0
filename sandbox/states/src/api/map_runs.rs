//! The operations on Map Runs. Source: API reference of `DescribeMapRun`, `ListMapRuns` and `UpdateMapRun`.

use serde_json::{Value, json};

use super::{
    body::{Body, invalid},
    lookup,
    page::page,
};
use crate::{
    Inner, clock,
    map_run::{MapRunRecord, MapRunStatus},
    record::Status,
    redrive,
};
use sandbox_core::ports::ApiError;

/// The number of children, or of their items, by status.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    started: u64,
    running: u64,
    succeeded: u64,
    failed: u64,
    timed_out: u64,
    aborted: u64,
    pending_redrive: u64,
    not_redrivable: u64,
}

impl Counts {
    fn add(&mut self, child_status: &ChildStatus, number: u64) {
        self.started += number;
        if child_status.is_pending {
            self.pending_redrive += number;
            return;
        }
        if child_status.is_permanent {
            self.not_redrivable += number;
        }
        match child_status.status {
            Status::Running => self.running += number,
            Status::Succeeded => self.succeeded += number,
            Status::Failed => self.failed += number,
            Status::TimedOut => self.timed_out += number,
            Status::Aborted => self.aborted += number,
        }
    }

    fn wire(&self, total: u64, results_written: bool) -> Value {
        let ended = self.succeeded + self.failed + self.timed_out + self.aborted;
        json!({
            "total": total,
            "pending": total.saturating_sub(self.started),
            "running": self.running,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "timedOut": self.timed_out,
            "aborted": self.aborted,
            "resultsWritten": if results_written { ended } else { 0 },
            "pendingRedrive": self.pending_redrive,
            "failuresNotRedrivable": self.not_redrivable,
        })
    }
}

struct ChildStatus {
    status: Status,
    is_pending: bool,
    /// The child did not succeed and cannot be redriven.
    is_permanent: bool,
}

/// The counts of children and of items.
fn counts(inner: &Inner, map_run: &MapRunRecord) -> (Counts, Counts) {
    let (mut children, mut items) = (Counts::default(), Counts::default());
    for child in (0..map_run.children.unwrap_or(0)).filter_map(|index| inner.child(map_run, index)) {
        let (child_status, number) = child.with_record(|record| {
            let has_failed = matches!(record.status, Status::Failed | Status::TimedOut | Status::Aborted);
            let child_status = ChildStatus {
                status: record.status,
                is_pending: map_run.status == MapRunStatus::Running && redrive::needs_redrive(inner, map_run, record),
                is_permanent: has_failed && redrive::not_redrivable_reason(inner, record).is_some(),
            };
            (child_status, record.child.as_ref().map_or(0, |child| child.items))
        });
        children.add(&child_status, 1);
        items.add(&child_status, number);
    }
    (children, items)
}

pub(super) fn describe(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let record = lookup::map_run(inner, body.text("mapRunArn")?)?.record();
    let (children, items) = counts(inner, &record);
    let mut answer = json!({
        "mapRunArn": record.arn(),
        "executionArn": record.origin.execution,
        "status": record.status.name(),
        "startDate": clock::wire(record.started),
        "maxConcurrency": record.settings.max_concurrency,
        "toleratedFailureCount": record.settings.tolerated_count.unwrap_or(0),
        "toleratedFailurePercentage": record.settings.tolerated_percentage.unwrap_or(0.0),
        "itemCounts": items.wire(record.items, record.results_written),
        "executionCounts": children.wire(record.children.unwrap_or(0) as u64, record.results_written),
        "redriveCount": record.redrives,
    });
    for (name, at) in [("stopDate", record.stopped), ("redriveDate", record.redriven)] {
        if let Some(at) = at {
            answer[name] = clock::wire(at);
        }
    }
    Ok(answer)
}

/// Lists Map Runs, newest first.
pub(super) fn list(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let execution = lookup::execution(inner, body)?.with_record(|record| record.arn.clone());
    let records: Vec<MapRunRecord> = inner.map_runs.of_execution(&execution).iter().map(|run| run.record()).collect();
    let items = records.iter().map(|record| (u64::MAX - record.number, record));
    page(body, "mapRuns", items, |record| {
        let mut shown = json!({
            "mapRunArn": record.arn(),
            "executionArn": record.origin.execution,
            "stateMachineArn": record.machine_arn(),
            "startDate": clock::wire(record.started),
        });
        if let Some(stopped) = record.stopped {
            shown["stopDate"] = clock::wire(stopped);
        }
        shown
    })
}

pub(super) fn update(inner: &Inner, body: &Body) -> Result<Value, ApiError> {
    let map_run = lookup::map_run(inner, body.text("mapRunArn")?)?;
    let number = |name: &str| match body.get(name).map(Value::as_u64) {
        None => Ok(None),
        Some(Some(number)) => Ok(Some(number)),
        Some(None) => Err(invalid(format!("Field '{name}' must be a whole number of at least 0."))),
    };
    let (concurrency, count) = (number("maxConcurrency")?, number("toleratedFailureCount")?);
    let percentage = match body.get("toleratedFailurePercentage").map(Value::as_f64) {
        None => None,
        Some(Some(percentage)) if (0.0..=100.0).contains(&percentage) => Some(percentage),
        Some(_) => return Err(invalid("Field 'toleratedFailurePercentage' must be a number from 0 to 100.")),
    };
    if map_run.record().status != MapRunStatus::Running {
        return Err(invalid(format!("The Map Run has ended and cannot be updated: '{}'", map_run.arn())));
    }
    map_run.change(|record| {
        let settings = &mut record.settings;
        settings.max_concurrency = concurrency.unwrap_or(settings.max_concurrency);
        settings.tolerated_count = count.or(settings.tolerated_count);
        settings.tolerated_percentage = percentage.or(settings.tolerated_percentage);
    });
    Ok(json!({}))
}
