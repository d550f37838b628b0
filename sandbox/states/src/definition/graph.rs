//! Checks graphs: the machine itself, item processors and branches.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    distributed::Labels, error_handlers, expressions, fields, findings::Findings, state_types, transitions::Transitions,
};
use crate::limits;

/// The names so far. The names of states and the labels of Maps are unique in the whole machine.
#[derive(Debug, Default)]
pub(super) struct Names {
    states: BTreeSet<String>,
    pub(super) labels: Labels,
}

pub(super) fn check(graph: &Map<String, Value>, path: &str, names: &mut Names, findings: &mut Findings) {
    let start = fields::text(graph, "StartAt", path, findings);
    let Some(states) = graph.get("States").and_then(Value::as_object).filter(|states| !states.is_empty()) else {
        findings.schema(format!("{path}/States"), "Field 'States' must be an object with at least one state");
        return;
    };
    let mut ends = false;
    let mut transitions = Transitions::new(states);
    if let Some(start) = start {
        transitions.add(start, path, "StartAt", findings);
    }
    for (name, state) in states {
        let path = format!("{path}/States/{name}");
        if name.is_empty() || name.chars().count() > limits::NAME {
            findings.schema(&path, "A state's name must have 1 to 80 characters");
        }
        if !names.states.insert(name.clone()) {
            findings.add("DUPLICATE_STATE_NAME", &path, format!("State name \"{name}\" is used more than once"));
        }
        match state.as_object() {
            Some(state) => ends |= check_state(state, &path, &mut transitions, names, findings),
            None => findings.schema(&path, "A state must be a JSON object"),
        }
    }
    for name in transitions.unreached() {
        let location = format!("{path}/States/{name}");
        findings.add("MISSING_TRANSITION_TARGET", location, format!("State \"{name}\" is not reachable."));
    }
    if !ends {
        findings.add("MISSING_END_STATE", path_or_root(path), "Workflow has no terminal state");
    }
}

fn path_or_root(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// Checks one state. Returns whether it ends its graph.
fn check_state<'a>(
    state: &'a Map<String, Value>,
    path: &str,
    transitions: &mut Transitions<'a>,
    names: &mut Names,
    findings: &mut Findings,
) -> bool {
    let Some(kind) = fields::text(state, "Type", path, findings) else { return false };
    let Some(mut allowed) = fields::of_state(kind) else {
        findings.schema(
            format!("{path}/Type"),
            format!("'{kind}' is not one of [Task, Pass, Choice, Wait, Succeed, Fail, Parallel, Map]"),
        );
        return false;
    };
    if state_types::is_distributed(state) {
        allowed.extend(fields::DISTRIBUTED);
    }
    if state.get("QueryLanguage").is_some_and(|language| language != "JSONata") {
        findings.schema(
            format!("{path}/QueryLanguage"),
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
        );
    }
    fields::only(state, &allowed, path, findings);
    fields::assign(state, path, findings);
    expressions::check_members(state, kind, path, findings);
    error_handlers::check(state, path, transitions, findings);
    match kind {
        "Task" => state_types::check_task(state, path, findings),
        "Wait" => state_types::check_wait(state, path, findings),
        "Choice" => state_types::check_choice(state, path, transitions, findings),
        "Parallel" => state_types::check_parallel(state, path, names, findings),
        "Map" => state_types::check_map(state, path, names, findings),
        "Fail" => {
            for name in ["Error", "Cause"].iter().filter(|name| state.get(**name).is_some_and(|v| !v.is_string())) {
                findings.schema(format!("{path}/{name}"), "Value must be text");
            }
        }
        _ => {}
    }
    if matches!(kind, "Choice" | "Succeed" | "Fail") {
        return kind != "Choice";
    }
    check_next(state, path, transitions, findings)
}

fn check_next<'a>(
    state: &'a Map<String, Value>,
    path: &str,
    transitions: &mut Transitions<'a>,
    findings: &mut Findings,
) -> bool {
    let end = state.get("End");
    if end.is_some_and(|end| end != &Value::Bool(true)) {
        findings.schema(format!("{path}/End"), "Value must be true; leave End out if the state has a Next");
    }
    match (state.get("Next"), end) {
        (Some(Value::String(next)), None) => {
            transitions.add(next, path, "Next", findings);
            false
        }
        (Some(_), None) => {
            findings.schema(format!("{path}/Next"), "Value must be the name of a state");
            false
        }
        (None, Some(_)) => true,
        (Some(_), Some(_)) => {
            findings.schema(path, "A state has either 'Next' or 'End', not both");
            false
        }
        (None, None) => {
            findings.schema(path, "A state must have 'Next' or 'End'");
            false
        }
    }
}
