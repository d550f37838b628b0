//! Runs executions: one task per execution, one flow (frame) per Map iteration or Parallel branch.

mod attempts;
mod distributed;
mod drive;
mod environment;
mod failure;
mod fan_out;
mod graph;
mod nested;
mod past_attempts;
mod resource;
mod steps;
mod task;

pub(crate) use drive::drive;
pub(crate) use resource::Resource;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Inner, execution::Execution, machine::Revision};
use failure::Failure;

/// One running execution.
pub(crate) struct Run {
    pub(crate) inner: Arc<Inner>,
    pub(crate) execution: Arc<Execution>,
    /// The revision of the machine.
    pub(crate) revision: Arc<Revision>,
    pub(crate) input: Value,
}

/// One flow among the others of an execution.
#[derive(Debug, Clone)]
struct Scope {
    /// The path of the flow.
    path: String,
    /// The variables that it can read but not change.
    outer: Map<String, Value>,
    /// The item of the enclosing Map iteration.
    item: Option<Item>,
}

/// An item of a Map.
#[derive(Debug, Clone)]
struct Item {
    index: usize,
    value: Value,
    /// The name of the member, if the items are the members of an object.
    key: Option<String>,
    /// The source of the item, for a distributed Map.
    source: Option<String>,
}

/// The result of a state.
#[derive(Debug)]
struct Exit {
    output: Value,
    /// The variables that the state sets.
    assigned: Map<String, Value>,
    /// The next state; `None` if the graph ends.
    next: Option<String>,
}

/// Whether a state is entered, or continued after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// The state is entered.
    Fresh,
    /// The state was entered before.
    Resumed,
}
