//! Runs a schedule, finishes its executions, and reports the violations.
//!
//! A run has its own thread and its own clock: Tokio's paused clock, which advances to the next timer only if no task can
//! run. So back-offs, timeouts and delayed events have their lengths on AWS and cost no time, and two runs of a seed are
//! nearly the same. What still varies does not depend on the seed: the jitter of retriers, version IDs and tokens, the
//! wall clock that stamps versions and events, and the speed of the threads that write to disk.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_sfn::types::ExecutionStatus;
use futures::FutureExt;
use sandbox::faults::Active;
use tokio::{
    runtime::Builder,
    task::yield_now,
    time::{sleep, timeout},
};

use super::{
    bounds::Bounds,
    random_faults,
    schedule::Schedule,
    session::{Session, UploadedVersion},
    step::{KEYS, Step, Wait},
    trace,
};
use crate::{TestResult, fixture::Fixture};

/// The longest duration of a schedule on its own clock.
const MAX_DURATION: Duration = Duration::from_hours(24 * 30);
/// How often failed executions are redriven after all fault rules are removed.
const MAX_REDRIVES: usize = 8;
/// The longest wait of a step. A fault can delay its condition without end.
const MAX_WAIT: Duration = Duration::from_hours(6);
/// The number of polls without a new request after which the clock may advance.
const IDLE_POLLS: u32 = 400;

/// The outcome of a schedule.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The violations at the end.
    pub violations: Vec<String>,
    /// The result of every step, and after a violation the path of every execution.
    pub log: Vec<String>,
    /// The number of events by their name.
    pub counts: BTreeMap<&'static str, u64>,
    /// The leftovers that the schedule explains.
    pub(super) bounds: Bounds,
}

impl Outcome {
    fn count(&mut self, name: &'static str, times: usize) {
        *self.counts.entry(name).or_default() += times as u64;
    }

    fn count_faults(&mut self, faults: &[Active]) {
        self.bounds.add_faults(faults);
        for fault in faults {
            self.count(random_faults::kind(&fault.rule.effect), usize::try_from(fault.fired).unwrap_or(usize::MAX));
        }
    }
}

/// Runs a schedule on this thread. An error of the run is a violation.
pub fn run(schedule: &Schedule) -> Outcome {
    let mut outcome = Outcome::default();
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).max_blocking_threads(8).build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(async {
            match timeout(MAX_DURATION, run_steps(schedule, &mut outcome)).await {
                Ok(result) => result,
                Err(_) => Err("it did not end within a month".into()),
            }
        }),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = result {
        outcome.violations.push(format!("the schedule was aborted: {error}"));
    }
    outcome
}

async fn run_steps(schedule: &Schedule, outcome: &mut Outcome) -> TestResult {
    let mut session = Session::start(&schedule.deployment).await?;
    let mut uploads = Vec::new();
    for (number, step) in (1..).zip(&schedule.steps) {
        let result = run_step(step, &mut session, &mut uploads, outcome).await?;
        outcome.log.push(format!("{number:>2}. {step}: {result}"));
    }
    let faults = session.remove_faults()?;
    outcome.count_faults(&faults);
    for Active { rule, matched, fired, .. } in faults {
        outcome.log.push(format!("removed: {} fired for {fired} of {matched} calls", serde_json::to_string(&rule)?));
    }
    finish_executions(&session, outcome).await?;
    check(session.fixture()?, outcome).await?;
    if !outcome.violations.is_empty() {
        outcome.log.extend(trace::execution_lines(&session).await?);
    }
    outcome.count("executions", session.fixture()?.executions().await?.len());
    session.stop().await
}

/// Runs a step. Returns its result for the log.
async fn run_step(
    step: &Step,
    session: &mut Session,
    uploads: &mut Vec<UploadedVersion>,
    outcome: &mut Outcome,
) -> TestResult<String> {
    Ok(match step {
        Step::Upload(upload) => {
            let uploaded = session.upload(upload).await?;
            outcome.count("uploads", 1);
            let version = uploaded.version_id.clone().unwrap_or_else(|| format!("null, {}", uploaded.etag));
            uploads.push(uploaded);
            format!("upload {} is version {version}", uploads.len() - 1)
        }
        Step::OverlappingUploads(slow, quick) => {
            let uploaded = session.overlapping_uploads(slow, quick).await?;
            outcome.count("uploads", 2);
            outcome.count("overlapping uploads", 1);
            let versions = uploaded.each_ref().map(|uploaded| uploaded.version_id.clone().unwrap_or_default());
            uploads.extend(uploaded);
            format!("uploads {} and {} are versions {}", uploads.len() - 2, uploads.len() - 1, versions.join(" and "))
        }
        Step::Delete(key, what) => {
            let deleted = session.delete(KEYS[*key], *what).await?;
            outcome.count("deletions", usize::from(deleted.is_some()));
            deleted.unwrap_or_else(|| "nothing to delete".to_owned())
        }
        Step::RepeatEvent(upload) => {
            let is_repeated = session.repeat_event(&uploads[*upload]).await?;
            outcome.count("events delivered again", usize::from(is_repeated));
            outcome.bounds.add_repeated_events(u64::from(is_repeated));
            if is_repeated { "a new execution" } else { "not delivered yet" }.to_owned()
        }
        Step::Fault(rule) => {
            session.fixture()?.sandbox.faults().add(*rule.clone())?;
            "added".to_owned()
        }
        Step::RemoveFaults => {
            outcome.count_faults(&session.remove_faults()?);
            "removed".to_owned()
        }
        Step::Wait(wait) => {
            wait_for(session.fixture()?, *wait).await?;
            "passed".to_owned()
        }
        Step::Restart => {
            let running = running_executions(session.fixture()?).await?;
            outcome.count_faults(&session.restart().await?);
            outcome.count("restarts", 1);
            outcome.count("executions interrupted by a restart", running);
            outcome.bounds.add_interrupted(running);
            format!("{running} executions were running")
        }
        Step::StopExecution => {
            let stopped = session.stop_execution().await?;
            outcome.count("executions stopped", usize::from(stopped.is_some()));
            outcome.bounds.add_interrupted(usize::from(stopped.is_some()));
            stopped.unwrap_or_else(|| "none was running".to_owned())
        }
        Step::Redrive => {
            let redriven = session.redrive().await?;
            outcome.count("redrives", redriven);
            format!("{redriven} executions")
        }
        Step::AbortOpenUploads => {
            let aborted = session.abort_open_uploads().await?;
            outcome.count("open uploads aborted", aborted);
            format!("{aborted} uploads")
        }
    })
}

/// Redrives failed executions and deletes copies that cannot be proven, until all executions have succeeded or the limit
/// is reached.
async fn finish_executions(session: &Session, outcome: &mut Outcome) -> TestResult {
    for round in 0..MAX_REDRIVES {
        wait_until_idle(session.fixture()?).await?;
        // The execution that made a copy is redriven before the copy may be deleted.
        let deleted = if round == 0 { 0 } else { session.delete_unprovable_copies().await? };
        outcome.count("unprovable copies deleted", deleted);
        outcome.bounds.add_deleted_copies(deleted);
        let redriven = session.redrive().await?;
        outcome.count("redrives", redriven);
        if redriven == 0 {
            return Ok(());
        }
    }
    wait_until_idle(session.fixture()?).await
}

async fn running_executions(fixture: &Fixture) -> TestResult<usize> {
    let executions = fixture.executions().await?;
    Ok(executions.iter().filter(|execution| execution.status == ExecutionStatus::Running).count())
}

async fn wait_for(fixture: &Fixture, wait: Wait) -> TestResult {
    let waiting = async {
        match wait {
            Wait::Requests(count) => wait_for_requests(fixture, count).await,
            Wait::Idle => wait_until_idle(fixture).await,
            Wait::Time(time) => {
                sleep(time).await;
                Ok(())
            }
        }
    };
    timeout(MAX_WAIT, waiting).await.unwrap_or(Ok(()))
}

/// Waits until S3 has served this many requests. The clock does not advance while S3 serves requests.
async fn wait_for_requests(fixture: &Fixture, count: u64) -> TestResult {
    let served = || fixture.sandbox.s3().requests().values().sum::<u64>();
    let (mut last, goal) = (served(), served() + count);
    let (mut idle_polls, mut pause) = (0, Duration::from_millis(1));
    while last < goal {
        yield_now().await;
        let now = served();
        if now > last {
            (last, idle_polls, pause) = (now, 0, Duration::from_millis(1));
            continue;
        }
        idle_polls += 1;
        if idle_polls < IDLE_POLLS {
            continue;
        }
        if is_idle(fixture).await? {
            return Ok(());
        }
        sleep(pause).await;
        (idle_polls, pause) = (0, pause * 2);
    }
    Ok(())
}

/// Waits until every event is delivered and no execution runs.
async fn wait_until_idle(fixture: &Fixture) -> TestResult {
    let mut pause = Duration::from_millis(100);
    while !is_idle(fixture).await? {
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_hours(1));
    }
    Ok(())
}

async fn is_idle(fixture: &Fixture) -> TestResult<bool> {
    Ok(running_executions(fixture).await? == 0 && fixture.sandbox.events().drained().now_or_never().is_some())
}

/// Adds the violations of the domain check, and the executions that did not succeed.
async fn check(fixture: &Fixture, outcome: &mut Outcome) -> TestResult {
    match fixture.check_domain(outcome.bounds.tolerance()).await {
        Ok(report) => {
            outcome.count("open uploads that no execution knows", report.unknown_uploads);
            outcome.count("duplicate copies", report.duplicate_copies);
            outcome.count("late copies of newest versions", report.newest_versions_late);
        }
        Err(error) => outcome.violations.push(error.to_string()),
    }
    for execution in fixture.executions().await? {
        if execution.status != ExecutionStatus::Succeeded {
            outcome.violations.push(format!("{} is {:?} after every redrive", execution.arn, execution.status));
        }
    }
    Ok(())
}
