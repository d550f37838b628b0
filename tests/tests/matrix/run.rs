//! Runs trials: one fault, one upload, one execution; then what people do about it.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    domain::{Known, Report},
    history::attempts,
    world::{Ended, World},
};
use sandbox::faults::Rule;

use crate::{expected::End, scenario::Scenario};

/// How long an execution may take that takes milliseconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// One fault, and what has to come of it.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    /// For people, and the key of the upload.
    pub(crate) name: String,
    /// The fault.
    pub(crate) rule: Rule,
    /// What is uploaded under it.
    pub(crate) scenario: Scenario,
    /// How the execution ends.
    pub(crate) end: End,
    /// Whether a redrive fails as long as the fault is there. Tried only where no retrier makes it long.
    pub(crate) fails_again: bool,
    /// Whether the fault keeps the opening of an upload from being heard of, so that each strike may leave one open.
    pub(crate) loses_openings: bool,
}

/// What a trial has come to.
struct Ran<'a> {
    trial: &'a Trial,
    execution: Ended,
    /// What it may leave.
    known: Known,
}

/// Runs trials one after the other in a world and checks each; redrives what failed and checks that; and checks the
/// whole world before and after the redrives. Answers what was wrong, a sentence each.
pub(crate) async fn series(world: &World, trials: &[Trial]) -> TestResult<Vec<String>> {
    let (mut problems, mut failed, mut known) = (Vec::new(), Vec::new(), Known::default());
    for trial in trials {
        let ran = run(world, trial).await;
        world.sandbox.faults().clear();
        match ran {
            Ok(ran) => {
                known.unanswered_openings += ran.known.unanswered_openings;
                problems.extend(check(world, &ran).await.err().map(|error| format!("{}: {error}", trial.name)));
                failed.extend(Some(ran).filter(|ran| ran.execution.status != ExecutionStatus::Succeeded));
            }
            Err(error) => problems.push(format!("{}: {error}", trial.name)),
        }
    }
    match world.check_domain(known).await {
        Ok(report) if report.unfinished.len() != failed.len() => {
            problems.push(format!("{} trials failed, and the world says: {report}", failed.len()));
        }
        Ok(_) => {}
        Err(error) => problems.push(format!("before any redrive: {error}")),
    }
    problems.extend(finish(world, &mut failed).await?);
    match world.check_domain(known).await {
        Ok(report) if is_whole(&report, trials.len()) => {}
        Ok(report) => problems.push(format!("{} trials, and the world says: {report}", trials.len())),
        Err(error) => problems.push(format!("after the redrives: {error}")),
    }
    Ok(problems)
}

fn is_whole(report: &Report, trials: usize) -> bool {
    (report.versions, report.proven, report.succeeded) == (trials, trials, trials) && report.unfinished.is_empty()
}

/// The domain check of one trial: its upload is proven, or its execution waits for a redrive.
async fn check(world: &World, ran: &Ran<'_>) -> TestResult {
    let report = world.check_upload(&ran.trial.name, &ran.execution.arn, ran.known).await?;
    let has_succeeded = ran.execution.status == ExecutionStatus::Succeeded;
    let is_as_it_ended = if has_succeeded { is_whole(&report, 1) } else { report.unfinished.len() == 1 };
    if is_as_it_ended { Ok(()) } else { Err(format!("it has {:?}: {report}", ran.execution.status).into()) }
}

/// Uploads under a fault and waits for the end of the execution.
async fn run<'a>(world: &World, trial: &'a Trial) -> TestResult<Ran<'a>> {
    let faults = world.sandbox.faults();
    faults.add(trial.rule.clone())?;
    let before = world.newest().await?.map(|execution| execution.arn);
    trial.scenario.upload(world, &trial.name).await?;
    let execution = next_end(world, before.as_deref()).await?;
    if faults.rules().iter().all(|rule| rule.fired == 0) {
        return Err("the fault has struck nothing".into());
    }
    let found = found(world, &execution, &trial.end).await?;
    if found != trial.end {
        return Err(format!("it was to end as {:?}, and has ended as {found:?}", trial.end).into());
    }
    if trial.fails_again {
        redrive(world, &execution).await?;
        let again = world.end_of(&execution.arn, PATIENCE).await?;
        if again.status == ExecutionStatus::Succeeded {
            return Err("a redrive succeeded although the fault lasts".into());
        }
    }
    let fired = usize::try_from(faults.rules().iter().map(|rule| rule.fired).sum::<u64>())?;
    let known = Known { unanswered_openings: if trial.loses_openings { fired } else { 0 }, ..Known::default() };
    Ok(Ran { trial, execution, known })
}

/// The execution that was started after another one, once it has ended.
async fn next_end(world: &World, before: Option<&str>) -> TestResult<Ended> {
    let start = tokio::time::Instant::now();
    loop {
        let newest = world.newest().await?.filter(|execution| Some(execution.arn.as_str()) != before);
        if let Some(execution) = newest {
            return world.end_of(&execution.arn, PATIENCE).await;
        }
        if start.elapsed() > PATIENCE {
            return Err("the upload has started no execution".into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// How an execution ended, and how often it met the expected error in vain.
async fn found(world: &World, execution: &Ended, expected: &End) -> TestResult<End> {
    if execution.status == ExecutionStatus::Succeeded {
        return Ok(End::Succeeds);
    }
    let described = world.states.describe_execution().execution_arn(&execution.arn).send().await?;
    let attempts = attempts(&world.history_of(&execution.arn).await?)?;
    let error = match expected {
        End::Fails { met: (error, _), .. } => error.clone(),
        End::Succeeds => described.error.clone().unwrap_or_default(),
    };
    let met = attempts.iter().filter(|attempt| attempt.error() == Some(&error)).count();
    Ok(End::Fails {
        state: attempts.last().map(|attempt| attempt.state.clone()).unwrap_or_default(),
        error: described.error.unwrap_or_default(),
        met: (error, u64::try_from(met)?),
    })
}

/// Redrives an execution.
async fn redrive(world: &World, execution: &Ended) -> TestResult {
    world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
    Ok(())
}

/// Redrives executions whose causes are gone, waits for them all to succeed, and checks each. Answers a sentence for
/// each of which something is wrong.
async fn finish(world: &World, failed: &mut [Ran<'_>]) -> TestResult<Vec<String>> {
    for ran in failed.iter() {
        redrive(world, &ran.execution).await?;
    }
    let mut problems = Vec::new();
    for ran in failed {
        ran.execution = world.end_of(&ran.execution.arn, PATIENCE).await?;
        if ran.execution.status != ExecutionStatus::Succeeded {
            problems.push(format!("{}: after the redrive it has {:?}", ran.trial.name, ran.execution.status));
        } else if let Err(error) = check(world, ran).await {
            problems.push(format!("{}: after the redrive: {error}", ran.trial.name));
        }
    }
    Ok(problems)
}
