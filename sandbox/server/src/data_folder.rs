//! The folder of all data.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::SandboxError;

/// Creates the folder. Without a given path, it is temporary, and the returned guard removes it.
pub(crate) fn create(given: Option<&Path>) -> Result<(PathBuf, Option<TempDir>), SandboxError> {
    let failed = |path: PathBuf| move |source| SandboxError::Folder { path, source };
    if let Some(folder) = given {
        if folder.is_file() {
            return Err(SandboxError::NotAFolder { path: folder.to_owned() });
        }
        std::fs::create_dir_all(folder).map_err(failed(folder.to_owned()))?;
        return Ok((folder.to_owned(), None));
    }
    let made = tempfile::Builder::new().prefix("sandbox-").tempdir();
    let temporary = made.map_err(failed(std::env::temp_dir()))?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}
