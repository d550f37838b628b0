//! How functions run: as processes, or inside this process for tests.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use sandbox_core::ports::Invocation;

/// An initialized function, with its clients and its configuration.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Runs one invocation. Dropped if it does not return before the deadline.
    async fn call(&self, payload: Bytes, deadline: SystemTime) -> Invocation;
}

/// Initializes functions by name.
pub trait HandlerSet: Send + Sync {
    /// Initializes the function of a crate, for example `copier`, once per cold start. The environment is that of a
    /// process: its configuration, `AWS_ENDPOINT_URL`, `AWS_REGION` and its own access key. The error is the function's
    /// message for a failed start.
    fn handler(&self, function: &str, environment: &BTreeMap<String, String>) -> Result<Arc<dyn Handler>, String>;
}

/// How functions run.
#[derive(Clone)]
pub enum Functions {
    /// As processes that poll the Runtime API, as on AWS.
    Binaries {
        /// The folder with one binary per function, named like its crate.
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
