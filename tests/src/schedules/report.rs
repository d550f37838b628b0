//! Runs many schedules in parallel and counts what happened in them.

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
    run::{Outcome, run},
    schedule::Schedule,
};

/// The number of schedules between two progress lines.
const PROGRESS_INTERVAL: u64 = 500;

/// The results of many schedules.
#[derive(Debug, Default)]
pub struct Report {
    schedules: u64,
    counts: BTreeMap<&'static str, u64>,
    failed: Vec<u64>,
    took: Duration,
}

impl Report {
    /// Runs the schedules of these seeds, one per processor at a time. Prints failures and progress.
    pub fn of(seeds: Range<u64>, print: impl Fn(&str) + Sync) -> Self {
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
                        let outcome = run_and_catch_panic(&schedule);
                        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                        let texts = [report.add(&schedule, &outcome), report.progress(seeds.end - seeds.start, start)];
                        texts.into_iter().flatten().for_each(|text| print(&text));
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

    /// The progress line, if it is due.
    fn progress(&self, all: u64, start: Instant) -> Option<String> {
        let Self { schedules, failed, .. } = self;
        let text =
            || format!("{schedules} of {all} schedules in {} s: {} failed", start.elapsed().as_secs(), failed.len());
        (schedules.is_multiple_of(PROGRESS_INTERVAL) && *schedules < all).then(text)
    }

    /// Adds the outcome of a schedule. Returns the description of a failure.
    fn add(&mut self, schedule: &Schedule, outcome: &Outcome) -> Option<String> {
        self.schedules += 1;
        for (name, count) in &outcome.counts {
            *self.counts.entry(name).or_default() += count;
        }
        if outcome.violations.is_empty() {
            return None;
        }
        self.failed.push(schedule.seed);
        Some(Failure { schedule, outcome }.to_string())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} schedules in {:.0} s: {} failed", self.schedules, self.took.as_secs_f64(), self.failed.len())?;
        for (name, count) in &self.counts {
            write!(f, "; {count} {name}")?;
        }
        Ok(())
    }
}

/// Runs a schedule. A panic is a violation.
fn run_and_catch_panic(schedule: &Schedule) -> Outcome {
    catch_unwind(|| run(schedule)).unwrap_or_else(|_| Outcome {
        violations: vec!["it panicked; see the message above".to_owned()],
        ..Outcome::default()
    })
}

/// The description of a failed schedule.
struct Failure<'a> {
    schedule: &'a Schedule,
    outcome: &'a Outcome,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Schedule { seed, deployment, steps } = self.schedule;
        writeln!(f, "\nschedule {seed} failed; deployment: {deployment}")?;
        for line in &self.outcome.log {
            writeln!(f, "  {line}")?;
        }
        // The log begins with a line for each executed step.
        for (number, step) in (1..).zip(steps).skip(self.outcome.log.len()) {
            writeln!(f, "  {number:>2}. {step}: not reached")?;
        }
        for violation in &self.outcome.violations {
            writeln!(f, "  VIOLATION: {violation}")?;
        }
        writeln!(f, "  repeat: HOLDFAST_SEEDS={seed} cargo test -p holdfast-tests --test schedules")
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::step::{Step, Wait},
        *,
    };

    /// The description of a schedule of these steps, empty without a failure.
    fn description(steps: Vec<Step>, outcome: impl FnOnce(&Schedule) -> Outcome) -> String {
        let schedule = Schedule { seed: 4711, steps, ..Schedule::of(1) };
        let mut report = Report::default();
        let text = report.add(&schedule, &outcome(&schedule)).unwrap_or_default();
        assert_eq!(report.failed(), if text.is_empty() { &[][..] } else { &[4711] });
        text
    }

    #[test]
    fn a_failure_shows_seed_steps_violations_and_the_command_to_repeat_it() {
        // There is no upload, so the second step panics.
        let steps = vec![Step::Wait(Wait::Idle), Step::RepeatEvent(0), Step::RemoveFaults];
        let text = description(steps, run_and_catch_panic);
        for part in [
            "schedule 4711 failed; deployment: a source ",
            "\n   1. wait until the sandbox is idle: ",
            "\n   2. deliver the event of upload 0 again: ",
            "\n   3. remove every fault rule: ",
            "\n  VIOLATION: it panicked",
            "\n  repeat: HOLDFAST_SEEDS=4711 cargo test -p holdfast-tests --test schedules\n",
        ] {
            assert!(text.contains(part), "{part:?} is missing in: {text}");
        }
    }

    #[test]
    fn each_step_is_shown_once_with_its_result() {
        let outcome = |_: &Schedule| Outcome {
            violations: vec!["NothingLost: k is lost".to_owned(), "OutcomeReported: no message".to_owned()],
            log: vec![" 1. wait until the sandbox is idle: passed".to_owned(), "removed: nothing".to_owned()],
            ..Outcome::default()
        };
        let text = description(vec![Step::Wait(Wait::Idle)], outcome);

        assert_eq!(text.matches("wait until the sandbox is idle").count(), 1, "{text}");
        assert!(text.contains("passed") && text.contains("removed: nothing"), "{text}");
        assert!(text.contains("VIOLATION: NothingLost: k") && text.contains("VIOLATION: OutcomeReported"), "{text}");
    }

    #[test]
    fn a_schedule_without_violations_is_not_described() {
        assert_eq!(description(Vec::new(), run_and_catch_panic), "");
    }
}
