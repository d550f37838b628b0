//! Follows the executions of a demo's uploads until all have ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::history::{self, HistoryEvent};
use holdfast_operate::{
    AwsError,
    executions::{Execution, Executions, is_over},
};

use super::{
    items::Item,
    phases::{self, BackupPhase, Replication},
};
use crate::render::{
    progress::{Phase, Progress, Unit},
    text,
};

const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The longest wait for the event of an upload to start its execution. It usually takes less than a second.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// An execution that has ended, with its history.
#[derive(Debug)]
pub(super) struct FinishedExecution {
    /// The execution.
    pub(super) execution: Execution,
    /// The history.
    pub(super) history: Vec<HistoryEvent>,
}

/// An execution that has not ended.
#[derive(Debug)]
struct RunningExecution {
    /// The index of its item.
    item: usize,
    /// The number of phases that it has passed.
    passed: usize,
}

/// Follows executions and shows them on one bar for each phase.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    executions: &'a Executions,
    items: &'a [Item],
    phases: Vec<&'static BackupPhase>,
    bars: Vec<Phase>,
    /// Every execution that was listed.
    known: BTreeSet<String>,
    running: BTreeMap<String, RunningExecution>,
    /// Phases passed, by item.
    passed: Vec<usize>,
    finished: Vec<Option<FinishedExecution>>,
}

impl<'a> Watch<'a> {
    /// Watches the executions that uploads of these items start.
    pub(super) fn new(
        executions: &'a Executions,
        items: &'a [Item],
        replication: Replication,
        progress: &Progress,
    ) -> Self {
        let total = items.len() as u64;
        let phases = phases::of(replication);
        Self {
            executions,
            items,
            bars: phases.iter().map(|phase| progress.phase(phase.name, total, Unit::Count)).collect(),
            phases,
            known: BTreeSet::new(),
            running: BTreeMap::new(),
            passed: vec![0; items.len()],
            finished: items.iter().map(|_| None).collect(),
        }
    }

    /// Waits until the execution of every upload has ended. `all_uploaded` becomes true after the last upload. The
    /// result is `None` for an upload that started no execution.
    pub(super) async fn until_ended(
        mut self,
        all_uploaded: &AtomicBool,
    ) -> Result<Vec<Option<FinishedExecution>>, AwsError> {
        let mut last_change = Instant::now();
        loop {
            let is_in_progress = !self.running.is_empty() || !all_uploaded.load(Ordering::Relaxed);
            if self.refresh().await? || is_in_progress {
                last_change = Instant::now();
            }
            self.show();
            let all_ended = self.finished.iter().all(Option::is_some);
            if all_ended || last_change.elapsed() > START_TIMEOUT {
                self.show_end();
                return Ok(self.finished);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Reads the new and the running executions once. Returns whether one was new.
    async fn refresh(&mut self) -> Result<bool, AwsError> {
        let mut has_new = false;
        let wanted = self.running.keys().cloned().collect();
        for listed in self.executions.newest(&self.known, &wanted).await?.into_iter().rev() {
            if self.known.insert(listed.arn.clone()) {
                has_new = true;
                self.assign(&listed.arn).await?;
            }
            self.follow(&listed.arn, &listed.status).await?;
        }
        Ok(has_new)
    }

    /// Finds the item of a new execution. A second execution for the same upload is not followed.
    async fn assign(&mut self, arn: &str) -> Result<(), AwsError> {
        let Some(upload) = self.executions.describe(arn).await?.upload() else { return Ok(()) };
        // The bucket was empty, and each key is uploaded once.
        let item = self.items.iter().position(|item| item.key == upload.key.as_str());
        let free = item.filter(|item| {
            self.finished[*item].is_none() && self.running.values().all(|running| running.item != *item)
        });
        if let Some(item) = free {
            self.running.insert(arn.to_owned(), RunningExecution { item, passed: 0 });
        }
        Ok(())
    }

    async fn follow(&mut self, arn: &str, status: &ExecutionStatus) -> Result<(), AwsError> {
        let Some(running) = self.running.get_mut(arn) else { return Ok(()) };
        let history = self.executions.history(arn).await?;
        running.passed = if *status == ExecutionStatus::Succeeded {
            self.phases.len()
        } else {
            phases::passed(&self.phases, history::states_entered(&history))
        };
        let RunningExecution { item, passed } = *running;
        self.passed[item] = passed;
        if is_over(status) {
            self.running.remove(arn);
            let execution = self.executions.describe(arn).await?;
            self.finished[item] = Some(FinishedExecution { execution, history });
        }
        Ok(())
    }

    /// The number of executions that have passed a phase.
    fn passed(&self, phase: usize) -> usize {
        self.passed.iter().filter(|passed| **passed > phase).count()
    }

    /// Shows the number of executions that passed, for each phase that not all of them passed.
    fn show_end(&self) {
        let total = self.items.len();
        for (phase, bar) in self.bars.iter().enumerate() {
            let passed = self.passed(phase);
            if passed < total {
                bar.fail(&format!("{passed} of {} passed", text::count(total, "execution")));
            }
        }
    }

    fn show(&self) {
        let total = self.items.len();
        for (phase, bar) in self.bars.iter().enumerate() {
            let passed = self.passed(phase);
            let current = self.running.values().find(|running| running.passed == phase);
            let doing = current.map_or_else(String::new, |running| text::key(&self.items[running.item].key));
            if passed == total {
                bar.finish(&text::count(total, "execution"));
            } else {
                bar.set(passed as u64, total as u64, &doing);
            }
        }
    }
}
