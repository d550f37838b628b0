//! Open multipart uploads and their parts.

use std::{collections::BTreeMap, sync::Arc};

use s3s::{S3Error, S3Result};
use sandbox_core::store::Batch;
use serde::{Deserialize, Serialize};

use crate::{
    errors,
    model::upload::{Part, UploadSettings},
    state::{PARTS, State, UPLOADS},
};

/// An open multipart upload.
pub(crate) struct Upload {
    pub(crate) settings: Arc<UploadSettings>,
    pub(crate) parts: BTreeMap<u16, Arc<Part>>,
}

/// An upload that a new version completes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Completed<'a> {
    pub(crate) upload: &'a str,
    /// The parts whose extents became part of the object, in order.
    pub(crate) kept: &'a [u16],
}

/// A part in the store.
#[derive(Serialize, Deserialize)]
pub(crate) struct PartRecord<P> {
    pub(crate) upload: String,
    pub(crate) part: P,
}

impl State {
    /// Every open upload with its ID.
    pub(crate) fn uploads(&self) -> impl Iterator<Item = (&String, &Upload)> {
        self.uploads.iter()
    }

    /// An upload of this key, which must be open.
    pub(crate) fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<&Upload> {
        self.bucket(bucket)?;
        self.uploads
            .get(id)
            .filter(|upload| upload.settings.bucket == bucket && upload.settings.key == key)
            .ok_or_else(errors::no_such_upload)
    }

    /// Opens an upload.
    pub(crate) fn open_upload(&mut self, id: &str, settings: UploadSettings) -> S3Result<()> {
        self.store.put(UPLOADS, id, &settings).map_err(S3Error::internal_error)?;
        self.uploads.insert(id.to_owned(), Upload { settings: Arc::new(settings), parts: BTreeMap::new() });
        Ok(())
    }

    /// Marks every open upload of a key: the key was deleted.
    pub(crate) fn note_deletion(&mut self, bucket: &str, key: &str) -> S3Result<()> {
        let of_key = |upload: &Upload| upload.settings.bucket == bucket && upload.settings.key == key;
        for (id, upload) in self.uploads.iter_mut().filter(|(_, upload)| of_key(upload)) {
            let settings = UploadSettings { key_was_deleted: true, ..UploadSettings::clone(&upload.settings) };
            self.store.put(UPLOADS, id, &settings).map_err(S3Error::internal_error)?;
            upload.settings = Arc::new(settings);
        }
        Ok(())
    }

    /// Adds a part, whose extents are already counted. Replaces a part of the same number.
    pub(crate) fn put_part(&mut self, bucket: &str, key: &str, id: &str, part: Part) -> S3Result<()> {
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

    /// Ends an upload without creating an object.
    pub(crate) fn abort_upload(&mut self, id: &str) -> S3Result<()> {
        let mut batch = Batch::default();
        self.delete_upload(&mut batch, id);
        self.store.commit(&batch).map_err(S3Error::internal_error)?;
        self.forget_upload(id, &[]);
        Ok(())
    }

    pub(crate) fn delete_upload(&self, batch: &mut Batch, id: &str) {
        for number in self.uploads.get(id).into_iter().flat_map(|upload| upload.parts.keys()) {
            batch.delete(PARTS, &part_key(id, *number));
        }
        batch.delete(UPLOADS, id);
    }

    pub(crate) fn forget_upload(&mut self, id: &str, kept: &[u16]) {
        let parts = self.uploads.remove(id).map(|upload| upload.parts).unwrap_or_default();
        for part in parts.values().filter(|part| kept.binary_search(&part.number).is_err()) {
            self.blobs.release(&part.extents);
        }
    }
}

fn part_key(upload: &str, number: u16) -> String {
    format!("{upload}/{number:05}")
}
