//! The calls of Task states: `lambda:invoke` and `sns:publish`, with the results and the errors that Step Functions shows.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

use crate::{
    lambda::{Answer, Lambda},
    ports::{ApiError, Invocation, TaskCall, TaskError, TaskRunner},
    sns::Sns,
};

/// Calls the services of this sandbox.
#[derive(Clone)]
pub(crate) struct Tasks {
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) sns: Arc<Sns>,
}

#[async_trait]
impl TaskRunner for Tasks {
    async fn run(&self, call: TaskCall) -> Result<Value, TaskError> {
        match call.resource.as_str() {
            "lambda:invoke" => self.invoke(&call.arguments).await,
            "sns:publish" => self.publish(&call.arguments).await,
            other => Err(TaskError {
                error: "States.Runtime".to_owned(),
                cause: format!(
                    "The sandbox does not run the resource arn:aws:states:::{other}; it runs lambda:invoke and sns:publish"
                ),
            }),
        }
    }
}

impl Tasks {
    async fn invoke(&self, arguments: &Value) -> Result<Value, TaskError> {
        let function = arguments.get("FunctionName").and_then(Value::as_str).ok_or_else(|| missing("FunctionName"))?;
        let payload = arguments.get("Payload").map_or_else(|| "{}".to_owned(), Value::to_string);
        let Answer { request_id, outcome } = self
            .lambda
            .run(function, Bytes::from(payload))
            .await
            .map_err(|error| service_error("Lambda", "AWSLambda", qualified(error)))?;
        match outcome {
            Invocation::Answered(payload) => Ok(invoke_result(&request_id, &payload)),
            Invocation::Failed(payload) => Err(function_error(&payload)),
        }
    }

    async fn publish(&self, arguments: &Value) -> Result<Value, TaskError> {
        let request_id = Uuid::new_v4().to_string();
        let xml = self
            .sns
            .handle("Publish", publish_form(arguments))
            .await
            .map_err(|error| service_error("SNS", "AmazonSNS", error))?;
        let message_id = element(&xml, "MessageId").unwrap_or_default();
        let mut result = sdk_metadata(&request_id, "text/xml", xml.len(), &[]);
        result.insert("MessageId".to_owned(), Value::from(message_id));
        Ok(Value::Object(result))
    }
}

/// The result of `lambda:invoke`, as recorded from AWS.
fn invoke_result(request_id: &str, payload: &[u8]) -> Value {
    let parsed = serde_json::from_slice(payload)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).into_owned()));
    let mut result = sdk_metadata(
        request_id,
        "application/json",
        payload.len(),
        &[("X-Amz-Executed-Version", "$LATEST".to_owned()), ("x-amzn-Remapped-Content-Length", "0".to_owned())],
    );
    result.insert("ExecutedVersion".to_owned(), Value::from("$LATEST"));
    result.insert("Payload".to_owned(), parsed);
    result.insert("StatusCode".to_owned(), Value::from(200));
    Value::Object(result)
}

/// What every integration says about the HTTP answer it got.
fn sdk_metadata(request_id: &str, content_type: &str, length: usize, more: &[(&str, String)]) -> Map<String, Value> {
    let form =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let date = OffsetDateTime::now_utc().format(&form).unwrap_or_default();
    let trace: String = request_id.chars().filter(|character| *character != '-').collect();
    let mut headers = BTreeMap::from([
        ("Connection", "keep-alive".to_owned()),
        ("Content-Length", length.to_string()),
        ("Content-Type", content_type.to_owned()),
        ("Date", date),
        ("x-amzn-RequestId", request_id.to_owned()),
        ("X-Amzn-Trace-Id", format!("Root=1-{}-{};Sampled=0", &trace[..8], &trace[8..])),
    ]);
    headers.extend(more.iter().cloned());
    let lists: Map<String, Value> = headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    let metadata = json!({
        "SdkHttpMetadata": { "AllHttpHeaders": lists, "HttpHeaders": headers, "HttpStatusCode": 200 },
        "SdkResponseMetadata": { "RequestId": request_id },
    });
    match metadata {
        Value::Object(metadata) => metadata,
        _ => Map::new(),
    }
}

/// A function's own error: its `errorType` is the name, its whole payload the cause.
fn function_error(payload: &[u8]) -> TaskError {
    let error_type = serde_json::from_slice::<Value>(payload)
        .ok()
        .and_then(|payload| payload.get("errorType").and_then(Value::as_str).map(str::to_owned))
        .filter(|name| !name.is_empty());
    TaskError {
        error: error_type.unwrap_or_else(|| "Lambda.Unknown".to_owned()),
        cause: String::from_utf8_lossy(payload).into_owned(),
    }
}

/// An error of the service itself, with the cause as Step Functions writes it.
fn service_error(prefix: &str, service: &str, error: ApiError) -> TaskError {
    let ApiError { status, code, message } = error;
    let request_id = Uuid::new_v4();
    TaskError {
        cause: format!(
            "{message} (Service: {service}; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null)"
        ),
        error: format!("{prefix}.{code}"),
    }
}

/// Step Functions invokes `$LATEST` by name, and so that is what it does not find.
fn qualified(mut error: ApiError) -> ApiError {
    if error.code == "ResourceNotFoundException" && !error.message.ends_with(":$LATEST") {
        error.message.push_str(":$LATEST");
    }
    error
}

fn missing(name: &str) -> TaskError {
    TaskError {
        error: "States.Runtime".to_owned(),
        cause: format!("The Arguments of this Task do not have the field {name}"),
    }
}

/// The arguments of `sns:publish` as the form that SNS takes. A message that is not text is sent as JSON.
fn publish_form(arguments: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut form = BTreeMap::new();
    for (name, value) in arguments.as_object().into_iter().flatten() {
        if name != "MessageAttributes" {
            form.insert(name.clone(), text(value));
            continue;
        }
        for (index, (attribute, content)) in value.as_object().into_iter().flatten().enumerate() {
            let prefix = format!("MessageAttributes.entry.{}", index + 1);
            form.insert(format!("{prefix}.Name"), attribute.clone());
            for part in ["DataType", "StringValue", "BinaryValue"] {
                if let Some(value) = content.get(part) {
                    form.insert(format!("{prefix}.Value.{part}"), text(value));
                }
            }
        }
    }
    form
}

/// The text of an element of an answer that the sandbox itself has written.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    xml.split_once(&format!("<{name}>"))?.1.split_once("</").map(|(text, _)| text)
}
