//! Lambda's REST API: Invoke, the operations that read functions, and `UpdateFunctionConfiguration`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{Lambda, configuration::Update};
use sandbox_core::ports::{ApiError, Invocation, Invoke};
use sandbox_iam::Permission;

/// The path prefix of functions. Other parts of the API have other dates.
const FUNCTIONS: &str = "/2015-03-31/functions";
/// The number of attempts at an asynchronous invocation: Lambda retries a failed one twice.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const ASYNCHRONOUS_TRIES: u64 = 3;

impl Lambda {
    /// Whether a path belongs to Lambda's API.
    pub fn owns(path: &str) -> bool {
        path.starts_with(FUNCTIONS)
    }

    /// Performs an operation of the API.
    pub async fn handle(
        self: &Arc<Self>,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, ApiError> {
        let unknown = || {
            let message = format!("the sandbox's Lambda has no call {method} {path}");
            ApiError::new("UnknownOperationException", message).with_status(404)
        };
        let parts = parts(path).ok_or_else(unknown)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (method, parts.as_slice()) {
            (&Method::GET, [""]) => Ok(json_answer(&self.list())),
            (&Method::GET, [name]) => self.get_function(name),
            (&Method::GET, [name, "configuration"]) => Ok(json_answer(&self.pool(name)?.configuration().shown())),
            (&Method::PUT, [name, "configuration"]) => self.update_configuration(name, &body),
            (&Method::POST, [name, "invocations"]) => self.invocation(name, headers, body).await,
            _ => Err(unknown()),
        }
    }

    /// The permission for an operation of the API
    /// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html>).
    pub fn permission(&self, method: &Method, path: &str) -> Permission {
        let parts = parts(path).unwrap_or_default();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (action, name) = match (method, parts.as_slice()) {
            (&Method::POST, [name, "invocations"]) => ("lambda:InvokeFunction", *name),
            (&Method::PUT, [name, "configuration"]) => ("lambda:UpdateFunctionConfiguration", *name),
            (_, [name, "configuration"]) => ("lambda:GetFunctionConfiguration", *name),
            (_, [name]) if !name.is_empty() => ("lambda:GetFunction", *name),
            _ => return Permission::new("lambda:ListFunctions", "*"),
        };
        Permission::new(action, self.arn(name))
    }

    fn list(&self) -> Value {
        let functions: Vec<Value> = self.pools.values().map(|pool| pool.configuration().shown()).collect();
        json!({ "Functions": functions })
    }

    fn get_function(&self, name: &str) -> Result<Response<Bytes>, ApiError> {
        let configuration = self.pool(name)?.configuration();
        let mut answer = json!({ "Configuration": configuration.shown(), "Tags": {} });
        if let Some(reserved) = configuration.function.reserved_concurrency {
            answer["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
        }
        Ok(json_answer(&answer))
    }

    fn update_configuration(&self, name: &str, body: &[u8]) -> Result<Response<Bytes>, ApiError> {
        let update: Update = serde_json::from_slice(body).map_err(|error| {
            let message = format!("the sandbox changes Environment, Timeout and MemorySize of a function: {error}");
            ApiError::new("InvalidParameterValueException", message)
        })?;
        Ok(json_answer(&self.update(name, update)?.shown()))
    }

    async fn invocation(
        self: &Arc<Self>,
        name: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, ApiError> {
        let payload = if body.is_empty() { Bytes::from_static(b"{}") } else { body };
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
            let message = format!("Could not parse request body into json: {error}");
            return Err(ApiError::new("InvalidRequestContentException", message));
        }
        match headers.get("X-Amz-Invocation-Type").and_then(|kind| kind.to_str().ok()) {
            None | Some("RequestResponse") => {
                let answer = self.run(name, payload).await?;
                let (payload, failed) = match answer.outcome {
                    Invocation::Answered(payload) => (payload, false),
                    Invocation::Failed(payload) => (payload, true),
                };
                let mut response = plain_answer(StatusCode::OK, payload);
                response.headers_mut().insert("X-Amz-Executed-Version", http::HeaderValue::from_static("$LATEST"));
                if failed {
                    response.headers_mut().insert("X-Amz-Function-Error", http::HeaderValue::from_static("Unhandled"));
                }
                Ok(response)
            }
            Some("Event") => {
                self.pool(name)?;
                tokio::spawn(asynchronous(Arc::clone(self), name.to_owned(), payload));
                Ok(plain_answer(StatusCode::ACCEPTED, Bytes::new()))
            }
            Some("DryRun") => {
                self.pool(name)?;
                Ok(plain_answer(StatusCode::NO_CONTENT, Bytes::new()))
            }
            Some(other) => Err(ApiError::new(
                "InvalidParameterValueException",
                format!("the invocation type is RequestResponse, Event or DryRun, not {other}"),
            )),
        }
    }
}

/// The segments of a path after the prefix of functions.
fn parts(path: &str) -> Option<Vec<String>> {
    let rest = path.strip_prefix(FUNCTIONS)?.trim_matches('/');
    Some(rest.split('/').map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect())
}

/// Invokes the function until it succeeds, at most three times. The delays are one minute and two minutes, as on AWS.
async fn asynchronous(lambda: Arc<Lambda>, name: String, payload: Bytes) {
    for tries in 1..=ASYNCHRONOUS_TRIES {
        if let Ok(Invocation::Answered(_)) = lambda.invoke(&name, payload.clone()).await {
            return;
        }
        if tries == ASYNCHRONOUS_TRIES || !lambda.pause(Duration::from_mins(tries)).await {
            break;
        }
    }
    tracing::warn!(function = %name, "an asynchronous invocation failed for good");
}

fn json_answer(body: &Value) -> Response<Bytes> {
    plain_answer(StatusCode::OK, Bytes::from(body.to_string()))
}

fn plain_answer(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert("Content-Type", http::HeaderValue::from_static("application/json"));
    response
}
