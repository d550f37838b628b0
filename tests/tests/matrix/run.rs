//! Runs trials: one fault, one upload, one execution, and its redrive.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_tests::{
    TestResult,
    domain::{Report, Tolerance},
    fixture::{ExecutionSummary, Fixture},
    history::attempts,
};
use sandbox::faults::Rule;

use crate::{expected::ExecutionEnd, scenario::Scenario};

/// The longest duration of one execution.
const TIMEOUT: Duration = Duration::from_mins(1);

/// One fault, and the expected result.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    /// The name. It is also the key of the upload.
    pub(crate) name: String,
    /// The fault.
    pub(crate) rule: Rule,
    /// The upload.
    pub(crate) scenario: Scenario,
    /// The expected end of the execution.
    pub(crate) end: ExecutionEnd,
    /// Whether a redrive must fail while the fault is active. Checked only if no retrier delays the failure.
    pub(crate) redrive_fails: bool,
    /// Whether the fault hides the response to CreateMultipartUpload, so that each call can leave an open upload.
    pub(crate) hides_uploads: bool,
}

/// A trial whose execution has ended.
struct TrialRun<'a> {
    trial: &'a Trial,
    execution: ExecutionSummary,
    tolerance: Tolerance,
}

/// Runs trials one after the other and checks each. Then checks the whole fixture, redrives the failed executions,
/// checks each of them, and checks the whole fixture again. Returns the problems.
pub(crate) async fn run_trials(fixture: &Fixture, trials: &[Trial]) -> TestResult<Vec<String>> {
    let (mut problems, mut failed, mut tolerance) = (Vec::new(), Vec::new(), Tolerance::default());
    for trial in trials {
        let result = run_trial(fixture, trial).await;
        fixture.sandbox.faults().clear();
        match result {
            Ok(run) => {
                tolerance.unknown_uploads += run.tolerance.unknown_uploads;
                problems.extend(check(fixture, &run).await.err().map(|error| format!("{}: {error}", trial.name)));
                failed.extend(Some(run).filter(|run| run.execution.status != ExecutionStatus::Succeeded));
            }
            Err(error) => problems.push(format!("{}: {error}", trial.name)),
        }
    }
    match fixture.check_domain(tolerance).await {
        Ok(report) if report.unfinished.len() != failed.len() => {
            problems.push(format!("{} trials failed, but the domain check says: {report}", failed.len()));
        }
        Ok(_) => {}
        Err(error) => problems.push(format!("before the redrives: {error}")),
    }
    problems.extend(redrive_all(fixture, &mut failed).await?);
    match fixture.check_domain(tolerance).await {
        Ok(report) if is_complete(&report, trials.len()) => {}
        Ok(report) => problems.push(format!("{} trials, but the domain check says: {report}", trials.len())),
        Err(error) => problems.push(format!("after the redrives: {error}")),
    }
    Ok(problems)
}

fn is_complete(report: &Report, trials: usize) -> bool {
    (report.versions, report.proven, report.succeeded) == (trials, trials, trials) && report.unfinished.is_empty()
}

/// The domain check of one trial: its upload is proven, or its execution waits for a redrive.
async fn check(fixture: &Fixture, run: &TrialRun<'_>) -> TestResult {
    let report = fixture.check_upload(&run.trial.name, &run.execution.arn, run.tolerance).await?;
    let has_succeeded = run.execution.status == ExecutionStatus::Succeeded;
    let is_consistent = if has_succeeded { is_complete(&report, 1) } else { report.unfinished.len() == 1 };
    if is_consistent { Ok(()) } else { Err(format!("the execution is {:?}: {report}", run.execution.status).into()) }
}

/// Uploads while the fault is active, and waits for the end of the execution.
async fn run_trial<'a>(fixture: &Fixture, trial: &'a Trial) -> TestResult<TrialRun<'a>> {
    let faults = fixture.sandbox.faults();
    faults.add(trial.rule.clone())?;
    let before = fixture.newest_execution().await?.map(|execution| execution.arn);
    trial.scenario.upload(fixture, &trial.name).await?;
    let execution = next_execution(fixture, before.as_deref()).await?;
    if faults.rules().iter().all(|rule| rule.fired == 0) {
        return Err("the fault did not fire".into());
    }
    let end = actual_end(fixture, &execution, &trial.end).await?;
    if end != trial.end {
        return Err(format!("the expected end is {:?}, the actual end {end:?}", trial.end).into());
    }
    if trial.redrive_fails {
        fixture.redrive(&execution.arn).await?;
        let again = fixture.wait_for_end(&execution.arn, TIMEOUT).await?;
        if again.status == ExecutionStatus::Succeeded {
            return Err("a redrive succeeded although the fault is active".into());
        }
    }
    let fired = usize::try_from(faults.rules().iter().map(|rule| rule.fired).sum::<u64>())?;
    let unknown_uploads = if trial.hides_uploads { fired } else { 0 };
    Ok(TrialRun { trial, execution, tolerance: Tolerance { unknown_uploads, ..Tolerance::default() } })
}

/// The execution that was started after another one, once it has ended.
async fn next_execution(fixture: &Fixture, before: Option<&str>) -> TestResult<ExecutionSummary> {
    let start = tokio::time::Instant::now();
    loop {
        let newest = fixture.newest_execution().await?.filter(|execution| Some(execution.arn.as_str()) != before);
        if let Some(execution) = newest {
            return fixture.wait_for_end(&execution.arn, TIMEOUT).await;
        }
        if start.elapsed() > TIMEOUT {
            return Err("the upload started no execution".into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The end of an execution, with the number of attempts that failed with the expected error.
async fn actual_end(
    fixture: &Fixture,
    execution: &ExecutionSummary,
    expected: &ExecutionEnd,
) -> TestResult<ExecutionEnd> {
    if execution.status == ExecutionStatus::Succeeded {
        return Ok(ExecutionEnd::Success);
    }
    let described = fixture.describe(&execution.arn).await?;
    let attempts = attempts(&fixture.history_of(&execution.arn).await?)?;
    let raised = match expected {
        ExecutionEnd::Failure { raised, .. } => raised.clone(),
        ExecutionEnd::Success => described.error.clone().unwrap_or_default(),
    };
    let failed_attempts = attempts.iter().filter(|attempt| attempt.error() == Some(&raised)).count();
    Ok(ExecutionEnd::Failure {
        state: attempts.last().map(|attempt| attempt.state.clone()).unwrap_or_default(),
        error: described.error.unwrap_or_default(),
        raised,
        attempts: u64::try_from(failed_attempts)?,
    })
}

/// Redrives executions without the fault. Each must succeed and pass the domain check. Returns the problems.
async fn redrive_all(fixture: &Fixture, failed: &mut [TrialRun<'_>]) -> TestResult<Vec<String>> {
    for run in failed.iter() {
        fixture.redrive(&run.execution.arn).await?;
    }
    let mut problems = Vec::new();
    for run in failed {
        run.execution = fixture.wait_for_end(&run.execution.arn, TIMEOUT).await?;
        if run.execution.status != ExecutionStatus::Succeeded {
            problems.push(format!("{}: after the redrive it is {:?}", run.trial.name, run.execution.status));
        } else if let Err(error) = check(fixture, run).await {
            problems.push(format!("{}: after the redrive: {error}", run.trial.name));
        }
    }
    Ok(problems)
}
