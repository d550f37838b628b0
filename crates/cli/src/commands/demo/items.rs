//! The files that a demo uploads, each with its key.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::commands::CommandError;

/// A file and the object that it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// The file.
    pub(super) path: PathBuf,
    /// The key of the object.
    pub(super) key: String,
    /// The size in bytes.
    pub(super) size: u64,
    /// The checksum of the upload.
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
    /// Sent by current clients: S3 stores it for the source and for the copies.
    Crc64Nvme,
    /// Sent by older clients: the source has to be read for the proof.
    Crc32,
}

impl Item {
    /// A file without content type, metadata and tags.
    pub(super) fn plain(path: PathBuf, key: String, size: u64) -> Self {
        let (content_type, tags) = (None, None);
        Self { path, key, size, checksum: Checksum::Crc64Nvme, content_type, metadata: BTreeMap::new(), tags }
    }
}

/// The files that a demo uploads.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// The files, in the order of their keys.
    pub(super) items: Vec<Item>,
    /// The symbolic links in folders, which are skipped: a link may lead back to its own folder.
    pub(super) skipped_links: Vec<PathBuf>,
}

/// The files at these paths, and the files in the folders at these paths. The keys of a folder's files begin with the
/// folder's name.
pub(super) fn of_paths(paths: &[PathBuf]) -> Result<Selection, CommandError> {
    let mut selection = Selection::default();
    for path in paths {
        let unreadable =
            |error| CommandError::file(path, format!("it cannot be read: {error}; name a file or a folder"));
        let whole = path.canonicalize().map_err(unreadable)?;
        let name = whole.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        selection.add(&whole, &name)?;
    }
    selection.items.sort_by(|one, other| one.key.cmp(&other.key));
    selection.skipped_links.sort();
    if let Some([one, other]) = selection.items.array_windows().find(|[one, other]| one.key == other.key) {
        let problem =
            format!("it would get the same key, {:?}, as {}; back them up one at a time", one.key, one.path.display());
        return Err(CommandError::file(&other.path, problem));
    }
    if selection.items.is_empty() {
        let named: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let problem = "it has no file; name a file, or a folder with files".to_owned();
        return Err(CommandError::File { path: named.join(", "), problem });
    }
    Ok(selection)
}

impl Selection {
    fn add(&mut self, path: &Path, key: &str) -> Result<(), CommandError> {
        let unreadable = |error| CommandError::file(path, format!("it cannot be read: {error}"));
        let metadata = path.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            for entry in path.read_dir().map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                if entry.file_type().map_err(unreadable)?.is_symlink() {
                    self.skipped_links.push(entry.path());
                    continue;
                }
                let name = entry.file_name().to_string_lossy().into_owned();
                let below = if key.is_empty() { name } else { format!("{key}/{name}") };
                self.add(&entry.path(), &below)?;
            }
        } else if metadata.is_file() {
            // An unreadable file is reported before anything is uploaded.
            std::fs::File::open(path).map_err(unreadable)?;
            self.items.push(Item::plain(path.to_owned(), key.to_owned(), metadata.len()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn keys_begin_with_the_name_of_the_folder_and_links_inside_it_are_skipped() -> Result {
        let root = tempfile::tempdir()?;
        let photos = root.path().join("photos");
        std::fs::create_dir_all(photos.join("2026"))?;
        std::fs::write(photos.join("2026/a b.jpg"), "jpg")?;
        std::fs::write(root.path().join("notes.txt"), "")?;
        std::os::unix::fs::symlink(&photos, photos.join("loop"))?;

        let selection = of_paths(&[photos.clone(), root.path().join("notes.txt")])?;

        let found: Vec<(&str, u64)> = selection.items.iter().map(|item| (item.key.as_str(), item.size)).collect();
        assert_eq!(found, [("notes.txt", 0), ("photos/2026/a b.jpg", 3)]);
        assert_eq!(selection.skipped_links, [photos.canonicalize()?.join("loop")]);
        Ok(())
    }

    #[test]
    fn a_path_that_is_missing_empty_or_named_twice_is_refused() -> Result {
        let root = tempfile::tempdir()?;
        let refusal = |paths: &[PathBuf]| of_paths(paths).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refusal(&[root.path().join("none")]).contains("none: it cannot be read"));
        assert!(refusal(&[root.path().to_owned()]).contains("it has no file"));
        let file = root.path().join("f");
        std::fs::write(&file, "x")?;
        assert!(refusal(&[file.clone(), file]).contains("the same key, \"f\""));
        Ok(())
    }
}
