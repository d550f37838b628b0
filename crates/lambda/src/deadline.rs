//! How long an invocation may still run, and whether that is enough for another piece of work.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

// Tokio's clock, because a test can stop it.
use tokio::time::Instant;

/// The moment at which Lambda kills the invocation.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline that is this far away.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The deadline at a moment of the wall clock, in milliseconds since 1970, as Lambda gives it.
    pub fn at_epoch_ms(milliseconds: u64) -> Self {
        let moment = UNIX_EPOCH + Duration::from_millis(milliseconds);
        Self::after(moment.duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// How long it is until then; zero once it is past.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether less than this is left.
    pub fn is_within(self, time: Duration) -> bool {
        self.remaining() < time
    }
}

/// Decides whether an invocation starts another piece of work, by the slowest that it saw.
#[derive(Debug, Clone)]
pub struct Pace {
    deadline: Deadline,
    slowest: Duration,
    pieces: u64,
}

impl Pace {
    /// Nothing is started with less time left than this, however quick the work was.
    pub const LEAST_MARGIN: Duration = Duration::from_secs(5);
    /// What it takes to answer.
    const TO_ANSWER: Duration = Duration::from_millis(1500);

    /// The pace of an invocation that has done nothing yet.
    pub fn new(deadline: Deadline) -> Self {
        Self { deadline, slowest: Duration::ZERO, pieces: 0 }
    }

    /// Takes note of a piece that is done.
    pub fn took(&mut self, time: Duration) {
        self.slowest = self.slowest.max(time);
        self.pieces += 1;
    }

    /// How many pieces are done.
    pub fn pieces(&self) -> u64 {
        self.pieces
    }

    /// Whether there is time for another piece, should it take half as long again as the slowest. What does not end in
    /// time is done once more, which costs less than to leave the end of every invocation unused.
    pub fn may_start(&self) -> bool {
        !self.deadline.is_within((self.slowest * 3 / 2).max(Self::LEAST_MARGIN))
    }

    /// How long what is in flight may be waited for, so that there is time to answer.
    pub fn patience(&self) -> Duration {
        self.deadline.remaining().saturating_sub(Self::TO_ANSWER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_starts_only_with_time_for_half_as_long_again_as_the_slowest_and_never_in_the_last_seconds() {
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
