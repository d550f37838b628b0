//! Finds the clone of the repository that a command runs in.

use std::path::{Path, PathBuf};

/// The file that marks the repository's folder.
const TEMPLATE: &str = "template.yaml";

/// The repository's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workspace {
    folder: PathBuf,
}

/// The command does not run inside the repository.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    /// Neither the folder nor a folder above it has a template.
    #[error("there is no {TEMPLATE} in {0} or in any folder above it; run holdfast inside a clone of the repository")]
    NotFound(PathBuf),
    /// The current folder is unknown.
    #[error("the current folder is unknown: {0}")]
    CurrentFolder(std::io::Error),
}

impl Workspace {
    /// The nearest folder with a template, from the current one upwards.
    pub(crate) fn find() -> Result<Self, WorkspaceError> {
        Self::above(&std::env::current_dir().map_err(WorkspaceError::CurrentFolder)?)
    }

    fn above(folder: &Path) -> Result<Self, WorkspaceError> {
        folder
            .ancestors()
            .find(|folder| folder.join(TEMPLATE).is_file())
            .map(|folder| Self { folder: folder.to_owned() })
            .ok_or_else(|| WorkspaceError::NotFound(folder.to_owned()))
    }

    /// The repository's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The template.
    pub(crate) fn template(&self) -> PathBuf {
        self.folder.join(TEMPLATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_found_from_a_folder_below_it_only() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let below = root.path().join("a/b");
        std::fs::create_dir_all(&below)?;
        let missing = Workspace::above(&below).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(missing.starts_with("there is no template.yaml in "), "{missing}");
        std::fs::write(root.path().join(TEMPLATE), "")?;
        assert_eq!(Workspace::above(&below)?.folder(), root.path());
        Ok(())
    }
}
