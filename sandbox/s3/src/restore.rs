//! Readable copies of archived objects, for a limited time
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html>).
//!
//! The duration of a restore is S3's shortest documented time for the tier, by S3's clock. `EventBridge` receives
//! events about its start and its completion
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html>).

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto, s3_error};
use sandbox_core::ports::ApiError;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::{
    backend::Backend,
    errors,
    events::{Happening, envelope},
    model::{
        object::Object,
        restore::{Restore, Restoring, is_archive},
        version::shown,
    },
    request::{Cause, Status},
    state::State,
};

/// The duration of a tier for a storage class; `None` if the class does not offer the tier.
fn duration(tier: &str, class: &str) -> Option<Duration> {
    let is_deep = class == dto::StorageClass::DEEP_ARCHIVE;
    match tier {
        dto::Tier::EXPEDITED => (!is_deep).then_some(Duration::minutes(1)),
        dto::Tier::STANDARD => Some(Duration::hours(if is_deep { 12 } else { 3 })),
        dto::Tier::BULK => Some(Duration::hours(if is_deep { 48 } else { 5 })),
        _ => None,
    }
}

/// Days and tier of a restore request.
fn wanted(request: Option<dto::RestoreRequest>) -> S3Result<(Duration, String)> {
    let malformed = || {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        S3Error::with_message(S3ErrorCode::MalformedXML, message)
    };
    let request = request.ok_or_else(malformed)?;
    if request.type_.is_some() || request.select_parameters.is_some() || request.output_location.is_some() {
        return Err(s3_error!(NotImplemented, "The sandbox restores objects; it does not select from them"));
    }
    let days = request.days.filter(|days| *days > 0).ok_or_else(malformed)?;
    let tier = request.glacier_job_parameters.map(|parameters| parameters.tier).or(request.tier);
    let tier = tier.map_or_else(|| dto::Tier::STANDARD.to_owned(), |tier| tier.as_str().to_owned());
    Ok((Duration::days(i64::from(days)), tier))
}

impl Backend {
    /// Starts to restore an object with status 202, or extends a restored copy with status 200
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html>, Responses).
    pub(crate) async fn restore_object(
        &self,
        req: S3Request<dto::RestoreObjectInput>,
    ) -> S3Result<S3Response<dto::RestoreObjectOutput>> {
        let cause = Cause::of(&req.extensions);
        let mut response = S3Response::new(dto::RestoreObjectOutput::default());
        let (restore, event) = self.begin_restore(req.input, &cause)?;
        if restore.needs_event() {
            response.extensions.insert(Status(StatusCode::ACCEPTED));
            self.announce(event).await;
        }
        Ok(response)
    }

    fn begin_restore(&self, input: dto::RestoreObjectInput, cause: &Cause) -> S3Result<(Restore, Option<Value>)> {
        let (days, tier) = wanted(input.restore_request)?;
        let (now, mut state) = (self.now(), self.state());
        let version = state.find_named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let object = version.object().ok_or_else(errors::no_such_key)?;
        if !is_archive(&object.attributes) {
            let message = "Restore is not allowed for the object's current storage class";
            return Err(S3Error::with_message(S3ErrorCode::InvalidObjectState, message));
        }
        let takes = duration(&tier, &object.attributes.storage_class)
            .ok_or_else(|| errors::invalid_argument("Retrieval option is not supported by this storage class"))?;
        let sooner = now.saturating_add(takes);
        let present = object.restore.filter(|restore| restore.is_under_way(now) || restore.is_readable(now));
        let restore = match present {
            Some(restore) if restore.is_readable(now) => Restore::kept(now, days),
            // Only a faster tier may replace a restore in progress.
            Some(restore) if restore.completes <= sooner => {
                return Err(s3_error!(RestoreAlreadyInProgress, "Object restore is already in progress"));
            }
            _ => Restore::of(sooner, days),
        };
        let change = |object: &mut Object| object.restore = Some(restore);
        let changed = state.change_object(&input.bucket, &input.key, input.version_id.as_deref(), change)?;
        let place = Restoring { bucket: input.bucket, key: input.key, id: changed.id.clone() };
        let event = state.restore_event(cause, &place, |object| Happening::RestoreInitiated { object });
        if restore.needs_event() {
            state.restoring.insert(place);
            self.restore_began.notify_one();
        }
        Ok((restore, event))
    }
}

impl State {
    /// An event about the restore of a version; `None` if its bucket sends no events.
    fn restore_event<'a>(
        &'a mut self,
        cause: &Cause,
        place: &Restoring,
        what: impl FnOnce(&'a Object) -> Happening<'a>,
    ) -> Option<Value> {
        let at = self.tick();
        let bucket = &self.bucket(&place.bucket).ok()?.record;
        let version = self.version(&place.bucket, &place.key, &place.id).ok()??;
        let shown = shown(bucket.versioning, &place.id);
        envelope(cause, bucket, &place.key, shown.as_deref(), at, &what(version.object()?))
    }

    /// The events of completed restores. Each is returned once.
    fn complete_restores(&mut self, now: OffsetDateTime) -> S3Result<Vec<Value>> {
        let mut events = Vec::new();
        for place in self.restoring.clone() {
            let Restoring { bucket, key, id } = &place;
            let version = self.version(bucket, key, id).ok().flatten();
            let restore = version.and_then(|version| version.object()?.restore);
            if restore.is_some_and(|restore| restore.is_under_way(now)) {
                continue;
            }
            self.restoring.remove(&place);
            // The version may have been deleted meanwhile.
            let Some(restore) = restore.filter(|restore| restore.needs_event()) else { continue };
            let change = |object: &mut Object| object.restore = Some(Restore { is_announced: true, ..restore });
            self.change_object(bucket, key, Some(id), change)?;
            let what = |object| Happening::RestoreCompleted { object, expires: restore.expires };
            events.extend(self.restore_event(&Cause::of_s3(), &place, what));
        }
        Ok(events)
    }
}

impl Backend {
    /// Waits until the restore of an archived object is in progress; at once if one is. For one caller.
    pub(crate) async fn restoring(&self) {
        while self.state().restoring.is_empty() {
            self.restore_began.notified().await;
        }
    }

    /// Sends the events of completed restores.
    pub(crate) async fn complete_restores(&self) -> Result<(), ApiError> {
        let now = self.now();
        let completed = self.state().complete_restores(now);
        for event in completed.map_err(|error| errors::answer(&error))? {
            self.announce(Some(event)).await;
        }
        Ok(())
    }
}
