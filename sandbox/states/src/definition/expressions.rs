//! Parses every `JSONata` expression of a definition, so that a syntax error is found at creation.

use serde_json::{Map, Value};

use super::findings::Findings;
use crate::jsonata::{self, Problem};

/// Fields whose text is never an expression.
const PLAIN: &[&str] = &[
    "Comment",
    "StartAt",
    "Next",
    "Default",
    "Resource",
    "Type",
    "QueryLanguage",
    "ErrorEquals",
    "ProcessorConfig",
    "Label",
];

/// Finds expressions that do not parse, anywhere in an object.
pub(super) fn check(object: &Map<String, Value>, path: &str, findings: &mut Findings) {
    for (name, value) in object.iter().filter(|(name, _)| !PLAIN.contains(&name.as_str())) {
        check_value(value, &format!("{path}/{name}"), findings);
    }
}

/// Finds references to `$states.result` or `$states.errorOutput` in fields that do not have them. The result exists for
/// Output and Assign of a Task, a Parallel and a Map; the error exists for those of a catcher (Developer Guide,
/// `transforming-data.html`).
pub(super) fn check_members(state: &Map<String, Value>, kind: &str, path: &str, findings: &mut Findings) {
    let has_result = matches!(kind, "Task" | "Parallel" | "Map");
    let inner = ["Branches", "ItemProcessor"];
    for (name, value) in state.iter().filter(|(name, _)| !inner.contains(&name.as_str())) {
        let path = format!("{path}/{name}");
        let is_output = |name: &str| matches!(name, "Output" | "Assign");
        if name != "Catch" {
            find_members(value, &path, (has_result && is_output(name)).then_some("result"), findings);
            continue;
        }
        for (index, catcher) in value.as_array().into_iter().flatten().enumerate() {
            for (name, value) in catcher.as_object().into_iter().flatten() {
                let path = format!("{path}[{index}]/{name}");
                find_members(value, &path, is_output(name).then_some("errorOutput"), findings);
            }
        }
    }
}

fn find_members(value: &Value, path: &str, available: Option<&str>, findings: &mut Findings) {
    match value {
        Value::String(text) => {
            let read = jsonata::expression(text).map(jsonata::members_of_states).unwrap_or_default();
            let reserved = read.iter().filter(|member| matches!(member.as_str(), "result" | "errorOutput"));
            for member in reserved.filter(|member| Some(member.as_str()) != available) {
                let problem = format!("Reference to '$states.{member}' is not supported in this field.");
                findings.add("UNSUPPORTED_JSONATA_EXPRESSION", path, problem);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_members(item, &format!("{path}[{index}]"), available, findings);
            }
        }
        Value::Object(object) => {
            for (name, value) in object {
                find_members(value, &format!("{path}/{name}"), available, findings);
            }
        }
        _ => {}
    }
}

fn check_value(value: &Value, path: &str, findings: &mut Findings) {
    match value {
        Value::String(text) => {
            for problem in jsonata::expression(text).map(jsonata::problems).unwrap_or_default() {
                match problem {
                    Problem::Syntax(problem) => findings.add("INVALID_JSONATA_EXPRESSION", path, problem),
                    Problem::Unsupported(problem) => findings.add("UNSUPPORTED_JSONATA_EXPRESSION", path, problem),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check_value(item, &format!("{path}[{index}]"), findings);
            }
        }
        Value::Object(object) => check(object, path, findings),
        _ => {}
    }
}
