//! `lambda:invoke`.

use bytes::Bytes;
use sandbox_core::ports::{ApiError, Invocation, TaskCall, TaskError};
use sandbox_iam::Permission;
use sandbox_lambda::{Answer, Invoker};
use serde_json::Value;

use super::{Tasks, missing, sdk_metadata, service_error};

impl Tasks {
    pub(super) async fn invoke(&self, call: &TaskCall) -> Result<Value, TaskError> {
        let arguments = &call.arguments;
        let function = arguments.get("FunctionName").and_then(Value::as_str).ok_or_else(|| missing("FunctionName"))?;
        let permission = Permission::new("lambda:InvokeFunction", self.lambda.arn(function));
        self.authorize(&call.role_arn, permission)
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
}

/// The rejection of an invocation. AWS's SDK has no exception for it, so Step Functions shows that of the whole
/// service: error `Lambda.AWSLambdaException`, error code `AccessDeniedException` (for example
/// <https://github.com/awslabs/aws-deployment-framework/issues/460>).
fn lambda_refusal(error: ApiError) -> TaskError {
    TaskError { error: "Lambda.AWSLambdaException".to_owned(), ..service_error("Lambda", "AWSLambda", error) }
}

/// The result of `lambda:invoke`, as recorded from AWS.
pub(super) fn invoke_result(request_id: &str, payload: &[u8]) -> Value {
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

/// A function's own error: its `errorType` is the error name, its whole payload the cause.
pub(super) fn function_error(payload: &[u8]) -> TaskError {
    let error_type = serde_json::from_slice::<Value>(payload)
        .ok()
        .and_then(|payload| payload.get("errorType").and_then(Value::as_str).map(str::to_owned))
        .filter(|name| !name.is_empty());
    TaskError {
        error: error_type.unwrap_or_else(|| "Lambda.Unknown".to_owned()),
        cause: String::from_utf8_lossy(payload).into_owned(),
    }
}

/// Step Functions invokes `$LATEST` by name, so the error contains that qualifier.
fn qualified(mut error: ApiError) -> ApiError {
    if error.code == "ResourceNotFoundException" && !error.message.ends_with(":$LATEST") {
        error.message.push_str(":$LATEST");
    }
    error
}
