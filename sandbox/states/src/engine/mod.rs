//! Runs executions: one task per execution, one line of work (frame) per Map iteration or Parallel branch.

mod attempts;
mod distributed;
mod drive;
mod environment;
mod failure;
mod fan;
mod graph;
mod known;
mod nested;
mod resource;
mod steps;
mod task;

pub(crate) use drive::drive;
pub(crate) use resource::Resource;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Inner, execution::Execution, machine::Revision};
use failure::Failure;

/// One execution at work.
pub(crate) struct Run {
    /// The service around it.
    pub(crate) inner: Arc<Inner>,
    /// What is known of it.
    pub(crate) execution: Arc<Execution>,
    /// The revision that it runs.
    pub(crate) revision: Arc<Revision>,
    /// Its input.
    pub(crate) input: Value,
}

/// The place of a line of work among the others.
#[derive(Debug, Clone)]
struct Scope {
    /// Its path.
    path: String,
    /// The variables that it sees but cannot change.
    outer: Map<String, Value>,
    /// The item of the Map iteration that it is in.
    item: Option<Item>,
}

/// An item of a Map.
#[derive(Debug, Clone)]
struct Item {
    index: usize,
    value: Value,
    /// Its key, where the items are the members of an object.
    key: Option<String>,
    /// Where it was read from, where the Map is distributed.
    source: Option<String>,
}

/// How a state is left.
#[derive(Debug)]
struct Exit {
    /// What it hands on.
    output: Value,
    /// The variables it sets.
    assigned: Map<String, Value>,
    /// Where to go; none where the graph ends.
    next: Option<String>,
}

/// Whether a state is entered, or gone on with after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// It is entered.
    Fresh,
    /// It was entered before.
    Resumed,
}
