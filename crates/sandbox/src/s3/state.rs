//! Buckets, versions and open uploads: in memory for answering, and in the [`Store`] for the next start.

use std::{collections::BTreeMap, io, sync::Arc};

use s3s::{S3Error, S3Result, dto, s3_error};
use serde::{Deserialize, Serialize};

use super::{
    Versioning,
    blobs::Blobs,
    errors,
    extents::Extent,
    model::{NULL_VERSION, Object, Part, Tick, UploadSettings, Version, VersionContent},
};
use crate::store::{Batch, Store, StoreError};

const BUCKETS: &str = "s3.buckets";
const VERSIONS: &str = "s3.versions";
const UPLOADS: &str = "s3.uploads";
const PARTS: &str = "s3.parts";

/// Everything there is. Guarded by one lock that is never held across an await.
pub(super) struct State {
    buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, Upload>,
    last: Tick,
    store: Arc<Store>,
    blobs: Arc<Blobs>,
}

/// A bucket's configuration, as it was put.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BucketRecord {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) created: Tick,
    pub(super) versioning: Versioning,
    pub(super) event_bridge: bool,
    pub(super) encryption: Option<dto::ServerSideEncryptionConfiguration>,
    pub(super) public_access_block: Option<dto::PublicAccessBlockConfiguration>,
    pub(super) tagging: Option<dto::Tagging>,
    pub(super) lifecycle: Option<dto::BucketLifecycleConfiguration>,
}

/// A bucket and its objects.
pub(super) struct Bucket {
    pub(super) record: BucketRecord,
    /// The versions of every key, newest first. A key without versions is not there.
    pub(super) keys: BTreeMap<String, Vec<Arc<Version>>>,
}

/// An open multipart upload.
pub(super) struct Upload {
    pub(super) settings: Arc<UploadSettings>,
    pub(super) parts: BTreeMap<u16, Arc<Part>>,
}

/// An upload that a new version completes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Completed<'a> {
    pub(super) upload: &'a str,
    /// The parts, in their order, whose extents have gone into the object.
    pub(super) kept: &'a [u16],
}

#[derive(Serialize, Deserialize)]
struct VersionRecord<V> {
    bucket: String,
    key: String,
    version: V,
}

#[derive(Serialize, Deserialize)]
struct PartRecord<P> {
    upload: String,
    part: P,
}

/// The sandbox's S3 could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of the objects' bytes cannot be used.
    #[error("cannot use {path} for the objects' bytes: {source}")]
    Folder {
        /// Which folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The metadata cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl State {
    /// Everything that the store knows.
    pub(super) fn load(store: Arc<Store>, blobs: Arc<Blobs>) -> Result<Self, OpenError> {
        let mut state = Self { buckets: BTreeMap::new(), uploads: BTreeMap::new(), last: Tick(0), store, blobs };
        for (name, record) in state.store.load::<BucketRecord>(BUCKETS)? {
            state.buckets.insert(name, Bucket { record, keys: BTreeMap::new() });
        }
        for (_, VersionRecord { bucket, key, version }) in state.store.load::<VersionRecord<Version>>(VERSIONS)? {
            state.last = state.last.max(version.created).max(version.initiated);
            if let Some(object) = version.object() {
                if !state.blobs.hold_all_of(&object.extents) {
                    // It was deleted, and the process killed before that was flushed.
                    tracing::warn!(bucket, key, version.id, "a version without its bytes is left out");
                    continue;
                }
                state.blobs.keep(&object.extents);
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

    /// The present moment, later than every other.
    pub(super) fn tick(&mut self) -> Tick {
        self.last = Tick::after(self.last);
        self.last
    }

    /// Every bucket, by name.
    pub(super) fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.values()
    }

    /// A bucket that has to be there.
    pub(super) fn bucket(&self, name: &str) -> S3Result<&Bucket> {
        self.buckets.get(name).ok_or_else(errors::no_such_bucket)
    }

    /// The region of a bucket, if there is such a bucket.
    pub(super) fn region(&self, bucket: &str) -> Option<&str> {
        self.buckets.get(bucket).map(|bucket| bucket.record.region.as_str())
    }

    /// Writes a bucket's configuration; creates the bucket if it is new.
    pub(super) fn put_bucket(&mut self, record: BucketRecord) -> Result<(), StoreError> {
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
    pub(super) fn change_bucket(&mut self, name: &str, change: impl FnOnce(&mut BucketRecord)) -> S3Result<()> {
        let mut record = self.bucket(name)?.record.clone();
        change(&mut record);
        self.put_bucket(record).map_err(S3Error::internal_error)
    }

    /// Removes an empty bucket, and its open uploads with it.
    pub(super) fn delete_bucket(&mut self, name: &str) -> S3Result<()> {
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

    /// The newest version of a key, delete markers included.
    pub(super) fn current(&self, bucket: &str, key: &str) -> S3Result<Option<&Arc<Version>>> {
        Ok(self.bucket(bucket)?.keys.get(key).and_then(|versions| versions.first()))
    }

    /// The version that a request means. A delete marker is an error, as it is for every request that reads.
    pub(super) fn find(&self, bucket: &str, key: &str, id: Option<&str>) -> S3Result<Arc<Version>> {
        let versions = self.bucket(bucket)?.keys.get(key).map_or(&[][..], Vec::as_slice);
        let found = match id {
            None => versions.first().ok_or_else(errors::no_such_key)?,
            Some(id) => versions.iter().find(|version| version.id == id).ok_or_else(|| errors::no_such_version(id))?,
        };
        match &found.content {
            VersionContent::Object(_) => Ok(Arc::clone(found)),
            VersionContent::DeleteMarker => Err(errors::delete_marker(&found.id, id.is_some())),
        }
    }

    /// Adds a version, whose extents are counted already, where its initiation puts it, and ends the upload that it
    /// completes, both or neither. A null version takes the place of the one before, unless that one was initiated
    /// later: then the new one is never seen.
    pub(super) fn insert(
        &mut self,
        bucket: &str,
        key: &str,
        version: Version,
        completed: Option<Completed<'_>>,
    ) -> S3Result<()> {
        let versions = self.bucket(bucket)?.keys.get(key).map_or(&[][..], Vec::as_slice);
        let replaced = versions.iter().find(|one| version.id == NULL_VERSION && one.id == NULL_VERSION).cloned();
        let is_seen = replaced.as_ref().is_none_or(|replaced| replaced.initiated <= version.initiated);
        let replaced = replaced.filter(|_| is_seen);
        let mut batch = Batch::default();
        if is_seen {
            let record = VersionRecord { bucket: bucket.to_owned(), key: key.to_owned(), version: &version };
            batch.put(VERSIONS, &version_key(version.initiated), &record).map_err(S3Error::internal_error)?;
        }
        if let Some(replaced) = &replaced {
            batch.delete(VERSIONS, &version_key(replaced.initiated));
        }
        if let Some(Completed { upload, .. }) = completed {
            self.delete_upload(&mut batch, upload);
        }
        self.store.commit(&batch).map_err(S3Error::internal_error)?;

        if !is_seen {
            if let Some(object) = version.object() {
                self.blobs.release(&object.extents);
            }
        } else if let Some(bucket) = self.buckets.get_mut(bucket) {
            place(bucket.keys.entry(key.to_owned()).or_default(), Arc::new(version));
        }
        if let Some(replaced) = replaced {
            self.forget_version(bucket, key, &replaced);
        }
        if let Some(Completed { upload, kept }) = completed {
            self.forget_upload(upload, kept);
        }
        Ok(())
    }

    /// Changes an object in place: its tags, or what is known of its checksum.
    pub(super) fn change_object(
        &mut self,
        bucket: &str,
        key: &str,
        id: Option<&str>,
        change: impl FnOnce(&mut Object),
    ) -> S3Result<Arc<Version>> {
        let found = self.find(bucket, key, id)?;
        let mut changed = Version::clone(&found);
        if let VersionContent::Object(object) = &mut changed.content {
            change(object);
        }
        self.write_version(bucket, key, &changed)?;
        let changed = Arc::new(changed);
        let versions = self.buckets.get_mut(bucket).and_then(|bucket| bucket.keys.get_mut(key));
        for version in versions.into_iter().flatten().filter(|version| version.id == found.id) {
            *version = Arc::clone(&changed);
        }
        Ok(changed)
    }

    /// Removes one version for good. `None` when there is no such version.
    pub(super) fn remove(&mut self, bucket: &str, key: &str, id: &str) -> S3Result<Option<Arc<Version>>> {
        let versions = self.bucket(bucket)?.keys.get(key).map_or(&[][..], Vec::as_slice);
        let Some(found) = versions.iter().find(|version| version.id == id).cloned() else { return Ok(None) };
        self.store.delete(VERSIONS, &version_key(found.initiated)).map_err(S3Error::internal_error)?;
        self.forget_version(bucket, key, &found);
        Ok(Some(found))
    }

    fn write_version(&self, bucket: &str, key: &str, version: &Version) -> S3Result<()> {
        let record = VersionRecord { bucket: bucket.to_owned(), key: key.to_owned(), version };
        self.store.put(VERSIONS, &version_key(version.initiated), &record).map_err(S3Error::internal_error)
    }

    fn forget_version(&mut self, bucket: &str, key: &str, version: &Version) {
        if let Some(bucket) = self.buckets.get_mut(bucket)
            && let Some(versions) = bucket.keys.get_mut(key)
        {
            versions.retain(|one| one.initiated != version.initiated);
            if versions.is_empty() {
                bucket.keys.remove(key);
            }
        }
        if let Some(object) = version.object() {
            self.blobs.release(&object.extents);
        }
    }

    /// Every open upload with its id.
    pub(super) fn uploads(&self) -> impl Iterator<Item = (&String, &Upload)> {
        self.uploads.iter()
    }

    /// An upload that has to be open, of this key.
    pub(super) fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<&Upload> {
        self.bucket(bucket)?;
        self.uploads
            .get(id)
            .filter(|upload| upload.settings.bucket == bucket && upload.settings.key == key)
            .ok_or_else(errors::no_such_upload)
    }

    /// Opens an upload.
    pub(super) fn open_upload(&mut self, id: &str, settings: UploadSettings) -> S3Result<()> {
        self.store.put(UPLOADS, id, &settings).map_err(S3Error::internal_error)?;
        self.uploads.insert(id.to_owned(), Upload { settings: Arc::new(settings), parts: BTreeMap::new() });
        Ok(())
    }

    /// Adds a part, whose extents are counted already; one with the same number is replaced.
    pub(super) fn put_part(&mut self, bucket: &str, key: &str, id: &str, part: Part) -> S3Result<()> {
        if let Err(error) = self.upload(bucket, key, id) {
            self.blobs.release(&part.extents);
            return Err(error);
        }
        let record = PartRecord { upload: id.to_owned(), part: &part };
        self.store.put(PARTS, &part_key(id, part.number), &record).map_err(S3Error::internal_error)?;
        let replaced = self.uploads.get_mut(id).and_then(|upload| upload.parts.insert(part.number, Arc::new(part)));
        if let Some(replaced) = replaced {
            self.blobs.release(&replaced.extents);
        }
        Ok(())
    }

    /// Ends an upload that makes no object.
    pub(super) fn abort_upload(&mut self, id: &str) -> S3Result<()> {
        let mut batch = Batch::default();
        self.delete_upload(&mut batch, id);
        self.store.commit(&batch).map_err(S3Error::internal_error)?;
        self.forget_upload(id, &[]);
        Ok(())
    }

    fn delete_upload(&self, batch: &mut Batch, id: &str) {
        for number in self.uploads.get(id).into_iter().flat_map(|upload| upload.parts.keys()) {
            batch.delete(PARTS, &part_key(id, *number));
        }
        batch.delete(UPLOADS, id);
    }

    fn forget_upload(&mut self, id: &str, kept: &[u16]) {
        let parts = self.uploads.remove(id).map(|upload| upload.parts).unwrap_or_default();
        for part in parts.values().filter(|part| kept.binary_search(&part.number).is_err()) {
            self.blobs.release(&part.extents);
        }
    }

    /// Gives up extents that were to become an object.
    pub(super) fn release(&self, extents: &[Extent]) {
        self.blobs.release(extents);
    }
}

fn version_key(initiated: Tick) -> String {
    format!("{:020}", initiated.0)
}

fn part_key(upload: &str, number: u16) -> String {
    format!("{upload}/{number:05}")
}

/// Inserts a version so that the newest comes first.
fn place(versions: &mut Vec<Arc<Version>>, version: Arc<Version>) {
    let at = versions.partition_point(|one| one.initiated > version.initiated);
    versions.insert(at, version);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(initiated: u64, created: u64) -> Arc<Version> {
        Arc::new(Version {
            id: initiated.to_string(),
            initiated: Tick(initiated),
            created: Tick(created),
            content: VersionContent::DeleteMarker,
        })
    }

    #[test]
    fn the_current_version_is_the_one_initiated_last_not_the_one_completed_last() {
        let mut versions = Vec::new();
        for one in [version(10, 11), version(30, 31), version(20, 40)] {
            place(&mut versions, one);
        }
        let order: Vec<&str> = versions.iter().map(|version| version.id.as_str()).collect();
        assert_eq!(order, ["30", "20", "10"]);
    }
}
