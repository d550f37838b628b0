//! The Lambda service: runs the template's functions, as processes with the Runtime API or inside this process, and
//! implements the management operations.
//!
//! As on AWS, an invocation is a separate task. It continues if its caller stops waiting, and ends with the sandbox.

mod api;
mod configuration;
mod handler;
mod key;
mod outcome;
mod pool;
mod process;
mod runtime_api;
#[cfg(test)]
mod tests;
mod worker;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::handler::{Functions, Handler, HandlerSet};
use self::{
    configuration::{Configuration, Update},
    pool::{Job, Pool, WorkerSettings},
    process::Launch,
    worker::Launcher,
};
use sandbox_core::{
    faults::{Call, Ending, Faults, INVOKE, Moment, Service},
    identity::Keyring,
    ports::{ApiError, Invocation, Invoke},
};
use sandbox_template::Function;

/// The maximum number of concurrent invocations of a function without reserved concurrency: the account's quota.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const ACCOUNT_CONCURRENCY: u32 = 1_000;
/// The maximum number of concurrent invocations on this machine. Further ones wait, as for a cold start.
const MACHINE_CONCURRENCY: usize = 64;

/// Options of the service and the environment of its functions.
#[derive(Debug, Clone)]
pub struct LambdaOptions {
    /// How functions run.
    pub functions: Functions,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The endpoint that functions call.
    pub endpoint_url: String,
    /// The folder of the functions' logs, one file per crate: `copier.log`.
    pub logs: PathBuf,
    /// The factor for the delays between attempts of asynchronous invocations.
    pub time_scale: f64,
    /// The registry of the workers' access keys.
    pub keyring: Arc<Keyring>,
    /// The fault rules for invocations.
    pub faults: Faults,
}

/// The caller of an invocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invoker {
    /// The name of the state of an execution; `None` for any other caller.
    pub state: Option<String>,
}

/// The Lambda service.
pub struct Lambda {
    region: String,
    account: String,
    pools: BTreeMap<String, Arc<Pool>>,
    machine: Arc<Semaphore>,
    time_scale: f64,
    faults: Faults,
    stopped: CancellationToken,
}

/// A function whose binary is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("function {function} has no binary at {path}; build it with `cargo build -p {crate_name}`")]
pub struct MissingBinary {
    /// The function's name in the template.
    pub function: String,
    /// The function's crate.
    pub crate_name: String,
    /// The expected path of the binary.
    pub path: String,
}

/// The result of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The invocation's request ID, which the function also received.
    pub request_id: String,
    /// How it ended.
    pub outcome: Invocation,
}

impl Lambda {
    /// A service for functions. No worker starts before the first invocation.
    pub fn new(functions: Vec<Function>, options: &LambdaOptions) -> Result<Self, MissingBinary> {
        let settings = WorkerSettings {
            region: options.region.clone(),
            endpoint_url: options.endpoint_url.clone(),
            path: std::env::var("PATH").unwrap_or_default(),
            keyring: Arc::clone(&options.keyring),
            faults: options.faults.clone(),
        };
        let mut pools = BTreeMap::new();
        for function in functions {
            let launcher = launcher(&function, &options.functions, &options.logs)?;
            let name = function.name.clone();
            let pool = Pool::new(Configuration::new(function), settings.clone(), launcher);
            pools.insert(name, Arc::new(pool));
        }
        Ok(Self {
            region: options.region.clone(),
            account: options.account.clone(),
            pools,
            machine: Arc::new(Semaphore::new(MACHINE_CONCURRENCY)),
            time_scale: options.time_scale,
            faults: options.faults.clone(),
            stopped: CancellationToken::new(),
        })
    }

    /// The number of workers of a function that were started.
    pub fn cold_starts(&self, function: &str) -> Result<u64, ApiError> {
        Ok(self.pool(function)?.cold_starts())
    }

    /// The number of invocations of a function that were started.
    pub fn invocations(&self, function: &str) -> Result<u64, ApiError> {
        Ok(self.pool(function)?.invocations())
    }

    /// The names of all functions.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.pools.keys().map(String::as_str)
    }

    /// Ends every worker and every running invocation. Later invocations are refused.
    pub fn stop(&self) {
        self.stopped.cancel();
        self.pools.values().for_each(|pool| pool.retire_idle());
    }

    /// Invokes a function and waits for its end.
    pub async fn run(&self, function: &str, payload: Bytes) -> Result<Answer, ApiError> {
        self.run_for(Invoker::default(), function, payload).await
    }

    /// Invokes a function with its faults and waits for its end. An error without a status means that no answer
    /// arrived.
    pub async fn run_for(&self, invoker: Invoker, function: &str, payload: Bytes) -> Result<Answer, ApiError> {
        let pool = Arc::clone(self.pool(function)?);
        let configuration = pool.configuration();
        let names = configuration.names();
        let state = invoker.state.as_deref();
        let call = Call { function: Some(names), state, ..Call::new(Service::Lambda, INVOKE) };
        let plan = self.faults.plan(&call);
        tokio::time::sleep(plan.latency).await;
        match plan.ending {
            Ending::Error(answer) => Err(answer.complete()),
            Ending::Drop(Moment::Before) => Err(ApiError::no_answer()),
            Ending::Drop(Moment::After) => {
                self.execute(pool, invoker, Ending::AsUsual, payload).await?;
                Err(ApiError::no_answer())
            }
            ending => self.execute(pool, invoker, ending, payload).await,
        }
    }

    /// Runs the invocation in a separate task.
    async fn execute(
        &self,
        pool: Arc<Pool>,
        invoker: Invoker,
        ending: Ending,
        payload: Bytes,
    ) -> Result<Answer, ApiError> {
        let (machine, stopped) = (Arc::clone(&self.machine), self.stopped.clone());
        let (reply, replied) = oneshot::channel();
        tokio::spawn(async move {
            let work = async {
                let slot = pool.admit(&payload)?;
                let _turn = machine.acquire().await;
                let request_id = Uuid::new_v4().to_string();
                let job = Job { request_id: request_id.clone(), payload, state: invoker.state };
                let outcome = pool.run_as(&slot, job, &ending).await;
                Ok(Answer { request_id, outcome })
            };
            let answer = tokio::select! {
                biased;
                () = stopped.cancelled() => Err(stopping()),
                answer = work => answer,
            };
            if stopped.is_cancelled() {
                pool.retire_idle();
            }
            // The caller may have stopped waiting.
            let _ = reply.send(answer);
        });
        replied.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// Waits, unless the sandbox stops. Returns whether the time has passed.
    async fn pause(&self, time: Duration) -> bool {
        let scaled = time.mul_f64(self.time_scale.max(0.0));
        tokio::time::timeout(scaled, self.stopped.cancelled()).await.is_err()
    }

    fn update(&self, function: &str, update: Update) -> Result<Configuration, ApiError> {
        self.pool(function)?.update(update)
    }

    /// A function by its name, its ARN or a part of the ARN, with or without the qualifier `$LATEST`.
    fn pool(&self, function: &str) -> Result<&Arc<Pool>, ApiError> {
        self.pools.get(name_of(function)).ok_or_else(|| {
            let message = format!("Function not found: {}", self.arn(function));
            ApiError::new("ResourceNotFoundException", message).with_status(404)
        })
    }

    /// The ARN of a function, named in one of those ways. The function need not exist.
    pub fn arn(&self, function: &str) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account, name_of(function))
    }
}

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lambda").field("functions", &self.pools.keys()).finish_non_exhaustive()
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.stop();
    }
}

#[async_trait]
impl Invoke for Lambda {
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Invocation, ApiError> {
        self.run(function, payload).await.map(|answer| answer.outcome)
    }
}

fn name_of(function: &str) -> &str {
    let name = function.strip_suffix(":$LATEST").unwrap_or(function);
    name.rsplit(':').next().unwrap_or(name)
}

fn stopping() -> ApiError {
    ApiError::new("ServiceException", "the sandbox is being stopped").with_status(500)
}

fn launcher(function: &Function, functions: &Functions, logs: &Path) -> Result<Launcher, MissingBinary> {
    let crate_name = function.crate_name.clone();
    match functions {
        Functions::InProcess(set) => Ok(Launcher::InProcess { set: Arc::clone(set), crate_name }),
        Functions::Binaries { folder } => {
            let binary = folder.join(&crate_name);
            if !binary.is_file() {
                return Err(MissingBinary {
                    function: function.logical_id.clone(),
                    crate_name,
                    path: binary.display().to_string(),
                });
            }
            let log = logs.join(format!("{crate_name}.log"));
            Ok(Launcher::Process(Launch { binary, log, environment: BTreeMap::new() }))
        }
    }
}
