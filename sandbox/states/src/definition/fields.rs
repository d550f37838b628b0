//! The allowed fields of each state type, and checks of simple fields.

use serde_json::{Map, Value};

use super::findings::Findings;
use crate::{jsonata, limits};

/// Fields of the machine itself.
pub(super) const MACHINE: &[&str] = &["Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage"];
/// Fields of an item processor.
pub(super) const PROCESSOR: &[&str] = &["Comment", "StartAt", "States", "ProcessorConfig"];
/// Fields of a branch.
pub(super) const BRANCH: &[&str] = &["Comment", "StartAt", "States"];
/// Fields of a rule of a Choice.
pub(super) const RULE: &[&str] = &["Comment", "Condition", "Next", "Output", "Assign"];
/// Fields of a retrier.
pub(super) const RETRIER: &[&str] =
    &["Comment", "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"];
/// Fields of a catcher.
pub(super) const CATCHER: &[&str] = &["Comment", "ErrorEquals", "Next", "Output", "Assign"];

/// Fields of `JSONPath` states only.
const JSONPATH: &[&str] = &[
    "InputPath",
    "OutputPath",
    "Parameters",
    "Result",
    "ResultPath",
    "ResultSelector",
    "ItemsPath",
    "SecondsPath",
    "TimestampPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "MaxConcurrencyPath",
    "ErrorPath",
    "CausePath",
    "Variable",
];
/// Fields of a distributed Map only.
pub(super) const DISTRIBUTED: &[&str] =
    &["ItemReader", "ItemBatcher", "ResultWriter", "Label", "ToleratedFailureCount", "ToleratedFailurePercentage"];

/// Fields of every state.
const COMMON: &[&str] = &["Type", "Comment", "QueryLanguage"];
/// Fields of states that transform their output and set variables.
const OUTPUT: &[&str] = &["Output", "Assign"];
/// Fields of states with one transition.
const TRANSITION: &[&str] = &["Next", "End"];
/// Fields of states that handle errors.
const ERRORS: &[&str] = &["Retry", "Catch"];

/// The allowed fields of a state type; `None` for an unknown type.
pub(super) fn of_state(kind: &str) -> Option<Vec<&'static str>> {
    let groups: &[&[&str]] = match kind {
        "Task" => {
            &[COMMON, &["Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds"], OUTPUT, TRANSITION, ERRORS]
        }
        "Pass" => &[COMMON, OUTPUT, TRANSITION],
        "Choice" => &[COMMON, &["Choices", "Default"], OUTPUT],
        "Wait" => &[COMMON, &["Seconds", "Timestamp"], OUTPUT, TRANSITION],
        "Succeed" => &[COMMON, &["Output"]],
        "Fail" => &[COMMON, &["Error", "Cause"]],
        "Parallel" => &[COMMON, &["Branches", "Arguments"], OUTPUT, TRANSITION, ERRORS],
        "Map" => &[COMMON, &["Items", "ItemSelector", "ItemProcessor", "MaxConcurrency"], OUTPUT, TRANSITION, ERRORS],
        _ => return None,
    };
    Some(groups.concat())
}

/// Finds fields that are not allowed.
pub(super) fn only(object: &Map<String, Value>, allowed: &[&str], path: &str, findings: &mut Findings) {
    for name in object.keys().filter(|name| !allowed.contains(&name.as_str())) {
        let location = format!("{path}/{name}");
        if JSONPATH.contains(&name.as_str()) {
            findings.schema(
                location,
                format!(
                    "Field '{name}' belongs to JSONPath, which is not supported here; set QueryLanguage to JSONata and \
                     use Arguments, Output, Assign, Items or Condition"
                ),
            );
        } else if name == "Credentials" {
            findings.schema(location, "Tasks that assume another role are not supported here; leave Credentials out");
        } else if DISTRIBUTED.contains(&name.as_str()) {
            findings.schema(
                location,
                format!(
                    "Field '{name}' belongs to a distributed Map; set ItemProcessor/ProcessorConfig/Mode to DISTRIBUTED"
                ),
            );
        } else {
            findings.schema(location, format!("Field '{name}' is not supported"));
        }
    }
}

/// Checks the names of variables: 1 to 80 characters, a Unicode identifier, and not the reserved `states` (Developer
/// Guide, `workflow-variables.html`).
pub(super) fn assign(object: &Map<String, Value>, path: &str, findings: &mut Findings) {
    let Some(assign) = object.get("Assign") else { return };
    let Some(variables) = assign.as_object() else {
        return findings.schema(format!("{path}/Assign"), "Value must be a JSON object");
    };
    for name in variables.keys() {
        let mut characters = name.chars();
        let has_valid_start = characters.next().is_some_and(char::is_alphabetic);
        let has_valid_rest = characters.all(|character| character.is_alphanumeric() || character == '_');
        let problem = if name == "states" {
            "'states' is reserved"
        } else if name.chars().count() > limits::NAME {
            "A variable's name has at most 80 characters"
        } else if !has_valid_start || !has_valid_rest {
            "A variable's name begins with a letter, followed by letters, digits and underscores"
        } else {
            continue;
        };
        findings.schema(format!("{path}/Assign/{name}"), problem);
    }
}

/// A required text.
pub(super) fn text<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    path: &str,
    findings: &mut Findings,
) -> Option<&'a str> {
    match object.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(_) => {
            findings.schema(format!("{path}/{name}"), "Value must be text that is not empty");
            None
        }
        None => {
            findings.schema(format!("{path}/{name}"), format!("Field '{name}' is required"));
            None
        }
    }
}

/// Whether a number can also be an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Literal {
    /// Only a number.
    Only,
    /// A number or an expression.
    OrExpression,
}

/// Checks an optional number of seconds.
pub(super) fn seconds(object: &Map<String, Value>, name: &str, path: &str, literal: Literal, findings: &mut Findings) {
    let lowest = u64::from(name != "Seconds");
    whole_number(object, name, path, (lowest, limits::SECONDS), literal, findings);
}

/// Checks an optional whole number in a range.
pub(super) fn whole_number(
    object: &Map<String, Value>,
    name: &str,
    path: &str,
    (lowest, highest): (u64, u64),
    literal: Literal,
    findings: &mut Findings,
) {
    let is_valid = match object.get(name) {
        None => true,
        Some(Value::String(text)) => literal == Literal::OrExpression && jsonata::expression(text).is_some(),
        Some(value) => value.as_u64().is_some_and(|number| (lowest..=highest).contains(&number)),
    };
    if !is_valid {
        let or = if literal == Literal::OrExpression { " or a JSONata expression" } else { "" };
        findings
            .schema(format!("{path}/{name}"), format!("Value must be a whole number from {lowest} to {highest}{or}"));
    }
}
