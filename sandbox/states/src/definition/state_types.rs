//! Checks the fields of each state type.

use serde_json::{Map, Value};

use super::{
    distributed,
    fields::{self, Literal},
    findings::Findings,
    graph,
    transitions::Transitions,
};
use crate::{clock, engine, jsonata};

pub(super) fn check_task(state: &Map<String, Value>, path: &str, findings: &mut Findings) {
    if let Some(resource) = fields::text(state, "Resource", path, findings)
        && let Err(problem) = engine::Resource::parse(resource)
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

pub(super) fn check_wait(state: &Map<String, Value>, path: &str, findings: &mut Findings) {
    if state.contains_key("Seconds") == state.contains_key("Timestamp") {
        findings.schema(path, "A Wait state must have exactly one of 'Seconds' and 'Timestamp'");
    }
    fields::seconds(state, "Seconds", path, Literal::OrExpression, findings);
    let Some(timestamp) = state.get("Timestamp") else { return };
    let is_valid =
        timestamp.as_str().is_some_and(|text| jsonata::expression(text).is_some() || clock::parse(text).is_some());
    if !is_valid {
        findings.schema(format!("{path}/Timestamp"), "Value must be an RFC 3339 time or a JSONata expression");
    }
}

pub(super) fn check_choice<'a>(
    state: &'a Map<String, Value>,
    path: &str,
    transitions: &mut Transitions<'a>,
    findings: &mut Findings,
) {
    if let Some(default) = state.get("Default") {
        match default.as_str() {
            Some(default) => transitions.add(default, path, "Default", findings),
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
            transitions.add(next, &path, "Next", findings);
        }
        let is_valid = match rule.get("Condition") {
            Some(Value::Bool(_)) => true,
            Some(Value::String(text)) => jsonata::expression(text).is_some(),
            _ => false,
        };
        if !is_valid {
            findings.schema(format!("{path}/Condition"), "Value must be a JSONata expression, true or false");
        }
        fields::assign(rule, &path, findings);
    }
}

pub(super) fn check_parallel(
    state: &Map<String, Value>,
    path: &str,
    names: &mut graph::Names,
    findings: &mut Findings,
) {
    let Some(branches) = state.get("Branches").and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        findings.schema(format!("{path}/Branches"), "Field 'Branches' must be a list with at least one branch");
        return;
    };
    for (index, branch) in branches.iter().enumerate() {
        let path = format!("{path}/Branches[{index}]");
        match branch.as_object() {
            Some(branch) => {
                fields::only(branch, fields::BRANCH, &path, findings);
                graph::check(branch, &path, names, findings);
            }
            None => findings.schema(path, "A branch must be a JSON object"),
        }
    }
}

fn config<'a>(state: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    state.get("ItemProcessor")?.get("ProcessorConfig")?.get(name)?.as_str()
}

pub(super) fn is_distributed(state: &Map<String, Value>) -> bool {
    config(state, "Mode") == Some("DISTRIBUTED")
}

pub(super) fn check_map(state: &Map<String, Value>, path: &str, names: &mut graph::Names, findings: &mut Findings) {
    let highest = (0, u64::from(u32::MAX));
    fields::whole_number(state, "MaxConcurrency", path, highest, Literal::OrExpression, findings);
    let is_valid = match state.get("Items") {
        None | Some(Value::Array(_)) => true,
        Some(Value::Object(_)) => is_distributed(state),
        Some(Value::String(text)) => jsonata::expression(text).is_some(),
        Some(_) => false,
    };
    if !is_valid {
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
    graph::check(processor, &path, names, findings);
    names.labels.express -= express;
}
