//! The sandbox as a whole: built from a template, run on one endpoint, stopped without leaving anything behind.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::net::TcpListener;

use crate::{
    identity::{Identity, Keyring},
    options::{MissingOutput, Place},
    ports::ACCOUNT,
    store::{Store, StoreError},
    template::{Settings, Stack, TemplateError},
};
pub use crate::{
    lambda::handler::{Handler, HandlerSet},
    options::{Functions, Options, Outputs},
};

/// The stack that the template is deployed as.
const STACK: &str = "holdfast";
/// The region of the stack.
const REGION: &str = "eu-west-1";

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The template cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The template lacks an output.
    #[error(transparent)]
    Output(#[from] MissingOutput),
    /// The data cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A folder cannot be made.
    #[error("the folder {path} cannot be made: {source}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("the sandbox cannot listen on {address}: {source}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A sandbox that serves.
#[derive(Debug)]
pub struct Sandbox {
    outputs: Outputs,
    stack: Stack,
    store: Arc<Store>,
    /// Removed when the sandbox is dropped.
    _temporary: Option<tempfile::TempDir>,
}

impl Sandbox {
    /// Reads the template, builds everything it names and serves it.
    pub async fn start(options: Options) -> Result<Self, SandboxError> {
        let settings = Settings {
            stack: STACK.to_owned(),
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            parameters: options.parameters.clone(),
        };
        let stack = Stack::read(&options.template, &settings)?;
        let (folder, temporary) = data_folder(options.data.as_deref())?;
        let store = Arc::new(Store::open(&folder)?);
        let keyring = Arc::new(Keyring::default());
        let user = Identity {
            access_key_id: "AKIA".to_owned(),
            secret_access_key: String::new(),
            arn: format!("arn:aws:iam::{ACCOUNT}:root"),
        };
        keyring.add(user.clone());
        let listen_error = |source| SandboxError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let place = Place {
            endpoint_url: format!("http://{address}"),
            access_key_id: user.access_key_id,
            secret_access_key: user.secret_access_key,
            outbox_dir: folder.join("outbox"),
        };
        let outputs = Outputs::of(&stack, place)?;
        Ok(Self { outputs, stack, store, _temporary: temporary })
    }

    /// What a client needs to know.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// The template, evaluated.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Stops serving, ends every function process and makes the data durable.
    pub async fn stop(self) -> Result<(), SandboxError> {
        self.store.flush()?;
        Ok(())
    }
}

/// The folder for everything that is kept, and its guard when it is temporary.
fn data_folder(given: Option<&std::path::Path>) -> Result<(PathBuf, Option<tempfile::TempDir>), SandboxError> {
    let failed = |path: PathBuf| move |source| SandboxError::Folder { path, source };
    match given {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(failed(folder.to_owned()))?;
            Ok((folder.to_owned(), None))
        }
        None => {
            let temporary =
                tempfile::Builder::new().prefix("holdfast-sandbox-").tempdir().map_err(failed(std::env::temp_dir()))?;
            Ok((temporary.path().to_owned(), Some(temporary)))
        }
    }
}
