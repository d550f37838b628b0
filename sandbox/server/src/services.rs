//! The services of one sandbox, connected with each other.

use std::{path::Path, sync::Arc};

use sandbox_core::{faults::Faults, identity::Keyring, ports::ACCOUNT, store::Store};
use sandbox_events::{Events, Targets};
use sandbox_iam::Iam;
use sandbox_lambda::{Lambda, LambdaOptions};
use sandbox_s3::{self as s3, S3};
use sandbox_sns::Sns;
use sandbox_states::{self as states, States};
use sandbox_template::Stack;

use crate::{
    Options, Outputs, SandboxError,
    cloudformation::CloudFormation,
    targets::{ExecutionTarget, FunctionTarget},
    tasks::{S3Calls, Tasks},
};

/// All services. Clones share them.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) store: Arc<Store>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) region: Arc<str>,
    pub(crate) faults: Faults,
    pub(crate) s3: S3,
    pub(crate) s3_endpoint: s3::Service,
    pub(crate) sns: Arc<Sns>,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) states: Arc<States>,
    pub(crate) events: Events,
    pub(crate) cloudformation: Arc<CloudFormation>,
}

/// The parameters for opening the services.
pub(crate) struct Environment<'a> {
    pub(crate) options: &'a Options,
    pub(crate) stack: &'a Stack,
    pub(crate) outputs: &'a Outputs,
    pub(crate) store: Arc<Store>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) iam: Arc<Iam>,
    /// The folder of all data.
    pub(crate) folder: &'a Path,
    /// The folder of the functions' logs.
    pub(crate) logs_dir: &'a Path,
}

impl Services {
    /// Opens the services, with the data of an earlier run if it exists. Nothing runs yet.
    pub(crate) fn open(environment: Environment<'_>) -> Result<Self, SandboxError> {
        let faults = Faults::default();
        let lambda = Arc::new(environment.lambda(&faults)?);
        let Environment { options, stack, outputs, store, keyring, iam, folder, .. } = environment;
        let events = Events::new(Arc::clone(&store), &options.region, options.time_scale, faults.clone())?;
        let sink = Arc::new(events.clone());
        let s3 =
            S3::open(&folder.join("s3"), Arc::clone(&store), sink.clone(), Arc::clone(&keyring), Arc::clone(&iam))?
                .with_faults(faults.clone());
        let sns = Arc::new(Sns::new(Arc::clone(&store), outputs.outbox_dir.clone(), &options.region)?);
        let tasks = Arc::new(Tasks {
            lambda: Arc::clone(&lambda),
            sns: Arc::clone(&sns),
            iam: Arc::clone(&iam),
            faults: faults.clone(),
            s3: S3Calls::new(&outputs.endpoint_url, &options.region, Arc::clone(&keyring), faults.clone()),
        });
        let behavior = states::Options { time_scale: options.time_scale, faults: faults.clone() };
        let states = Arc::new(States::new(Arc::clone(&store), tasks, sink, options.region.as_str(), behavior)?);
        let cloudformation = Arc::new(CloudFormation::new(&store, stack)?);
        Ok(Self {
            region: options.region.as_str().into(),
            s3_endpoint: s3.service(),
            store,
            keyring,
            iam,
            faults,
            s3,
            sns,
            lambda,
            states,
            events,
            cloudformation,
        })
    }

    /// Resumes the executions and deliveries of an earlier run.
    pub(crate) fn resume(&self) {
        self.states.resume();
        let start = Arc::new(ExecutionTarget {
            states: Arc::downgrade(&self.states),
            iam: Arc::clone(&self.iam),
            faults: self.faults.clone(),
        });
        let invoke = Arc::new(FunctionTarget { lambda: Arc::downgrade(&self.lambda) });
        self.events.connect(Targets { start, invoke });
    }
}

impl Environment<'_> {
    fn lambda(&self, faults: &Faults) -> Result<Lambda, SandboxError> {
        let failed = |source| SandboxError::Folder { path: self.logs_dir.to_owned(), source };
        std::fs::create_dir_all(self.logs_dir).map_err(failed)?;
        let options = LambdaOptions {
            functions: self.options.functions.clone(),
            region: self.options.region.clone(),
            account: ACCOUNT.to_owned(),
            endpoint_url: self.outputs.endpoint_url.clone(),
            logs: self.logs_dir.to_owned(),
            time_scale: self.options.time_scale,
            keyring: Arc::clone(&self.keyring),
            faults: faults.clone(),
        };
        Ok(Lambda::new(self.stack.functions.clone(), &options)?)
    }
}
