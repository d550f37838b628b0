//! The input of a target: the event, a part of it, a constant, or a template.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The input fields of a target. At most one is set; the default is the event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    /// `Input`: a constant.
    pub(super) constant: Option<&'a str>,
    /// `InputPath`: a part of the event.
    pub(super) path: Option<&'a str>,
    /// `InputTransformer`: a template.
    pub(super) transformer: Option<&'a InputTransformer>,
}

/// A template, and the paths of the values that it uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct InputTransformer {
    #[serde(default)]
    input_paths_map: std::collections::BTreeMap<String, String>,
    input_template: String,
}

/// The rule that matched, for the reserved variables of templates.
pub(super) struct RuleName<'a> {
    pub(super) name: &'a str,
    pub(super) arn: &'a str,
}

const RESERVED: [&str; 3] = ["aws.events.rule-name", "aws.events.rule-arn", "aws.events.event.json"];

impl Input<'_> {
    /// Rejects at `PutTargets` an input that fails for every delivery.
    pub(super) fn check(self) -> Result<(), String> {
        if let Some(input) = self.constant {
            parse_json("Input", input)?;
        }
        if let Some(path) = self.path {
            parse_path(path)?;
        }
        if let Some(transformer) = self.transformer {
            for (name, path) in &transformer.input_paths_map {
                if name.to_ascii_lowercase().starts_with("aws") {
                    return Err(format!("InputPathsMap has {name:?}: names that begin with aws are reserved"));
                }
                parse_path(path)?;
            }
            let known = |name: &str| {
                (transformer.input_paths_map.contains_key(name) || RESERVED.contains(&name)).then_some(Value::Null)
            };
            parse_json("InputTemplate", &fill(&transformer.input_template, &known)?)?;
        }
        Ok(())
    }

    /// The input of one delivery.
    pub(super) fn render(self, rule: &RuleName<'_>, event: &Value) -> Result<Value, String> {
        if let Some(input) = self.constant {
            return parse_json("Input", input);
        }
        if let Some(path) = self.path {
            return select(path, event)?.ok_or_else(|| format!("InputPath {path} leads to nothing in the event"));
        }
        let Some(transformer) = self.transformer else { return Ok(event.clone()) };
        let mut variables = std::collections::BTreeMap::new();
        for (name, path) in &transformer.input_paths_map {
            variables.insert(name.as_str(), select(path, event)?.unwrap_or(Value::Null));
        }
        variables.insert(RESERVED[0], json!(rule.name));
        variables.insert(RESERVED[1], json!(rule.arn));
        variables.insert(RESERVED[2], event.clone());
        parse_json("InputTemplate", &fill(&transformer.input_template, &|name| variables.get(name).cloned())?)
    }
}

fn parse_json(what: &str, text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{what} is not JSON: {error}: {text}"))
}

enum Step {
    Field(String),
    Index(usize),
}

/// Parses paths such as `$`, `$.detail.name`, `$['detail']` and `$.resources[0]`.
fn parse_path(path: &str) -> Result<Vec<Step>, String> {
    let invalid_path = || {
        format!(
            "{path:?} is not a path that the sandbox reads: write for example $.detail.bucket.name or $.resources[0]"
        )
    };
    let mut rest = path.strip_prefix('$').ok_or_else(invalid_path)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, left) = after.split_at(end);
            if name.is_empty() || name.contains('*') {
                return Err(invalid_path());
            }
            steps.push(Step::Field(name.to_owned()));
            rest = left;
        } else {
            let (inside, left) =
                rest.strip_prefix('[').and_then(|after| after.split_once(']')).ok_or_else(invalid_path)?;
            let quoted = inside.strip_prefix('\'').and_then(|inside| inside.strip_suffix('\''));
            steps.push(match quoted {
                Some(name) => Step::Field(name.to_owned()),
                None => Step::Index(inside.parse().map_err(|_| invalid_path())?),
            });
            rest = left;
        }
    }
    Ok(steps)
}

fn select(path: &str, event: &Value) -> Result<Option<Value>, String> {
    let mut here = Some(event);
    for step in parse_path(path)? {
        here = here.and_then(|value| match step {
            Step::Field(name) => value.get(name),
            Step::Index(index) => value.get(index),
        });
    }
    Ok(here.cloned())
}

/// Replaces each `<name>` by its value: as JSON or, inside quotes, as text.
fn fill(template: &str, variable: &dyn Fn(&str) -> Option<Value>) -> Result<String, String> {
    let mut filled = String::with_capacity(template.len());
    let mut quoted = false;
    let mut rest = template;
    while let Some(character) = rest.chars().next() {
        let mut length = character.len_utf8();
        match character {
            '"' => quoted = !quoted,
            '\\' if quoted => length += rest[length..].chars().next().map_or(0, char::len_utf8),
            '<' => {
                if let Some(name) = placeholder(&rest[1..]) {
                    let value = variable(name).ok_or_else(|| {
                        format!(
                            "InputTemplate uses <{name}>, which is neither in InputPathsMap nor one of {}",
                            RESERVED.join(", ")
                        )
                    })?;
                    filled.push_str(&if quoted { inside_quotes(&value) } else { value.to_string() });
                    rest = &rest[name.len() + 2..];
                    continue;
                }
            }
            _ => {}
        }
        filled.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Ok(filled)
}

/// The name between `<` and `>`, if it is a valid one.
fn placeholder(after: &str) -> Option<&str> {
    let (name, _) = after.split_once('>')?;
    let of_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    (!name.is_empty() && name.chars().all(of_name)).then_some(name)
}

fn inside_quotes(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let escaped = Value::String(text).to_string();
    escaped[1..escaped.len() - 1].to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::target::Target;

    fn target(extra: &Value) -> Target {
        let mut target = json!({ "Id": "t", "Arn": "arn:aws:lambda:us-east-1:000000000000:function:f" });
        for (name, value) in extra.as_object().unwrap() {
            target[name] = value.clone();
        }
        serde_json::from_value(target).unwrap()
    }

    fn rendered(extra: &Value) -> Result<Value, String> {
        let event = json!({ "resources": ["r-0"], "detail": { "bucket": { "name": "b\"1" }, "size": 7 } });
        target(extra).input().render(&RuleName { name: "uploads", arn: "arn:rule" }, &event)
    }

    #[test]
    fn a_target_receives_the_event_a_part_of_it_or_a_constant() {
        assert_eq!(rendered(&json!({})).unwrap()["resources"], json!(["r-0"]));
        assert_eq!(rendered(&json!({ "InputPath": "$.detail.bucket" })), Ok(json!({ "name": "b\"1" })));
        assert_eq!(rendered(&json!({ "InputPath": "$['resources'][0]" })), Ok(json!("r-0")));
        assert_eq!(rendered(&json!({ "Input": "{\"a\":1}" })), Ok(json!({ "a": 1 })));
    }

    #[test]
    fn a_template_inserts_json_outside_quotes_and_text_inside() {
        let transformer = json!({ "InputTransformer": {
            "InputPathsMap": { "bucket": "$.detail.bucket.name", "detail": "$.detail", "none": "$.detail.none" },
            "InputTemplate": r#"{"text": "<bucket> by <aws.events.rule-name><none>", "bucket": <bucket>, "detail": <detail>, "a<b": "<"}"#,
        }});
        assert_eq!(
            rendered(&transformer),
            Ok(
                json!({ "text": "b\"1 by uploads", "bucket": "b\"1", "detail": { "bucket": { "name": "b\"1" }, "size": 7 },
                       "a<b": "<" })
            )
        );
    }

    #[test]
    fn an_input_that_fails_for_every_delivery_is_rejected() {
        for (extra, reason) in [
            (json!({ "Input": "{" }), "Input is not JSON"),
            (json!({ "InputPath": "detail" }), "\"detail\" is not a path"),
            (json!({ "InputPath": "$.detail[*]" }), "is not a path"),
            (json!({ "InputTransformer": { "InputTemplate": "{\"a\": <b>}" } }), "uses <b>"),
            (json!({ "InputTransformer": { "InputTemplate": "plain" } }), "InputTemplate is not JSON"),
            (json!({ "InputTransformer": { "InputPathsMap": { "AWSx": "$" }, "InputTemplate": "1" } }), "reserved"),
        ] {
            let problem = target(&extra).input().check().unwrap_err();
            assert!(problem.contains(reason), "{extra} gave {problem:?}");
        }
    }
}
