//! The operations of the API, by name.

mod body;
mod constraints;
mod executions;
mod lookup;
mod machines;
mod map_runs;
mod page;

use std::sync::Arc;

use serde_json::Value;

use super::Inner;
use body::Body;
use sandbox_core::{
    operations::{self, Service},
    ports::ApiError,
    store::StoreError,
};

pub(crate) use executions::start;

pub(crate) async fn handle(inner: &Arc<Inner>, operation: &str, body: Value) -> Result<Value, ApiError> {
    if !operations::has(Service::States, operation) {
        return Err(unknown(operation));
    }
    let body = Body::new(body)?;
    constraints::check(operation, &body)?;
    match operation {
        "CreateStateMachine" => machines::create(inner, &body),
        "UpdateStateMachine" => machines::update(inner, &body),
        "DeleteStateMachine" => machines::delete(inner, &body),
        "ListStateMachines" => machines::list(inner, &body),
        "DescribeStateMachine" => machines::describe(inner, &body),
        "DescribeStateMachineForExecution" => machines::describe_for_execution(inner, &body),
        "ValidateStateMachineDefinition" => machines::validate(&body),
        "ListTagsForResource" => machines::list_tags(inner, &body),
        "TagResource" => machines::tag(inner, &body),
        "UntagResource" => machines::untag(inner, &body),
        "StartExecution" => executions::start_execution(inner, &body),
        "StopExecution" => executions::stop(inner, &body).await,
        "RedriveExecution" => executions::redrive(inner, &body),
        "DescribeExecution" => executions::describe(inner, &body),
        "ListExecutions" => executions::list(inner, &body),
        "DescribeMapRun" => map_runs::describe(inner, &body),
        "ListMapRuns" => map_runs::list(inner, &body),
        "UpdateMapRun" => map_runs::update(inner, &body),
        "GetExecutionHistory" => executions::history(inner, &body),
        other => Err(unknown(other)),
    }
}

fn unknown(operation: &str) -> ApiError {
    let message = format!("The sandbox's Step Functions has no operation '{operation}'.");
    ApiError::new("UnknownOperationException", message)
}

/// A failed write is an error of the service, not of the caller.
#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn write_failed(error: StoreError) -> ApiError {
    ApiError::new("InternalFailure", error.to_string()).with_status(500)
}
