//! Reads the fields of a request, with AWS's error names.

use serde_json::{Map, Value};

use sandbox_core::ports::ApiError;

pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn new(body: Value) -> Result<Self, ApiError> {
        match body {
            Value::Object(fields) => Ok(Self(fields)),
            Value::Null => Ok(Self(Map::new())),
            _ => Err(ApiError::new("SerializationException", "The request's body must be a JSON object.")),
        }
    }

    /// A field, unless it is missing or null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A required text.
    pub(super) fn text(&self, name: &str) -> Result<&str, ApiError> {
        self.optional_text(name)?.ok_or_else(|| {
            invalid(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// An optional text.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(format!("Field '{name}' must be text."))),
        }
    }

    /// A boolean; `false` if it is missing.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(invalid(format!("Field '{name}' must be true or false."))),
        }
    }

    /// The page size: 100 if it is missing or 0.
    pub(super) fn page_size(&self) -> Result<usize, ApiError> {
        match self.get("maxResults").map(Value::as_u64) {
            None | Some(Some(0)) => Ok(100),
            Some(Some(size @ 1..=1000)) => Ok(usize::try_from(size).unwrap_or(1000)),
            Some(_) => Err(invalid("Field 'maxResults' must be a whole number from 0 to 1000.")),
        }
    }

    /// Rejects a name of a machine or an execution with characters that AWS does not allow (API reference of
    /// `CreateStateMachine`).
    pub(super) fn name(name: &str) -> Result<(), ApiError> {
        let forbidden = |letter: char| {
            letter.is_whitespace()
                || letter.is_control()
                || "<>{}[]?*\"#%\\^|~`$&,;:/\u{fffe}\u{ffff}\u{10ffff}".contains(letter)
        };
        if !name.contains(forbidden) {
            return Ok(());
        }
        let message = format!(
            "Invalid Name: '{name}' (a name has no spaces and none of < > {{ }} [ ] ? * \" # % \\ ^ | ~ ` $ & , ; : /)"
        );
        Err(ApiError::new("InvalidName", message))
    }
}

/// The error of an invalid request.
pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}
