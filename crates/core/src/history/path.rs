//! The path of an execution: the states of the outer graph that it entered.

use std::fmt;

use serde::Serialize;

use super::{EventKind, HistoryEvent, StateKind};

/// A state that was entered once or several times in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The state's name.
    pub state: String,
    /// The state's kind.
    #[serde(flatten)]
    pub kind: StepKind,
    /// The number of times that it was entered in a row.
    pub times: u32,
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum StepKind {
    /// A Task.
    Task,
    /// A Map. The states inside it are not steps of the path.
    Map {
        /// The number of iterations.
        iterations: u32,
    },
    /// Any other state.
    Control,
}

/// `Validate`, `CopyParts×3`, `VerifyBackup (2 times)`.
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

/// The states of the outer graph that an execution entered, in order. The history begins with the oldest event.
/// A state that was entered several times in a row is one step.
pub fn path(history: &[HistoryEvent]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_inside_map = false;
    for event in history {
        match event.kind {
            EventKind::StateEntered(state) if !is_inside_map => {
                is_inside_map = state == StateKind::Map;
                add(&mut steps, event.name.as_deref().unwrap_or_default(), state);
            }
            EventKind::MapStarted { items } => {
                if let Some(StepKind::Map { iterations }) = steps.last_mut().map(|last| &mut last.kind) {
                    *iterations = items;
                }
            }
            EventKind::StateExited(StateKind::Map) => is_inside_map = false,
            _ => {}
        }
    }
    steps
}

fn add(steps: &mut Vec<Step>, name: &str, state: StateKind) {
    let kind = match state {
        StateKind::Task => StepKind::Task,
        StateKind::Map => StepKind::Map { iterations: 0 },
        StateKind::Control => StepKind::Control,
    };
    match steps.last_mut().filter(|last| last.state == name && last.kind == kind) {
        Some(last) => last.times += 1,
        None => steps.push(Step { state: name.to_owned(), kind, times: 1 }),
    }
}

/// The name of each state that was entered, in order, including the states inside Maps.
pub fn states_entered(history: &[HistoryEvent]) -> impl Iterator<Item = &str> {
    let entered = |event: &&HistoryEvent| matches!(event.kind, EventKind::StateEntered(_));
    history.iter().filter(entered).filter_map(|event| event.name.as_deref())
}
