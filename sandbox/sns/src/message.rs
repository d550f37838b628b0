//! Messages: as published, and as stored in the outbox.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    form::{Form, numbered, only, required},
    invalid,
};
use sandbox_core::ports::ApiError;

/// The maximum size of a message with its attributes in bytes: 256 KiB.
pub(super) const MAXIMUM_SIZE: usize = 256 * 1024;

/// A message in the outbox: SNS's notification envelope with the recipients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Message {
    /// `Notification`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The ID that the publisher received.
    pub message_id: String,
    /// The topic.
    pub topic_arn: String,
    /// The subject of mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text. For a message with a text per protocol, the default one.
    pub message: String,
    /// The time, for example `2026-11-22T18:43:48.123Z`.
    pub timestamp: String,
    /// The attributes, which filter policies match.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub message_attributes: BTreeMap<String, MessageAttribute>,
    /// The matching subscriptions. SNS's envelope does not have this field.
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
}

/// An attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageAttribute {
    /// `String`, `String.Array`, `Number` or `Binary`, each optionally followed by a dot and a label.
    #[serde(rename = "Type")]
    pub data_type: String,
    /// The text, or the Base64 of a binary value.
    pub value: String,
}

/// One matching subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Delivery {
    /// For example `email` or `sqs`.
    pub protocol: String,
    /// The email address, ARN or URL.
    pub endpoint: String,
}

/// A validated message before its publication.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) subject: Option<String>,
    pub(super) message: String,
    /// The texts per protocol of a message with `MessageStructure: json`.
    per_protocol: BTreeMap<String, String>,
    pub(super) attributes: BTreeMap<String, MessageAttribute>,
    pub(super) size: usize,
}

impl Draft {
    /// Reads the common fields of `Publish` and of an entry of `PublishBatch`.
    pub(super) fn read(form: &Form, operation: &str) -> Result<Self, ApiError> {
        only(
            form,
            operation,
            &[
                "TopicArn",
                "TargetArn",
                "Id",
                "Message",
                "Subject",
                "MessageStructure",
                "MessageAttributes.",
                "MessageGroupId",
            ],
        )?;
        let text = form.get("Message").filter(|text| !text.is_empty()).ok_or_else(|| invalid("Empty message"))?;
        let subject = form.get("Subject").map(|subject| check_subject(subject)).transpose()?;
        let (message, per_protocol) = match form.get("MessageStructure").map(String::as_str) {
            None => (text.clone(), BTreeMap::new()),
            Some("json") => texts(text)?,
            Some(other) => return Err(invalid(format!("MessageStructure {other:?} must be json or be left out"))),
        };
        let attributes = numbered(form, "MessageAttributes.entry")
            .iter()
            .map(|entry| Ok((attribute_name(entry)?, attribute(entry)?)))
            .collect::<Result<BTreeMap<_, _>, ApiError>>()?;
        let of_attributes: usize =
            attributes.iter().map(|(name, given)| name.len() + given.data_type.len() + given.value.len()).sum();
        let size = text.len() + of_attributes;
        if size > MAXIMUM_SIZE {
            return Err(invalid(format!("Message too long: {size} bytes with its attributes, of {MAXIMUM_SIZE}")));
        }
        Ok(Self { subject, message, per_protocol, attributes, size })
    }

    pub(super) fn text_for(&self, protocol: &str) -> &str {
        self.per_protocol.get(protocol).unwrap_or(&self.message)
    }

    /// The attributes as input of filter policies. Binary attributes are not included.
    pub(super) fn filter_view(&self) -> Value {
        let seen = self.attributes.iter().filter_map(|(name, attribute)| {
            let value = match base_type(&attribute.data_type) {
                "String" => Value::String(attribute.value.clone()),
                "Binary" => return None,
                // Number and String.Array were validated as JSON.
                _ => serde_json::from_str(&attribute.value).ok()?,
            };
            Some((name.clone(), value))
        });
        Value::Object(seen.collect())
    }
}

fn check_subject(subject: &str) -> Result<String, ApiError> {
    let right = |text: &str| {
        text.len() <= 100
            && text.starts_with(|first: char| first.is_ascii_graphic())
            && text.chars().all(|character| character.is_ascii_graphic() || character == ' ')
    };
    if right(subject) {
        return Ok(subject.to_owned());
    }
    Err(invalid(format!(
        "Subject {subject:?} must be 1 to 100 ASCII characters that begin with a letter, digit or punctuation mark, \
         without line breaks or control characters"
    )))
}

/// The default text and the texts per protocol.
fn texts(message: &str) -> Result<(String, BTreeMap<String, String>), ApiError> {
    let texts: BTreeMap<String, Value> = serde_json::from_str(message)
        .map_err(|error| invalid(format!("Message Structure - JSON message body failed to parse: {error}")))?;
    let mut texts: BTreeMap<String, String> =
        texts.into_iter().filter_map(|(protocol, text)| Some((protocol, text.as_str()?.to_owned()))).collect();
    let default =
        texts.remove("default").ok_or_else(|| invalid("Message Structure - No default entry in JSON message body"))?;
    Ok((default, texts))
}

fn attribute_name(entry: &Form) -> Result<String, ApiError> {
    let name = required(entry, "Name")?;
    let of_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if name.len() > 256 || !name.chars().all(of_name) {
        return Err(invalid(format!(
            "MessageAttributes: the name {name:?} must be 1 to 256 letters, digits, dots, hyphens or underscores"
        )));
    }
    Ok(name.to_owned())
}

/// The type without its label: `Number` for `Number.int`.
fn base_type(data_type: &str) -> &str {
    if data_type == "String.Array" || data_type.starts_with("String.Array.") {
        return "String.Array";
    }
    data_type.split_once('.').map_or(data_type, |(base, _)| base)
}

fn bad_value(message: String) -> ApiError {
    ApiError::new("ParameterValueInvalid", message)
}

fn attribute(entry: &Form) -> Result<MessageAttribute, ApiError> {
    let name = required(entry, "Name")?;
    let data_type = required(entry, "Value.DataType")?;
    let base = base_type(data_type);
    let field = match base {
        "String" | "String.Array" | "Number" => "Value.StringValue",
        "Binary" => "Value.BinaryValue",
        other => {
            return Err(bad_value(format!(
                "The message attribute '{name}' has the type '{other}': it must be String, String.Array, Number or Binary."
            )));
        }
    };
    let value = entry.get(field).filter(|value| !value.is_empty()).ok_or_else(|| {
        bad_value(format!("The message attribute '{name}' must contain a non-empty value for the type '{data_type}'."))
    })?;
    let right = match base {
        "Number" => serde_json::from_str::<Value>(value).is_ok_and(|value| value.is_number()),
        "String.Array" => serde_json::from_str::<Vec<Value>>(value)
            .is_ok_and(|items| !items.iter().any(|item| item.is_array() || item.is_object())),
        "Binary" => STANDARD.decode(value).is_ok(),
        _ => true,
    };
    if !right {
        return Err(bad_value(format!("The message attribute '{name}' holds no valid {base}: {value:?}.")));
    }
    Ok(MessageAttribute { data_type: data_type.to_owned(), value: value.clone() })
}
