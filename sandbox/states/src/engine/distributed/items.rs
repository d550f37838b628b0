//! The items of a distributed Map: from the state, from an object in S3, or from the list of a bucket. Source: Step
//! Functions Developer Guide, "ItemReader (Map)" (`input-output-itemreader.html`).

use serde_json::{Map, Value, json};

use super::{Distributed, csv};
use crate::{
    clock,
    definition::{InputType, ItemReader},
    engine::{Failure, environment::Extra},
    jsonata,
};
use sandbox_core::ports::TaskError;

/// One item, before ItemSelector and ItemBatcher.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawItem {
    /// The name of the member, if the items are the members of an object.
    pub(super) key: Option<String>,
    pub(super) value: Value,
}

impl RawItem {
    /// The input of a child if there is no ItemSelector.
    pub(super) fn input(&self) -> Value {
        match &self.key {
            Some(key) => json!({"Key": key, "Value": self.value}),
            None => self.value.clone(),
        }
    }
}

/// The source of the items.
pub(super) enum Source {
    /// The state's input or its Items.
    State(Vec<RawItem>),
    /// An S3 bucket.
    Bucket {
        /// `getObject` or `listObjectsV2`.
        operation: &'static str,
        /// The arguments of the call.
        arguments: Map<String, Value>,
        /// The maximum number of items.
        most: usize,
    },
}

impl Source {
    /// The name in `$states.context.Map.Item.Source` (`input-output-contextobject.html`).
    pub(super) fn name(&self) -> String {
        let Self::Bucket { arguments, .. } = self else { return "STATE_DATA".to_owned() };
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        match (text("Bucket").unwrap_or_default(), text("Key")) {
            (bucket, Some(key)) => format!("S3://{bucket}/{key}"),
            (bucket, None) => format!("S3://{bucket}"),
        }
    }
}

fn unreadable(cause: impl Into<String>) -> Failure {
    Failure::new("States.ItemReaderFailed", cause)
}

/// The elements of an array, or the members of an object.
fn elements(value: Value) -> Option<Vec<RawItem>> {
    match value {
        Value::Array(items) => Some(items.into_iter().map(|value| RawItem { key: None, value }).collect()),
        Value::Object(members) => {
            Some(members.into_iter().map(|(key, value)| RawItem { key: Some(key), value }).collect())
        }
        _ => None,
    }
}

impl Distributed<'_> {
    /// Evaluates the source of the items.
    pub(super) fn source(&self) -> Result<Source, Failure> {
        let Some(reader) = &self.map.item_reader else { return self.items_of_state().map(Source::State) };
        let location = "ItemReader/Arguments";
        let arguments = self.run.fill_object(self.active, Extra::Nothing, &reader.arguments, location)?;
        let operation = if reader.resource.ends_with(":listObjectsV2") { "listObjectsV2" } else { "getObject" };
        let most = match &reader.reader_config.max_items {
            Some(template) => self.whole_number(template, "ItemReader/ReaderConfig/MaxItems", 100_000_000)?,
            None => u64::MAX,
        };
        Ok(Source::Bucket { operation, arguments, most: usize::try_from(most).unwrap_or(usize::MAX) })
    }

    fn items_of_state(&self) -> Result<Vec<RawItem>, Failure> {
        let own_input = Value::String("{% $states.input %}".to_owned());
        let template = self.map.items.as_ref().unwrap_or(&own_input);
        let value = self.run.fill(self.active, Extra::Nothing, template, "Items")?;
        if !value.is_array() && !value.is_object() {
            let unexpected = jsonata::unexpected(template, "Items", "array", &value);
            return Err(self.run.evaluation_failed(self.active, &unexpected));
        }
        Ok(elements(value).unwrap_or_default())
    }

    /// Reads the items.
    pub(super) async fn read(&self, source: Source) -> Result<Vec<RawItem>, Failure> {
        let (operation, arguments, most) = match source {
            Source::State(items) => return Ok(items),
            Source::Bucket { operation, arguments, most } => (operation, arguments, most),
        };
        if operation == "listObjectsV2" {
            return self.list(arguments, most).await;
        }
        let Some(reader) = &self.map.item_reader else { return Ok(Vec::new()) };
        let key = arguments.get("Key").and_then(Value::as_str).unwrap_or_default();
        if [".gz", ".zst", ".zstd"].iter().any(|suffix| key.ends_with(suffix)) {
            return Err(unreadable(format!("The object {key} is compressed, which the sandbox does not read")));
        }
        let answer = self.call_s3(operation, Value::Object(arguments)).await;
        let answer = answer.map_err(|TaskError { cause, .. }| unreadable(cause))?;
        let text = answer.get("Body").and_then(Value::as_str).unwrap_or_default();
        let mut items = parsed(reader, text)?;
        items.truncate(most);
        Ok(items)
    }

    /// Lists a bucket, page by page. The fields are those of a recording of AWS; dates are whole seconds.
    async fn list(&self, mut arguments: Map<String, Value>, most: usize) -> Result<Vec<RawItem>, Failure> {
        let mut items = Vec::new();
        loop {
            let answer = self.call_s3("listObjectsV2", Value::Object(arguments.clone())).await;
            let answer = answer.map_err(|TaskError { cause, .. }| unreadable(cause))?;
            let objects = answer.get("Contents").and_then(Value::as_array).into_iter().flatten();
            items.extend(objects.map(|object| RawItem { key: None, value: listed(object) }));
            items.truncate(most);
            match answer.get("NextContinuationToken") {
                Some(token) if items.len() < most => {
                    arguments.insert("ContinuationToken".to_owned(), token.clone());
                }
                _ => return Ok(items),
            }
        }
    }
}

fn listed(object: &Value) -> Value {
    let modified = object["LastModified"].as_str().and_then(clock::parse).map(|millis| millis.div_euclid(1000));
    json!({
        "Etag": object["ETag"],
        "Key": object["Key"],
        "LastModified": modified,
        "Size": object["Size"],
        "StorageClass": object["StorageClass"].as_str().unwrap_or("STANDARD"),
    })
}

/// Parses the items of an object.
fn parsed(reader: &ItemReader, text: &str) -> Result<Vec<RawItem>, Failure> {
    let config = &reader.reader_config;
    let not_json = |error: serde_json::Error| unreadable(format!("The object is not JSON: {error}"));
    match config.input_type {
        Some(InputType::Csv) => csv::rows(config, text).map_err(unreadable),
        Some(InputType::Jsonl) => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| Ok(RawItem { key: None, value: serde_json::from_str(line).map_err(not_json)? }))
            .collect(),
        Some(InputType::Json) | None => {
            let value: Value = serde_json::from_str(text).map_err(not_json)?;
            let at = config.items_pointer.as_deref().unwrap_or_default();
            let value = value.pointer(at).cloned().unwrap_or_default();
            elements(value).ok_or_else(|| unreadable("Attempting to map over non-iterable node."))
        }
    }
}
