//! A sandbox for a command: the template checked, the functions built, everything started.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use holdfast_sandbox::{
    Functions, Options, Sandbox, SandboxError,
    ports::ACCOUNT,
    template::{Settings, Stack, TemplateError},
};

use crate::{
    cli::StackArguments,
    functions_build::{self, BuildError, PROFILE},
    progress::{Progress, Unit},
    settings::{self, UnknownSetting},
    text,
    workspace::{Workspace, WorkspaceError},
};

/// The replica's region: another than the stack's.
const REPLICA_REGION: &str = "eu-central-1";
const REPLICA_BUCKET: &str = "holdfast-replica";

/// The sandbox could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// Not in the repository.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// `--set` names something unknown.
    #[error(transparent)]
    Setting(#[from] UnknownSetting),
    /// The functions are not there.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The address is taken.
    #[error(
        "the address {0} is in use by another program; stop that one, or give another address with --listen, for example 127.0.0.1:0 for any free port"
    )]
    AddressInUse(SocketAddr),
    /// Anything else.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// What a command wants of its sandbox.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Where to serve.
    pub(crate) listen: SocketAddr,
    /// Where to keep everything.
    pub(crate) data: Option<PathBuf>,
    /// Configuration of the functions that `--set` may replace.
    pub(crate) defaults: BTreeMap<String, String>,
}

/// Checks everything that can be checked, then builds, then starts.
pub(crate) async fn start(
    arguments: &StackArguments,
    wanted: Wanted,
    progress: &Progress,
) -> Result<Sandbox, LocalError> {
    let workspace = Workspace::find()?;
    let parameters = BTreeMap::from([
        ("ReplicaBucketName".to_owned(), REPLICA_BUCKET.to_owned()),
        ("ReplicaRegion".to_owned(), REPLICA_REGION.to_owned()),
    ]);
    let stack = Stack::read(&workspace.template(), &settings_for(&parameters))?;
    let mut environment = wanted.defaults;
    environment.extend(settings::environment(&arguments.settings, &stack)?);
    let packages: Vec<String> = stack.functions.iter().map(|function| function.crate_name.clone()).collect();
    let folder = binaries(arguments, &workspace, &packages, progress).await?;
    let options = Options {
        data: wanted.data,
        listen: wanted.listen,
        parameters,
        environment,
        ..Options::new(workspace.template(), Functions::Binaries { folder })
    };
    Sandbox::start(options).await.map_err(|error| match error {
        SandboxError::Listen { address, source } if source.kind() == std::io::ErrorKind::AddrInUse => {
            LocalError::AddressInUse(address)
        }
        error => LocalError::Sandbox(error),
    })
}

/// Enough to read the template before anything is built; the sandbox reads it again with its own.
fn settings_for(parameters: &BTreeMap<String, String>) -> Settings {
    Settings {
        stack: "holdfast".to_owned(),
        region: "eu-west-1".to_owned(),
        account: ACCOUNT.to_owned(),
        parameters: parameters.clone(),
    }
}

async fn binaries(
    arguments: &StackArguments,
    workspace: &Workspace,
    packages: &[String],
    progress: &Progress,
) -> Result<PathBuf, BuildError> {
    if let Some(folder) = &arguments.functions {
        return functions_build::given(folder, packages, "--functions");
    }
    if arguments.no_build {
        return functions_build::beside_this_program(packages);
    }
    let stage = progress.stage("Build", 0, Unit::Count);
    stage.note(&format!("the functions, profile {PROFILE}; the first time takes a few minutes"));
    let folder = functions_build::build(workspace.folder(), packages, &stage).await?;
    stage.finish(&text::count(packages.len(), "function"));
    Ok(folder)
}
