//! The targets of rules, as `EventBridge` calls them: state machines with the role of the rule's target, and functions.
//! It holds weak references: Step Functions notifies `EventBridge`, which in turn starts executions.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use sandbox_core::{
    faults::{Call, Faults, Service},
    ports::{ApiError, Invocation, Invoke, StartExecution},
};
use sandbox_iam::{Iam, Need};
use sandbox_lambda::Lambda;
use sandbox_states::States;

/// Starts executions.
pub(crate) struct Starting {
    pub(crate) states: Weak<States>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) faults: Faults,
}

#[async_trait]
impl StartExecution for Starting {
    /// A role without permission to start the machine is rejected. `EventBridge` does not retry after that
    /// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>).
    async fn start_execution(
        &self,
        role_arn: &str,
        state_machine_arn: &str,
        name: Option<String>,
        input: Value,
    ) -> Result<String, ApiError> {
        let states = present(&self.states)?;
        self.iam
            .authorize_role(role_arn, Need::new("states:StartExecution", state_machine_arn))
            .map_err(|refusal| refusal.answer("AccessDeniedException", 400))?;
        let start = async { states.start_execution(state_machine_arn, name, &input) };
        self.faults.under(Call::new(Service::States, "StartExecution"), None, start).await
    }
}

/// Invokes functions.
pub(crate) struct Invoking {
    pub(crate) lambda: Weak<Lambda>,
}

#[async_trait]
impl Invoke for Invoking {
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Invocation, ApiError> {
        present(&self.lambda)?.invoke(function, payload).await
    }
}

fn present<T>(service: &Weak<T>) -> Result<Arc<T>, ApiError> {
    let gone = || ApiError::new("ServiceException", "the sandbox is stopping").with_status(500);
    service.upgrade().ok_or_else(gone)
}
