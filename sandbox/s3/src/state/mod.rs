//! Buckets, versions and open uploads: in memory for requests, and in the [`Store`] for the next start.

pub(crate) mod uploads;
pub(crate) mod versions;

use std::{collections::BTreeMap, io, sync::Arc};

use s3s::{S3Error, S3Result, s3_error};
use sandbox_core::store::{Store, StoreError};

use crate::{
    clock::Clock,
    errors,
    model::{
        bucket::BucketRecord,
        restore::{AllRestoring, Restore, Restoring},
        tick::Tick,
        upload::{Part, UploadSettings},
        version::Version,
    },
    state::{
        uploads::{PartRecord, Upload},
        versions::{VersionRecord, place},
    },
    storage::{blobs::Blobs, extents::Extent},
};

const BUCKETS: &str = "s3.buckets";
pub(crate) const VERSIONS: &str = "s3.versions";
pub(crate) const UPLOADS: &str = "s3.uploads";
pub(crate) const PARTS: &str = "s3.parts";

/// The whole state. One lock guards it and is never held across an await.
pub(crate) struct State {
    buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, Upload>,
    /// The restores whose completion events are due.
    pub(crate) restoring: AllRestoring,
    last: Tick,
    store: Arc<Store>,
    blobs: Arc<Blobs>,
    clock: Arc<Clock>,
}

/// A bucket and its objects.
pub(crate) struct Bucket {
    pub(crate) record: BucketRecord,
    /// The versions of every key, newest first. A key without versions is absent.
    pub(crate) keys: BTreeMap<String, Vec<Arc<Version>>>,
}

/// The sandbox's S3 cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of the objects' bytes cannot be used.
    #[error("cannot use {path} for the content of objects: {source}")]
    Folder {
        /// The path of the folder.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The metadata cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl State {
    /// Loads the state from the store.
    pub(crate) fn load(store: Arc<Store>, blobs: Arc<Blobs>, clock: Arc<Clock>) -> Result<Self, OpenError> {
        let (buckets, uploads) = (BTreeMap::new(), BTreeMap::new());
        let mut state = Self { buckets, uploads, restoring: AllRestoring::new(), last: Tick(0), store, blobs, clock };
        for (name, record) in state.store.load::<BucketRecord>(BUCKETS)? {
            state.buckets.insert(name, Bucket { record, keys: BTreeMap::new() });
        }
        for (_, VersionRecord { bucket, key, version }) in state.store.load::<VersionRecord<Version>>(VERSIONS)? {
            state.last = state.last.max(version.created).max(version.initiated);
            if let Some(object) = version.object() {
                if !state.blobs.hold_all_of(&object.extents) {
                    // It was deleted, and the process was killed before the flush.
                    tracing::warn!(bucket, key, version.id, "skipping a version whose content is missing");
                    continue;
                }
                state.blobs.keep(&object.extents);
                if object.restore.is_some_and(Restore::needs_event) {
                    let id = version.id.clone();
                    state.restoring.insert(Restoring { bucket: bucket.clone(), key: key.clone(), id });
                }
            }
            if let Some(bucket) = state.buckets.get_mut(&bucket) {
                place(bucket.keys.entry(key).or_default(), Arc::new(version));
            }
        }
        for (id, settings) in state.store.load::<UploadSettings>(UPLOADS)? {
            state.last = state.last.max(settings.initiated);
            state.uploads.insert(id, Upload { settings: Arc::new(settings), parts: BTreeMap::new() });
        }
        for (_, PartRecord { upload, part }) in state.store.load::<PartRecord<Part>>(PARTS)? {
            state.last = state.last.max(part.uploaded);
            if let Some(upload) = state.uploads.get_mut(&upload)
                && state.blobs.hold_all_of(&part.extents)
            {
                state.blobs.keep(&part.extents);
                upload.parts.insert(part.number, Arc::new(part));
            }
        }
        Ok(state)
    }

    /// The present time, later than every earlier tick.
    pub(crate) fn tick(&mut self) -> Tick {
        self.last = Tick::after(self.last, self.clock.now());
        self.last
    }

    /// Every bucket, by name.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.values()
    }

    /// A bucket that must exist.
    pub(crate) fn bucket(&self, name: &str) -> S3Result<&Bucket> {
        self.buckets.get(name).ok_or_else(errors::no_such_bucket)
    }

    /// The region of a bucket, if the bucket exists.
    pub(crate) fn region(&self, bucket: &str) -> Option<&str> {
        self.buckets.get(bucket).map(|bucket| bucket.record.region.as_str())
    }

    /// Writes a bucket's configuration; creates the bucket if it is new.
    pub(crate) fn put_bucket(&mut self, record: BucketRecord) -> Result<(), StoreError> {
        self.store.put(BUCKETS, &record.name, &record)?;
        match self.buckets.get_mut(&record.name) {
            Some(bucket) => bucket.record = record,
            None => {
                self.buckets.insert(record.name.clone(), Bucket { record, keys: BTreeMap::new() });
            }
        }
        Ok(())
    }

    /// Changes a bucket's configuration.
    pub(crate) fn change_bucket(&mut self, name: &str, change: impl FnOnce(&mut BucketRecord)) -> S3Result<()> {
        let mut record = self.bucket(name)?.record.clone();
        change(&mut record);
        self.put_bucket(record).map_err(S3Error::internal_error)
    }

    /// Removes an empty bucket with its open uploads.
    pub(crate) fn delete_bucket(&mut self, name: &str) -> S3Result<()> {
        if !self.bucket(name)?.keys.is_empty() {
            return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
        }
        let open: Vec<String> = self
            .uploads
            .iter()
            .filter(|(_, upload)| upload.settings.bucket == name)
            .map(|(id, _)| id.clone())
            .collect();
        for id in open {
            self.abort_upload(&id)?;
        }
        self.store.delete(BUCKETS, name).map_err(S3Error::internal_error)?;
        self.buckets.remove(name);
        Ok(())
    }

    /// Releases extents that do not become an object.
    pub(crate) fn release(&self, extents: &[Extent]) {
        self.blobs.release(extents);
    }
}
