//! Checks retriers and catchers.

use serde_json::{Map, Value};

use super::{
    fields::{self, Literal},
    findings::Findings,
    transitions::Transitions,
};
use crate::limits;

/// Checks the fields Retry and Catch of a state.
pub(super) fn check<'a>(
    state: &'a Map<String, Value>,
    path: &str,
    transitions: &mut Transitions<'a>,
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
                transitions.add(next, &path, "Next", findings);
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
