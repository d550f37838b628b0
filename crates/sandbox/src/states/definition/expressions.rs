//! Parses every `JSONata` expression of a definition, so that a slip of the pen is found at creation, not at midnight.

use serde_json::{Map, Value};

use super::validate::Findings;
use crate::states::jsonata;

/// Fields whose text is never an expression.
const PLAIN: &[&str] =
    &["Comment", "StartAt", "Next", "Default", "Resource", "Type", "QueryLanguage", "ErrorEquals", "ProcessorConfig"];

/// Finds expressions that do not parse, anywhere below an object.
pub(super) fn check(object: &Map<String, Value>, path: &str, findings: &mut Findings) {
    for (name, value) in object.iter().filter(|(name, _)| !PLAIN.contains(&name.as_str())) {
        check_value(value, &format!("{path}/{name}"), findings);
    }
}

fn check_value(value: &Value, path: &str, findings: &mut Findings) {
    match value {
        Value::String(text) => {
            let problem = jsonata::expression(text).and_then(|expression| jsonata::syntax(expression).err());
            if let Some(problem) = problem {
                findings.add("INVALID_JSONATA_EXPRESSION", path, problem);
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
