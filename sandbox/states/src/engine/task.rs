//! The call of a Task and its history events.

use std::{sync::Arc, task::Poll, time::Duration};

use serde_json::{Value, json};

use super::{
    Failure, Resource, Run,
    environment::{ActiveState, Extra, executing},
};
use crate::{
    definition::Kind,
    history::{self, untruncated},
    limits,
};
use sandbox_core::ports::{PARTITION, TaskCall, TaskError};

impl Run {
    /// Makes the call of a Task state once.
    pub(super) async fn call(&self, active: ActiveState<'_>, kind: &Kind) -> Result<Value, Failure> {
        let Kind::Task { resource: arn, arguments, timeout_seconds, heartbeat_seconds } = kind else {
            return Err(Failure::runtime("Only a Task calls a service."));
        };
        let resource = Resource::parse(arn).map_err(Failure::runtime)?;
        // AWS accepts such a definition and fails the execution: <https://github.com/aws/aws-cdk/issues/4597>,
        // <https://github.com/Netflix/metaflow/issues/324>.
        if resource.partition != PARTITION {
            let problem = format!(
                "The resource belongs to a different partition from the running execution. Expected '{PARTITION}', was '{}'.",
                resource.partition
            );
            return Err(Failure::runtime(executing(active, &problem)));
        }
        let arguments = match arguments {
            Some(arguments) => self.fill(active, Extra::Nothing, arguments, "Arguments")?,
            None => active.frame.input.clone(),
        };
        let arguments = Self::checked(active, arguments)?;
        let timeout = self.seconds(active, timeout_seconds.as_ref(), "TimeoutSeconds")?;
        let heartbeat = self.seconds(active, heartbeat_seconds.as_ref(), "HeartbeatSeconds")?;
        self.scheduled(active, &resource, &arguments, timeout, heartbeat)?;
        // All concurrent iterations are scheduled before the first one starts, as on AWS.
        yield_to_other_flows().await;
        self.task_event(active, &resource, "TaskStarted", json!({}))?;
        let call = TaskCall {
            resource: format!("{}:{}", resource.kind, resource.call),
            arguments,
            execution_arn: self.execution.record().arn,
            state: active.frame.state.clone(),
            role_arn: self.revision.role.clone(),
        };
        let timeout = timeout.unwrap_or(limits::SECONDS);
        let timeout = Duration::from_secs(timeout);
        let answer = if resource.is_step_functions() {
            let calling = self.call_step_functions(active, &resource, &call.arguments);
            tokio::time::timeout(timeout, calling).await.ok().transpose()?
        } else {
            self.make(call, timeout).await
        };
        self.finish(active, &resource, answer)
    }

    /// Runs the call in a separate task: a service continues with a call after the state times out or is aborted.
    async fn make(&self, call: TaskCall, timeout: Duration) -> Option<Result<Value, TaskError>> {
        let runner = Arc::clone(&self.inner.runner);
        let running = tokio::spawn(async move { runner.run(call).await });
        match tokio::time::timeout(timeout, running).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => Some(Err(TaskError {
                error: "States.Runtime".to_owned(),
                cause: format!("The sandbox interrupted the call: {error}"),
            })),
            Err(_elapsed) => None,
        }
    }

    fn finish(
        &self,
        active: ActiveState<'_>,
        resource: &Resource,
        answer: Option<Result<Value, TaskError>>,
    ) -> Result<Value, Failure> {
        let failed =
            |failure: Failure| ("TaskFailed", json!({"error": failure.error, "cause": failure.cause}), Err(failure));
        let (event, fields, result) = match answer {
            Some(Ok(value)) if limits::exceeds_payload(&value) => failed(Failure::too_large(&resource.kind)),
            Some(Ok(value)) => ("TaskSucceeded", Value::Object(untruncated("output", &value.to_string())), Ok(value)),
            Some(Err(TaskError { error, cause })) => failed(Failure::new(error, cause)),
            None => ("TaskTimedOut", json!({"error": "States.Timeout"}), Err(Failure::timeout())),
        };
        self.task_event(active, resource, event, fields)?;
        result
    }

    fn scheduled(
        &self,
        active: ActiveState<'_>,
        resource: &Resource,
        arguments: &Value,
        timeout: Option<u64>,
        heartbeat: Option<u64>,
    ) -> Result<(), Failure> {
        let mut fields = json!({"parameters": arguments.to_string(), "region": self.inner.region});
        if let Some(timeout) = timeout {
            fields["timeoutInSeconds"] = json!(timeout);
        }
        if let Some(heartbeat) = heartbeat {
            fields["heartbeatInSeconds"] = json!(heartbeat);
        }
        self.task_event(active, resource, "TaskScheduled", fields)
    }

    pub(super) fn task_event(
        &self,
        active: ActiveState<'_>,
        resource: &Resource,
        kind: &str,
        mut fields: Value,
    ) -> Result<(), Failure> {
        fields["resource"] = json!(resource.call);
        fields["resourceType"] = json!(resource.kind);
        self.execution.append(&active.scope.path, kind, history::details(kind, fields))?;
        Ok(())
    }

    fn seconds(
        &self,
        active: ActiveState<'_>,
        template: Option<&Value>,
        location: &str,
    ) -> Result<Option<u64>, Failure> {
        let Some(template) = template else { return Ok(None) };
        let value = self.fill(active, Extra::Nothing, template, location)?;
        self.whole_seconds(active, template, location, &value).map(Some)
    }
}

/// Yields to the other flows of this execution, in their order.
async fn yield_to_other_flows() {
    let mut given = false;
    std::future::poll_fn(|context| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
