//! A distributed Map state: a Map Run whose children are separate executions. Source: Step Functions Developer Guide,
//! "Using Map state in Distributed mode" (`state-map-distributed.html`) and "Redriving Map Runs"
//! (`redrive-map-run.html`).
//!
//! The order of events is that of a recording of AWS: `MapStateStarted` (with length 0 if the items are not read yet),
//! `MapRunStarted`, `MapRunSucceeded`, `MapStateSucceeded`.

mod batches;
mod children;
mod csv;
mod items;
mod results;

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Entry, Failure, Run,
    environment::{ActiveState, Extra},
};
use crate::{
    clock,
    definition::{MapState, Workflow},
    history::{self, Note},
    jsonata, limits,
    map_run::{MapRun, MapRunRecord, MapRunStatus, Origin, Settings},
};
use items::Source;
use results::Destination;
use sandbox_core::{
    ports::{TaskCall, TaskError},
    store::Batch,
};

/// One attempt at a distributed Map state.
pub(super) struct Distributed<'a> {
    run: &'a Run,
    active: ActiveState<'a>,
    map: &'a MapState,
    workflow: Workflow,
}

/// What to do with the Map Run that the state started before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MapRunAction {
    /// Continue it.
    Continue,
    /// Redrive it.
    Redrive,
    /// Return its result: the sandbox was killed before the execution continued.
    UseResult,
    /// Start a new one.
    StartNew,
}

/// Decides about a Map Run by the number of redrives of its execution. A Map Run that failed because of the size of its
/// data or a failed expression is not redriven: the state starts a new one.
fn next_action(record: &MapRunRecord, execution_redrives: u32) -> MapRunAction {
    let needs_new_run = matches!(
        record.error.as_deref(),
        Some("States.DataLimitExceeded" | "States.Runtime" | "States.QueryEvaluationError")
    );
    let is_new_redrive = execution_redrives > record.execution_redrives;
    match record.status {
        MapRunStatus::Running => MapRunAction::Continue,
        MapRunStatus::Succeeded | MapRunStatus::Failed if !is_new_redrive => MapRunAction::UseResult,
        MapRunStatus::Failed | MapRunStatus::Aborted if is_new_redrive && !needs_new_run => MapRunAction::Redrive,
        _ => MapRunAction::StartNew,
    }
}

impl<'a> Distributed<'a> {
    pub(super) fn new(run: &'a Run, active: ActiveState<'a>, map: &'a MapState, workflow: Workflow) -> Self {
        Self { run, active, map, workflow }
    }

    /// Runs every item. Returns the state's result.
    pub(super) async fn run(&self, entry: Entry) -> Result<Value, Failure> {
        let map_run = self.begin(entry)?;
        match map_run.record() {
            MapRunRecord { status: MapRunStatus::Running, .. } => {
                let result = self.work(&map_run).await;
                self.end(&map_run, result)
            }
            record @ MapRunRecord { status: MapRunStatus::Succeeded, .. } => {
                Ok(self.output(&record, self.destination()?.as_ref()))
            }
            record => Err(Failure::of_map_run(record.error, record.cause)),
        }
    }

    fn begin(&self, entry: Entry) -> Result<Arc<MapRun>, Failure> {
        let origin = self.run.origin(self.active);
        let before = match entry {
            Entry::Resumed => self.run.inner.map_runs.of_entry(&origin).into_iter().next(),
            Entry::Fresh => None,
        };
        let redrives = self.run.execution.with_record(|record| record.redrives);
        match before {
            Some(map_run) => match next_action(&map_run.record(), redrives) {
                MapRunAction::Continue | MapRunAction::UseResult => Ok(map_run),
                MapRunAction::Redrive => self.redrive(map_run, redrives),
                MapRunAction::StartNew => self.start(origin, redrives),
            },
            None => self.start(origin, redrives),
        }
    }

    /// Starts a Map Run after every expression that it needs is evaluated.
    fn start(&self, origin: Origin, execution_redrives: u32) -> Result<Arc<MapRun>, Failure> {
        let settings = self.settings()?;
        self.destination()?;
        let length = match self.source()? {
            Source::State(items) => items.len(),
            Source::Bucket { .. } => 0,
        };
        let mut batch = Batch::default();
        let (execution, path) = (&self.run.execution, &self.active.scope.path);
        let kind = "MapStateStarted";
        let details = history::details(kind, json!({"length": length}));
        execution.append_in(&mut batch, path, Note { kind, details })?;
        let record = MapRunRecord {
            id: Uuid::new_v4().to_string(),
            region: self.run.inner.region.clone(),
            machine: self.run.revision.name.clone(),
            revision: self.run.revision.id.clone(),
            state: self.active.frame.state.clone(),
            label: self.label(),
            workflow: self.workflow,
            origin,
            number: 0,
            status: MapRunStatus::Running,
            started: clock::now(),
            stopped: None,
            settings,
            children: None,
            items: 0,
            results_written: false,
            error: None,
            cause: None,
            redrives: 0,
            redriven: None,
            execution_redrives,
        };
        let kind = "MapRunStarted";
        let details = history::details(kind, json!({"mapRunArn": record.arn()}));
        execution.append_in(&mut batch, path, Note { kind, details })?;
        let map_run = self.run.inner.map_runs.add(&mut batch, record);
        execution.commit(&batch);
        Ok(map_run)
    }

    /// The state's label. AWS generates one for a state without a label.
    fn label(&self) -> String {
        self.map.label.clone().unwrap_or_else(|| {
            let name = format!("{}/{}", self.run.revision.id, self.active.frame.state);
            Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
        })
    }

    /// Restarts a Map Run that ended. It keeps its settings, and its items if they were read.
    fn redrive(&self, map_run: Arc<MapRun>, execution_redrives: u32) -> Result<Arc<MapRun>, Failure> {
        if map_run.record().redrives >= limits::MAP_RUN_REDRIVES {
            return Err(Failure::runtime(format!("The Map Run was redriven {} times.", limits::MAP_RUN_REDRIVES)));
        }
        let mut batch = Batch::default();
        let now = clock::now();
        let record = map_run.change_in(&mut batch, |record| {
            record.status = MapRunStatus::Running;
            record.stopped = None;
            (record.error, record.cause) = (None, None);
            record.results_written = false;
            record.redrives += 1;
            record.redriven = Some(now);
            record.execution_redrives = execution_redrives;
        });
        let kind = "MapRunRedriven";
        let details = history::details(kind, json!({"mapRunArn": map_run.arn(), "redriveCount": record.redrives}));
        self.run.execution.append_in(&mut batch, &self.active.scope.path, Note { kind, details })?;
        self.run.execution.commit(&batch);
        Ok(map_run)
    }

    async fn work(&self, map_run: &MapRun) -> Result<Value, Failure> {
        let destination = self.destination()?;
        if map_run.record().children.is_none() {
            let inputs = self.inputs(self.source()?).await?;
            map_run.put_inputs(&inputs).map_err(|error| Failure::runtime(error.to_string()))?;
        }
        let outcome = self.run_children(map_run).await;
        let results = self.export(map_run, destination.as_ref()).await;
        outcome.and(results)
    }

    fn end(&self, map_run: &MapRun, result: Result<Value, Failure>) -> Result<Value, Failure> {
        let mut batch = Batch::default();
        let (execution, path) = (&self.run.execution, &self.active.scope.path);
        match &result {
            Ok(_) => {
                map_run.end(&mut batch, MapRunStatus::Succeeded, (None, None));
                let note = |kind| Note { kind, details: Map::new() };
                let last = execution.append_in(&mut batch, path, note("MapRunSucceeded"))?;
                execution.note_in(&mut batch, last, note("MapStateSucceeded"))?;
                execution.commit(&batch);
            }
            Err(failure) => {
                map_run.end(&mut batch, MapRunStatus::Failed, (failure.error.clone(), failure.cause.clone()));
                let kind = "MapRunFailed";
                let details = history::details(kind, json!({"error": failure.error, "cause": failure.cause}));
                execution.append_in(&mut batch, path, Note { kind, details })?;
                execution.commit(&batch);
            }
        }
        result
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let count = |template: Option<&Value>, location: &str| {
            template.map(|template| self.whole_number(template, location, u64::MAX)).transpose()
        };
        let percentage = self.map.tolerated_failure_percentage.as_ref().map(|template| {
            let location = "ToleratedFailurePercentage";
            let value = self.run.fill(self.active, Extra::Nothing, template, location)?;
            let number = value.as_f64().filter(|number| (0.0..=100.0).contains(number));
            number.ok_or_else(|| self.wrong_type(template, location, &value))
        });
        Ok(Settings {
            max_concurrency: count(self.map.max_concurrency.as_ref(), "MaxConcurrency")?.unwrap_or(0),
            tolerated_count: count(self.map.tolerated_failure_count.as_ref(), "ToleratedFailureCount")?,
            tolerated_percentage: percentage.transpose()?,
        })
    }

    /// A whole number or the result of an expression.
    fn whole_number(&self, template: &Value, location: &str, most: u64) -> Result<u64, Failure> {
        let value = self.run.fill(self.active, Extra::Nothing, template, location)?;
        let number = value.as_u64().filter(|number| *number <= most);
        number.ok_or_else(|| self.wrong_type(template, location, &value))
    }

    fn wrong_type(&self, template: &Value, location: &str, value: &Value) -> Failure {
        self.run.evaluation_failed(self.active, &jsonata::unexpected(template, location, "number", value))
    }

    fn destination(&self) -> Result<Option<Destination>, Failure> {
        let Some(arguments) = self.map.result_writer.as_ref().and_then(|writer| writer.arguments.as_ref()) else {
            return Ok(None);
        };
        let location = "ResultWriter/Arguments";
        let arguments = self.run.fill_object(self.active, Extra::Nothing, arguments, location)?;
        Destination::of(&arguments).map(Some).map_err(|cause| Failure::new("States.ResultWriterFailed", cause))
    }

    /// Calls S3 with the machine's role, as a Task of this execution does.
    async fn call_s3(&self, operation: &str, arguments: Value) -> Result<Value, TaskError> {
        let call = TaskCall {
            resource: format!("aws-sdk:s3:{operation}"),
            arguments,
            execution_arn: self.run.execution.with_record(|record| record.arn.clone()),
            state: self.active.frame.state.clone(),
            role_arn: self.run.revision.role.clone(),
        };
        self.run.inner.runner.run(call).await
    }
}

impl Run {
    fn origin(&self, active: ActiveState<'_>) -> Origin {
        Origin {
            execution: self.execution.with_record(|record| record.arn.clone()),
            path: active.scope.path.clone(),
            entered_event: active.frame.entered_event,
        }
    }
}

/// Rejects a payload that is too large.
fn checked(active: ActiveState<'_>, text: &str) -> Result<(), Failure> {
    if text.len() > limits::PAYLOAD { Err(Failure::too_large(&active.frame.state)) } else { Ok(()) }
}
