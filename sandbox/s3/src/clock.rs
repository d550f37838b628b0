//! S3's clock: the wall clock plus an offset. Tests advance it to reach the end of a retention, the date of a lifecycle
//! rule or the expiry of a restored copy, which take days.

use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime, Time};

/// The wall clock plus a number of seconds.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead: AtomicI64,
}

impl Clock {
    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc().saturating_add(Duration::seconds(self.ahead.load(Ordering::Relaxed)))
    }

    /// Advances the clock.
    pub(crate) fn pass(&self, time: std::time::Duration) {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// The first midnight UTC at or after a time. S3's periods in days end at midnight.
pub(crate) fn midnight_after(moment: OffsetDateTime) -> OffsetDateTime {
    let midnight = moment.replace_time(Time::MIDNIGHT);
    if midnight == moment { midnight } else { midnight.saturating_add(Duration::DAY) }
}
