//! The interfaces between the services of the sandbox, so that each can be built and tested alone.

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

/// The account that owns everything in the sandbox. Twelve digits, as on AWS. Not a real account.
pub const ACCOUNT: &str = "000000000000";
/// The partition of every region of the sandbox.
pub const PARTITION: &str = "aws";

/// An error that a service returns, in AWS's terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// HTTP status, for example 400.
    pub status: u16,
    /// AWS's error code, for example `ExecutionDoesNotExist`.
    pub code: String,
    /// The error message.
    pub message: String,
}

impl ApiError {
    /// An error with HTTP status 400, which JSON services return for most errors.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into() }
    }

    /// The connection closed without an answer. Status 0; Step Functions shows the name of its SDK's exception.
    pub fn no_answer() -> Self {
        let message = "Unable to execute HTTP request: the connection was closed before an answer came";
        Self::new("SdkClientException", message).with_status(0)
    }

    /// Whether the connection closed without an answer.
    pub fn is_no_answer(&self) -> bool {
        self.status == 0
    }

    /// The same error with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// Accepts events as `EventBridge` does: a complete envelope (`version`, `id`, `detail-type`, `source`, `account`,
/// `time`, `region`, `resources`, `detail`).
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Accepts the event. Delivery to targets follows, at least once, in no guaranteed order.
    async fn put_event(&self, envelope: Value);
}

/// How a Lambda invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Invocation {
    /// The function succeeded, with its payload as JSON text.
    Answered(Bytes),
    /// The function failed (`FunctionError: Unhandled`): the payload is `{"errorType", "errorMessage", …}`.
    Failed(Bytes),
}

/// Invokes functions by name or ARN. Service errors (unknown function, throttling) are `ApiError`s.
#[async_trait]
pub trait Invoke: Send + Sync {
    /// Runs the function to completion.
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Invocation, ApiError>;
}

/// A Task state's call to a service.
#[derive(Debug, Clone)]
pub struct TaskCall {
    /// The part of the resource ARN after `arn:aws:states:::`, for example `lambda:invoke`.
    pub resource: String,
    /// The evaluated `Arguments`.
    pub arguments: Value,
    /// The execution that makes the call.
    pub execution_arn: String,
    /// The name of the state that makes the call.
    pub state: String,
    /// The role of the call: the state machine's.
    pub role_arn: String,
}

/// Why a Task failed, as ASL sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError {
    /// The error name that Retry and Catch match.
    pub error: String,
    /// The cause, often JSON text.
    pub cause: String,
}

/// Performs the calls of Task states. Returns the service's result as Step Functions shows it, for example
/// `{"ExecutedVersion", "Payload", "StatusCode", …}` for `lambda:invoke`.
#[async_trait]
pub trait TaskRunner: Send + Sync {
    /// Makes the call and waits for its result.
    async fn run(&self, call: TaskCall) -> Result<Value, TaskError>;

    /// Whether a role may perform an action that Step Functions takes without a call: start the children of a Map Run,
    /// or redrive one. The default permits it.
    fn permit(&self, _role_arn: &str, _action: &str, _resource: &str) -> Result<(), TaskError> {
        Ok(())
    }
}

/// The request of an `EventBridge` target to start an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionStart<'a> {
    /// The role of the rule's target.
    pub role_arn: &'a str,
    /// The state machine.
    pub state_machine_arn: &'a str,
    /// The name of the execution; `None` for a generated one.
    pub name: Option<String>,
    /// The input of the execution.
    pub input: Value,
}

/// Starts executions for `EventBridge`.
#[async_trait]
pub trait StartExecution: Send + Sync {
    /// Starts an execution. Returns its ARN.
    async fn start_execution(&self, start: ExecutionStart<'_>) -> Result<String, ApiError>;
}
