//! The transitions between the states of a graph.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::findings::Findings;

/// The states of a graph and the names of those that a transition reaches.
pub(super) struct Transitions<'a> {
    states: &'a Map<String, Value>,
    reached: BTreeSet<&'a str>,
}

impl<'a> Transitions<'a> {
    pub(super) fn new(states: &'a Map<String, Value>) -> Self {
        Self { states, reached: BTreeSet::new() }
    }

    /// Adds the transition in a field, which must name a state of the same graph.
    pub(super) fn add(&mut self, name: &'a str, path: &str, field: &str, findings: &mut Findings) {
        if self.states.contains_key(name) {
            self.reached.insert(name);
        } else {
            let message = format!("Missing '{field}' target: {name}");
            findings.add("MISSING_TRANSITION_TARGET", format!("{path}/{field}"), message);
        }
    }

    /// The names of the states that no transition reaches.
    pub(super) fn unreached(&self) -> impl Iterator<Item = &str> {
        self.states.keys().map(String::as_str).filter(|name| !self.reached.contains(name))
    }
}
