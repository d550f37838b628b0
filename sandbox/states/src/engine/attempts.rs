//! Retry and Catch of Task, Map and Parallel states.

use std::time::Duration;

use rand::RngExt;
use serde_json::{Map, Value};

use super::{
    Entry, Exit, Failure, Run,
    distributed::Distributed,
    environment::{ActiveState, Extra},
    fan_out::FanOut,
    past_attempts::PastAttempts,
};
use crate::definition::{Catcher, Jitter, Kind, Retrier, State};

/// The retriers of a state, with the number of uses since the state was entered.
struct Retries<'a> {
    retriers: &'a [Retrier],
    used: Vec<u32>,
}

impl<'a> Retries<'a> {
    fn new(retriers: &'a [Retrier]) -> Self {
        Self { retriers, used: vec![0; retriers.len()] }
    }

    /// The delay before the next attempt; `None` if no retrier applies.
    fn next(&mut self, failure: &Failure, kind: &str) -> Option<Duration> {
        let at = self.retriers.iter().position(|retrier| failure.is_matched_by(&retrier.error_equals, kind))?;
        let (retrier, used) = (&self.retriers[at], &mut self.used[at]);
        if *used >= retrier.max_attempts {
            return None;
        }
        let delay = delay(retrier, *used);
        *used += 1;
        Some(match retrier.jitter_strategy {
            Jitter::None => delay,
            Jitter::Full => delay.mul_f64(rand::rng().random::<f64>()),
        })
    }
}

/// The back-off before a retry, without jitter.
fn delay(retrier: &Retrier, used: u32) -> Duration {
    let exponent = i32::try_from(used).unwrap_or(i32::MAX);
    let longest = f64::from(retrier.max_delay_seconds.unwrap_or(31_622_400));
    let seconds = f64::from(retrier.interval_seconds) * retrier.backoff_rate.powi(exponent);
    Duration::from_secs_f64(seconds.min(longest))
}

impl Run {
    /// Runs a state until it succeeds, its retriers are used up, or a catcher applies.
    pub(super) async fn attempt_until_done(
        &self,
        active: ActiveState<'_>,
        state: &State,
        mut entry: Entry,
    ) -> Result<Exit, Failure> {
        let mut retries = Retries::new(&state.retry);
        let mut active = active;
        let mut past = if entry == Entry::Resumed { self.past_attempts(active) } else { PastAttempts::default() };
        for failure in past.retried() {
            retries.next(failure, &active.frame.kind);
            active.retries += 1;
        }
        loop {
            let failure = match self.attempt(active, state, entry, past.take_outcome()).await {
                Ok(exit) => return Ok(exit),
                Err(failure) => failure,
            };
            if let Some(delay) = retries.next(&failure, &active.frame.kind) {
                tokio::time::sleep(self.inner.scaled(delay)).await;
                active.retries += 1;
                entry = Entry::Fresh;
                continue;
            }
            self.state_failed(active)?;
            return self.catch(active, state, failure);
        }
    }

    /// Adds the event of a failed Map or Parallel, unless it was added before the sandbox was killed.
    fn state_failed(&self, active: ActiveState<'_>) -> Result<(), Failure> {
        let kind = format!("{}StateFailed", active.frame.kind);
        let path = &active.scope.path;
        if active.frame.kind != "Task" && !self.execution.last_is(path, &kind) {
            self.execution.append(path, &kind, Map::new())?;
        }
        Ok(())
    }

    /// Runs a state once. The known outcome of a Task replaces its call; a distributed Map finds its own.
    async fn attempt(
        &self,
        active: ActiveState<'_>,
        state: &State,
        entry: Entry,
        outcome: Option<Result<Value, Failure>>,
    ) -> Result<Exit, Failure> {
        let result = match (&state.kind, outcome) {
            (Kind::Task { .. }, Some(outcome)) => outcome?,
            (Kind::Task { .. }, None) => self.call(active, &state.kind).await?,
            (Kind::Map(map), _) if let Some(workflow) = map.distributed() => {
                Distributed::new(self, active, map, workflow).run(entry).await?
            }
            (kind, _) => FanOut::new(self, active, kind)?.run(entry).await?,
        };
        let extra = Extra::Result(&result);
        let assigned = self.assign(active, extra, state.assign.as_ref(), "Assign")?;
        let output = match &state.output {
            Some(output) => self.fill(active, extra, output, "Output")?,
            None => result,
        };
        Ok(Exit { output: Self::checked(active, output)?, assigned, next: state.next.clone() })
    }

    fn catch(&self, active: ActiveState<'_>, state: &State, failure: Failure) -> Result<Exit, Failure> {
        let kind = &active.frame.kind;
        let found = state.catch.iter().enumerate().find(|(_, one)| failure.is_matched_by(&one.error_equals, kind));
        let Some((index, catcher)) = found else { return Err(failure) };
        self.caught(active, index, catcher, &failure.output())
    }

    fn caught(&self, active: ActiveState<'_>, index: usize, catcher: &Catcher, error: &Value) -> Result<Exit, Failure> {
        let extra = Extra::Error(error);
        let prefix = format!("Catch[{index}]/");
        let assigned = self.assign(active, extra, catcher.assign.as_ref(), &format!("{prefix}Assign"))?;
        let output = match &catcher.output {
            Some(output) => self.fill(active, extra, output, &format!("{prefix}Output"))?,
            None => error.clone(),
        };
        Ok(Exit { output: Self::checked(active, output)?, assigned, next: Some(catcher.next.clone()) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    fn retrier(fields: &Value) -> Retrier {
        let mut retrier = json!({"ErrorEquals": ["E"]});
        retrier.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(retrier).unwrap()
    }

    fn seconds(list: &[Retrier], failures: &[&str]) -> Vec<Option<u64>> {
        let mut retries = Retries::new(list);
        let next = |error: &&str| retries.next(&Failure::new(*error, ""), "Task").map(|delay| delay.as_secs());
        failures.iter().map(next).collect()
    }

    #[test]
    fn the_defaults_are_one_second_doubled_three_times() {
        assert_eq!(seconds(&[retrier(&json!({}))], &["E"; 4]), [Some(1), Some(2), Some(4), None]);
    }

    #[test]
    fn an_interval_grows_to_the_maximum_delay_and_zero_attempts_mean_never() {
        let fields = json!({"IntervalSeconds": 10, "BackoffRate": 3, "MaxAttempts": 4, "MaxDelaySeconds": 60});
        assert_eq!(seconds(&[retrier(&fields)], &["E"; 5]), [Some(10), Some(30), Some(60), Some(60), None]);
        assert_eq!(seconds(&[retrier(&json!({"MaxAttempts": 0}))], &["E"]), [None]);
    }

    #[test]
    fn each_retrier_has_its_own_counter() {
        let other = retrier(&json!({"ErrorEquals": ["F"], "MaxAttempts": 1, "IntervalSeconds": 7}));
        let retriers = [retrier(&json!({"MaxAttempts": 1})), other];
        assert_eq!(seconds(&retriers, &["E", "F", "E"]), [Some(1), Some(7), None]);
    }

    #[test]
    fn full_jitter_stays_below_the_interval_and_varies() {
        let retriers =
            [retrier(&json!({"IntervalSeconds": 100, "BackoffRate": 1, "MaxAttempts": 50, "JitterStrategy": "FULL"}))];
        let delays = seconds(&retriers, &["E"; 50]);
        assert!(delays.iter().flatten().all(|delay| *delay < 100));
        assert!(delays.iter().any(|delay| *delay != delays[0]));
    }
}
