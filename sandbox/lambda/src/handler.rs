//! How functions run: as processes, or inside this process, for tests that want no processes.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use sandbox_core::ports::Invocation;

/// One function that was made ready: clients built, configuration read.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Runs one invocation. It is dropped when it does not answer before the deadline.
    async fn call(&self, payload: Bytes, deadline: SystemTime) -> Invocation;
}

/// Makes functions ready by name.
pub trait HandlerSet: Send + Sync {
    /// The function of a crate, for example `copier`, with the environment that a process of it would see: its
    /// configuration, `AWS_ENDPOINT_URL`, `AWS_REGION` and its own access key. Called once per cold start. The error is
    /// what the function would have said when it failed to start.
    fn handler(&self, function: &str, environment: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String>;
}

/// How functions run.
#[derive(Clone)]
pub enum Functions {
    /// As processes that poll the Runtime API, as on AWS.
    Binaries {
        /// The folder that holds one binary per function, named like its crate.
        folder: PathBuf,
    },
    /// Inside this process.
    InProcess(Arc<dyn HandlerSet>),
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binaries { folder } => f.debug_struct("Binaries").field("folder", folder).finish(),
            Self::InProcess(_) => f.write_str("InProcess"),
        }
    }
}
