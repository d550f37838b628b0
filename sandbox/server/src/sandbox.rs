//! The sandbox as a whole: built from a template, run on one endpoint, stopped without leaving anything behind.

use std::{
    collections::BTreeSet,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};

use crate::options::{Options, Outputs};
use crate::{
    deploy::{DeployError, Deployment},
    options::{MissingOutput, Place},
    policies,
    server::{self, Server, Services},
    targets::{Invoking, Starting},
    tasks::{S3Calls, Tasks},
};
use sandbox_core::{
    faults::Faults,
    identity::Keyring,
    keys,
    ports::ACCOUNT,
    store::{Store, StoreError},
};
use sandbox_events::{Events, Targets};
use sandbox_iam::{Iam, PolicyError};
use sandbox_lambda::{Lambda, LambdaOptions, MissingBinary};
use sandbox_s3::{self as s3, S3};
use sandbox_sns::{Sns, SnsError};
use sandbox_states::{self as states, States};
use sandbox_template::{Settings, Stack, TemplateError};

/// The stack that the template is deployed as.
const STACK: &str = "holdfast";
/// The region of the stack.
const REGION: &str = "eu-west-1";
/// How soon what was written is made durable.
const FLUSH: Duration = Duration::from_millis(250);
/// How often lifecycle rules are looked at. S3 does it once a day, at midnight UTC.
const LIFECYCLE: Duration = Duration::from_hours(1);
/// How often it is looked whether an object that is being restored is complete.
const RESTORES: Duration = Duration::from_secs(1);
/// How long tasks under way may take to let go of the data at the end.
const LET_GO: Duration = Duration::from_secs(1);

/// Why a sandbox did not start, or did not stop well.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The template cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The template lacks an output.
    #[error(transparent)]
    Output(#[from] MissingOutput),
    /// A value was given for a variable that no function has.
    #[error("no function has the configuration {name}; there are {known}")]
    UnknownVariable {
        /// The name that was given.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A function's binary is missing.
    #[error(transparent)]
    Binary(#[from] MissingBinary),
    /// A policy of the template cannot be evaluated.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A service refused a resource of the template.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The data cannot be opened or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// S3's data cannot be opened.
    #[error(transparent)]
    S3(#[from] s3::OpenError),
    /// SNS's data cannot be opened.
    #[error(transparent)]
    Sns(#[from] SnsError),
    /// What was given as the folder for the data is none.
    #[error(
        "the sandbox cannot keep its data at {path}, which is a file: give it a folder, which is made if it is missing"
    )]
    NotAFolder {
        /// What was given.
        path: PathBuf,
    },
    /// A folder cannot be made.
    #[error("the folder {path} cannot be made: {source}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("the sandbox cannot listen on {address}: {source}; choose another port, or 0 for any that is free")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A sandbox that serves. Dropping it ends everything at once; [`Sandbox::stop`] ends it in order.
pub struct Sandbox {
    outputs: Outputs,
    stack: Stack,
    iam: Arc<Iam>,
    server: Server,
    /// What is done again and again, until the sandbox ends.
    chores: JoinSet<()>,
    store: Arc<Store>,
    s3: S3,
    sns: Arc<Sns>,
    lambda: Arc<Lambda>,
    states: Arc<States>,
    events: Events,
    faults: Faults,
    logs_dir: PathBuf,
    /// Removed when the sandbox is dropped.
    temporary: Option<TempDir>,
}

impl Sandbox {
    /// Reads the template, builds everything it names and serves it.
    pub async fn start(options: Options) -> Result<Self, SandboxError> {
        let stack = read_stack(&options)?;
        let iam = Arc::new(policies::read(&stack)?);
        let (folder, temporary) = data_folder(options.data.as_deref())?;
        let store = Arc::new(Store::open(&folder)?);
        let keyring = Arc::new(Keyring::default());
        let user = keys::user(&store)?;
        keyring.add(user.clone());

        let listen_error = |source| SandboxError::Listen { address: options.listen, source };
        let listener = server::listen(options.listen).map_err(listen_error)?;
        let endpoint_url = format!("http://{}", listener.local_addr().map_err(listen_error)?);
        let outbox_dir = folder.join("outbox");
        let logs_dir = folder.join("logs");
        let outputs = Outputs::of(
            &stack,
            Place {
                endpoint_url: endpoint_url.clone(),
                access_key_id: user.access_key_id,
                secret_access_key: user.secret_access_key,
                outbox_dir: outbox_dir.clone(),
            },
        )?;

        let faults = Faults::default();
        let events = Events::new(Arc::clone(&store), REGION, options.time_scale, faults.clone())?;
        let sink = Arc::new(events.clone());
        let s3 =
            S3::open(&folder.join("s3"), Arc::clone(&store), sink.clone(), Arc::clone(&keyring), Arc::clone(&iam))?
                .with_faults(faults.clone());
        let sns = Arc::new(Sns::new(Arc::clone(&store), outbox_dir, REGION)?);
        let lambda = Arc::new(start_lambda(&options, &stack, &logs_dir, endpoint_url.clone(), &keyring, &faults)?);
        let tasks = Arc::new(Tasks {
            lambda: Arc::clone(&lambda),
            sns: Arc::clone(&sns),
            iam: Arc::clone(&iam),
            faults: faults.clone(),
            s3: S3Calls::new(endpoint_url, REGION, Arc::clone(&keyring), faults.clone()),
        });
        let pace = states::Options { time_scale: options.time_scale, faults: faults.clone() };
        let states = Arc::new(States::new(Arc::clone(&store), tasks, sink, REGION, pace)?);

        Deployment { s3: &s3, sns: &sns, states: &states, events: &events }.make(&stack).await?;
        let services = Services {
            keyring,
            iam: Arc::clone(&iam),
            region: REGION,
            s3: s3.service(),
            states: Arc::clone(&states),
            events: events.clone(),
            sns: Arc::clone(&sns),
            lambda: Arc::clone(&lambda),
            faults: faults.clone(),
        };
        let server = Server::start(listener, services);
        states.resume();
        let start =
            Arc::new(Starting { states: Arc::downgrade(&states), iam: Arc::clone(&iam), faults: faults.clone() });
        let invoke = Arc::new(Invoking { lambda: Arc::downgrade(&lambda) });
        events.connect(Targets { start, invoke });
        let mut chores = JoinSet::new();
        // Waiting for the disk would gain nothing where the data goes away with the sandbox.
        if temporary.is_none() {
            chores.spawn(flush(Arc::clone(&store)));
        }
        chores.spawn(run_lifecycle(s3.clone()));
        chores.spawn(complete_restores(s3.clone()));
        Ok(Self {
            outputs,
            stack,
            iam,
            server,
            chores,
            store,
            s3,
            sns,
            lambda,
            states,
            events,
            faults,
            logs_dir,
            temporary,
        })
    }

    /// What a client needs to know.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// The folder of the functions' logs, one file for each function.
    pub fn logs_dir(&self) -> &Path {
        &self.logs_dir
    }

    /// The template, evaluated.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// What the roles of the template may do, and what of it was needed so far.
    pub fn iam(&self) -> &Iam {
        &self.iam
    }

    /// S3.
    pub fn s3(&self) -> &S3 {
        &self.s3
    }

    /// SNS.
    pub fn sns(&self) -> &Sns {
        &self.sns
    }

    /// Lambda.
    pub fn lambda(&self) -> &Lambda {
        &self.lambda
    }

    /// Step Functions.
    pub fn states(&self) -> &States {
        &self.states
    }

    /// `EventBridge`.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The rules by which calls go wrong on purpose.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Stops serving, ends every function process and makes the data durable. Executions that run are gone on with when a
    /// sandbox is started on the same folder.
    pub async fn stop(self) -> Result<(), SandboxError> {
        let Self { server, mut chores, store, s3, sns, lambda, states, events, temporary, .. } = self;
        server.stop().await;
        events.close();
        states.shutdown().await?;
        lambda.stop();
        chores.shutdown().await;
        drop((s3, sns, lambda, states, events));
        // The data can be opened again once the last task has let go of it.
        let limit = Instant::now() + LET_GO;
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

/// The template with the values given for the functions' environment.
fn read_stack(options: &Options) -> Result<Stack, SandboxError> {
    let settings = Settings {
        stack: STACK.to_owned(),
        region: REGION.to_owned(),
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

/// Lambda with every function.
fn start_lambda(
    options: &Options,
    stack: &Stack,
    logs: &Path,
    endpoint_url: String,
    keyring: &Arc<Keyring>,
    faults: &Faults,
) -> Result<Lambda, SandboxError> {
    std::fs::create_dir_all(logs).map_err(|source| SandboxError::Folder { path: logs.to_owned(), source })?;
    let options = LambdaOptions {
        functions: options.functions.clone(),
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        endpoint_url,
        logs: logs.to_owned(),
        time_scale: options.time_scale,
        keyring: Arc::clone(keyring),
        faults: faults.clone(),
    };
    Ok(Lambda::new(stack.functions.clone(), &options)?)
}

/// The folder for everything that is kept, and its guard when it is temporary.
fn data_folder(given: Option<&Path>) -> Result<(PathBuf, Option<TempDir>), SandboxError> {
    let failed = |path: PathBuf| move |source| SandboxError::Folder { path, source };
    if let Some(folder) = given {
        if folder.is_file() {
            return Err(SandboxError::NotAFolder { path: folder.to_owned() });
        }
        std::fs::create_dir_all(folder).map_err(failed(folder.to_owned()))?;
        return Ok((folder.to_owned(), None));
    }
    let made = tempfile::Builder::new().prefix("holdfast-sandbox-").tempdir();
    let temporary = made.map_err(failed(std::env::temp_dir()))?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

/// Carries out the buckets' lifecycle rules, again and again.
async fn run_lifecycle(s3: S3) {
    let mut ticks = interval(LIFECYCLE);
    loop {
        ticks.tick().await;
        if let Err(error) = s3.run_lifecycle() {
            tracing::error!(%error, "lifecycle rules could not be carried out");
        }
    }
}

/// Tells of archived objects that are restored, again and again: nothing happens while none is.
async fn complete_restores(s3: S3) {
    loop {
        s3.restoring().await;
        tokio::time::sleep(RESTORES).await;
        if let Err(error) = s3.complete_restores().await {
            tracing::error!(%error, "a restore could not be completed");
        }
    }
}

/// Makes what was written durable, a moment after it was: nothing happens while nothing is written.
async fn flush(store: Arc<Store>) {
    loop {
        store.dirtied().await;
        tokio::time::sleep(FLUSH).await;
        let store = Arc::clone(&store);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || store.flush()).await {
            tracing::error!(%error, "what was written last would not survive a crash");
        }
    }
}
