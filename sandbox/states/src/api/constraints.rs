//! The constraints of the API's model, checked before anything else: required fields, lengths, ranges and enumerations.
//! Source: the API reference of each operation
//! (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html>).
//!
//! All violations of a request are reported in one `ValidationException` with AWS's wording (for example
//! <https://github.com/wolfeidau/buildkite-serverless-agent/issues/37>). A value that the model marks as sensitive is
//! not repeated (<https://github.com/irothschild/stefuna/pull/8>).

use serde_json::Value;

use super::body::{Body, invalid};
use crate::limits;
use sandbox_core::ports::ApiError;

/// The constraint of a field.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Text with a minimum and a maximum length in characters.
    Length(usize, usize),
    /// The same for a sensitive value.
    Sensitive(usize, usize),
    /// A maximum length in bytes of UTF-8, for a sensitive value.
    Bytes(usize),
    /// Visible ASCII characters, with a minimum and a maximum length.
    Visible(usize, usize),
    /// One of these values.
    OneOf(&'static [&'static str]),
    /// A whole number in this range.
    Range(i64, i64),
}

/// Whether a field is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

type Field = (&'static str, Presence, Rule);

const ARN: Rule = Rule::Length(1, 256);
const NAME: Rule = Rule::Length(1, limits::NAME);
const DEFINITION: Rule = Rule::Sensitive(1, limits::DEFINITION);
const INCLUDED: Rule = Rule::OneOf(&["ALL_DATA", "METADATA_ONLY"]);
const MACHINE: Field = ("stateMachineArn", Presence::Required, ARN);
const EXECUTION: Field = ("executionArn", Presence::Required, ARN);
const MAP_RUN: Field = ("mapRunArn", Presence::Required, Rule::Length(1, 2000));
const TAGGED: Field = ("resourceArn", Presence::Required, ARN);
const PAGE: Field = ("maxResults", Presence::Optional, Rule::Range(0, 1000));

const fn optional(name: &'static str, rule: Rule) -> Field {
    (name, Presence::Optional, rule)
}

const fn required(name: &'static str, rule: Rule) -> Field {
    (name, Presence::Required, rule)
}

/// The constrained fields of an operation.
fn fields(operation: &str) -> Vec<Field> {
    let kind = optional("type", Rule::OneOf(&["STANDARD", "EXPRESS"]));
    let description = optional("versionDescription", Rule::Sensitive(0, 256));
    match operation {
        "CreateStateMachine" => {
            vec![
                required("name", NAME),
                required("definition", DEFINITION),
                required("roleArn", ARN),
                kind,
                description,
            ]
        }
        "UpdateStateMachine" => {
            vec![MACHINE, optional("definition", DEFINITION), optional("roleArn", ARN), description]
        }
        "DeleteStateMachine" => vec![MACHINE],
        "DescribeStateMachine" => vec![MACHINE, optional("includedData", INCLUDED)],
        "DescribeStateMachineForExecution" | "DescribeExecution" => vec![EXECUTION, optional("includedData", INCLUDED)],
        "ValidateStateMachineDefinition" => vec![
            required("definition", DEFINITION),
            kind,
            optional("severity", Rule::OneOf(&["ERROR", "WARNING"])),
            optional("maxResults", Rule::Range(0, 100)),
        ],
        "ListStateMachines" => vec![PAGE],
        "ListTagsForResource" | "TagResource" | "UntagResource" => vec![TAGGED],
        "StartExecution" => {
            vec![MACHINE, optional("name", NAME), optional("input", Rule::Bytes(limits::PAYLOAD))]
        }
        "StopExecution" => vec![
            EXECUTION,
            optional("error", Rule::Sensitive(0, limits::ERROR)),
            optional("cause", Rule::Sensitive(0, limits::CAUSE)),
        ],
        "RedriveExecution" => vec![EXECUTION, optional("clientToken", Rule::Visible(1, 64))],
        "ListExecutions" => vec![
            optional("stateMachineArn", ARN),
            optional("mapRunArn", Rule::Length(1, 2000)),
            optional(
                "statusFilter",
                Rule::OneOf(&["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"]),
            ),
            optional("redriveFilter", Rule::OneOf(&["REDRIVEN", "NOT_REDRIVEN"])),
            PAGE,
        ],
        "GetExecutionHistory" | "ListMapRuns" => vec![EXECUTION, PAGE],
        "DescribeMapRun" => vec![MAP_RUN],
        "UpdateMapRun" => vec![
            MAP_RUN,
            optional("maxConcurrency", Rule::Range(0, i64::MAX)),
            optional("toleratedFailureCount", Rule::Range(0, i64::MAX)),
        ],
        _ => Vec::new(),
    }
}

/// Rejects a request that violates the model.
pub(super) fn check(operation: &str, body: &Body) -> Result<(), ApiError> {
    let broken = fields(operation).into_iter().filter_map(|(name, presence, rule)| match body.get(name) {
        None if presence == Presence::Required => {
            Some(violation(&format!("Value null at '{name}'"), "Member must not be null"))
        }
        None => None,
        Some(value) => rule.breach(value).map(|breach| violation(&rule.place(name, value), &breach)),
    });
    refuse(&broken.collect::<Vec<_>>())
}

/// Rejects a name of a machine or an execution that is too long or empty. Tasks also start executions, without a
/// request.
pub(super) fn check_name(name: &str) -> Result<(), ApiError> {
    check_one("name", NAME, name)
}

/// Rejects an input that is too large.
pub(super) fn check_input(input: &str) -> Result<(), ApiError> {
    check_one("input", Rule::Bytes(limits::PAYLOAD), input)
}

fn check_one(name: &str, rule: Rule, text: &str) -> Result<(), ApiError> {
    let value = Value::from(text);
    let breach = rule.breach(&value).map(|breach| violation(&rule.place(name, &value), &breach));
    refuse(breach.as_slice())
}

fn violation(place: &str, breach: &str) -> String {
    format!("{place} failed to satisfy constraint: {breach}")
}

fn refuse(violations: &[String]) -> Result<(), ApiError> {
    let (count, all) = (violations.len(), violations.join("; "));
    match count {
        0 => Ok(()),
        1 => Err(invalid(format!("1 validation error detected: {all}"))),
        _ => Err(invalid(format!("{count} validation errors detected: {all}"))),
    }
}

impl Rule {
    /// The constraint that a value violates, in AWS's words. `None` for a valid value and for a type without a length.
    fn breach(self, value: &Value) -> Option<String> {
        let within = |length: usize, least: usize, most: usize| {
            if length > most {
                Some(format!("Member must have length less than or equal to {most}"))
            } else if length < least {
                Some(format!("Member must have length greater than or equal to {least}"))
            } else {
                None
            }
        };
        match self {
            Self::Length(least, most) | Self::Sensitive(least, most) => {
                within(value.as_str()?.chars().count(), least, most)
            }
            Self::Bytes(most) => within(value.as_str()?.len(), 0, most),
            Self::Visible(least, most) => {
                let text = value.as_str()?;
                let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
                let pattern = || "Member must satisfy regular expression pattern: [!-~]+".to_owned();
                within(text.chars().count(), least, most).or_else(|| (!is_visible).then(pattern))
            }
            Self::OneOf(values) => {
                let is_known = values.contains(&value.as_str()?);
                (!is_known).then(|| format!("Member must satisfy enum value set: [{}]", values.join(", ")))
            }
            Self::Range(least, most) => {
                let number = value.as_i64()?;
                if number > most {
                    Some(format!("Member must have value less than or equal to {most}"))
                } else {
                    (number < least).then(|| format!("Member must have value greater than or equal to {least}"))
                }
            }
        }
    }

    /// The field in a violation, with its value unless that is sensitive.
    fn place(self, name: &str, value: &Value) -> String {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self {
            Self::Sensitive(..) | Self::Bytes(_) => format!("Value at '{name}'"),
            _ => format!("Value '{shown}' at '{name}'"),
        }
    }
}
