//! What the services of the sandbox ask of one another, so that each can be built and tested alone.

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

/// The account that owns everything in the sandbox. Twelve digits, as AWS has them; this one is nobody's.
pub const ACCOUNT: &str = "000000000000";

/// An answer that a service gives instead of a result, in AWS's own terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// HTTP status, for example 400.
    pub status: u16,
    /// AWS's name for it, for example `ExecutionDoesNotExist`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl ApiError {
    /// An error with HTTP status 400, which is what JSON services answer for nearly everything.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into() }
    }

    /// No answer at all: the connection broke. Status 0; Step Functions shows it by the name that its SDK gives it.
    pub fn no_answer() -> Self {
        let message = "Unable to execute HTTP request: the connection was closed before an answer came";
        Self::new("SdkClientException", message).with_status(0)
    }

    /// Whether there is no answer.
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

/// Takes events as `EventBridge` would: a whole envelope (`version`, `id`, `detail-type`, `source`, `account`, `time`,
/// `region`, `resources`, `detail`).
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Accepts the event. Delivery to targets happens afterwards, at least once, in no promised order.
    async fn put_event(&self, envelope: Value);
}

/// How a Lambda invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Invocation {
    /// The function answered: its payload as JSON text.
    Answered(Bytes),
    /// The function failed (`FunctionError: Unhandled`): the payload is `{"errorType", "errorMessage", …}`.
    Failed(Bytes),
}

/// Invokes functions by name or ARN. Service errors (no such function, throttled) are `ApiError`s.
#[async_trait]
pub trait Invoke: Send + Sync {
    /// Runs the function to its end.
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Invocation, ApiError>;
}

/// A Task state's call to a service.
#[derive(Debug, Clone)]
pub struct TaskCall {
    /// The part of the resource ARN after `arn:aws:states:::`, for example `lambda:invoke`.
    pub resource: String,
    /// The evaluated `Arguments`.
    pub arguments: Value,
    /// The execution that calls.
    pub execution_arn: String,
    /// The name of the state that calls.
    pub state: String,
    /// The role that it calls with: the state machine's.
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

/// Performs the calls of Task states. Answers the service's result as Step Functions shows it, for example
/// `{"ExecutedVersion", "Payload", "StatusCode", …}` for `lambda:invoke`.
#[async_trait]
pub trait TaskRunner: Send + Sync {
    /// Makes the call and waits for its end.
    async fn run(&self, call: TaskCall) -> Result<Value, TaskError>;

    /// Whether a role may do what Step Functions does for it without a call: start the children of a Map Run, or
    /// redrive one. Where nothing is said, it may.
    fn permit(&self, _role_arn: &str, _action: &str, _resource: &str) -> Result<(), TaskError> {
        Ok(())
    }
}

/// Starts executions: what an `EventBridge` target needs of Step Functions.
#[async_trait]
pub trait StartExecution: Send + Sync {
    /// Starts the machine with the role of the rule's target, and answers the execution's ARN.
    async fn start_execution(
        &self,
        role_arn: &str,
        state_machine_arn: &str,
        name: Option<String>,
        input: Value,
    ) -> Result<String, ApiError>;
}
