//! Object Lock: versions that cannot be deleted for a period, or until their legal hold is removed.
//!
//! Rules: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>. A lock belongs to one version and
//! prevents its permanent deletion. It does not prevent newer versions or delete markers.

use s3s::{S3Error, S3ErrorCode, S3Result, dto};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::retention::{DefaultRetention, Retention, RetentionMode, RetentionPeriod, YEAR};
use crate::errors;

/// A bucket's Object Lock. It can be enabled, but not disabled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectLock {
    /// For versions without a retention of their own.
    pub default_retention: Option<DefaultRetention>,
}

/// Whether a version is under a legal hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LegalHold {
    On,
    Off,
}

impl LegalHold {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::On => dto::ObjectLockLegalHoldStatus::ON,
            Self::Off => dto::ObjectLockLegalHoldStatus::OFF,
        }
    }
}

/// The lock of one version, or the lock that a request asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    pub(crate) retention: Option<Retention>,
    /// Absent if it was never set.
    pub(crate) legal_hold: Option<LegalHold>,
}

/// Whether a caller bypasses governance retention (`x-amz-bypass-governance-retention`). The permission for it is
/// checked before the operation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Governance {
    Respected,
    Bypassed,
}

impl Governance {
    pub(crate) fn of(header: Option<bool>) -> Self {
        if header == Some(true) { Self::Bypassed } else { Self::Respected }
    }
}

impl Lock {
    /// The lock in the headers of a Put, a Copy or a Create, checked in the order of S3.
    pub(crate) fn requested(
        mode: Option<&dto::ObjectLockMode>,
        until: Option<&dto::Timestamp>,
        legal_hold: Option<&dto::ObjectLockLegalHoldStatus>,
        now: OffsetDateTime,
    ) -> S3Result<Self> {
        let pair = match (mode, until) {
            (Some(mode), Some(until)) => Some((mode, OffsetDateTime::from(until.clone()))),
            (None, None) => None,
            _ => {
                return Err(errors::invalid_argument(
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
                ));
            }
        };
        if pair.as_ref().is_some_and(|(_, until)| *until <= now) {
            return Err(not_in_the_future());
        }
        let legal_hold = legal_hold.map(|status| hold_of(status.as_str())).transpose()?;
        let retention = pair
            .map(|(mode, until)| {
                let mode = RetentionMode::parse(mode.as_str());
                mode.map(|mode| Retention { mode, until })
                    .ok_or_else(|| errors::invalid_argument("Unknown wormMode directive."))
            })
            .transpose()?;
        Ok(Self { retention, legal_hold })
    }

    /// Whether the lock is empty.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The lock of a new version: the requested one, or the bucket's default. A bucket without Object Lock rejects a
    /// request with a lock.
    ///
    /// The default period starts when the version appears. The documentation does not define whether it starts at the
    /// initiation of a multipart upload instead.
    pub(crate) fn of_new(self, bucket: Option<ObjectLock>, created: OffsetDateTime) -> S3Result<Self> {
        let Some(bucket) = bucket else {
            return if self.is_empty() { Ok(self) } else { Err(bucket_without_lock()) };
        };
        let default = || {
            let DefaultRetention { mode, period } = bucket.default_retention?;
            let days = match period {
                RetentionPeriod::Days(days) => days,
                RetentionPeriod::Years(years) => years.saturating_mul(YEAR),
            };
            Some(Retention { mode, until: created.saturating_add(Duration::days(i64::from(days))) })
        };
        Ok(Self { retention: self.retention.or_else(default), ..self })
    }

    /// Rejects the permanent deletion of the version.
    pub(crate) fn permits_deletion(&self, governance: Governance, now: OffsetDateTime) -> S3Result<()> {
        let is_held = self.legal_hold == Some(LegalHold::On);
        let is_retained = self.in_force(now).is_some_and(|mode| binds(mode, governance));
        if is_held || is_retained { Err(protected()) } else { Ok(()) }
    }

    /// Replaces or removes this retention. An active retention can only become stricter or longer, unless governance is
    /// bypassed (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html>).
    pub(crate) fn retain(
        &mut self,
        wanted: Option<Retention>,
        governance: Governance,
        now: OffsetDateTime,
    ) -> S3Result<()> {
        if wanted.is_some_and(|wanted| wanted.until <= now) {
            return Err(not_in_the_future());
        }
        if let Some(mode) = self.in_force(now) {
            let weakens = wanted.is_none_or(|wanted| {
                let is_shorter = self.retention.is_some_and(|present| wanted.until < present.until);
                is_shorter || (mode == RetentionMode::Compliance && wanted.mode == RetentionMode::Governance)
            });
            if weakens && binds(mode, governance) {
                return Err(protected());
            }
        }
        self.retention = wanted;
        Ok(())
    }

    fn in_force(&self, now: OffsetDateTime) -> Option<RetentionMode> {
        self.retention.filter(|retention| retention.until > now).map(|retention| retention.mode)
    }
}

/// Whether an active retention applies to this caller.
fn binds(mode: RetentionMode, governance: Governance) -> bool {
    mode == RetentionMode::Compliance || governance == Governance::Respected
}

pub(crate) fn hold_of(status: &str) -> S3Result<LegalHold> {
    match status {
        dto::ObjectLockLegalHoldStatus::ON => Ok(LegalHold::On),
        dto::ObjectLockLegalHoldStatus::OFF => Ok(LegalHold::Off),
        _ => Err(errors::invalid_argument("Legal Hold must be either of 'ON' or 'OFF'")),
    }
}

/// 403 for a version that its lock protects.
fn protected() -> S3Error {
    // The message is quoted in https://github.com/versity/versitygw/issues/1330
    S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied because object protected by object lock.")
}

fn not_in_the_future() -> S3Error {
    errors::invalid_argument("The retain until date must be in the future!")
}

/// 400 for a lock on an object in a bucket without Object Lock.
pub(crate) fn bucket_without_lock() -> S3Error {
    errors::invalid_request("Bucket is missing Object Lock Configuration")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(day: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(day * 86_400).unwrap()
    }

    fn retention(mode: RetentionMode, day: i64) -> Retention {
        Retention { mode, until: at(day) }
    }

    fn lock(retention: impl Into<Option<Retention>>) -> Lock {
        Lock { retention: retention.into(), legal_hold: None }
    }

    #[test]
    fn an_active_retention_prevents_deletion_and_only_governance_can_be_bypassed() {
        use Governance::{Bypassed, Respected};
        for (mode, governance, day, is_permitted) in [
            (RetentionMode::Governance, Respected, 9, false),
            (RetentionMode::Governance, Bypassed, 9, true),
            (RetentionMode::Compliance, Bypassed, 9, false),
            (RetentionMode::Compliance, Respected, 10, true),
        ] {
            let permitted = lock(retention(mode, 10)).permits_deletion(governance, at(day)).is_ok();
            assert_eq!(permitted, is_permitted, "{mode:?} {governance:?} on day {day}");
        }
        let held = Lock { retention: None, legal_hold: Some(LegalHold::On) };
        assert!(held.permits_deletion(Bypassed, at(0)).is_err(), "a legal hold cannot be bypassed");
    }

    #[test]
    fn an_active_retention_shrinks_only_if_governance_is_bypassed() {
        use Governance::{Bypassed, Respected};
        use RetentionMode::{Compliance, Governance as Governed};
        for (present, wanted, governance, is_permitted) in [
            (Some(retention(Governed, 10)), Some(retention(Governed, 11)), Respected, true),
            (Some(retention(Governed, 10)), Some(retention(Compliance, 10)), Respected, true),
            (Some(retention(Governed, 10)), Some(retention(Governed, 9)), Respected, false),
            (Some(retention(Governed, 10)), None, Respected, false),
            (Some(retention(Governed, 10)), None, Bypassed, true),
            (Some(retention(Compliance, 10)), Some(retention(Compliance, 11)), Respected, true),
            (Some(retention(Compliance, 10)), Some(retention(Compliance, 9)), Bypassed, false),
            (Some(retention(Compliance, 10)), Some(retention(Governed, 11)), Bypassed, false),
            (Some(retention(Compliance, 10)), None, Bypassed, false),
            (Some(retention(Compliance, 1)), None, Respected, true),
        ] {
            let mut lock = lock(present);
            let permitted = lock.retain(wanted, governance, at(2)).is_ok();
            assert_eq!(permitted, is_permitted, "{present:?} to {wanted:?}, {governance:?}");
            assert_eq!(lock.retention, if is_permitted { wanted } else { present });
        }
        assert!(
            lock(None).retain(Some(retention(Governed, 2)), Respected, at(2)).is_err(),
            "the date is not in the future"
        );
    }

    #[test]
    fn a_default_retention_starts_with_the_version_and_yields_to_its_own_lock() {
        let days = |period| DefaultRetention { mode: RetentionMode::Governance, period };
        let bucket = |period| Some(ObjectLock { default_retention: Some(days(period)) });
        let of = |requested: Lock, period| requested.of_new(bucket(period), at(5)).unwrap().retention;
        assert_eq!(of(lock(None), RetentionPeriod::Days(2)), Some(retention(RetentionMode::Governance, 7)));
        assert_eq!(of(lock(None), RetentionPeriod::Years(2)), Some(retention(RetentionMode::Governance, 735)));
        let own = retention(RetentionMode::Compliance, 6);
        assert_eq!(of(lock(own), RetentionPeriod::Days(2)), Some(own));
        assert!(lock(own).of_new(None, at(5)).is_err(), "a bucket without Object Lock accepted a lock");
        assert_eq!(lock(None).of_new(None, at(5)).unwrap(), Lock::default());
    }
}
