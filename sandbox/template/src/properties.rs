//! A resource's evaluated properties, with typed getters whose errors name the location.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{TemplateError, parameters, scope::Scope};

/// The properties of a resource or of a part of it.
pub(super) struct Properties<'a> {
    scope: &'a Scope<'a>,
    path: String,
    values: Map<String, Value>,
}

impl<'a> Properties<'a> {
    /// The properties of a resource, merged with those of `Globals.<section>` as SAM does.
    pub(super) fn of(scope: &'a Scope<'a>, logical_id: &str, globals: Option<&str>) -> Result<Self, TemplateError> {
        let path = format!("Resources.{logical_id}.Properties");
        let own = scope.document.get(&["Resources", logical_id, "Properties"]).cloned().unwrap_or_default();
        let shared = globals.and_then(|section| scope.document.get(&["Globals", section])).cloned();
        Self::evaluated(scope, &path, &merged(shared.unwrap_or_default(), own))
    }

    /// Properties of any mapping.
    pub(super) fn evaluated(scope: &'a Scope<'a>, path: &str, value: &Value) -> Result<Self, TemplateError> {
        match scope.evaluate(value, path)? {
            Some(Value::Object(values)) => Ok(Self { scope, path: path.to_owned(), values }),
            None | Some(Value::Null) => Ok(Self { scope, path: path.to_owned(), values: Map::new() }),
            Some(_) => Err(scope.document.error(path, "a mapping is expected here")),
        }
    }

    /// The scope of the evaluation.
    pub(super) fn scope(&self) -> &'a Scope<'a> {
        self.scope
    }

    /// An error about one property.
    pub(super) fn error(&self, name: &str, message: impl Into<String>) -> TemplateError {
        self.scope.document.error(&format!("{}.{name}", self.path), message)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// All properties.
    pub(super) fn all(&self) -> Value {
        Value::Object(self.values.clone())
    }

    /// A scalar as text.
    pub(super) fn optional(&self, name: &str) -> Result<Option<String>, TemplateError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => Ok(Some(parameters::text(value))),
            Some(_) => Err(self.error(name, "a text is expected here")),
        }
    }

    /// A required scalar.
    pub(super) fn required(&self, name: &str) -> Result<String, TemplateError> {
        self.optional(name)?.ok_or_else(|| self.error(name, "this property is missing"))
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u32>, TemplateError> {
        let Some(text) = self.optional(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.error(name, format!("{text:?} is not a whole number")))
    }

    /// A list; a single value is a list with one element.
    pub(super) fn list(&self, name: &str) -> Vec<Value> {
        match self.values.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items.clone(),
            Some(one) => vec![one.clone()],
        }
    }

    /// A mapping of texts.
    pub(super) fn texts(&self, name: &str) -> Result<BTreeMap<String, String>, TemplateError> {
        let entries = match self.values.get(name) {
            None | Some(Value::Null) => return Ok(BTreeMap::new()),
            Some(Value::Object(entries)) => entries,
            Some(_) => return Err(self.error(name, "a mapping is expected here")),
        };
        let text_of = |(key, value): (&String, &Value)| match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => Ok((key.clone(), parameters::text(value))),
            _ => Err(self.error(&format!("{name}.{key}"), "a text is expected here")),
        };
        entries.iter().map(text_of).collect()
    }
}

/// SAM's rule for Globals: mappings are merged, lists are concatenated, and any other value of the resource replaces
/// the global one.
fn merged(shared: Value, own: Value) -> Value {
    match (shared, own) {
        (Value::Object(mut shared), Value::Object(own)) => {
            for (key, value) in own {
                let merged_value = match shared.remove(&key) {
                    Some(below) => merged(below, value),
                    None => value,
                };
                shared.insert(key, merged_value);
            }
            Value::Object(shared)
        }
        (Value::Array(mut shared), Value::Array(own)) => {
            shared.extend(own);
            Value::Array(shared)
        }
        (shared, Value::Null) => shared,
        (_, own) => own,
    }
}
