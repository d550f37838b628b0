//! Conditional requests: `If-Match` and related headers, for reads, copy sources and writes.

use s3s::{
    S3Result,
    dto::{ETagCondition, Timestamp},
    s3_error,
};
use time::OffsetDateTime;

use crate::{
    errors,
    model::{upload::UploadSettings, version::Version},
};

/// The conditions of a read or of a copy source, named like their headers.
#[allow(clippy::struct_field_names, reason = "the headers begin with If-")]
#[derive(Debug, Default)]
pub(crate) struct ReadConditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

/// The result of the conditions of a read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Proceed,
    /// 304 for a read, 412 for a copy.
    NotModified,
    /// 412, with the name of the condition.
    Failed(&'static str),
}

fn names(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(given) => given.value() == etag,
    }
}

impl ReadConditions {
    /// Evaluates the conditions for an object. An `ETag` condition that holds overrides the date condition beside it
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>, "Overriding response header values …").
    pub(crate) fn judge(&self, etag: &str, modified: OffsetDateTime) -> Verdict {
        match &self.if_match {
            Some(condition) if !names(condition, etag) => return Verdict::Failed("If-Match"),
            None if self.if_unmodified_since.clone().is_some_and(|since| modified > OffsetDateTime::from(since)) => {
                return Verdict::Failed("If-Unmodified-Since");
            }
            _ => {}
        }
        match &self.if_none_match {
            Some(condition) if names(condition, etag) => Verdict::NotModified,
            None if self.if_modified_since.clone().is_some_and(|since| modified <= OffsetDateTime::from(since)) => {
                Verdict::NotModified
            }
            _ => Verdict::Proceed,
        }
    }
}

/// The conditions of a write. Only the current version counts. A delete marker counts as absent
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>).
#[derive(Debug, Default, Clone)]
pub(crate) struct WriteConditions {
    if_match: Option<ETagCondition>,
    if_none_match: bool,
}

/// The current version at the start of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    version: Option<String>,
    etag: Option<String>,
}

impl Seen {
    /// Records the current version.
    pub(crate) fn of(current: Option<&Version>) -> Self {
        Self {
            version: current.map(|version| version.id.clone()),
            etag: current.and_then(Version::object).map(|object| object.etag.clone()),
        }
    }
}

impl WriteConditions {
    /// Rejects conditions that S3 does not support: `If-None-Match` only accepts `*`.
    pub(crate) fn new(if_match: Option<ETagCondition>, if_none_match: Option<&ETagCondition>) -> S3Result<Self> {
        if if_none_match.is_some_and(|condition| *condition != ETagCondition::Any) {
            return Err(s3_error!(
                NotImplemented,
                "A header you provided implies functionality that is not implemented: If-None-Match takes only *"
            ));
        }
        Ok(Self { if_match, if_none_match: if_none_match.is_some() })
    }

    /// Evaluates the conditions for the current version when the request begins.
    pub(crate) fn check(&self, seen: &Seen) -> S3Result<()> {
        if self.if_none_match && seen.etag.is_some() {
            return Err(errors::precondition_failed("If-None-Match"));
        }
        match (&self.if_match, &seen.etag) {
            (Some(_), None) => Err(errors::no_such_key()),
            (Some(condition), Some(etag)) if !names(condition, etag) => Err(errors::precondition_failed("If-Match")),
            _ => Ok(()),
        }
    }

    /// Evaluates the conditions for the completion of an upload. Changes of the key since the upload was *initiated*
    /// count: if the key was deleted or written in between, only a new upload can succeed. S3 answers 409
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>, If-Match and If-None-Match:
    /// "If a conflicting operation occurs during the upload …").
    pub(crate) fn check_completion(&self, current: Option<&Version>, upload: &UploadSettings) -> S3Result<()> {
        self.check(&Seen::of(current))?;
        let is_newer = current.is_some_and(|version| version.initiated > upload.initiated);
        if (self.if_none_match && upload.key_was_deleted) || (self.if_match.is_some() && is_newer) {
            return Err(errors::conditional_conflict());
        }
        Ok(())
    }

    /// Evaluates the conditions again at the time of the write. After a concurrent delete, the request conflicts: S3
    /// answers 409.
    pub(crate) fn check_again(&self, began: &Seen, now: &Seen) -> S3Result<()> {
        let conditional = self.if_none_match || self.if_match.is_some();
        if conditional && began != now && now.etag.is_none() {
            return Err(errors::conditional_conflict());
        }
        self.check(now)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use s3s::{S3ErrorCode, dto::ETag};

    use super::*;

    fn etag(value: &str) -> ETagCondition {
        ETagCondition::ETag(ETag::Strong(value.to_owned()))
    }

    fn seen(version: Option<&str>, etag: Option<&str>) -> Seen {
        Seen { version: version.map(str::to_owned), etag: etag.map(str::to_owned) }
    }

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    #[test]
    fn an_etag_condition_that_holds_overrides_the_date_condition() {
        let since = Some(Timestamp::from(at(100)));
        let read =
            ReadConditions { if_match: Some(etag("a")), if_unmodified_since: since.clone(), ..Default::default() };
        assert_eq!(read.judge("a", at(200)), Verdict::Proceed);
        assert_eq!(read.judge("b", at(50)), Verdict::Failed("If-Match"));
        let read =
            ReadConditions { if_none_match: Some(etag("a")), if_modified_since: since.clone(), ..Default::default() };
        assert_eq!(read.judge("b", at(50)), Verdict::Proceed);
        assert_eq!(read.judge("a", at(200)), Verdict::NotModified);
        let read = ReadConditions { if_unmodified_since: since, ..Default::default() };
        assert_eq!(read.judge("a", at(100)), Verdict::Proceed);
        assert_eq!(read.judge("a", at(101)), Verdict::Failed("If-Unmodified-Since"));
    }

    #[test]
    fn a_write_condition_looks_only_at_the_current_version() {
        let absent = WriteConditions::new(None, Some(&ETagCondition::Any)).unwrap();
        assert!(absent.check(&seen(None, None)).is_ok());
        assert!(absent.check(&seen(Some("marker"), None)).is_ok(), "a delete marker counts as absent");
        assert_eq!(*absent.check(&seen(Some("1"), Some("a"))).unwrap_err().code(), S3ErrorCode::PreconditionFailed);
        let same = WriteConditions::new(Some(etag("a")), None).unwrap();
        assert!(same.check(&seen(Some("1"), Some("a"))).is_ok());
        assert_eq!(*same.check(&seen(Some("1"), Some("b"))).unwrap_err().code(), S3ErrorCode::PreconditionFailed);
        assert_eq!(*same.check(&seen(None, None)).unwrap_err().code(), S3ErrorCode::NoSuchKey);
    }

    #[test]
    fn a_concurrent_delete_conflicts_and_a_concurrent_write_fails_the_condition() {
        let same = WriteConditions::new(Some(etag("a")), None).unwrap();
        let (before, deleted, written) =
            (seen(Some("1"), Some("a")), seen(Some("marker"), None), seen(Some("2"), Some("b")));
        let code = |now: &Seen| same.check_again(&before, now).unwrap_err().code().clone();
        assert_eq!(code(&deleted), S3ErrorCode::ConditionalRequestConflict);
        assert_eq!(code(&written), S3ErrorCode::PreconditionFailed);
        assert!(same.check_again(&before, &before).is_ok());
    }

    #[test]
    fn if_none_match_on_a_write_only_accepts_a_star() {
        assert_eq!(*WriteConditions::new(None, Some(&etag("a"))).unwrap_err().code(), S3ErrorCode::NotImplemented);
    }
}
