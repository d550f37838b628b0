//! The content on disk. Each upload is one file, named by a number. Extents that refer to a file are counted, and the
//! file is removed with the last of them. Keys never become paths.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::StreamExt;
use s3s::{StdError, dto::StreamingBlob};
use tokio::sync::mpsc;

use crate::{
    checksum::{
        Algorithm,
        digest::{Digester, Digests},
    },
    storage::{
        extents::{Extent, Known, total},
        reader::Reader,
    },
};

/// The size of reads, hashes and writes. A transfer holds a handful of these buffers, regardless of its size.
pub(crate) const CHUNK: usize = 1 << 20;
static ZEROS: [u8; CHUNK] = [0; CHUNK];

/// The folder of blob files.
#[derive(Debug)]
pub(crate) struct Blobs {
    pub(crate) folder: PathBuf,
    references: Mutex<HashMap<u64, u64>>,
    /// Files without references, to be removed when no lock is held.
    unused: Mutex<Vec<u64>>,
}

/// Why a body was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error("the request body ended early: {0}")]
    Body(StdError),
    #[error("the body is longer than {0} bytes")]
    TooLarge(u64),
    #[error("cannot write the body to disk: {0}")]
    Disk(#[from] io::Error),
}

impl Blobs {
    /// Opens or creates the folder.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Arc<Self>> {
        fs::create_dir_all(&folder)?;
        Ok(Arc::new(Self { folder, references: Mutex::default(), unused: Mutex::default() }))
    }

    pub(crate) fn path(&self, blob: u64) -> PathBuf {
        self.folder.join(format!("{blob:016x}"))
    }

    fn references(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.references.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts extents that a version or part refers to.
    pub(crate) fn keep(&self, extents: &[Extent]) {
        let mut references = self.references();
        for extent in extents {
            *references.entry(extent.blob).or_default() += 1;
        }
    }

    fn unused(&self) -> MutexGuard<'_, Vec<u64>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases extents. The next [`Self::remove_unused`] removes files without references.
    pub(crate) fn release(&self, extents: &[Extent]) {
        let mut references = self.references();
        for extent in extents {
            if let Some(count) = references.get_mut(&extent.blob) {
                *count -= 1;
                if *count == 0 {
                    references.remove(&extent.blob);
                    self.unused().push(extent.blob);
                }
            }
        }
    }

    /// Removes files without references. A large file takes the disk some time, so callers hold no lock.
    pub(crate) fn remove_unused(&self) {
        let unused = std::mem::take(&mut *self.unused());
        for path in unused.into_iter().map(|blob| self.path(blob)) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove a blob without references");
            }
        }
    }

    /// Whether every file that the extents refer to exists.
    pub(crate) fn hold_all_of(&self, extents: &[Extent]) -> bool {
        extents.iter().all(|extent| self.path(extent.blob).exists())
    }

    /// Removes files without references after a crash. Called once, after all extents are counted.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        let references = self.references();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let number = entry.file_name().to_str().and_then(|name| u64::from_str_radix(name, 16).ok());
            if number.is_some_and(|number| !references.contains_key(&number)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Holds extents while a request uses them.
    pub(crate) fn hold(self: &Arc<Self>, extents: Vec<Extent>) -> Held {
        self.keep(&extents);
        Held { blobs: Arc::clone(self), extents }
    }

    /// A sparse file of this length: it reads as zeros and uses no disk space.
    pub(crate) fn hole(self: &Arc<Self>, length: u64) -> io::Result<Held> {
        let blob = rand::random::<u64>();
        let held = self.hold(vec![Extent { blob, offset: 0, length, known: None }]);
        File::create_new(self.path(blob))?.set_len(length)?;
        Ok(held)
    }

    /// Stores a body of at most `limit` bytes and computes its digests at the same time.
    pub(crate) async fn write(
        self: &Arc<Self>,
        mut body: StreamingBlob,
        algorithm: Option<Algorithm>,
        limit: u64,
    ) -> Result<(Held, Digests), WriteError> {
        let blob = rand::random::<u64>();
        let extent = Extent { blob, offset: 0, length: 0, known: None };
        // Counted from the start, so that an early return on an error removes the file. The next start removes a file
        // that appears after its request was canceled.
        let mut held = self.hold(vec![extent]);
        let path = self.path(blob);
        let (sender, receiver) = mpsc::channel::<Bytes>(16);
        let worker = tokio::task::spawn_blocking(move || store(&path, receiver, algorithm));
        let mut length = 0;
        let mut failure = None;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(bytes) => {
                    length += bytes.len() as u64;
                    if length > limit {
                        failure = Some(WriteError::TooLarge(limit));
                        break;
                    }
                    if sender.send(bytes).await.is_err() {
                        break;
                    }
                }
                Err(error) => {
                    failure = Some(WriteError::Body(error));
                    break;
                }
            }
        }
        drop(sender);
        let digests = worker.await.map_err(io::Error::other)??;
        if let Some(failure) = failure {
            return Err(failure);
        }
        if length == 0 {
            return Ok((self.hold(Vec::new()), digests));
        }
        for extent in &mut held.extents {
            extent.length = length;
            extent.known = Some(Known { md5: digests.md5.clone(), crc64nvme: digests.crc64nvme });
        }
        Ok((held, digests))
    }
}

/// Writes the received bytes. Runs of zeros become holes in the file.
fn store(path: &PathBuf, mut chunks: mpsc::Receiver<Bytes>, algorithm: Option<Algorithm>) -> io::Result<Digests> {
    let mut file = File::create_new(path)?;
    let mut digester = Digester::new(algorithm);
    let mut length = 0;
    while let Some(chunk) = chunks.blocking_recv() {
        length += chunk.len() as u64;
        digester.update(&chunk);
        if chunk.len() >= 4096 && ZEROS.get(..chunk.len()) == Some(&chunk[..]) {
            file.seek(SeekFrom::Start(length))?;
        } else {
            file.write_all(&chunk)?;
        }
    }
    file.set_len(length)?;
    Ok(digester.finish())
}

/// Extents that cannot disappear while this value exists.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) extents: Vec<Extent>,
}

impl Held {
    /// The extents.
    pub(crate) fn extents(&self) -> &[Extent] {
        &self.extents
    }

    /// Transfers the reference to the code that stores the extents.
    pub(crate) fn keep(mut self) -> Vec<Extent> {
        std::mem::take(&mut self.extents)
    }

    /// Records digests of all bytes, so that a copy of a copy need not read them again.
    pub(crate) fn learn(&mut self, digests: &Digests) {
        if let [only] = self.extents.as_mut_slice() {
            only.known = Some(Known { md5: digests.md5.clone(), crc64nvme: digests.crc64nvme });
        }
    }

    /// Reads all bytes and computes their digests, on a thread that serves no requests.
    pub(crate) async fn digest(&self, algorithm: Option<Algorithm>) -> io::Result<Digests> {
        let held = self.blobs.hold(self.extents.clone());
        let work = move || {
            let mut digester = Digester::new(algorithm);
            let mut buffer = vec![0; CHUNK];
            for extent in &held.extents {
                let mut file = File::open(held.blobs.path(extent.blob))?;
                file.seek(SeekFrom::Start(extent.offset))?;
                let mut left = extent.length;
                while left > 0 {
                    let take = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    file.read_exact(&mut buffer[..take])?;
                    digester.update(&buffer[..take]);
                    left -= take as u64;
                }
            }
            Ok(digester.finish())
        };
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
    }

    /// Streams the bytes.
    pub(crate) fn stream(self) -> StreamingBlob {
        let mut plan = self.extents.clone();
        plan.reverse();
        StreamingBlob::new(Reader { held: self, remaining: total(&plan), plan, file: None, pending: None })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.blobs.release(&self.extents);
        self.blobs.remove_unused();
    }
}
