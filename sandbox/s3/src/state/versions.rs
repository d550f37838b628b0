//! The versions of keys: the current one, additions, changes and removals.

use std::sync::Arc;

use s3s::{S3Error, S3Result};
use sandbox_core::store::Batch;
use serde::{Deserialize, Serialize};

use crate::{
    errors,
    model::{
        object::Object,
        tick::Tick,
        version::{NULL_VERSION, Version, VersionContent, delete_marker, unknown_version},
    },
    state::{State, VERSIONS, uploads::Completed},
};

/// A version in the store.
#[derive(Serialize, Deserialize)]
pub(crate) struct VersionRecord<V> {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: V,
}

impl State {
    /// The newest version of a key, delete markers included.
    pub(crate) fn current(&self, bucket: &str, key: &str) -> S3Result<Option<&Arc<Version>>> {
        Ok(self.bucket(bucket)?.keys.get(key).and_then(|versions| versions.first()))
    }

    /// The version that a request names. A delete marker is an error, as for every request that reads.
    pub(crate) fn find(&self, bucket: &str, key: &str, id: Option<&str>) -> S3Result<Arc<Version>> {
        let versions = self.bucket(bucket)?.keys.get(key).map_or(&[][..], Vec::as_slice);
        let found = match id {
            None => versions.first().ok_or_else(errors::no_such_key)?,
            Some(id) => versions.iter().find(|version| version.id == id).ok_or_else(|| unknown_version(id))?,
        };
        match &found.content {
            VersionContent::Object(_) => Ok(Arc::clone(found)),
            VersionContent::DeleteMarker => Err(delete_marker(found, id.is_some())),
        }
    }

    /// The same, for a request about metadata of the version rather than its bytes. Such a request always names a
    /// version: without an ID, it names the current one. The error for a delete marker is therefore that of a named
    /// version.
    pub(crate) fn find_named(&self, bucket: &str, key: &str, id: Option<&str>) -> S3Result<Arc<Version>> {
        let current = self.current(bucket, key)?.map(|version| version.id.as_str());
        self.find(bucket, key, id.or(current))
    }

    /// Adds a version, whose extents are already counted, at the position of its initiation. In the same transaction,
    /// ends the upload that it completes. A null version replaces the existing one, unless that one was initiated
    /// later: then the new version never becomes visible.
    pub(crate) fn insert(
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
        if version.object().is_none() {
            self.note_deletion(bucket, key)?;
        }
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

    /// Changes the metadata of an object in place: its tags, its lock, its checksum.
    pub(crate) fn change_object(
        &mut self,
        bucket: &str,
        key: &str,
        id: Option<&str>,
        change: impl FnOnce(&mut Object),
    ) -> S3Result<Arc<Version>> {
        let found = self.find_named(bucket, key, id)?;
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

    /// A version by its ID, delete markers included. `None` if it does not exist.
    pub(crate) fn version(&self, bucket: &str, key: &str, id: &str) -> S3Result<Option<&Arc<Version>>> {
        let versions = self.bucket(bucket)?.keys.get(key);
        Ok(versions.and_then(|versions| versions.iter().find(|version| version.id == id)))
    }

    /// Removes one version permanently. `None` if it does not exist.
    pub(crate) fn remove(&mut self, bucket: &str, key: &str, id: &str) -> S3Result<Option<Arc<Version>>> {
        let Some(found) = self.version(bucket, key, id)?.cloned() else { return Ok(None) };
        if found.object().is_some() && self.current(bucket, key)?.is_some_and(|current| current.id == id) {
            self.note_deletion(bucket, key)?;
        }
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
}

fn version_key(initiated: Tick) -> String {
    format!("{:020}", initiated.0)
}

/// Inserts a version so that the newest comes first.
pub(crate) fn place(versions: &mut Vec<Arc<Version>>, version: Arc<Version>) {
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
