//! The life of a sandbox: it starts from a template, serves at one endpoint, and stops.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sandbox_core::{faults::Faults, identity::Keyring, keys, ports::ACCOUNT, store::Store};
use sandbox_events::Events;
use sandbox_iam::Iam;
use sandbox_lambda::Lambda;
use sandbox_s3::S3;
use sandbox_sns::Sns;
use sandbox_states::States;
use sandbox_template::{Settings, Stack};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    AccessKey, Options, Outputs, SandboxError,
    background::{self, Lifetime},
    data_folder,
    deploy::Deployment,
    endpoint::{self, Server},
    policies,
    services::{Environment, Services},
};

/// How long running tasks may keep the data open at the end.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// A running sandbox. Dropping it ends everything at once; [`Sandbox::stop`] shuts it down cleanly.
pub struct Sandbox {
    outputs: Outputs,
    stack: Stack,
    services: Services,
    server: Server,
    background: JoinSet<()>,
    logs_dir: PathBuf,
    /// Removed when the sandbox is dropped.
    temporary: Option<TempDir>,
}

impl Sandbox {
    /// Reads the template, deploys it and serves.
    pub async fn start(options: Options) -> Result<Self, SandboxError> {
        let stack = read_stack(&options)?;
        let iam = Arc::new(policies::read(&stack)?);
        let (folder, temporary) = data_folder::create(options.data.as_deref())?;
        let store = Arc::new(Store::open(&folder)?);
        let keyring = Arc::new(Keyring::default());
        let user = keys::user(&store)?;
        keyring.add(user.clone());
        let listen_error = |source| SandboxError::Listen { address: options.listen, source };
        let listener = endpoint::listen(options.listen).map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let outputs = Outputs {
            endpoint_url: format!("http://{address}"),
            region: options.region.clone(),
            access_key: AccessKey { id: user.access_key_id, secret: user.secret_access_key },
            stack_name: options.stack_name.clone(),
            outbox_dir: folder.join("outbox"),
            outputs: stack.outputs.clone(),
        };
        let logs_dir = folder.join("logs");
        let services = Services::open(Environment {
            options: &options,
            stack: &stack,
            outputs: &outputs,
            store,
            keyring,
            iam,
            folder: &folder,
            logs_dir: &logs_dir,
        })?;
        let deployment = Deployment {
            s3: &services.s3,
            sns: &services.sns,
            states: &services.states,
            events: &services.events,
            existing_buckets: &options.existing_buckets,
        };
        deployment.deploy(&stack).await?;
        let server = Server::start(listener, services.clone());
        services.resume();
        let lifetime = if temporary.is_some() { Lifetime::Temporary } else { Lifetime::Kept };
        let background = background::start(&services, lifetime);
        Ok(Self { outputs, stack, services, server, background, logs_dir, temporary })
    }

    /// The values that a client requires.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// The folder of the functions' logs, one file for each function.
    pub fn logs_dir(&self) -> &Path {
        &self.logs_dir
    }

    /// The evaluated template.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The permissions of the template's roles, and which of them were used so far.
    pub fn iam(&self) -> &Iam {
        &self.services.iam
    }

    /// S3.
    pub fn s3(&self) -> &S3 {
        &self.services.s3
    }

    /// SNS.
    pub fn sns(&self) -> &Sns {
        &self.services.sns
    }

    /// Lambda.
    pub fn lambda(&self) -> &Lambda {
        &self.services.lambda
    }

    /// Step Functions.
    pub fn states(&self) -> &States {
        &self.services.states
    }

    /// `EventBridge`.
    pub fn events(&self) -> &Events {
        &self.services.events
    }

    /// The fault rules.
    pub fn faults(&self) -> &Faults {
        &self.services.faults
    }

    /// Stops serving, ends every function process and syncs the data. Running executions resume when a sandbox starts
    /// on the same folder.
    pub async fn stop(self) -> Result<(), SandboxError> {
        let Self { server, mut background, services, temporary, .. } = self;
        server.stop().await;
        services.events.close();
        services.states.shutdown().await?;
        services.lambda.stop();
        background.shutdown().await;
        let store = Arc::clone(&services.store);
        drop(services);
        // The data can be opened again only after the last task has closed it.
        let limit = Instant::now() + CLOSE_LIMIT;
        while Arc::strong_count(&store) > 1 && Instant::now() < limit {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        store.flush()?;
        drop(store);
        if let Some(folder) = temporary {
            let path = folder.path().to_owned();
            folder.close().map_err(|source| SandboxError::Folder { path, source })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("endpoint_url", &self.outputs.endpoint_url).finish_non_exhaustive()
    }
}

/// The template with the given values in the functions' environment.
fn read_stack(options: &Options) -> Result<Stack, SandboxError> {
    let settings = Settings {
        stack: options.stack_name.clone(),
        region: options.region.clone(),
        account: ACCOUNT.to_owned(),
        parameters: options.parameters.clone(),
    };
    let mut stack = Stack::read(&options.template, &settings)?;
    let known: BTreeSet<String> =
        stack.functions.iter().flat_map(|function| function.environment.keys().cloned()).collect();
    for (name, value) in &options.environment {
        if !known.contains(name) {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(SandboxError::UnknownVariable { name: name.clone(), known });
        }
        for function in &mut stack.functions {
            function.environment.entry(name.clone()).and_modify(|present| present.clone_from(value));
        }
    }
    Ok(stack)
}
