//! Parses every `JSONata` expression of a definition, so that a slip of the pen is found at creation, not at midnight.

use serde_json::{Map, Value};

use super::validate::Findings;
use crate::states::jsonata::{self, Fault};

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

/// Finds expressions that do not parse, anywhere below an object.
pub(super) fn check(object: &Map<String, Value>, path: &str, findings: &mut Findings) {
    for (name, value) in object.iter().filter(|(name, _)| !PLAIN.contains(&name.as_str())) {
        check_value(value, &format!("{path}/{name}"), findings);
    }
}

fn check_value(value: &Value, path: &str, findings: &mut Findings) {
    match value {
        Value::String(text) => {
            for fault in jsonata::expression(text).map(jsonata::faults).unwrap_or_default() {
                match fault {
                    Fault::Syntax(problem) => findings.add("INVALID_JSONATA_EXPRESSION", path, problem),
                    Fault::Unsupported(problem) => findings.add("UNSUPPORTED_JSONATA_EXPRESSION", path, problem),
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
