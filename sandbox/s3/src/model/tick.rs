//! Unique timestamps that order versions.

use s3s::dto::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A timestamp that also orders: nanoseconds since 1970, never the same twice.
///
/// Versions of a key are ordered by the tick of their upload's *initiation*. If several multipart uploads of one key
/// run at the same time, the current version is the one whose upload started last
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>, "Concurrent multipart upload
/// operations"). The same page defines this time as the object's Last-Modified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Tick(pub(crate) u64);

impl Tick {
    /// The present time, after `last`.
    pub(crate) fn after(last: Self, now: OffsetDateTime) -> Self {
        let now = u64::try_from(now.unix_timestamp_nanos()).unwrap_or(0);
        Self(now.max(last.0 + 1))
    }

    /// As a timestamp of the protocol.
    pub(crate) fn timestamp(self) -> Timestamp {
        Timestamp::from(self.time())
    }

    /// As a time in whole seconds, the precision of `Last-Modified`.
    pub(crate) fn time(self) -> OffsetDateTime {
        let seconds = i64::try_from(self.0 / 1_000_000_000).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// As an event's sequencer: hexadecimal, of fixed width, increasing.
    pub(crate) fn sequencer(self) -> String {
        format!("{:016x}", self.0)
    }
}
