//! The sandbox of a command: checks the template and the settings, builds the functions, and starts the sandbox.

mod build;
pub(crate) mod interrupt;
mod parameters;
mod settings;
mod stack;
mod workspace;

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use clap::Args;
use holdfast_operate::stack::{FindStackError, ReadyFile, Stack};
use sandbox::{
    Functions, Options, Sandbox, SandboxError,
    ports::ACCOUNT,
    s3::{BucketSettings, Versioning},
    store::StoreError,
    template::{Settings, Stack as Template, TemplateError},
};

use self::{
    build::{BuildError, PROFILE},
    parameters::ParametersError,
    settings::{Setting, SettingError},
    workspace::{Workspace, WorkspaceError},
};
use crate::render::{
    progress::{Progress, Unit},
    text,
};

const STACK: &str = "holdfast";
const REGION: &str = "eu-west-1";
/// The region of the replica, which differs from the region of the stack.
const REPLICA_REGION: &str = "eu-central-1";
const REPLICA_BUCKET: &str = "holdfast-replica";

/// The options for the build and the configuration of the functions.
#[derive(Debug, Args)]
pub(crate) struct FunctionArguments {
    /// Set a variable of the functions, for example MULTIPART_THRESHOLD=8MiB; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<Setting>,
    /// Folder with the binaries of the functions; skips the build
    #[arg(long, value_name = "DIR", conflicts_with = "no_build")]
    pub(crate) functions: Option<PathBuf>,
    /// Use the functions in the folder of this program; skips the build
    #[arg(long)]
    pub(crate) no_build: bool,
}

/// The sandbox could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// The command does not run in the repository.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The template is invalid.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The template's parameters cannot be read.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// `--set` has an unknown name or an invalid value.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The functions cannot be built or found.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The sandbox cannot listen on the address.
    #[error(
        "the sandbox cannot listen on {address}: {problem}; choose another address with --listen, for example \
         127.0.0.1:0 for any free port"
    )]
    Address {
        /// The address.
        address: SocketAddr,
        /// The reason.
        problem: String,
    },
    /// The folder for the data cannot be used.
    #[error("the sandbox cannot keep its data in {}: {problem}; name another folder with --data", .folder.display())]
    Data {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        problem: String,
    },
    /// The template lacks an output.
    #[error(transparent)]
    Outputs(#[from] FindStackError),
    /// The sandbox cannot be started for another reason.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// The options of a sandbox.
#[derive(Debug)]
pub(crate) struct LocalOptions {
    /// The address to serve at.
    pub(crate) listen: SocketAddr,
    /// The folder for all data; `None` for a temporary folder.
    pub(crate) data: Option<PathBuf>,
    /// The factor for waiting times; 1.0 keeps those of the state machine.
    pub(crate) time_scale: f64,
    /// Configuration of the functions that `--set` may replace.
    pub(crate) defaults: BTreeMap<String, String>,
}

/// A sandbox that serves, and the stack in it.
pub(crate) struct LocalStack {
    /// The sandbox.
    pub(crate) sandbox: Sandbox,
    /// The contents of the ready file.
    pub(crate) ready_file: ReadyFile,
    /// The stack with the configuration of the functions.
    pub(crate) stack: Stack,
}

/// Checks everything that can be checked, then builds, then starts.
pub(crate) async fn start(
    arguments: &FunctionArguments,
    options: LocalOptions,
    progress: &Progress,
) -> Result<LocalStack, LocalError> {
    let workspace = Workspace::find()?;
    let parameters = BTreeMap::from([
        ("ReplicaBucketName".to_owned(), REPLICA_BUCKET.to_owned()),
        ("ReplicaRegion".to_owned(), REPLICA_REGION.to_owned()),
    ]);
    let template = Template::read(&workspace.template(), &settings_for(&parameters))?;
    let environment = environment(arguments, &options, &workspace, &template)?;
    check_options(&options)?;
    let packages: Vec<String> = template.functions.iter().map(|function| function.crate_name.clone()).collect();
    let folder = binaries(arguments, &workspace, &packages, progress).await?;
    let data = options.data.clone().unwrap_or_default();
    let sandbox_options = Options {
        stack_name: STACK.to_owned(),
        region: REGION.to_owned(),
        existing_buckets: vec![replica_bucket()],
        data: options.data,
        listen: options.listen,
        parameters,
        environment: environment.clone(),
        time_scale: options.time_scale,
        ..Options::new(workspace.template(), Functions::Binaries { folder })
    };
    let sandbox = Sandbox::start(sandbox_options).await.map_err(|error| start_error(error, &data))?;
    let ready_file = stack::ready_file(&sandbox);
    let stack = stack::configured(&ready_file, &environment)?;
    Ok(LocalStack { sandbox, ready_file, stack })
}

/// The bucket of the replicas. A stack in another region cannot create it.
fn replica_bucket() -> BucketSettings {
    BucketSettings {
        name: REPLICA_BUCKET.to_owned(),
        region: REPLICA_REGION.to_owned(),
        versioning: Versioning::Enabled,
        event_bridge: false,
        object_lock: None,
    }
}

/// The configuration of the functions: the defaults of the command, then `--set`.
fn environment(
    arguments: &FunctionArguments,
    options: &LocalOptions,
    workspace: &Workspace,
    template: &Template,
) -> Result<BTreeMap<String, String>, LocalError> {
    let variables = template.functions.iter().flat_map(|function| function.environment.keys()).collect();
    let parameters = parameters::of_variables(&workspace.template())?;
    let mut environment = options.defaults.clone();
    environment.extend(settings::checked(&arguments.settings, &variables, &parameters)?);
    Ok(environment)
}

/// Checks the address and the data folder before a build that may take minutes.
fn check_options(options: &LocalOptions) -> Result<(), LocalError> {
    TcpListener::bind(options.listen).map_err(|source| address_error(options.listen, &source))?;
    if let Some(folder) = &options.data {
        let failed = |error: std::io::Error| LocalError::Data { folder: folder.clone(), problem: error.to_string() };
        std::fs::create_dir_all(folder).map_err(failed)?;
        tempfile::tempfile_in(folder).map_err(failed)?;
    }
    Ok(())
}

fn start_error(error: SandboxError, data: &Path) -> LocalError {
    match error {
        SandboxError::Listen { address, source } => address_error(address, &source),
        SandboxError::Store(StoreError::InUse { .. }) => {
            LocalError::Data { folder: data.to_owned(), problem: "another sandbox uses it".to_owned() }
        }
        error => LocalError::Sandbox(error),
    }
}

fn address_error(address: SocketAddr, source: &std::io::Error) -> LocalError {
    let problem = match source.kind() {
        ErrorKind::AddrInUse => "another program uses it".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine does not have it".to_owned(),
        ErrorKind::PermissionDenied => "only root may use ports below 1024".to_owned(),
        _ => source.to_string(),
    };
    LocalError::Address { address, problem }
}

/// Settings to read the template with before the build. The sandbox reads it again with its own settings.
fn settings_for(parameters: &BTreeMap<String, String>) -> Settings {
    Settings {
        stack: STACK.to_owned(),
        region: REGION.to_owned(),
        account: ACCOUNT.to_owned(),
        parameters: parameters.clone(),
    }
}

async fn binaries(
    arguments: &FunctionArguments,
    workspace: &Workspace,
    packages: &[String],
    progress: &Progress,
) -> Result<PathBuf, BuildError> {
    if let Some(folder) = &arguments.functions {
        return build::prebuilt(folder, packages, "--functions");
    }
    if arguments.no_build {
        return build::beside_program(packages);
    }
    let phase = progress.phase("Build", 0, Unit::Count);
    phase.note(&format!("the functions, profile {PROFILE}"));
    let folder = build::build(workspace.folder(), packages, &phase).await?;
    phase.finish(&text::count(packages.len(), "function"));
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(listen: SocketAddr, data: Option<PathBuf>) -> String {
        let options = LocalOptions { listen, data, time_scale: 1.0, defaults: BTreeMap::new() };
        check_options(&options).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_address_in_use_and_an_unusable_data_folder_are_refused_before_the_build()
    -> Result<(), Box<dyn std::error::Error>> {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let used = TcpListener::bind(free)?;
        let sentence = problem(used.local_addr()?, None);
        assert!(sentence.contains("another program uses it; choose another address with --listen"), "{sentence}");

        let file = tempfile::NamedTempFile::new()?;
        let sentence = problem(free, Some(file.path().to_owned()));
        assert!(sentence.contains("name another folder with --data"), "{sentence}");

        let folder = tempfile::tempdir()?;
        assert_eq!(problem(free, Some(folder.path().join("new"))), "");
        Ok(())
    }
}
