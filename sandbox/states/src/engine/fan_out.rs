//! Map and Parallel: several concurrent flows. The first failure ends all of them.
//!
//! The order of events and their `previousEventId` follow AWS's own histories. When an iteration ends, the next one
//! starts and follows the last event before `MapIterationSucceeded`. After a failure all events follow the last event
//! of the iteration that failed.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::{Map, Value, json};

use super::{
    Entry, Failure, Item, Run, Scope,
    environment::{ActiveState, Extra},
    graph::Boxed,
};
use crate::{
    definition::{Graph, Kind},
    frame::{Frame, Progress},
    history::{self, Note},
    jsonata, limits,
};

/// What the flows run.
enum Work<'a> {
    /// The same graph for every item.
    Map { items: Vec<Value>, selector: Option<&'a Value>, graph: &'a Graph },
    /// A different branch each, with the same input.
    Parallel { branches: &'a [Graph], input: Value },
}

/// The flows of one Map or Parallel state.
pub(super) struct FanOut<'a> {
    run: &'a Run,
    active: ActiveState<'a>,
    work: Work<'a>,
    concurrency: usize,
}

type FlowResult = (usize, Result<Value, Failure>);

impl<'a> FanOut<'a> {
    /// Evaluates the list and the concurrency of a Map, or the input of a Parallel.
    pub(super) fn new(run: &'a Run, active: ActiveState<'a>, kind: &'a Kind) -> Result<Self, Failure> {
        match kind {
            Kind::Map(map) => {
                let items = Self::items(run, active, map.items.as_ref())?;
                let concurrency = Self::concurrency(run, active, map.max_concurrency.as_ref())?;
                let work = Work::Map { items, selector: map.item_selector.as_ref(), graph: &map.item_processor.graph };
                Ok(Self { run, active, work, concurrency })
            }
            Kind::Parallel { branches, arguments } => {
                let input = match arguments {
                    Some(arguments) => run.fill(active, Extra::Nothing, arguments, "Arguments")?,
                    None => active.frame.input.clone(),
                };
                let input = Run::checked(active, input)?;
                Ok(Self { run, active, work: Work::Parallel { branches, input }, concurrency: branches.len() })
            }
            _ => Err(Failure::runtime("Only Map and Parallel have flows.")),
        }
    }

    fn items(run: &Run, active: ActiveState<'_>, template: Option<&Value>) -> Result<Vec<Value>, Failure> {
        let own_input = Value::String("{% $states.input %}".to_owned());
        let template = template.unwrap_or(&own_input);
        match run.fill(active, Extra::Nothing, template, "Items")? {
            Value::Array(items) => Ok(items),
            other => Err(run.evaluation_failed(active, &jsonata::unexpected(template, "Items", "array", &other))),
        }
    }

    /// The concurrency, at most 40. Without a value or with 0 it is the maximum.
    fn concurrency(run: &Run, active: ActiveState<'_>, template: Option<&Value>) -> Result<usize, Failure> {
        let Some(template) = template else { return Ok(limits::MAP_CONCURRENCY) };
        let value = run.fill(active, Extra::Nothing, template, "MaxConcurrency")?;
        let number = value.as_u64().ok_or_else(|| {
            run.evaluation_failed(active, &jsonata::unexpected(template, "MaxConcurrency", "number", &value))
        })?;
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        Ok(if number == 0 { limits::MAP_CONCURRENCY } else { number.min(limits::MAP_CONCURRENCY) })
    }

    fn length(&self) -> usize {
        match &self.work {
            Work::Map { items, .. } => items.len(),
            Work::Parallel { branches, .. } => branches.len(),
        }
    }

    fn path(&self) -> &str {
        &self.active.scope.path
    }

    /// Runs every flow. Returns their outputs in order.
    pub(super) async fn run(&self, entry: Entry) -> Result<Value, Failure> {
        let execution = &self.run.execution;
        let mut results: BTreeMap<usize, Value> = BTreeMap::new();
        let mut started: BTreeSet<usize> = BTreeSet::new();
        for (index, frame) in self.flows_to_continue(entry)? {
            started.insert(index);
            if let Progress::Succeeded(output) = frame.progress {
                results.insert(index, output);
            }
        }
        let unfinished: Vec<usize> = started.iter().copied().filter(|index| !results.contains_key(index)).collect();
        let mut waiting = (0..self.length()).filter(|index| !started.contains(index)).collect::<Vec<_>>().into_iter();
        let mut open_flows: BTreeSet<usize> = unfinished.iter().copied().collect();
        let mut running: FuturesUnordered<Boxed<'_, FlowResult>> = FuturesUnordered::new();
        for index in unfinished {
            running.push(self.flow(index, None));
        }
        let mut previous = execution.cursor(self.path());
        loop {
            while open_flows.len() < self.concurrency
                && let Some(index) = waiting.next()
            {
                open_flows.insert(index);
                match self.begin(index, previous) {
                    Ok(input) => running.push(self.flow(index, input)),
                    Err(failure) => return self.failed(index, &open_flows, failure),
                }
            }
            let Some((index, ended)) = running.next().await else { break };
            match ended {
                Ok(output) => {
                    open_flows.remove(&index);
                    results.insert(index, output);
                    previous = self.succeeded(index)?;
                }
                Err(failure) => {
                    drop(running);
                    return self.failed(index, &open_flows, failure);
                }
            }
        }
        self.done()?;
        Run::checked(self.active, Value::Array(results.into_values().collect()))
    }

    /// The flows to continue. If there are none, the state starts.
    fn flows_to_continue(&self, entry: Entry) -> Result<Vec<(usize, Frame)>, Failure> {
        let execution = &self.run.execution;
        let mut flows = if entry == Entry::Resumed { execution.children(self.path()) } else { Vec::new() };
        // Items can depend on the time or on the number of redrives.
        flows.retain(|(index, _)| *index < self.length());
        if flows.is_empty() {
            execution.remove_flows_below(self.path());
            self.started()?;
        }
        Ok(flows)
    }

    fn child(&self, index: usize) -> String {
        format!("{}/{index}", self.path())
    }

    /// Runs one flow. Without an input it continues from its frame.
    fn flow(&self, index: usize, input: Option<Value>) -> Boxed<'_, FlowResult> {
        let (graph, item) = match &self.work {
            Work::Map { items, graph, .. } => {
                (*graph, Some(Item { index, value: items[index].clone(), key: None, source: None }))
            }
            Work::Parallel { branches, .. } => (&branches[index], self.active.scope.item.clone()),
        };
        let scope = Scope { path: self.child(index), outer: self.active.variables(), item };
        Box::pin(async move { (index, self.run.walk(graph, &scope, input).await) })
    }

    fn started(&self) -> Result<(), Failure> {
        let details = match &self.work {
            Work::Map { items, .. } => history::details("MapStateStarted", json!({"length": items.len()})),
            Work::Parallel { .. } => Map::new(),
        };
        self.run.execution.append(self.path(), &format!("{}StateStarted", self.active.frame.kind), details)?;
        Ok(())
    }

    fn iteration(&self, kind: &str, index: usize) -> Map<String, Value> {
        history::details(kind, json!({"name": self.active.frame.state, "index": index}))
    }

    /// Starts a flow after an event. Returns its input, unless its frame contains it.
    fn begin(&self, index: usize, previous: u64) -> Result<Option<Value>, Failure> {
        let execution = &self.run.execution;
        let path = self.child(index);
        match &self.work {
            Work::Map { items, selector, graph } => {
                // Events of an iteration before its first own event follow the same event.
                execution.set_cursor(&path, previous);
                let value = items[index].clone();
                let item = Some(Item { index, value: value.clone(), key: None, source: None });
                let scope = Scope { path: path.clone(), item, ..self.active.scope.clone() };
                let active = ActiveState { scope: &scope, ..self.active };
                let select = |selector| self.run.fill(active, Extra::Nothing, selector, "ItemSelector");
                let input = Run::checked(self.active, selector.map_or(Ok(value), select)?)?;
                let kind = "MapIterationStarted";
                let note = Note { kind, details: self.iteration(kind, index) };
                let state_kind = graph.states.get(&graph.start_at).map_or("", |state| state.kind.name());
                execution.begin(previous, &path, note, Frame::before(&graph.start_at, state_kind, input))?;
                Ok(None)
            }
            Work::Parallel { input, .. } => {
                execution.set_cursor(&path, previous);
                Ok(Some(input.clone()))
            }
        }
    }

    /// Records that a flow succeeded. Returns the event that the next flow follows.
    fn succeeded(&self, index: usize) -> Result<u64, Failure> {
        let execution = &self.run.execution;
        let last = execution.cursor(&self.child(index));
        let end = match &self.work {
            Work::Map { .. } => {
                let kind = "MapIterationSucceeded";
                execution.note(last, kind, self.iteration(kind, index))?
            }
            Work::Parallel { .. } => last,
        };
        execution.set_cursor(self.path(), end);
        Ok(last)
    }

    /// Records that the state succeeded. The next event follows the last flow.
    fn done(&self) -> Result<(), Failure> {
        let execution = &self.run.execution;
        let kind = format!("{}StateSucceeded", self.active.frame.kind);
        execution.note(execution.cursor(self.path()), &kind, Map::new())?;
        Ok(())
    }

    /// Records that a flow failed, and aborts the others. Returns the failure, or the error of recording it.
    fn failed(&self, index: usize, open_flows: &BTreeSet<usize>, failure: Failure) -> Result<Value, Failure> {
        let execution = &self.run.execution;
        let last = execution.cursor(&self.child(index));
        let is_map = matches!(self.work, Work::Map { .. });
        execution.set_cursor(self.path(), last);
        // An iteration whose input could not be built has not started.
        if let Some(frame) = execution.frame(&self.child(index)) {
            if is_map {
                execution.note(last, "MapIterationFailed", self.iteration("MapIterationFailed", index))?;
            }
            self.run.state_aborted(&frame, last)?;
        }
        for other in open_flows.iter().copied().filter(|other| *other != index) {
            if is_map {
                execution.note(last, "MapIterationAborted", self.iteration("MapIterationAborted", other))?;
            }
            self.run.abort(&self.child(other), last)?;
        }
        Err(failure)
    }
}

impl Run {
    /// Aborts a flow and all flows below it.
    fn abort(&self, path: &str, last: u64) -> Result<(), Failure> {
        let Some(frame) = self.execution.frame(path) else { return Ok(()) };
        if frame.progress != Progress::Running {
            return Ok(());
        }
        for (index, child) in self.execution.children(path) {
            if child.progress == Progress::Running && frame.kind == "Map" {
                let kind = "MapIterationAborted";
                let fields = json!({"name": frame.state, "index": index});
                self.execution.note(last, kind, history::details(kind, fields))?;
            }
            self.abort(&format!("{path}/{index}"), last)?;
        }
        let execution = self.execution.with_record(|record| record.arn.clone());
        self.inner.abort_map_runs(&execution, path);
        self.state_aborted(&frame, last)?;
        self.execution.set_progress(path, Progress::Aborted);
        Ok(())
    }

    /// AWS has this event only for states that take time.
    fn state_aborted(&self, frame: &Frame, last: u64) -> Result<(), Failure> {
        if frame.is_inside() && matches!(frame.kind.as_str(), "Task" | "Map" | "Parallel" | "Wait") {
            self.execution.note(last, &format!("{}StateAborted", frame.kind), Map::new())?;
        }
        Ok(())
    }
}
