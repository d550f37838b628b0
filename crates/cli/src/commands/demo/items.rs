//! What a demo uploads: files on this machine, each with the key it gets.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::commands::CommandError;

/// A file and the object it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Where the bytes are.
    pub(super) path: PathBuf,
    /// The object's key.
    pub(super) key: String,
    /// How many bytes.
    pub(super) size: u64,
    /// Which checksum the upload carries.
    pub(super) checksum: Checksum,
    /// `Content-Type`.
    pub(super) content_type: Option<&'static str>,
    /// User metadata.
    pub(super) metadata: BTreeMap<String, String>,
    /// Tags as a query string.
    pub(super) tags: Option<&'static str>,
}

/// The checksum of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksum {
    /// What current clients send: the store then has it for source and copies alike.
    Crc64Nvme,
    /// What older clients send: the source has to be read for the proof.
    Crc32,
}

impl Item {
    /// A file with nothing special about it.
    pub(super) fn plain(path: PathBuf, key: String, size: u64) -> Self {
        let (content_type, tags) = (None, None);
        Self { path, key, size, checksum: Checksum::Crc64Nvme, content_type, metadata: BTreeMap::new(), tags }
    }
}

/// The files that the user named, and those in the folders that the user named. A folder's files get keys that begin
/// with its name.
pub(super) fn of_paths(paths: &[PathBuf]) -> Result<Vec<Item>, CommandError> {
    let mut items = Vec::new();
    for path in paths {
        let missing = |error| CommandError::file(path, format!("it cannot be read: {error}; name a file or a folder"));
        let whole = path.canonicalize().map_err(missing)?;
        let name = whole.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        add(&whole, &name, &mut items)?;
    }
    items.sort_by(|one, other| one.key.cmp(&other.key));
    if let Some(twice) = items.windows(2).find(|pair| pair[0].key == pair[1].key) {
        let (one, other) = (twice[0].path.display(), twice[1].path.display());
        let problem =
            format!("it would get the same key, {:?}, as {one}; back them up one after the other", twice[0].key);
        return Err(CommandError::File { path: other.to_string(), problem });
    }
    if items.is_empty() {
        let named: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let problem = "there is no file in it; name a file, or a folder with files".to_owned();
        return Err(CommandError::File { path: named.join(", "), problem });
    }
    Ok(items)
}

fn add(path: &Path, key: &str, items: &mut Vec<Item>) -> Result<(), CommandError> {
    let failed = |error| CommandError::file(path, format!("it cannot be read: {error}"));
    let about = path.metadata().map_err(failed)?;
    if about.is_dir() {
        for entry in path.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // A link inside a folder may lead back to it.
            if entry.file_type().map_err(failed)?.is_symlink() {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let below = if key.is_empty() { name } else { format!("{key}/{name}") };
            add(&entry.path(), &below, items)?;
        }
    } else if about.is_file() {
        // Found out now rather than half way through.
        std::fs::File::open(path).map_err(failed)?;
        items.push(Item::plain(path.to_owned(), key.to_owned(), about.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_folder_gives_keys_that_begin_with_its_name_and_a_file_gives_its_own() -> Result {
        let root = tempfile::tempdir()?;
        let photos = root.path().join("photos");
        std::fs::create_dir_all(photos.join("2026"))?;
        std::fs::write(photos.join("2026/a b.jpg"), "jpg")?;
        std::fs::write(root.path().join("notes.txt"), "")?;
        std::os::unix::fs::symlink(&photos, photos.join("loop"))?;
        let items = of_paths(&[photos, root.path().join("notes.txt")])?;
        let found: Vec<(&str, u64)> = items.iter().map(|item| (item.key.as_str(), item.size)).collect();
        assert_eq!(found, [("notes.txt", 0), ("photos/2026/a b.jpg", 3)]);
        Ok(())
    }

    #[test]
    fn a_path_that_is_missing_empty_or_given_twice_is_refused_by_name() -> Result {
        let root = tempfile::tempdir()?;
        let refusal = |paths: &[PathBuf]| of_paths(paths).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refusal(&[root.path().join("none")]).contains("none: it cannot be read"));
        assert!(refusal(&[root.path().to_owned()]).contains("there is no file in it"));
        let file = root.path().join("f");
        std::fs::write(&file, "x")?;
        assert!(refusal(&[file.clone(), file]).contains("the same key, \"f\""));
        Ok(())
    }
}
