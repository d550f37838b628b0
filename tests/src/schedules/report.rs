//! Runs many schedules at once and tells how often what was done.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    panic::catch_unwind,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    run::{Ran, run},
    schedule::Schedule,
};

/// What many schedules came to.
#[derive(Debug, Default)]
pub struct Report {
    schedules: u64,
    counts: BTreeMap<&'static str, u64>,
    failed: Vec<u64>,
    took: Duration,
}

impl Report {
    /// Runs the schedules of these seeds, one on each processor at a time. What fails is told at once.
    pub fn of(seeds: Range<u64>, tell: impl Fn(&str) + Sync) -> Self {
        let start = Instant::now();
        let next = AtomicU64::new(seeds.start);
        let report = Mutex::new(Self::default());
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            return;
                        }
                        let schedule = Schedule::of(seed);
                        let ran = catch_unwind(|| run(&schedule)).unwrap_or_else(|_| Ran {
                            violations: vec!["it panicked; the message is above".to_owned()],
                            ..Ran::default()
                        });
                        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                        if let Some(failure) = report.add(&schedule, &ran) {
                            tell(&failure);
                        }
                    }
                });
            }
        });
        let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.took = start.elapsed();
        report.failed.sort_unstable();
        report
    }

    /// The seeds that failed, in order.
    pub fn failed(&self) -> &[u64] {
        &self.failed
    }

    /// Adds what a schedule came to; answers what there is to tell where that is not well.
    fn add(&mut self, schedule: &Schedule, ran: &Ran) -> Option<String> {
        self.schedules += 1;
        for (what, times) in &ran.counts {
            *self.counts.entry(what).or_default() += times;
        }
        if ran.violations.is_empty() {
            return None;
        }
        self.failed.push(schedule.seed);
        Some(Failure { schedule, ran }.to_string())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} schedules in {:.0} s: {} failed", self.schedules, self.took.as_secs_f64(), self.failed.len())?;
        for (what, times) in &self.counts {
            write!(f, "; {times} {what}")?;
        }
        Ok(())
    }
}

/// A failed schedule, so that it can be understood and run again.
struct Failure<'a> {
    schedule: &'a Schedule,
    ran: &'a Ran,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Schedule { seed, deployment, .. } = self.schedule;
        writeln!(f, "\nschedule {seed} fails, deployed with {deployment}")?;
        for line in &self.ran.log {
            writeln!(f, "  {line}")?;
        }
        for violation in &self.ran.violations {
            writeln!(f, "  VIOLATION: {violation}")?;
        }
        writeln!(f, "  to run it again: HOLDFAST_SEEDS={seed} cargo test -p holdfast-tests --test schedules")
    }
}
