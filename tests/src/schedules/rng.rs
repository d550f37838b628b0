//! Random choices that depend only on a seed.
//!
//! The generator is ChaCha8, not the standard one of the crate, which can change. The distributions are implemented here
//! for the same reason. So a seed has the same schedule on every machine and with every release of `rand`, as long as
//! the code of the schedules does not change.

use rand::{Rng as _, SeedableRng as _, rngs::ChaCha8Rng};

/// A seeded random number generator.
#[derive(Debug)]
pub(super) struct Rng(ChaCha8Rng);

impl Rng {
    pub(super) fn from_seed(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number below `limit`. Its bias toward low numbers does not matter here.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit.max(1)
    }

    /// A number between two bounds, both included.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True with this probability, in percent.
    pub(super) fn percent(&mut self, probability: u64) -> bool {
        self.below(100) < probability
    }

    /// One item, each with the same probability.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// One item, with a probability proportional to its weight.
    pub(super) fn weighted<T: Copy>(&mut self, from: &[(u64, T)]) -> T {
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, item) in from {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *item,
            }
        }
        from[0].1
    }

    /// An index of a list of this length.
    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }
}
