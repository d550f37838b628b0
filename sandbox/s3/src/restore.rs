//! Copies of archived objects that can be read for a while
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html>).
//!
//! How long a restore takes is what S3 says of its tiers at their fastest, by S3's clock. Its beginning and its end are told to
//! `EventBridge` (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html>).

use std::collections::BTreeSet;

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto, s3_error};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use serde_json::Value;

use super::{
    Backend, S3,
    clock::midnight_after,
    errors,
    events::{Cause, Happening, envelope},
    front::Status,
    model::{Attributes, Object},
    publish::shown,
    state::State,
};
use sandbox_core::ports::ApiError;

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A restored copy, or one that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Restore {
    /// From when it can be read.
    completes: OffsetDateTime,
    /// Until when it is kept.
    expires: OffsetDateTime,
    /// Whether its end was told.
    #[serde(default = "told")]
    is_told: bool,
}

/// What is true of a restore that was kept before its end was ever told.
fn told() -> bool {
    true
}

/// A version whose restore is under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Restoring {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) id: String,
}

/// The versions whose restores are under way.
pub(super) type AllRestoring = BTreeSet<Restoring>;

impl Restore {
    /// One that begins.
    fn of(completes: OffsetDateTime, days: Duration) -> Self {
        Self { completes, expires: midnight_after(completes.saturating_add(days)), is_told: false }
    }

    /// One that is complete and is kept for longer.
    fn kept(now: OffsetDateTime, days: Duration) -> Self {
        Self { is_told: true, ..Self::of(now, days) }
    }

    /// Whether its end is still to be told.
    pub(super) fn is_to_be_told(self) -> bool {
        !self.is_told
    }

    fn is_under_way(self, now: OffsetDateTime) -> bool {
        now < self.completes
    }

    fn is_readable(self, now: OffsetDateTime) -> bool {
        self.completes <= now && now < self.expires
    }
}

/// Whether the bytes lie in an archive.
fn is_archive(attributes: &Attributes) -> bool {
    matches!(attributes.storage_class.as_str(), dto::StorageClass::GLACIER | dto::StorageClass::DEEP_ARCHIVE)
}

impl Object {
    /// Whether the bytes have to be restored before they can be read.
    pub(super) fn is_out_of_reach(&self, now: OffsetDateTime) -> bool {
        is_archive(&self.attributes) && !self.restore.is_some_and(|restore| restore.is_readable(now))
    }

    /// The header `x-amz-restore`.
    pub(super) fn shown_restore(&self, now: OffsetDateTime) -> Option<String> {
        let restore = self.restore?;
        if restore.is_under_way(now) {
            return Some("ongoing-request=\"true\"".to_owned());
        }
        let expires = restore.expires.format(HTTP_DATE).unwrap_or_default();
        restore.is_readable(now).then(|| format!("ongoing-request=\"false\", expiry-date=\"{expires}\""))
    }
}

/// How long a tier takes for a class; `None` where it does not offer it.
fn duration(tier: &str, class: &str) -> Option<Duration> {
    let is_deep = class == dto::StorageClass::DEEP_ARCHIVE;
    match tier {
        dto::Tier::EXPEDITED => (!is_deep).then_some(Duration::minutes(1)),
        dto::Tier::STANDARD => Some(Duration::hours(if is_deep { 12 } else { 3 })),
        dto::Tier::BULK => Some(Duration::hours(if is_deep { 48 } else { 5 })),
        _ => None,
    }
}

/// Days and tier of a request to restore.
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
    /// Begins to restore an object, or keeps a restored copy for longer: 202 for the one and 200 for the other
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html>, Responses).
    pub(super) async fn restore_object(
        &self,
        req: S3Request<dto::RestoreObjectInput>,
    ) -> S3Result<S3Response<dto::RestoreObjectOutput>> {
        let cause = Cause::of(&req.extensions);
        let mut response = S3Response::new(dto::RestoreObjectOutput::default());
        let (restore, event) = self.begin_restore(req.input, &cause)?;
        if restore.is_to_be_told() {
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
            // Only a faster tier may take over.
            Some(restore) if restore.completes <= sooner => {
                return Err(s3_error!(RestoreAlreadyInProgress, "Object restore is already in progress"));
            }
            _ => Restore::of(sooner, days),
        };
        let change = |object: &mut Object| object.restore = Some(restore);
        let changed = state.change_object(&input.bucket, &input.key, input.version_id.as_deref(), change)?;
        let place = Restoring { bucket: input.bucket, key: input.key, id: changed.id.clone() };
        let event = state.restore_event(cause, &place, |object| Happening::RestoreInitiated { object });
        if restore.is_to_be_told() {
            state.restoring.insert(place);
            self.restore_began.notify_one();
        }
        Ok((restore, event))
    }
}

impl State {
    /// An event about the restore of a version; none where its bucket sends none.
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

    /// The events of the restores that are complete by now. Each is told once.
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
            // It may have been deleted meanwhile.
            let Some(restore) = restore.filter(|restore| restore.is_to_be_told()) else { continue };
            let change = |object: &mut Object| object.restore = Some(Restore { is_told: true, ..restore });
            self.change_object(bucket, key, Some(id), change)?;
            let what = |object| Happening::RestoreCompleted { object, expires: restore.expires };
            events.extend(self.restore_event(&Cause::of_s3(), &place, what));
        }
        Ok(events)
    }
}

impl S3 {
    /// Waits until an archived object is being restored; at once if one is. For one caller.
    pub async fn restoring(&self) {
        while self.backend.state().restoring.is_empty() {
            self.backend.restore_began.notified().await;
        }
    }

    /// Tells of the restores that are complete by now.
    pub async fn complete_restores(&self) -> Result<(), ApiError> {
        let now = self.backend.now();
        let completed = self.backend.state().complete_restores(now);
        for event in completed.map_err(|error| errors::answer(&error))? {
            self.backend.announce(Some(event)).await;
        }
        Ok(())
    }
}
