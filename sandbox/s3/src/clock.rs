//! What time it is for S3. It is the wall clock, which tests can put ahead: retention ends, lifecycle rules fall due
//! and restored copies expire after days.

use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime, Time};

/// The wall clock, so many seconds ahead.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead: AtomicI64,
}

impl Clock {
    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc().saturating_add(Duration::seconds(self.ahead.load(Ordering::Relaxed)))
    }

    /// Lets this time pass at once.
    pub(crate) fn pass(&self, time: std::time::Duration) {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// The first midnight UTC that is not before a moment: what S3 counts in days ends at midnight.
pub(crate) fn midnight_after(moment: OffsetDateTime) -> OffsetDateTime {
    let midnight = moment.replace_time(Time::MIDNIGHT);
    if midnight == moment { midnight } else { midnight.saturating_add(Duration::DAY) }
}
