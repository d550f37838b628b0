//! The template's parameters: defaults, given values and constraints.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::{TemplateError, document::Document};

/// The value of every parameter, by name.
pub(super) fn resolve(
    document: &Document,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>, TemplateError> {
    if let Some(unknown) = given.keys().find(|name| document.get(&["Parameters", name.as_str()]).is_none()) {
        let known: Vec<&str> = document.section("Parameters").map(|(name, _)| name.as_str()).collect();
        return Err(document.error(
            "Parameters",
            format!("a value was given for {unknown}, which is not a parameter; the template has {}", known.join(", ")),
        ));
    }
    let mut values = BTreeMap::new();
    for (name, declaration) in document.section("Parameters") {
        let path = format!("Parameters.{name}");
        let value = match (given.get(name), declaration.get("Default")) {
            (Some(text), _) => text.clone(),
            (None, Some(default)) => text(default),
            (None, None) => {
                return Err(document.error(&path, "this parameter has no default and was given no value"));
            }
        };
        check(declaration, &value).map_err(|message| document.error(&path, message))?;
        values.insert(name.clone(), typed(declaration, &value));
    }
    Ok(values)
}

/// A scalar in `CloudFormation`'s text format.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn typed(declaration: &Value, value: &str) -> Value {
    let is_list = declaration
        .get("Type")
        .and_then(Value::as_str)
        .is_some_and(|name| name == "CommaDelimitedList" || name.starts_with("List<"));
    if is_list {
        Value::from(value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>())
    } else {
        Value::String(value.to_owned())
    }
}

fn check(declaration: &Value, value: &str) -> Result<(), String> {
    if let Some(allowed) = declaration.get("AllowedValues").and_then(Value::as_array) {
        let allowed: Vec<String> = allowed.iter().map(text).collect();
        if !allowed.iter().any(|one| one == value) {
            return Err(format!("{value:?} is not allowed; one of {} is", allowed.join(", ")));
        }
    }
    if let Some(pattern) = declaration.get("AllowedPattern").and_then(Value::as_str) {
        let expression = Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|error| format!("AllowedPattern {pattern:?} is not a regular expression: {error}"))?;
        if !expression.is_match(value) {
            let hint = declaration.get("ConstraintDescription").and_then(Value::as_str).unwrap_or_default();
            return Err(format!("{value:?} does not match the pattern {pattern} {hint}").trim_end().to_owned());
        }
    }
    check_length(declaration, value)?;
    if declaration.get("Type").and_then(Value::as_str) == Some("Number") {
        check_number(declaration, value)?;
    }
    Ok(())
}

fn check_length(declaration: &Value, value: &str) -> Result<(), String> {
    let length = value.chars().count() as u64;
    let limit = |name: &str| declaration.get(name).and_then(|limit| text(limit).parse::<u64>().ok());
    match (limit("MinLength"), limit("MaxLength")) {
        (Some(least), _) if length < least => Err(format!("{value:?} is shorter than {least} characters")),
        (_, Some(most)) if length > most => Err(format!("{value:?} is longer than {most} characters")),
        _ => Ok(()),
    }
}

fn check_number(declaration: &Value, value: &str) -> Result<(), String> {
    let number: f64 = value.parse().map_err(|_| format!("{value:?} is not a number"))?;
    let limit = |name: &str| declaration.get(name).and_then(|limit| text(limit).parse::<f64>().ok());
    match (limit("MinValue"), limit("MaxValue")) {
        (Some(least), _) if number < least => Err(format!("{value} is less than {least}")),
        (_, Some(most)) if number > most => Err(format!("{value} is more than {most}")),
        _ => Ok(()),
    }
}
