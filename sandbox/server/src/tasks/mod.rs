//! The calls of Task states: `lambda:invoke`, `sns:publish` and some of `aws-sdk:s3`, with the results and errors that
//! Step Functions shows. The engine makes the calls to Step Functions itself.

mod s3;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

pub(crate) use s3::S3Calls;
use sandbox_core::{
    faults::{Call, Faults, Service},
    keys,
    ports::{ApiError, Invocation, TaskCall, TaskError, TaskRunner},
};
use sandbox_iam::{Iam, Need, Refusal, sns_need};
use sandbox_lambda::{Answer, Invoker, Lambda};
use sandbox_sns::Sns;

/// Calls the services of this sandbox.
pub(crate) struct Tasks {
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) sns: Arc<Sns>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) faults: Faults,
    pub(crate) s3: S3Calls,
}

#[async_trait]
impl TaskRunner for Tasks {
    async fn run(&self, call: TaskCall) -> Result<Value, TaskError> {
        match call.resource.as_str() {
            "lambda:invoke" => self.invoke(&call).await,
            "sns:publish" => self.publish(&call).await,
            other => {
                let s3 = match other.strip_prefix("aws-sdk:s3:") {
                    Some(operation) => self.s3.run(&call, operation).await,
                    None => None,
                };
                s3.unwrap_or_else(|| Err(unknown(other)))
            }
        }
    }

    /// AWS does not document how a Map Run fails without a permission. `States.Permissions` is the error name of the
    /// Amazon States Language (<https://states-language.net/spec.html#appendix-a>).
    fn permit(&self, role_arn: &str, action: &str, resource: &str) -> Result<(), TaskError> {
        self.judge(role_arn, Need::new(action, resource))
            .map_err(|refusal| TaskError { error: "States.Permissions".to_owned(), cause: refusal.to_string() })
    }
}

fn unknown(resource: &str) -> TaskError {
    TaskError {
        error: "States.Runtime".to_owned(),
        cause: format!(
            "The sandbox does not run the resource arn:aws:states:::{resource}; it runs lambda:invoke, sns:publish, and {}",
            s3::CALLS
        ),
    }
}

impl Tasks {
    async fn invoke(&self, call: &TaskCall) -> Result<Value, TaskError> {
        let arguments = &call.arguments;
        let function = arguments.get("FunctionName").and_then(Value::as_str).ok_or_else(|| missing("FunctionName"))?;
        let need = Need::new("lambda:InvokeFunction", self.lambda.arn(function));
        self.judge(&call.role_arn, need)
            .map_err(|refusal| lambda_refusal(refusal.answer("AccessDeniedException", 403)))?;
        let payload = arguments.get("Payload").map_or_else(|| "{}".to_owned(), Value::to_string);
        let Answer { request_id, outcome } = self
            .lambda
            .run_for(Invoker { state: Some(call.state.clone()) }, function, Bytes::from(payload))
            .await
            .map_err(|error| service_error("Lambda", "AWSLambda", qualified(error)))?;
        match outcome {
            Invocation::Answered(payload) => Ok(invoke_result(&request_id, &payload)),
            Invocation::Failed(payload) => Err(function_error(&payload)),
        }
    }

    async fn publish(&self, call: &TaskCall) -> Result<Value, TaskError> {
        let request_id = Uuid::new_v4().to_string();
        let sns_error = |error| service_error("SNS", "AmazonSNS", error);
        let form = publish_form(&call.arguments);
        let need = sns_need("Publish", &form, self.sns.region());
        self.judge(&call.role_arn, need).map_err(|refusal| sns_error(refusal.answer("AuthorizationError", 403)))?;
        let publish = Call { state: Some(&call.state), ..Call::new(Service::Sns, "Publish") };
        let xml = self.faults.under(publish, None, self.sns.handle("Publish", form)).await.map_err(sns_error)?;
        let message_id = element(&xml, "MessageId").unwrap_or_default();
        let mut result = sdk_metadata(&request_id, "text/xml", xml.len(), &[]);
        result.insert("MessageId".to_owned(), Value::from(message_id));
        Ok(Value::Object(result))
    }
}

impl Tasks {
    /// Whether the role of the execution's machine has the permission. Step Functions assumes the role with a random
    /// session name.
    fn judge(&self, role_arn: &str, need: Need) -> Result<(), Refusal> {
        let session = Uuid::new_v4().simple().to_string();
        self.iam.authorize(&keys::assumed_role(role_arn, &session), need)
    }
}

/// The rejection of an invocation. AWS's SDK has no exception for it, so Step Functions shows that of the whole
/// service: error `Lambda.AWSLambdaException`, error code `AccessDeniedException` (for example
/// <https://github.com/awslabs/aws-deployment-framework/issues/460>).
fn lambda_refusal(error: ApiError) -> TaskError {
    TaskError { error: "Lambda.AWSLambdaException".to_owned(), ..service_error("Lambda", "AWSLambda", error) }
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

/// The metadata of the HTTP answer that every integration returns.
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

/// A function's own error: its `errorType` is the error name, its whole payload the cause.
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

/// An error of the service itself, with the cause in Step Functions' form. Its name is that of the SDK's exception. It
/// ends in `Exception` even if the code on the wire (SNS's `NotFound`) does not.
fn service_error(prefix: &str, service: &str, error: ApiError) -> TaskError {
    // Without an answer there is no status to show.
    if error.is_no_answer() {
        return TaskError { error: format!("{prefix}.{}", error.code), cause: error.message };
    }
    let ApiError { status, code, message } = error;
    let request_id = Uuid::new_v4();
    let suffix = if code.ends_with("Exception") { "" } else { "Exception" };
    TaskError {
        error: format!("{prefix}.{code}{suffix}"),
        cause: format!(
            "{message} (Service: {service}; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null)"
        ),
    }
}

/// Step Functions invokes `$LATEST` by name, so the error contains that qualifier.
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

/// The arguments of `sns:publish` as SNS's form. A message that is not text is sent as JSON.
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

/// The text of an element in an answer of the sandbox.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    xml.split_once(&format!("<{name}>"))?.1.split_once("</").map(|(text, _)| text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use sandbox_core::store::Store;
    use sandbox_lambda::{Functions, LambdaOptions};

    /// A service without functions.
    fn tasks(folder: &tempfile::TempDir) -> Tasks {
        let options = LambdaOptions {
            functions: Functions::Binaries { folder: folder.path().to_owned() },
            region: "eu-west-1".to_owned(),
            account: "000000000000".to_owned(),
            endpoint_url: String::new(),
            logs: folder.path().to_owned(),
            time_scale: 0.0,
            keyring: Arc::default(),
            faults: Faults::default(),
        };
        let store = Arc::new(Store::in_memory().unwrap());
        let mut iam = Iam::default();
        let all = json!({ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
        iam.add_role("machine", &[all], &[]).unwrap();
        Tasks {
            lambda: Arc::new(Lambda::new(Vec::new(), &options).unwrap()),
            sns: Arc::new(Sns::new(store, folder.path().join("outbox"), "eu-west-1").unwrap()),
            iam: Arc::new(iam),
            s3: S3Calls::new("", "eu-west-1", Arc::default(), Faults::default()),
            faults: Faults::default(),
        }
    }

    async fn failure_of(role: &str, resource: &str, arguments: Value) -> TaskError {
        let folder = tempfile::tempdir().unwrap();
        let call = TaskCall {
            resource: resource.to_owned(),
            arguments,
            execution_arn: String::new(),
            state: "State".to_owned(),
            role_arn: format!("arn:aws:iam::000000000000:role/{role}"),
        };
        tasks(&folder).run(call).await.unwrap_err()
    }

    async fn failure(resource: &str, arguments: Value) -> TaskError {
        failure_of("machine", resource, arguments).await
    }

    /// A cause without the request ID, which differs each time.
    fn recorded(cause: &str) -> &str {
        cause.split_once("; Request ID").unwrap().0
    }

    #[tokio::test]
    async fn a_function_that_is_not_there_reads_as_aws_writes_it() {
        let error = failure("lambda:invoke", json!({ "FunctionName": "nobody", "Payload": {} })).await;
        assert_eq!(error.error, "Lambda.ResourceNotFoundException");
        assert_eq!(
            recorded(&error.cause),
            "Function not found: arn:aws:lambda:eu-west-1:000000000000:function:nobody:$LATEST (Service: AWSLambda; \
             Status Code: 404; Error Code: ResourceNotFoundException"
        );
        assert!(error.cause.ends_with("; Proxy: null)"), "{}", error.cause);
    }

    #[tokio::test]
    async fn what_the_machines_role_may_not_do_is_refused_as_aws_shows_it() {
        let error = failure_of("nobody", "lambda:invoke", json!({ "FunctionName": "f" })).await;
        assert_eq!(error.error, "Lambda.AWSLambdaException");
        let (caller, sentence) = recorded(&error.cause).split_once(" is not ").unwrap();
        assert!(caller.starts_with("User: arn:aws:sts::000000000000:assumed-role/nobody/"), "{caller}");
        assert_eq!(
            sentence,
            "authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:eu-west-1:000000000000:function:f \
             because no identity-based policy allows the lambda:InvokeFunction action (Service: AWSLambda; Status Code: \
             403; Error Code: AccessDeniedException"
        );
        let topic = "arn:aws:sns:eu-west-1:000000000000:t";
        let error = failure_of("nobody", "sns:publish", json!({ "TopicArn": topic, "Message": "m" })).await;
        assert_eq!(error.error, "SNS.AuthorizationErrorException");
    }

    #[tokio::test]
    async fn a_call_without_a_function_says_which_field_is_missing() {
        let missing = failure("lambda:invoke", json!({ "Payload": {} })).await;
        assert_eq!(missing.cause, "The Arguments of this Task do not have the field FunctionName");
    }

    #[tokio::test]
    async fn a_topic_that_is_not_there_is_an_error_of_sns() {
        let topic = "arn:aws:sns:eu-west-1:000000000000:nobody";
        let error = failure("sns:publish", json!({ "TopicArn": topic, "Message": { "a": 1 } })).await;
        assert_eq!(error.error, "SNS.NotFoundException");
        assert!(error.cause.contains("(Service: AmazonSNS; Status Code: 404; Error Code: "), "{}", error.cause);
    }

    #[tokio::test]
    async fn a_resource_that_the_sandbox_does_not_run_is_named() {
        let error = failure("dynamodb:putItem", json!({})).await;
        assert!(error.cause.contains("arn:aws:states:::dynamodb:putItem"), "{}", error.cause);
    }

    #[test]
    fn the_error_of_a_function_is_its_error_type_with_the_whole_payload_as_cause() {
        let payload = br#"{"errorType":"Source.Denied","errorMessage":"m"}"#;
        let error = function_error(payload);
        assert_eq!((error.error.as_str(), error.cause.as_bytes()), ("Source.Denied", &payload[..]));
        assert_eq!(function_error(b"{}").error, "Lambda.Unknown");
        assert_eq!(function_error(b"not JSON").error, "Lambda.Unknown");
    }

    #[test]
    fn the_result_of_invoke_has_the_fields_that_aws_shows() {
        let result = invoke_result("8e0c9f4e-7a8e-4b55-9d3c-2f1f6f6f1a11", br#"{"a": 1}"#);
        let fields: std::collections::BTreeSet<_> = result.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["ExecutedVersion", "Payload", "SdkHttpMetadata", "SdkResponseMetadata", "StatusCode"];
        assert_eq!(fields, expected.into());
        assert_eq!(result["Payload"], json!({ "a": 1 }));
        assert_eq!(result["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"], "8");
        assert_eq!(result["SdkHttpMetadata"]["AllHttpHeaders"]["X-Amz-Executed-Version"], json!(["$LATEST"]));
    }

    #[test]
    fn attributes_of_a_message_become_numbered_fields_of_the_form() {
        let form = publish_form(&json!({
            "TopicArn": "t",
            "Message": { "a": 1 },
            "MessageAttributes": { "status": { "DataType": "String", "StringValue": "OK" } },
        }));
        assert_eq!(form["Message"], r#"{"a":1}"#);
        assert_eq!(form["MessageAttributes.entry.1.Name"], "status");
        assert_eq!(form["MessageAttributes.entry.1.Value.StringValue"], "OK");
    }
}
