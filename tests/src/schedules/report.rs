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

/// How many schedules are run between two lines about how far it is.
const TOLD_EVERY: u64 = 500;

/// What many schedules came to.
#[derive(Debug, Default)]
pub struct Report {
    schedules: u64,
    counts: BTreeMap<&'static str, u64>,
    failed: Vec<u64>,
    took: Duration,
}

impl Report {
    /// Runs the schedules of these seeds, one on each processor at a time. What fails is told at once, and now and then
    /// how many are done.
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
                        let ran = run_to_any_end(&schedule);
                        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                        let told = [report.add(&schedule, &ran), report.progress(seeds.end - seeds.start, start)];
                        told.into_iter().flatten().for_each(|text| tell(&text));
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

    /// How far it is, where that is to be told.
    fn progress(&self, all: u64, start: Instant) -> Option<String> {
        let Self { schedules, failed, .. } = self;
        let text =
            || format!("{schedules} of {all} schedules in {} s: {} failed", start.elapsed().as_secs(), failed.len());
        (schedules.is_multiple_of(TOLD_EVERY) && *schedules < all).then(text)
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

/// Runs a schedule, also one that panics.
fn run_to_any_end(schedule: &Schedule) -> Ran {
    catch_unwind(|| run(schedule))
        .unwrap_or_else(|_| Ran { violations: vec!["it panicked; the message is above".to_owned()], ..Ran::default() })
}

/// A failed schedule, so that it can be understood and run again.
struct Failure<'a> {
    schedule: &'a Schedule,
    ran: &'a Ran,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Schedule { seed, deployment, steps } = self.schedule;
        writeln!(f, "\nschedule {seed} fails, deployed with {deployment}")?;
        for line in &self.ran.log {
            writeln!(f, "  {line}")?;
        }
        // The log begins with a line for each step that was taken.
        for (number, step) in (1..).zip(steps).skip(self.ran.log.len()) {
            writeln!(f, "  {number:>2}. {step}: it did not come to that")?;
        }
        for violation in &self.ran.violations {
            writeln!(f, "  VIOLATION: {violation}")?;
        }
        writeln!(f, "  to run it again: HOLDFAST_SEEDS={seed} cargo test -p holdfast-tests --test schedules")
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::step::{Step, Wait},
        *,
    };

    /// What is told of a schedule of these steps; nothing where all is well.
    fn told(steps: Vec<Step>, ran: impl FnOnce(&Schedule) -> Ran) -> String {
        let schedule = Schedule { seed: 4711, steps, ..Schedule::of(1) };
        let mut report = Report::default();
        let told = report.add(&schedule, &ran(&schedule)).unwrap_or_default();
        assert_eq!(report.failed(), if told.is_empty() { &[][..] } else { &[4711] });
        told
    }

    #[test]
    fn a_failing_seed_tells_itself_its_steps_what_is_wrong_and_how_to_run_it_again() {
        // There is no upload whose event could come again, so that the second step panics.
        let steps = vec![Step::Wait(Wait::Quiet), Step::EventAgain(0), Step::LiftFaults];
        let told = told(steps, run_to_any_end);
        for part in [
            "schedule 4711 fails, deployed with a source ",
            "\n   1. wait until nothing moves: ",
            "\n   2. deliver the event of upload 0 once more: ",
            "\n   3. lift every fault: ",
            "\n  VIOLATION: it panicked",
            "\n  to run it again: HOLDFAST_SEEDS=4711 cargo test -p holdfast-tests --test schedules\n",
        ] {
            assert!(told.contains(part), "{part:?} is missing in: {told}");
        }
    }

    #[test]
    fn each_step_is_told_once_with_what_it_led_to_and_each_violation() {
        let ran = |_: &Schedule| Ran {
            violations: vec!["NothingLost: k is lost".to_owned(), "Told: nobody was told".to_owned()],
            log: vec![" 1. wait until nothing moves: passed".to_owned(), "lifted: nothing".to_owned()],
            ..Ran::default()
        };
        let told = told(vec![Step::Wait(Wait::Quiet)], ran);
        assert_eq!(told.matches("wait until nothing moves").count(), 1, "{told}");
        assert!(told.contains("passed") && told.contains("lifted: nothing"), "{told}");
        assert!(told.contains("VIOLATION: NothingLost: k") && told.contains("VIOLATION: Told: nobody"), "{told}");
    }

    #[test]
    fn a_seed_that_ends_well_is_not_told() {
        assert_eq!(told(Vec::new(), run_to_any_end), "");
    }
}
