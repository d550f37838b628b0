//! A sandbox for a command: the template checked, the functions built, everything started.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};

use sandbox::{
    Functions, Options, Sandbox, SandboxError,
    ports::ACCOUNT,
    s3::{BucketSettings, Versioning},
    store::StoreError,
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

const STACK: &str = "holdfast";
const REGION: &str = "eu-west-1";
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
    /// The address cannot be had.
    #[error(
        "the sandbox cannot listen on {address}: {problem}; give another address with --listen, for example 127.0.0.1:0 for any free port"
    )]
    Address {
        /// Which one.
        address: SocketAddr,
        /// Why not.
        problem: String,
    },
    /// The folder for the data cannot be had.
    #[error("the sandbox cannot keep its data in {}: {problem}; name another folder with --data", .folder.display())]
    Data {
        /// Which one.
        folder: PathBuf,
        /// Why not.
        problem: String,
    },
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
    /// What waiting is multiplied with: 1.0 is as the state machine says.
    pub(crate) time_scale: f64,
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
    let mut environment = wanted.defaults.clone();
    environment.extend(settings::environment(&arguments.settings, &stack)?);
    probe(&wanted)?;
    let packages: Vec<String> = stack.functions.iter().map(|function| function.crate_name.clone()).collect();
    let folder = binaries(arguments, &workspace, &packages, progress).await?;
    let options = Options {
        stack_name: STACK.to_owned(),
        region: REGION.to_owned(),
        existing_buckets: vec![replica_bucket()],
        data: wanted.data,
        listen: wanted.listen,
        parameters,
        environment,
        time_scale: wanted.time_scale,
        ..Options::new(workspace.template(), Functions::Binaries { folder })
    };
    let data = options.data.clone().unwrap_or_default();
    Sandbox::start(options).await.map_err(|error| match error {
        SandboxError::Listen { address, source } => address_error(address, &source),
        SandboxError::Store(StoreError::InUse { .. }) => {
            LocalError::Data { folder: data, problem: "another sandbox uses it, which may be stopped first".to_owned() }
        }
        error => LocalError::Sandbox(error),
    })
}

/// The bucket of the replicas, which a stack in another region cannot create.
fn replica_bucket() -> BucketSettings {
    BucketSettings {
        name: REPLICA_BUCKET.to_owned(),
        region: REPLICA_REGION.to_owned(),
        versioning: Versioning::Enabled,
        event_bridge: false,
        object_lock: None,
    }
}

/// Finds out whether a sandbox could serve and keep its data, before minutes are spent on a build.
fn probe(wanted: &Wanted) -> Result<(), LocalError> {
    TcpListener::bind(wanted.listen).map_err(|source| address_error(wanted.listen, &source))?;
    if let Some(folder) = &wanted.data {
        let failed = |error: std::io::Error| LocalError::Data { folder: folder.clone(), problem: error.to_string() };
        std::fs::create_dir_all(folder).map_err(failed)?;
        tempfile::tempfile_in(folder).map_err(failed)?;
    }
    Ok(())
}

fn address_error(address: SocketAddr, source: &std::io::Error) -> LocalError {
    let problem = match source.kind() {
        ErrorKind::AddrInUse => "another program uses it".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine does not have it".to_owned(),
        ErrorKind::PermissionDenied => "ports below 1024 are for root".to_owned(),
        _ => source.to_string(),
    };
    LocalError::Address { address, problem }
}

/// Enough to read the template before anything is built; the sandbox reads it again with its own.
fn settings_for(parameters: &BTreeMap<String, String>) -> Settings {
    Settings {
        stack: STACK.to_owned(),
        region: REGION.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(listen: SocketAddr, data: Option<PathBuf>) -> String {
        let wanted = Wanted { listen, data, time_scale: 1.0, defaults: BTreeMap::new() };
        probe(&wanted).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_address_that_is_taken_and_a_file_in_place_of_a_folder_are_refused_before_a_build()
    -> Result<(), Box<dyn std::error::Error>> {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let taken = TcpListener::bind(free)?;
        let sentence = refusal(taken.local_addr()?, None);
        assert!(sentence.contains("another program uses it; give another address with --listen"), "{sentence}");

        let file = tempfile::NamedTempFile::new()?;
        let sentence = refusal(free, Some(file.path().to_owned()));
        assert!(sentence.contains("name another folder with --data"), "{sentence}");

        let folder = tempfile::tempdir()?;
        assert_eq!(refusal(free, Some(folder.path().join("new"))), "");
        Ok(())
    }
}
