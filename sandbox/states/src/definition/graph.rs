//! Checks states and their transitions.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    distributed::{self, Labels},
    expressions,
    fields::{self, Literal},
    findings::Findings,
};
use crate::limits;

/// The names so far. The names of states and the labels of Maps are unique in the whole machine.
#[derive(Debug, Default)]
pub(super) struct Names {
    states: BTreeSet<String>,
    labels: Labels,
}

/// Checks a graph: the machine, an item processor or a branch.
pub(super) fn check(graph: &Map<String, Value>, path: &str, names: &mut Names, findings: &mut Findings) {
    let start = fields::text(graph, "StartAt", path, findings);
    let Some(states) = graph.get("States").and_then(Value::as_object).filter(|states| !states.is_empty()) else {
        findings.schema(format!("{path}/States"), "Field 'States' must be an object with at least one state");
        return;
    };
    let mut ends = false;
    let mut reached = BTreeSet::new();
    if let Some(start) = start {
        target(start, states, &format!("{path}/StartAt"), "StartAt", &mut reached, findings);
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
            Some(state) => ends |= check_state(state, &path, (states, &mut reached), names, findings),
            None => findings.schema(&path, "A state must be a JSON object"),
        }
    }
    for name in states.keys().filter(|name| !reached.contains(name.as_str())) {
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

/// Checks a reference to a state of the same graph.
fn target<'a>(
    name: &'a str,
    states: &Map<String, Value>,
    path: &str,
    field: &str,
    reached: &mut BTreeSet<&'a str>,
    findings: &mut Findings,
) {
    if states.contains_key(name) {
        reached.insert(name);
    } else {
        findings.add("MISSING_TRANSITION_TARGET", path, format!("Missing '{field}' target: {name}"));
    }
}

type Surroundings<'a, 'b> = (&'a Map<String, Value>, &'b mut BTreeSet<&'a str>);

/// Checks one state. Returns whether it ends its graph.
fn check_state<'a>(
    state: &'a Map<String, Value>,
    path: &str,
    (states, reached): Surroundings<'a, '_>,
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
    if is_distributed(state) {
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
    check_errors(state, path, (states, reached), findings);
    match kind {
        "Task" => check_task(state, path, findings),
        "Wait" => check_wait(state, path, findings),
        "Choice" => check_choice(state, path, (states, reached), findings),
        "Parallel" => check_branches(state, path, names, findings),
        "Map" => check_map(state, path, names, findings),
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
    check_next(state, path, (states, reached), findings)
}

fn check_next<'a>(
    state: &'a Map<String, Value>,
    path: &str,
    (states, reached): Surroundings<'a, '_>,
    findings: &mut Findings,
) -> bool {
    let end = state.get("End");
    if end.is_some_and(|end| end != &Value::Bool(true)) {
        findings.schema(format!("{path}/End"), "Value must be true; leave End out if the state has a Next");
    }
    match (state.get("Next"), end) {
        (Some(Value::String(next)), None) => {
            target(next, states, &format!("{path}/Next"), "Next", reached, findings);
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

fn check_task(state: &Map<String, Value>, path: &str, findings: &mut Findings) {
    if let Some(resource) = fields::text(state, "Resource", path, findings)
        && let Err(problem) = crate::engine::Resource::parse(resource)
    {
        findings.schema(format!("{path}/Resource"), problem);
    }
    for name in ["TimeoutSeconds", "HeartbeatSeconds"] {
        fields::seconds(state, name, path, Literal::OrExpression, findings);
    }
    let number = |name: &str| state.get(name).and_then(Value::as_u64);
    if let (Some(timeout), Some(heartbeat)) = (number("TimeoutSeconds"), number("HeartbeatSeconds"))
        && heartbeat >= timeout
    {
        findings.schema(format!("{path}/HeartbeatSeconds"), "HeartbeatSeconds must be smaller than TimeoutSeconds");
    }
}

fn check_wait(state: &Map<String, Value>, path: &str, findings: &mut Findings) {
    if state.contains_key("Seconds") == state.contains_key("Timestamp") {
        findings.schema(path, "A Wait state must have exactly one of 'Seconds' and 'Timestamp'");
    }
    fields::seconds(state, "Seconds", path, Literal::OrExpression, findings);
    let Some(timestamp) = state.get("Timestamp") else { return };
    let is_valid = timestamp
        .as_str()
        .is_some_and(|text| crate::jsonata::expression(text).is_some() || crate::clock::parse(text).is_some());
    if !is_valid {
        findings.schema(format!("{path}/Timestamp"), "Value must be an RFC 3339 time or a JSONata expression");
    }
}

fn check_choice<'a>(
    state: &'a Map<String, Value>,
    path: &str,
    (states, reached): Surroundings<'a, '_>,
    findings: &mut Findings,
) {
    if let Some(default) = state.get("Default") {
        match default.as_str() {
            Some(default) => target(default, states, &format!("{path}/Default"), "Default", reached, findings),
            None => findings.schema(format!("{path}/Default"), "Value must be the name of a state"),
        }
    }
    let Some(rules) = state.get("Choices").and_then(Value::as_array).filter(|rules| !rules.is_empty()) else {
        findings.schema(format!("{path}/Choices"), "Field 'Choices' must be a list with at least one rule");
        return;
    };
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("{path}/Choices[{index}]");
        let Some(rule) = rule.as_object() else {
            findings.schema(path, "A rule must be a JSON object");
            continue;
        };
        fields::only(rule, fields::RULE, &path, findings);
        if let Some(next) = fields::text(rule, "Next", &path, findings) {
            target(next, states, &format!("{path}/Next"), "Next", reached, findings);
        }
        let is_valid = match rule.get("Condition") {
            Some(Value::Bool(_)) => true,
            Some(Value::String(text)) => crate::jsonata::expression(text).is_some(),
            _ => false,
        };
        if !is_valid {
            findings.schema(format!("{path}/Condition"), "Value must be a JSONata expression, true or false");
        }
        fields::assign(rule, &path, findings);
    }
}

fn check_branches(state: &Map<String, Value>, path: &str, names: &mut Names, findings: &mut Findings) {
    let Some(branches) = state.get("Branches").and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        findings.schema(format!("{path}/Branches"), "Field 'Branches' must be a list with at least one branch");
        return;
    };
    for (index, branch) in branches.iter().enumerate() {
        let path = format!("{path}/Branches[{index}]");
        match branch.as_object() {
            Some(branch) => {
                fields::only(branch, fields::BRANCH, &path, findings);
                check(branch, &path, names, findings);
            }
            None => findings.schema(path, "A branch must be a JSON object"),
        }
    }
}

fn config<'a>(state: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    state.get("ItemProcessor")?.get("ProcessorConfig")?.get(name)?.as_str()
}

fn is_distributed(state: &Map<String, Value>) -> bool {
    config(state, "Mode") == Some("DISTRIBUTED")
}

fn check_map(state: &Map<String, Value>, path: &str, names: &mut Names, findings: &mut Findings) {
    let highest = (0, u64::from(u32::MAX));
    fields::whole_number(state, "MaxConcurrency", path, highest, Literal::OrExpression, findings);
    let items = match state.get("Items") {
        None | Some(Value::Array(_)) => true,
        Some(Value::Object(_)) => is_distributed(state),
        Some(Value::String(text)) => crate::jsonata::expression(text).is_some(),
        Some(_) => false,
    };
    if !items {
        findings.schema(format!("{path}/Items"), "Value must be a list or a JSONata expression for one");
    }
    if is_distributed(state) {
        distributed::check(state, path, &mut names.labels, findings);
    }
    let path = format!("{path}/ItemProcessor");
    let Some(processor) = state.get("ItemProcessor").and_then(Value::as_object) else {
        findings.schema(path, "Field 'ItemProcessor' is required and must be a JSON object");
        return;
    };
    fields::only(processor, fields::PROCESSOR, &path, findings);
    if !matches!(config(state, "Mode"), None | Some("INLINE" | "DISTRIBUTED")) {
        findings.schema(format!("{path}/ProcessorConfig/Mode"), "Value must be INLINE or DISTRIBUTED");
    }
    let express = usize::from(is_distributed(state) && config(state, "ExecutionType") == Some("EXPRESS"));
    names.labels.express += express;
    check(processor, &path, names, findings);
    names.labels.express -= express;
}

fn check_errors<'a>(
    state: &'a Map<String, Value>,
    path: &str,
    (states, reached): Surroundings<'a, '_>,
    findings: &mut Findings,
) {
    for (field, allowed) in [("Retry", fields::RETRIER), ("Catch", fields::CATCHER)] {
        let Some(list) = state.get(field) else { continue };
        let Some(list) = list.as_array() else {
            findings.schema(format!("{path}/{field}"), "Value must be a list");
            continue;
        };
        for (index, entry) in list.iter().enumerate() {
            let path = format!("{path}/{field}[{index}]");
            let Some(entry) = entry.as_object() else {
                findings.schema(path, "Value must be a JSON object");
                continue;
            };
            fields::only(entry, allowed, &path, findings);
            fields::assign(entry, &path, findings);
            check_error_names(entry, &path, index + 1 == list.len(), findings);
            if field == "Retry" {
                check_retrier(entry, &path, findings);
            } else if let Some(next) = fields::text(entry, "Next", &path, findings) {
                target(next, states, &format!("{path}/Next"), "Next", reached, findings);
            }
        }
    }
}

fn check_error_names(entry: &Map<String, Value>, path: &str, last: bool, findings: &mut Findings) {
    let path = format!("{path}/ErrorEquals");
    let names: Option<Vec<&str>> =
        entry.get("ErrorEquals").and_then(Value::as_array).and_then(|names| names.iter().map(Value::as_str).collect());
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        findings.schema(path, "Field 'ErrorEquals' must be a list with at least one error name");
        return;
    };
    if names.contains(&"States.ALL") && (names.len() > 1 || !last) {
        findings.schema(path, "States.ALL must stand alone and in the last entry of the list");
    }
}

fn check_retrier(entry: &Map<String, Value>, path: &str, findings: &mut Findings) {
    fields::whole_number(entry, "IntervalSeconds", path, (1, limits::SECONDS), Literal::Only, findings);
    fields::whole_number(entry, "MaxAttempts", path, (0, limits::SECONDS), Literal::Only, findings);
    fields::whole_number(entry, "MaxDelaySeconds", path, (1, 31_622_400), Literal::Only, findings);
    let interval = entry.get("IntervalSeconds").and_then(Value::as_u64).unwrap_or(1);
    if entry.get("MaxDelaySeconds").and_then(Value::as_u64).is_some_and(|longest| longest <= interval) {
        findings.schema(format!("{path}/MaxDelaySeconds"), "MaxDelaySeconds must be greater than IntervalSeconds");
    }
    if entry.get("BackoffRate").is_some_and(|rate| rate.as_f64().is_none_or(|rate| rate < 1.0)) {
        findings.schema(format!("{path}/BackoffRate"), "Value must be a number of at least 1.0");
    }
    let jitter = entry.get("JitterStrategy");
    if jitter.is_some_and(|jitter| jitter != "FULL" && jitter != "NONE") {
        findings.schema(format!("{path}/JitterStrategy"), "Value must be FULL or NONE");
    }
}
