//! How long an invocation may still run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
