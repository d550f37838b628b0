//! Moments, in the order in which S3 counts them.

use s3s::dto::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A moment that also orders: nanoseconds since 1970, never the same twice.
///
/// The versions of a key are ordered by the tick at which their upload was *initiated*: when several multipart uploads
/// of one key run at the same time, the current version is the one whose upload began last
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>, "Concurrent multipart upload
/// operations"). The same page makes it the object's Last-Modified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Tick(pub(crate) u64);

impl Tick {
    /// The present moment, after `last`.
    pub(crate) fn after(last: Self, now: OffsetDateTime) -> Self {
        let now = u64::try_from(now.unix_timestamp_nanos()).unwrap_or(0);
        Self(now.max(last.0 + 1))
    }

    /// As the protocol shows it.
    pub(crate) fn timestamp(self) -> Timestamp {
        Timestamp::from(self.time())
    }

    /// As a time, in whole seconds: what `Last-Modified` can express.
    pub(crate) fn time(self) -> OffsetDateTime {
        let seconds = i64::try_from(self.0 / 1_000_000_000).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// As an event's sequencer: hexadecimal, of one width, growing.
    pub(crate) fn sequencer(self) -> String {
        format!("{:016x}", self.0)
    }
}
