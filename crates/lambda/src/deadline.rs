//! The remaining time of an invocation, and whether it is enough for another unit of work.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

// Tokio's clock, because tests can pause it.
use tokio::time::Instant;

/// The moment at which Lambda kills the invocation.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline after this time.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The deadline at a wall-clock time in milliseconds since 1970, as Lambda passes it.
    pub fn at_epoch_ms(milliseconds: u64) -> Self {
        let moment = UNIX_EPOCH + Duration::from_millis(milliseconds);
        Self::after(moment.duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// The time until the deadline; zero after it.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether less than this time remains.
    pub fn is_within(self, time: Duration) -> bool {
        self.remaining() < time
    }
}

/// Decides whether an invocation starts another unit of work, by the duration of the slowest unit so far.
#[derive(Debug, Clone)]
pub struct Pace {
    deadline: Deadline,
    slowest: Duration,
    pieces: u64,
}

impl Pace {
    /// The remaining time below which no unit starts, however fast the units are.
    pub const LEAST_MARGIN: Duration = Duration::from_secs(5);
    /// The time that is reserved for the response.
    const RESPONSE_TIME: Duration = Duration::from_millis(1500);

    /// The pace of an invocation that has completed no unit.
    pub fn new(deadline: Deadline) -> Self {
        Self { deadline, slowest: Duration::ZERO, pieces: 0 }
    }

    /// Records the duration of a completed unit.
    pub fn took(&mut self, time: Duration) {
        self.slowest = self.slowest.max(time);
        self.pieces += 1;
    }

    /// The number of completed units.
    pub fn pieces(&self) -> u64 {
        self.pieces
    }

    /// Whether the time is enough for another unit, even if it takes one and a half times as long as the slowest unit.
    /// A unit that does not end in time is repeated. That costs less than leaving the end of every invocation unused.
    pub fn may_start(&self) -> bool {
        !self.deadline.is_within((self.slowest * 3 / 2).max(Self::LEAST_MARGIN))
    }

    /// The longest time to wait for units in flight that leaves time for the response.
    pub fn patience(&self) -> Duration {
        self.deadline.remaining().saturating_sub(Self::RESPONSE_TIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_starts_only_if_the_remaining_time_is_enough() {
        let mut pace = Pace::new(Deadline::after(Duration::from_mins(1)));
        assert!(pace.may_start());
        pace.took(Duration::from_secs(20));
        pace.took(Duration::from_secs(1));
        assert!(pace.may_start(), "60 s left, 30 s needed");
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(!pace.may_start(), "29 s left, 30 s needed");
        assert_eq!((pace.pieces(), pace.patience()), (2, Duration::from_millis(27_500)));

        let quick = Pace::new(Deadline::after(Duration::from_secs(4)));
        assert!(!quick.may_start(), "less than the least margin");
    }
}
