//! Functions that run inside this process, for tests that want no processes.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::ports::Invocation;

/// One function that was made ready: clients built, configuration read.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Runs one invocation. It is dropped when it does not answer before the deadline.
    async fn call(&self, payload: Bytes, deadline: SystemTime) -> Invocation;
}

/// Makes functions ready by name.
pub trait HandlerSet: Send + Sync {
    /// The function of a crate, for example `copy-part`, with the environment that a process of it would see: its
    /// configuration, `AWS_ENDPOINT_URL`, `AWS_REGION` and its own access key. Called once per cold start. The error is
    /// what the function would have said when it failed to start.
    fn handler(&self, function: &str, environment: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String>;
}
