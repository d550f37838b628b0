//! Publishes an object: its version ID, its position among the versions, its event.

use s3s::S3Result;
use serde_json::Value;

use crate::{
    backend::Backend,
    events::{Happening, envelope},
    model::{
        bucket::Versioning,
        object::Object,
        tick::Tick,
        version::{NULL_VERSION, Version, VersionContent, new_version_id, shown},
    },
    objects::conditions::{Seen, WriteConditions},
    request::Cause,
    state::{State, uploads::Completed},
};

/// An object ready for publication, whose extents are counted.
pub(crate) struct Publication<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    pub(crate) object: Object,
    /// When its multipart upload was initiated; `None` for an object that is written in one request.
    pub(crate) initiated: Option<Tick>,
    /// The upload that this publication completes.
    pub(crate) completed: Option<Completed<'a>>,
    pub(crate) reason: &'static str,
    pub(crate) cause: &'a Cause,
}

impl<'a> Publication<'a> {
    /// An object that one request writes.
    pub(crate) fn of_one_request(
        bucket: &'a str,
        key: &'a str,
        object: Object,
        reason: &'static str,
        cause: &'a Cause,
    ) -> Self {
        Self { bucket, key, object, initiated: None, completed: None, reason, cause }
    }
}

/// The result for the caller.
pub(crate) struct Published {
    /// Absent if versioning was never enabled.
    pub(crate) version_id: Option<String>,
    pub(crate) initiated: Tick,
    pub(crate) event: Option<Value>,
}

impl Backend {
    /// The current version, checked against the conditions of a write that begins.
    pub(crate) fn begin(&self, bucket: &str, key: &str, conditions: &WriteConditions) -> S3Result<Seen> {
        let seen = Seen::of(self.state().current(bucket, key)?.map(AsRef::as_ref));
        conditions.check(&seen)?;
        Ok(seen)
    }

    /// Sends an event, if there is one.
    pub(crate) async fn announce(&self, event: Option<Value>) {
        if let Some(event) = event {
            self.events.put_event(event).await;
        }
    }
}

impl State {
    /// Checks the conditions again, under the lock of the publication.
    pub(crate) fn recheck(&self, bucket: &str, key: &str, conditions: &WriteConditions, began: &Seen) -> S3Result<()> {
        conditions.check_again(began, &Seen::of(self.current(bucket, key)?.map(AsRef::as_ref)))
    }

    /// Makes the object visible.
    pub(crate) fn publish(&mut self, publication: Publication<'_>) -> S3Result<Published> {
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
