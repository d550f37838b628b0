//! Runs a schedule, brings what it began to its end, and says what is wrong then.
//!
//! A run has a thread and a clock of its own. The clock is Tokio's, stopped: it stands while anything can be done, and
//! jumps to the next timer when nothing can. So back-offs, timeouts and delayed events have the lengths that they have
//! on AWS and take no time, and a run is nearly the same each time that it is repeated. What still varies is what the
//! seed does not reach: the jitter of retriers, version ids and tokens, the wall clock that stamps versions and events,
//! and the moment at which the threads that write to disk are done.

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
    stage::{Stage, Uploaded},
    step::{KEYS, Step, Wait},
    story, trouble,
};
use crate::{TestResult, schedules::schedule::Schedule, world::World};

/// How long a schedule and everything after it may take on its own clock before something hangs.
const LONGEST: Duration = Duration::from_hours(24 * 30);
/// How often what has failed is redriven once every fault is lifted.
const REDRIVES: usize = 8;
/// How long a step waits for what a fault may hold back for ever.
const PATIENCE: Duration = Duration::from_hours(6);
/// How many times in a row nothing is served before the clock may move.
const STILL: u32 = 400;

/// What a schedule came to.
#[derive(Debug, Default)]
pub struct Ran {
    /// What is wrong at the end; nothing where all is well.
    pub violations: Vec<String>,
    /// What every step led to, and how each execution went, for people to read.
    pub log: Vec<String>,
    /// How often what was done.
    pub counts: BTreeMap<&'static str, u64>,
    /// How many traces it may leave.
    pub(super) bounds: Bounds,
}

impl Ran {
    pub(super) fn count(&mut self, what: &'static str, times: usize) {
        *self.counts.entry(what).or_default() += times as u64;
    }

    fn count_faults(&mut self, faults: &[Active]) {
        self.bounds.faults(faults);
        for fault in faults {
            self.count(trouble::kind(&fault.rule.effect), usize::try_from(fault.fired).unwrap_or(usize::MAX));
        }
    }

    pub(super) fn tell(&mut self, what: impl Into<String>) {
        self.log.push(what.into());
    }
}

/// Runs a schedule to its end on this thread. What goes wrong on the way is a violation too.
pub fn run(schedule: &Schedule) -> Ran {
    let mut ran = Ran::default();
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).max_blocking_threads(8).build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(async {
            match timeout(LONGEST, play(schedule, &mut ran)).await {
                Ok(result) => result,
                Err(_) => Err("it did not come to its end in a month".into()),
            }
        }),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = result {
        ran.violations.push(format!("the schedule broke off: {error}"));
    }
    ran
}

async fn play(schedule: &Schedule, ran: &mut Ran) -> TestResult {
    let mut stage = Stage::open(&schedule.deployment).await?;
    let mut uploads = Vec::new();
    for (number, step) in (1..).zip(&schedule.steps) {
        let led_to = take(step, &mut stage, &mut uploads, ran).await?;
        ran.tell(format!("{number:>2}. {step}: {led_to}"));
    }
    let faults = stage.lift_faults()?;
    ran.count_faults(&faults);
    for Active { rule, matched, fired, .. } in faults {
        ran.tell(format!("lifted: {} struck {fired} of {matched}", serde_json::to_string(&rule)?));
    }
    settle(&stage, ran).await?;
    check(stage.world()?, ran).await?;
    if !ran.violations.is_empty() {
        ran.log.extend(story::of(&stage).await?);
    }
    ran.count("executions", stage.executions().await?.len());
    stage.close().await
}

/// Takes a step and says what it led to.
async fn take(step: &Step, stage: &mut Stage, uploads: &mut Vec<Uploaded>, ran: &mut Ran) -> TestResult<String> {
    Ok(match step {
        Step::Upload(upload) => {
            let uploaded = stage.upload(upload).await?;
            ran.count("uploads", 1);
            let version = uploaded.version_id.clone().unwrap_or_else(|| format!("null, {}", uploaded.etag));
            uploads.push(uploaded);
            format!("upload {} is version {version}", uploads.len() - 1)
        }
        Step::UploadAcross(slow, quick) => {
            let across = stage.upload_across(slow, quick).await?;
            ran.count("uploads", 2);
            ran.count("uploads across another", 1);
            let versions = across.each_ref().map(|uploaded| uploaded.version_id.clone().unwrap_or_default());
            uploads.extend(across);
            format!("uploads {} and {} are versions {}", uploads.len() - 2, uploads.len() - 1, versions.join(" and "))
        }
        Step::Delete(key, what) => {
            let deleted = stage.delete(KEYS[*key], *what).await?;
            ran.count("deletions", usize::from(deleted.is_some()));
            deleted.unwrap_or_else(|| "there is none".to_owned())
        }
        Step::EventAgain(upload) => {
            let again = stage.event_again(&uploads[*upload]).await?;
            ran.count("events delivered again", usize::from(again));
            ran.bounds.duplicates(u64::from(again));
            if again { "a new execution" } else { "it has not come yet" }.to_owned()
        }
        Step::Fault(rule) => {
            stage.world()?.sandbox.faults().add(*rule.clone())?;
            "in force".to_owned()
        }
        Step::LiftFaults => {
            ran.count_faults(&stage.lift_faults()?);
            "lifted".to_owned()
        }
        Step::Wait(wait) => {
            pass(stage.world()?, *wait).await?;
            "passed".to_owned()
        }
        Step::Restart => {
            let running = running(stage.world()?).await?;
            ran.count_faults(&stage.restart().await?);
            ran.count("restarts", 1);
            ran.count("executions cut by a restart", running);
            ran.bounds.cut(running);
            format!("{running} executions ran")
        }
        Step::StopExecution => {
            let stopped = stage.stop_execution().await?;
            ran.count("executions stopped", usize::from(stopped.is_some()));
            ran.bounds.cut(usize::from(stopped.is_some()));
            stopped.unwrap_or_else(|| "none ran".to_owned())
        }
        Step::Redrive => {
            let redriven = stage.redrive().await?;
            ran.count("redrives", redriven);
            format!("{redriven} executions")
        }
        Step::RemoveOpenUploads => {
            let removed = stage.remove_open_uploads().await?;
            ran.count("open uploads removed", removed);
            format!("{removed} uploads")
        }
    })
}

/// Does what failed executions ask for and redrives them until all have succeeded, or fail again and again.
async fn settle(stage: &Stage, ran: &mut Ran) -> TestResult {
    for round in 0..REDRIVES {
        quiet(stage.world()?).await?;
        // The execution that made a copy is redriven before anybody deletes it.
        let deleted = if round == 0 { 0 } else { stage.follow_advice().await? };
        ran.count("unproven copies deleted as advised", deleted);
        ran.bounds.deleted_as_advised(deleted);
        let redriven = stage.redrive().await?;
        ran.count("redrives", redriven);
        if redriven == 0 {
            return Ok(());
        }
    }
    quiet(stage.world()?).await
}

async fn running(world: &World) -> TestResult<usize> {
    let executions = world.executions().await?;
    Ok(executions.iter().filter(|execution| execution.status == ExecutionStatus::Running).count())
}

async fn pass(world: &World, wait: Wait) -> TestResult {
    let waiting = async {
        match wait {
            Wait::Requests(count) => requests(world, count).await,
            Wait::Quiet => quiet(world).await,
            Wait::Time(time) => {
                sleep(time).await;
                Ok(())
            }
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or(Ok(()))
}

/// Waits until S3 has served so many requests, without letting the clock move as long as it serves any.
async fn requests(world: &World, count: u64) -> TestResult {
    let served = || world.sandbox.s3().requests().values().sum::<u64>();
    let (mut last, goal) = (served(), served() + count);
    let (mut still, mut nap) = (0, Duration::from_millis(1));
    while last < goal {
        yield_now().await;
        let now = served();
        if now > last {
            (last, still, nap) = (now, 0, Duration::from_millis(1));
            continue;
        }
        still += 1;
        if still < STILL {
            continue;
        }
        if is_quiet(world).await? {
            return Ok(());
        }
        sleep(nap).await;
        (still, nap) = (0, nap * 2);
    }
    Ok(())
}

/// Waits until every event is delivered and no execution runs.
async fn quiet(world: &World) -> TestResult {
    let mut nap = Duration::from_millis(100);
    while !is_quiet(world).await? {
        sleep(nap).await;
        nap = (nap * 2).min(Duration::from_hours(1));
    }
    Ok(())
}

async fn is_quiet(world: &World) -> TestResult<bool> {
    Ok(running(world).await? == 0 && world.sandbox.events().drained().now_or_never().is_some())
}

/// Adds what the domain check finds, and what did not succeed although nothing prevents it any more.
async fn check(world: &World, ran: &mut Ran) -> TestResult {
    match world.check_domain(ran.bounds.known()).await {
        Ok(report) => {
            ran.count("uploads left open that nobody knows of", report.unanswered_openings);
            ran.count("copies made twice", report.copies_beside);
            ran.count("newest versions left among the late ones", report.newest_left_late);
        }
        Err(error) => ran.violations.push(error.to_string()),
    }
    for execution in world.executions().await? {
        if execution.status != ExecutionStatus::Succeeded {
            ran.violations.push(format!("{} has {:?} after every redrive", execution.arn, execution.status));
        }
    }
    Ok(())
}
