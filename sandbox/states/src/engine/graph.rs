//! Runs a graph: enters a state, runs it, leaves it, and continues with the next.

use std::{future::Future, pin::Pin};

use serde_json::{Map, Value, json};

use super::{Entry, Exit, Failure, Run, Scope, environment::ActiveState};
use crate::{
    clock,
    definition::{Graph, Kind, State},
    frame::{Frame, Progress},
    history::{self, Note},
    limits,
};
use sandbox_core::store::Batch;

/// A boxed future: graphs contain Maps, and Maps contain graphs.
pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Run {
    /// Runs a graph from its first state with an input, or from the state in its frame.
    pub(super) fn walk<'a>(
        &'a self,
        graph: &'a Graph,
        scope: &'a Scope,
        input: Option<Value>,
    ) -> Boxed<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let result = self.walk_states(graph, scope, input).await;
            if result.is_err() {
                self.execution.set_progress(&scope.path, Progress::Failed);
            }
            result
        })
    }

    async fn walk_states(&self, graph: &Graph, scope: &Scope, input: Option<Value>) -> Result<Value, Failure> {
        let (mut frame, mut entry) = match (input, self.execution.frame(&scope.path)) {
            (None, Some(Frame { progress: Progress::Succeeded(output), .. })) => return Ok(output),
            (None, Some(frame)) if frame.is_inside() => (self.resume_state(scope, graph, frame)?, Entry::Resumed),
            (input, frame) => {
                let input = input.or(frame.map(|frame| frame.input)).unwrap_or_default();
                let state = find(graph, &graph.start_at)?;
                (self.enter(Batch::default(), scope, &graph.start_at, state, input, Map::new())?, Entry::Fresh)
            }
        };
        loop {
            let state = find(graph, &frame.state)?;
            let exit = self.perform(ActiveState { scope, frame: &frame, retries: 0 }, state, entry).await?;
            let mut batch = Batch::default();
            self.leave(&mut batch, scope, &frame, &exit)?;
            let Some(next) = exit.next else {
                let progress = Progress::Succeeded(exit.output.clone());
                self.execution.put_frame_in(&mut batch, &scope.path, Frame { progress, ..frame });
                self.execution.commit(&batch);
                return Ok(exit.output);
            };
            frame.variables.extend(exit.assigned);
            frame = self.enter(batch, scope, &next, find(graph, &next)?, exit.output, frame.variables)?;
            entry = Entry::Fresh;
        }
    }

    /// Continues with a state: from its progress after a restart, or from its input and variables after a redrive.
    ///
    /// By the table "Redrive behavior of individual states" only the Fail state is entered again. A Task is scheduled
    /// and a Choice is evaluated again, without a second entry. A Wait waits its seconds again, but not for a time that
    /// has passed. A Pass takes no time here, so one that is resumed is always one whose own expressions failed.
    fn resume_state(&self, scope: &Scope, graph: &Graph, frame: Frame) -> Result<Frame, Failure> {
        if frame.progress == Progress::Running {
            return Ok(frame);
        }
        let state = find(graph, &frame.state)?;
        if matches!(state.kind, Kind::Fail { .. }) {
            return self.enter(Batch::default(), scope, &frame.state, state, frame.input, frame.variables);
        }
        let frame = Frame { entered: clock::now(), progress: Progress::Running, ..frame };
        self.execution.put_frame(&scope.path, frame.clone());
        Ok(frame)
    }

    /// Enters a state. The batch is written together with the entry.
    fn enter(
        &self,
        batch: Batch,
        scope: &Scope,
        name: &str,
        state: &State,
        input: Value,
        variables: Map<String, Value>,
    ) -> Result<Frame, Failure> {
        let kind = state.kind.name();
        let mut fields = Map::from_iter([("name".to_owned(), json!(name))]);
        fields.extend(history::untruncated("input", &input.to_string()));
        let event = format!("{kind}StateEntered");
        let note = Note { kind: &event, details: history::details(&event, fields) };
        let frame = Frame { variables, ..Frame::before(name, kind, input) };
        Ok(self.execution.enter(batch, &scope.path, note, frame)?)
    }

    fn leave(&self, batch: &mut Batch, scope: &Scope, frame: &Frame, exit: &Exit) -> Result<(), Failure> {
        let mut fields = Map::from_iter([("name".to_owned(), json!(frame.state))]);
        fields.extend(history::untruncated("output", &exit.output.to_string()));
        if !exit.assigned.is_empty() {
            let assigned: Map<String, Value> =
                exit.assigned.iter().map(|(name, value)| (name.clone(), json!(value.to_string()))).collect();
            fields.insert("assignedVariables".to_owned(), Value::Object(assigned));
            fields.insert("assignedVariablesDetails".to_owned(), json!({"truncated": false}));
        }
        let kind = format!("{}StateExited", frame.kind);
        let note = Note { kind: &kind, details: history::details(&kind, fields) };
        self.execution.append_in(batch, &scope.path, note)?;
        Ok(())
    }

    async fn perform(&self, active: ActiveState<'_>, state: &State, entry: Entry) -> Result<Exit, Failure> {
        let exit = match &state.kind {
            Kind::Task { .. } | Kind::Map(_) | Kind::Parallel { .. } => {
                self.attempt_until_done(active, state, entry).await?
            }
            Kind::Pass {} | Kind::Succeed {} => self.pass(active, state)?,
            Kind::Choice { choices, default } => self.choose(active, state, choices, default.as_deref())?,
            Kind::Wait { seconds, timestamp } => {
                self.wait(active, seconds.as_ref(), timestamp.as_ref()).await?;
                self.pass(active, state)?
            }
            Kind::Fail { error, cause } => return Err(self.fail(active, error.as_deref(), cause.as_deref())),
        };
        Ok(exit)
    }

    /// Rejects an output that is too large.
    pub(super) fn checked(active: ActiveState<'_>, output: Value) -> Result<Value, Failure> {
        if limits::exceeds_payload(&output) { Err(Failure::too_large(&active.frame.state)) } else { Ok(output) }
    }
}

fn find<'a>(graph: &'a Graph, name: &str) -> Result<&'a State, Failure> {
    graph.states.get(name).ok_or_else(|| Failure::runtime(format!("The definition has no state '{name}'.")))
}
