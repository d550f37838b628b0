//! Writes the ready file. It exists only while the sandbox serves.

use std::{
    cell::Cell,
    io::Write,
    net::{SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use holdfast_operate::stack::ReadyFile;

use crate::commands::CommandError;

/// The path of a ready file that this program may write.
#[derive(Debug)]
pub(super) struct ReadyFilePath<'a> {
    path: &'a Path,
    is_written: Cell<bool>,
}

impl<'a> ReadyFilePath<'a> {
    /// Removes the file of an earlier run, and checks early that the file can be written. The file of a sandbox that
    /// still serves is not changed.
    pub(super) fn claim(path: &'a Path) -> Result<Self, CommandError> {
        if !folder_of(path).is_dir() {
            let problem = "its folder does not exist; create it first, or name another --ready-file";
            return Err(CommandError::file(path, problem));
        }
        if let Some(address) = serving(path) {
            let problem =
                format!("it belongs to a sandbox that serves at {address}; stop that, or name another --ready-file");
            return Err(CommandError::file(path, problem));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(CommandError::file(path, format!("it cannot be replaced: {error}; name another --ready-file")))
            }
            _ => Ok(Self { path, is_written: Cell::new(false) }),
        }
    }

    /// Writes the file in one step: a reader never sees a part of it.
    pub(super) fn write(&self, contents: &ReadyFile) -> Result<(), CommandError> {
        let failed = |error: std::io::Error| CommandError::file(self.path, format!("it cannot be written: {error}"));
        let mut file = tempfile::NamedTempFile::new_in(folder_of(self.path)).map_err(failed)?;
        serde_json::to_writer_pretty(&mut file, contents)?;
        file.write_all(b"\n").map_err(failed)?;
        file.persist(self.path).map_err(|error| failed(error.error))?;
        self.is_written.set(true);
        Ok(())
    }
}

impl Drop for ReadyFilePath<'_> {
    fn drop(&mut self) {
        if self.is_written.get() {
            // An error is ignored: the file may already be removed.
            let _ = std::fs::remove_file(self.path);
        }
    }
}

/// The address in a ready file, if a server answers at it. The path may name any file, so only the address is read.
fn serving(path: &Path) -> Option<SocketAddr> {
    let ready: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let address = ready["endpointUrl"].as_str()?.strip_prefix("http://")?.parse().ok()?;
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).ok().map(|_| address)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ready_file;

    #[test]
    fn the_ready_file_exists_only_while_the_sandbox_serves() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("ready.json");
        std::fs::write(&path, "of an earlier run")?;

        let file = ReadyFilePath::claim(&path)?;
        assert!(!path.exists(), "a reader must not find the old file");
        file.write(&ready_file())?;
        assert_eq!(ReadyFile::read(&path)?, ready_file());

        drop(file);
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        Ok(())
    }

    #[test]
    fn the_ready_file_of_a_sandbox_that_serves_stays() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("ready.json");
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::fs::write(&path, format!("{{\"endpointUrl\": \"http://{address}\"}}"))?;

        let refusal = ReadyFilePath::claim(&path).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refusal.contains(&format!("serves at {address}")), "{refusal}");
        assert!(path.exists());

        drop(listener);
        ReadyFilePath::claim(&path)?;
        assert!(!path.exists(), "the file of a sandbox that has stopped is removed");
        Ok(())
    }

    #[test]
    fn a_ready_file_in_a_missing_folder_is_refused_before_anything_starts() {
        let refusal = ReadyFilePath::claim(Path::new("/no/such/folder/ready.json")).err();
        let sentence = refusal.map(|error| error.to_string()).unwrap_or_default();
        assert!(sentence.starts_with("/no/such/folder/ready.json: its folder"), "{sentence}");
    }
}
