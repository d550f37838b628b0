//! The targets of rules, as `EventBridge` calls them: state machines with the role of the rule's target, and functions.
//! It holds weak references: Step Functions notifies `EventBridge`, which in turn starts executions.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use sandbox_core::{
    faults::{Call, Faults, Service},
    ports::{ApiError, ExecutionStart, Invocation, Invoke, StartExecution},
};
use sandbox_iam::{Iam, Permission};
use sandbox_lambda::Lambda;
use sandbox_states::States;

/// Starts executions.
pub(crate) struct ExecutionTarget {
    pub(crate) states: Weak<States>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) faults: Faults,
}

#[async_trait]
impl StartExecution for ExecutionTarget {
    /// A role without permission to start the machine is rejected. `EventBridge` does not retry after that
    /// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>).
    async fn start_execution(&self, start: ExecutionStart<'_>) -> Result<String, ApiError> {
        let ExecutionStart { role_arn, state_machine_arn, name, input } = start;
        let states = present(&self.states)?;
        self.iam
            .authorize_role(role_arn, Permission::new("states:StartExecution", state_machine_arn))
            .map_err(|refusal| refusal.answer("AccessDeniedException", 400))?;
        let start = async { states.start_execution(state_machine_arn, name, &input) };
        self.faults.apply(Call::new(Service::States, "StartExecution"), None, start).await
    }
}

/// Invokes functions.
pub(crate) struct FunctionTarget {
    pub(crate) lambda: Weak<Lambda>,
}

#[async_trait]
impl Invoke for FunctionTarget {
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Invocation, ApiError> {
        present(&self.lambda)?.invoke(function, payload).await
    }
}

fn present<T>(service: &Weak<T>) -> Result<Arc<T>, ApiError> {
    let stopping = || ApiError::new("ServiceException", "the sandbox is stopping").with_status(500);
    service.upgrade().ok_or_else(stopping)
}
