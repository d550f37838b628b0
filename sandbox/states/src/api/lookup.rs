//! Finds the resource that a request names, or returns AWS's error.

use std::sync::Arc;

use sandbox_core::ports::ApiError;

use super::body::{Body, invalid};
use crate::{Inner, execution::Execution, machine::Machine, map_run::MapRun};

/// The execution in a request.
pub(super) fn execution(inner: &Inner, body: &Body) -> Result<Arc<Execution>, ApiError> {
    let arn = body.text("executionArn")?;
    if !arn.starts_with("arn:") {
        return Err(ApiError::new("InvalidArn", format!("Invalid Arn: '{arn}'")));
    }
    inner
        .executions
        .get(arn)
        .ok_or_else(|| ApiError::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'")))
}

/// Rejects the ARN of a distributed Map state inside a machine: "If you provide a qualified state machine ARN that
/// refers to a Distributed Map state, the request fails with `ValidationException`" (API reference of `StartExecution`,
/// `DescribeStateMachine`, `UpdateStateMachine` and `DeleteStateMachine`).
pub(super) fn refuse_label(arn: &str) -> Result<(), ApiError> {
    if arn.starts_with("arn:") && arn.contains('/') {
        return Err(invalid(format!("The ARN of a Distributed Map state is not supported by this action: '{arn}'")));
    }
    Ok(())
}

/// The machine with this ARN, or AWS's error.
pub(super) fn machine(inner: &Inner, arn: &str) -> Result<Machine, ApiError> {
    if !arn.starts_with("arn:") {
        return Err(ApiError::new("InvalidArn", format!("Invalid Arn: '{arn}'")));
    }
    inner
        .machines
        .get(arn)
        .ok_or_else(|| ApiError::new("StateMachineDoesNotExist", format!("State Machine Does Not Exist: '{arn}'")))
}

/// The Map Run with this ARN, or AWS's error.
pub(super) fn map_run(inner: &Inner, arn: &str) -> Result<Arc<MapRun>, ApiError> {
    if !arn.starts_with("arn:") {
        return Err(ApiError::new("InvalidArn", format!("Invalid Arn: '{arn}'")));
    }
    inner.map_runs.get(arn).ok_or_else(|| ApiError::new("ResourceNotFound", format!("Resource not found: '{arn}'")))
}
