//! The moment at which an object appears: version id, place among the versions, event.

use s3s::S3Result;
use serde_json::Value;

use super::{
    Backend, Versioning,
    conditions::{Seen, WriteConditions},
    events::{Cause, Happening, envelope},
    model::{NULL_VERSION, Object, Tick, Version, VersionContent},
    state::{Completed, State},
};

/// An object that is ready to appear. Its extents are counted.
pub(super) struct Publication<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) object: Object,
    /// When its multipart upload was initiated; `None` for an object that is written at once.
    pub(super) initiated: Option<Tick>,
    /// The upload that ends with it.
    pub(super) completed: Option<Completed<'a>>,
    pub(super) reason: &'static str,
    pub(super) cause: &'a Cause,
}

/// What the caller is told.
pub(super) struct Published {
    /// Absent where versioning was never enabled.
    pub(super) version_id: Option<String>,
    pub(super) initiated: Tick,
    pub(super) event: Option<Value>,
}

/// What version ids are made of.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/// A version id: 32 characters without meaning, as S3's are.
pub(super) fn new_version_id() -> String {
    let random = rand::random::<[u8; 32]>();
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect()
}

/// Whether a text could be the id of a version: `null`, or one of [`new_version_id`]'s kind. To S3's users they are opaque
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>), but S3 itself knows what is none.
pub(super) fn is_version_id(text: &str) -> bool {
    text == NULL_VERSION || (text.len() == 32 && text.bytes().all(|byte| ALPHABET.contains(&byte)))
}

/// The version id that a bucket answers with: none where versioning was never enabled.
pub(super) fn shown(versioning: Versioning, id: &str) -> Option<String> {
    (versioning != Versioning::Never).then(|| id.to_owned())
}

impl Backend {
    /// What is current now, checked against the conditions of a write that begins.
    pub(super) fn begin(&self, bucket: &str, key: &str, conditions: &WriteConditions) -> S3Result<Seen> {
        let seen = Seen::of(self.state().current(bucket, key)?.map(AsRef::as_ref));
        conditions.check(&seen)?;
        Ok(seen)
    }

    /// Accepts an event, if there is one.
    pub(super) async fn announce(&self, event: Option<Value>) {
        if let Some(event) = event {
            self.events.put_event(event).await;
        }
    }
}

impl State {
    /// Checks the conditions again, now that nothing can come between.
    pub(super) fn recheck(&self, bucket: &str, key: &str, conditions: &WriteConditions, began: &Seen) -> S3Result<()> {
        conditions.check_again(began, &Seen::of(self.current(bucket, key)?.map(AsRef::as_ref)))
    }

    /// Makes the object appear.
    pub(super) fn publish(&mut self, publication: Publication<'_>) -> S3Result<Published> {
        let Publication { bucket, key, object, initiated, completed, reason, cause } = publication;
        let created = self.tick();
        let prepared = self.bucket(bucket).and_then(|bucket| {
            let lock = object.lock.of_new(bucket.record.object_lock, created.time())?;
            Ok((bucket.record.clone(), lock))
        });
        let (record, lock) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.release(&object.extents);
                return Err(error);
            }
        };
        let object = Object { lock, ..object };
        let id = if record.versioning == Versioning::Enabled { new_version_id() } else { NULL_VERSION.to_owned() };
        let version_id = shown(record.versioning, &id);
        let what = Happening::Created { size: object.size(), etag: &object.etag, reason };
        let event = envelope(cause, &record, key, version_id.as_deref(), created, &what);
        let initiated = initiated.unwrap_or(created);
        let version = Version { id, initiated, created, content: VersionContent::Object(Box::new(object)) };
        self.insert(bucket, key, version, completed)?;
        Ok(Published { version_id, initiated, event })
    }
}
