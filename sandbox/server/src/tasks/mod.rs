//! The calls of Task states: `lambda:invoke`, `sns:publish` and some of `aws-sdk:s3`, with the results and errors that
//! Step Functions shows. The engine makes the calls to Step Functions itself.

mod lambda;
mod s3;
mod sns;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

pub(crate) use s3::S3Calls;
use sandbox_core::{
    faults::Faults,
    keys,
    ports::{ApiError, TaskCall, TaskError, TaskRunner},
};
use sandbox_iam::{Iam, Permission, Refusal};
use sandbox_lambda::Lambda;
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
        self.authorize(role_arn, Permission::new(action, resource))
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
    /// Whether the role of the execution's machine has the permission. Step Functions assumes the role with a random
    /// session name.
    fn authorize(&self, role_arn: &str, permission: Permission) -> Result<(), Refusal> {
        let session = Uuid::new_v4().simple().to_string();
        self.iam.authorize(&keys::assumed_role(role_arn, &session), permission)
    }
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

fn missing(name: &str) -> TaskError {
    TaskError {
        error: "States.Runtime".to_owned(),
        cause: format!("The Arguments of this Task do not have the field {name}"),
    }
}
