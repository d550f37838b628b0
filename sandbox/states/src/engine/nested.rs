//! Tasks that call Step Functions itself: `states:startExecution`, which can wait for the end of the new execution, and
//! `aws-sdk:sfn`. Source: Step Functions Developer Guide, "Start a new AWS Step Functions state machine from a running
//! execution" (`connect-stepfunctions.html`), and "Run a job (.sync)" (`connect-to-resource.html`).
//!
//! The permissions of the machine's role (`stepfunctions-iam.html`), and when they are checked:
//! - `states:StartExecution` on the state machine, when a Task starts an execution of it;
//! - `states:DescribeExecution` on the execution, when its end is read. AWS checks more often, since it polls;
//! - `states:StopExecution` on the execution, when the Task stops waiting before the end: "Step Functions will make a
//!   best-effort attempt to cancel the task". Without the permission the execution continues;
//! - `events:PutRule`, `events:PutTargets` and `events:DescribeRule` on the rule
//!   `StepFunctionsGetEventsForStepFunctionsExecutionRule`, when a machine that waits for executions is created or
//!   updated (`api/machines.rs`).
//!
//! AWS does not document the error of a Task that lacks one of the first two.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Failure, Resource, Run, environment::ActiveState};
use crate::{
    Inner, announce, api, clock,
    execution::{Execution, Stop},
    history::untruncated,
    record::{Record, Status},
};
use sandbox_core::{
    faults::{Call, Service},
    ports::{ApiError, TaskError},
};
use sandbox_iam::states_permission;

/// The operations that a machine can call as `aws-sdk:sfn`.
const SDK_OPERATIONS: [&str; 8] = [
    "StartExecution",
    "StopExecution",
    "RedriveExecution",
    "DescribeExecution",
    "ListExecutions",
    "GetExecutionHistory",
    "DescribeMapRun",
    "ListMapRuns",
];

/// The format of the output of an execution that a Task waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// JSON (`.sync:2`).
    Value,
    /// JSON text (`.sync`).
    Text,
}

impl Resource {
    /// Whether the service is Step Functions itself.
    pub(super) fn is_step_functions(&self) -> bool {
        matches!(self.kind.as_str(), "states" | "aws-sdk:sfn")
    }
}

impl Run {
    /// Calls Step Functions. The outer error ends the execution, the inner one is the error of the call.
    pub(super) async fn call_step_functions(
        &self,
        active: ActiveState<'_>,
        resource: &Resource,
        arguments: &Value,
    ) -> Result<Result<Value, TaskError>, Failure> {
        match (resource.kind.as_str(), resource.call.as_str()) {
            ("states", "startExecution") => {
                Ok(self.start_execution(active, arguments).await.map(|other| started(&other)))
            }
            ("states", "startExecution.sync") => self.start_and_wait(active, resource, arguments, Output::Text).await,
            ("states", "startExecution.sync:2") => {
                self.start_and_wait(active, resource, arguments, Output::Value).await
            }
            _ => Ok(self.call_api(active, resource, arguments).await),
        }
    }

    fn permit(&self, operation: &str, body: &Value) -> Result<(), TaskError> {
        permit(&self.inner, &self.revision.role, operation, body)
    }

    /// Makes a call with its faults. The error names begin with `service`.
    async fn call_with_faults<T>(
        &self,
        active: ActiveState<'_>,
        operation: &str,
        service: &str,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, TaskError> {
        let call = Call { state: Some(&active.frame.state), ..Call::new(Service::States, operation) };
        self.inner.options.faults.apply(call, None, work).await.map_err(|error| refusal(service, error))
    }

    /// Starts an execution. A default name is derived from this Task, so a restarted sandbox finds the execution and
    /// starts no second one.
    async fn start_execution(&self, active: ActiveState<'_>, arguments: &Value) -> Result<Arc<Execution>, TaskError> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let machine = text("StateMachineArn").ok_or_else(|| TaskError {
            error: "States.Runtime".to_owned(),
            cause: "The Arguments of this Task do not have the field StateMachineArn".to_owned(),
        })?;
        self.permit("StartExecution", &json!({"stateMachineArn": machine}))?;
        let input = match arguments.get("Input") {
            None => "{}".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(input) => input.to_string(),
        };
        let start = async {
            if let Some(name) = text("Name") {
                return api::start(&self.inner, machine, Some(name.to_owned()), &input);
            }
            let record = self.execution.record();
            let place = format!("{}#{}#{}", record.arn, active.frame.entered_event, record.redrives);
            let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, place.as_bytes()).to_string();
            match api::start(&self.inner, machine, Some(name), &input) {
                // This is a retry of the Task, and the first execution has ended.
                Err(error) if error.code == "ExecutionAlreadyExists" => api::start(&self.inner, machine, None, &input),
                other => other,
            }
        };
        self.call_with_faults(active, "StartExecution", "StepFunctions", start).await
    }

    async fn start_and_wait(
        &self,
        active: ActiveState<'_>,
        resource: &Resource,
        arguments: &Value,
        output: Output,
    ) -> Result<Result<Value, TaskError>, Failure> {
        let other = match self.start_execution(active, arguments).await {
            Ok(other) => other,
            Err(error) => return Ok(Err(error)),
        };
        let fields = Value::Object(untruncated("output", &started(&other).to_string()));
        self.task_event(active, resource, "TaskSubmitted", fields)?;
        let stop_on_drop = StopOnDrop { inner: &self.inner, role: &self.revision.role, other: &other };
        let mut ended = other.ended.subscribe();
        // The sender lives as long as the execution.
        let _ = ended.wait_for(|()| !other.is_running()).await;
        drop(stop_on_drop);
        let record = other.record();
        if let Err(error) = self.permit("DescribeExecution", &json!({"executionArn": record.arn})) {
            return Ok(Err(error));
        }
        let description = description(&self.inner, &record, output);
        Ok(if record.status == Status::Succeeded {
            Ok(description)
        } else {
            Err(TaskError { error: "States.TaskFailed".to_owned(), cause: description.to_string() })
        })
    }

    async fn call_api(
        &self,
        active: ActiveState<'_>,
        resource: &Resource,
        arguments: &Value,
    ) -> Result<Value, TaskError> {
        let operation = capitalized(&resource.call);
        if resource.kind != "aws-sdk:sfn" || !SDK_OPERATIONS.contains(&operation.as_str()) {
            return Err(TaskError {
                error: "States.Runtime".to_owned(),
                cause: format!(
                    "The sandbox does not run the resource arn:aws:states:::{}:{}; of Step Functions it runs \
                     states:startExecution and, as aws-sdk:sfn, {}",
                    resource.kind,
                    resource.call,
                    SDK_OPERATIONS.join(", ")
                ),
            });
        }
        let fields = arguments.as_object().cloned().unwrap_or_default();
        let body = Value::Object(fields.into_iter().map(|(name, value)| (uncapitalized(&name), value)).collect());
        self.permit(&operation, &body)?;
        // Boxed, because the API starts executions, and executions call the API.
        let call = Box::pin(api::handle(&self.inner, &operation, body));
        self.call_with_faults(active, &operation, "Sfn", call).await.map(|answer| shown("", answer))
    }
}

/// Checks a permission of a machine's role for an operation of Step Functions.
fn permit(inner: &Inner, role: &str, operation: &str, body: &Value) -> Result<(), TaskError> {
    let permission = states_permission(operation, body, &inner.region);
    inner.runner.permit(role, &permission.action, &permission.resource)
}

/// On drop, stops the execution that a Task waited for, if it still runs and the role allows it. If the sandbox stops,
/// the execution is not stopped: the next run waits for it again.
struct StopOnDrop<'a> {
    inner: &'a Inner,
    role: &'a str,
    other: &'a Execution,
}

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        let Self { inner, role, other } = self;
        if inner.closing.is_cancelled() || !other.is_running() {
            return;
        }
        let body = other.with_record(|record| json!({"executionArn": record.arn}));
        match permit(inner, role, "StopExecution", &body) {
            Ok(()) => drop(other.stop.send_replace(Some(Stop::default()))),
            Err(error) => tracing::warn!(cause = error.cause, "cannot stop an execution of an ended Task"),
        }
    }
}

/// The answer to a start.
fn started(other: &Execution) -> Value {
    let (arn, at) = other.with_record(|record| (record.arn.clone(), record.started));
    json!({"ExecutionArn": arn, "StartDate": at})
}

/// An execution in the output of the Task that waited for it.
fn description(inner: &Inner, record: &Record, output: Output) -> Value {
    let shown = |text: &str| match output {
        Output::Value => serde_json::from_str(text).unwrap_or_default(),
        Output::Text => json!(text),
    };
    let (redrive_status, reason) = announce::redrive_status(inner, record);
    let fields = [
        ("Cause", record.cause.as_ref().map(|cause| json!(cause))),
        ("Error", record.error.as_ref().map(|error| json!(error))),
        ("ExecutionArn", Some(json!(record.arn))),
        ("Input", Some(shown(&record.input))),
        ("InputDetails", Some(json!({"Included": true}))),
        ("Name", Some(json!(record.name))),
        ("Output", record.output.as_deref().map(shown)),
        ("OutputDetails", record.output.as_ref().map(|_| json!({"Included": true}))),
        ("RedriveCount", Some(json!(record.redrives))),
        ("RedriveStatus", Some(json!(redrive_status))),
        ("RedriveStatusReason", reason.map(Value::String)),
        ("StartDate", Some(json!(record.started))),
        ("StateMachineArn", Some(json!(record.machine))),
        ("Status", Some(json!(record.status.name()))),
        ("StopDate", record.stopped.map(|at| json!(at))),
    ];
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect())
}

/// An answer of the API in the SDK's format: fields in Pascal case, times as text.
fn shown(name: &str, value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(name, value)| (capitalized(&name), shown(&name, value))).collect::<Map<_, _>>(),
        ),
        Value::Array(values) => Value::Array(values.into_iter().map(|value| shown("", value)).collect()),
        Value::Number(number) if name.ends_with("Date") || name == "timestamp" => {
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit 64 bits")]
            let millis = (number.as_f64().unwrap_or_default() * 1000.0).round() as i64;
            json!(clock::rfc3339(millis))
        }
        other => other,
    }
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn uncapitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// An API error under the name of the SDK's exception.
fn refusal(service: &str, error: ApiError) -> TaskError {
    // A call without an answer has no status.
    if error.is_no_answer() {
        return TaskError { error: format!("{service}.{}", error.code), cause: error.message };
    }
    let ApiError { status, code, message } = error;
    let suffix = if code.ends_with("Exception") { "" } else { "Exception" };
    TaskError {
        error: format!("{service}.{code}{suffix}"),
        cause: format!("{message} (Service: Sfn, Status Code: {status}, Request ID: {})", Uuid::new_v4()),
    }
}
