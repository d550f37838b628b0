//! Event patterns: which events a rule matches. SNS filter policies use the same language.
//!
//! The language is that of <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>.
//! If the page leaves a question open, AWS's own matcher decides (<https://github.com/aws/event-ruler>): for example,
//! fields of one array element are matched together. The one related Rust crate, `quamina`, has no `$or` and cannot
//! name the invalid field of a pattern.

mod compile;
mod condition;
#[cfg(test)]
mod tests;

use condition::Condition;
use serde_json::Value;

/// A valid pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    root: Fields,
}

/// Why a pattern is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct PatternError {
    /// The field names from the root, joined with dots, or `the pattern` for the root itself.
    pub path: String,
    /// The problem and the expected form.
    pub problem: String,
}

/// Fields that must all match, and alternatives, if any, of which one must match.
#[derive(Debug, Clone, Default)]
struct Fields {
    all: Vec<(String, Node)>,
    or: Vec<Fields>,
}

#[derive(Debug, Clone)]
enum Node {
    Fields(Fields),
    Leaf(Leaf),
}

/// Conditions on one field, of which one must hold.
#[derive(Debug, Clone)]
struct Leaf {
    path: Vec<String>,
    conditions: Vec<Condition>,
}

impl Pattern {
    /// Compiles a pattern from its JSON text.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let value = serde_json::from_str(text).map_err(|error| PatternError {
            path: compile::ROOT.to_owned(),
            problem: format!("is not JSON: {error}"),
        })?;
        Self::compile(&value)
    }

    /// Compiles a pattern from JSON.
    pub fn compile(pattern: &Value) -> Result<Self, PatternError> {
        Ok(Self { root: compile::fields(pattern, &mut Vec::new())? })
    }

    /// Whether the pattern matches this event.
    pub fn matches(&self, event: &Value) -> bool {
        self.root.matches(Some(event), event)
    }
}

impl Fields {
    /// `here` is the event's value at this path; `event` is the whole event.
    fn matches(&self, here: Option<&Value>, event: &Value) -> bool {
        if let Some(Value::Array(items)) = here
            && !items.is_empty()
        {
            // One element must satisfy all of the fields. Two elements that satisfy half each do not match.
            return items.iter().any(|item| self.matches(Some(item), event));
        }
        let object = here.and_then(Value::as_object);
        self.all.iter().all(|(name, node)| {
            let value = object.and_then(|object| object.get(name));
            match node {
                Node::Fields(fields) => fields.matches(value, event),
                Node::Leaf(leaf) => leaf.matches(value, event),
            }
        }) && (self.or.is_empty() || self.or.iter().any(|fields| fields.matches(here, event)))
    }
}

impl Leaf {
    fn matches(&self, here: Option<&Value>, event: &Value) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Absent => !is_present(event, &self.path),
            condition => here.is_some_and(|value| any_scalar(value, &|scalar| condition.holds(scalar))),
        })
    }
}

/// Whether any scalar exists at the path. An object or an empty array there is not a leaf and counts as absent.
fn is_present(value: &Value, path: &[String]) -> bool {
    match (value, path.split_first()) {
        (Value::Array(items), Some(_)) => items.iter().any(|item| is_present(item, path)),
        (Value::Object(object), Some((name, rest))) => object.get(name).is_some_and(|value| is_present(value, rest)),
        (_, Some(_)) => false,
        (value, None) => any_scalar(value, &|_| true),
    }
}

fn any_scalar(value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_scalar(item, test)),
        Value::Object(_) => false,
        scalar => test(scalar),
    }
}
