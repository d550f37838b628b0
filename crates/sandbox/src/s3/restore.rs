//! Copies of archived objects that can be read for a while
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html>).
//!
//! How long a restore takes is what S3 says of its tiers at their fastest, by S3's clock.

use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, dto, s3_error};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::{
    Backend,
    clock::midnight_after,
    errors,
    model::{Attributes, Object},
};

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A restored copy, or one that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Restore {
    /// From when it can be read.
    completes: OffsetDateTime,
    /// Until when it is kept.
    expires: OffsetDateTime,
}

impl Restore {
    fn of(completes: OffsetDateTime, days: Duration) -> Self {
        Self { completes, expires: midnight_after(completes.saturating_add(days)) }
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
    /// Begins to restore an object, or keeps a restored copy for longer. S3 answers 202 to the one and 200 to the other;
    /// `s3s` 0.14.1 answers 200 to both, and gives its user no say in it.
    pub(super) fn restore_object(
        &self,
        req: S3Request<dto::RestoreObjectInput>,
    ) -> S3Result<S3Response<dto::RestoreObjectOutput>> {
        let input = req.input;
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
            Some(restore) if restore.is_readable(now) => Restore::of(now, days),
            // Only a faster tier may take over.
            Some(restore) if restore.completes <= sooner => {
                return Err(s3_error!(RestoreAlreadyInProgress, "Object restore is already in progress"));
            }
            _ => Restore::of(sooner, days),
        };
        let change = |object: &mut Object| object.restore = Some(restore);
        state.change_object(&input.bucket, &input.key, input.version_id.as_deref(), change)?;
        Ok(S3Response::new(dto::RestoreObjectOutput::default()))
    }
}
