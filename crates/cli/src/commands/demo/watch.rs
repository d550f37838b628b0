//! Follows the executions of a demo's uploads until each has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};

use super::{items::Item, stages};
use crate::{
    aws::AwsError,
    executions::{Described, Executions, is_over},
    history,
    progress::{Progress, Stage, Unit},
    text,
};

const PAUSE: Duration = Duration::from_millis(250);
/// An upload is announced within a moment; one that is not by now never will be.
const START_WITHIN: Duration = Duration::from_secs(30);

/// What became of an upload.
#[derive(Debug)]
pub(super) struct Followed {
    /// Its execution.
    pub(super) execution: Described,
    /// The execution's history.
    pub(super) history: Vec<HistoryEvent>,
}

/// An execution that is followed.
#[derive(Debug)]
struct Running {
    upload: usize,
    passed: usize,
}

/// Follows executions and shows them on one bar for each stage.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    executions: &'a Executions,
    items: &'a [Item],
    bars: Vec<Stage>,
    known: BTreeSet<String>,
    running: BTreeMap<String, Running>,
    /// Stages passed, by upload.
    passed: Vec<usize>,
    ended: Vec<Option<Followed>>,
}

impl<'a> Watch<'a> {
    /// A watch over the executions that uploads of these items start.
    pub(super) fn new(executions: &'a Executions, items: &'a [Item], progress: &Progress) -> Self {
        let total = items.len() as u64;
        Self {
            executions,
            items,
            bars: stages::names().map(|name| progress.stage(name, total, Unit::Count)).collect(),
            known: BTreeSet::new(),
            running: BTreeMap::new(),
            passed: vec![0; items.len()],
            ended: items.iter().map(|_| None).collect(),
        }
    }

    /// Waits until every upload's execution has ended; `all_uploaded` says when the last one is there. An upload that
    /// started no execution has none.
    pub(super) async fn until_ended(mut self, all_uploaded: &AtomicBool) -> Result<Vec<Option<Followed>>, AwsError> {
        let mut quiet_since = Instant::now();
        loop {
            let is_waiting = !self.running.is_empty() || !all_uploaded.load(Ordering::Relaxed);
            if self.look().await? || is_waiting {
                quiet_since = Instant::now();
            }
            self.show();
            let all_ended = self.ended.iter().all(Option::is_some);
            if all_ended || quiet_since.elapsed() > START_WITHIN {
                self.show_end();
                return Ok(self.ended);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Looks once at every execution; whether there was a new one.
    async fn look(&mut self) -> Result<bool, AwsError> {
        let mut news = false;
        let wanted = self.running.keys().cloned().collect();
        for listed in self.executions.newest(&self.known, &wanted).await?.into_iter().rev() {
            if self.known.insert(listed.arn.clone()) {
                news = true;
                self.meet(&listed.arn).await?;
            }
            self.follow(&listed.arn, &listed.status).await?;
        }
        Ok(news)
    }

    /// Finds out which upload a new execution is about. A second one for the same upload is of no interest.
    async fn meet(&mut self, arn: &str) -> Result<(), AwsError> {
        let Some(event) = self.executions.describe(arn).await?.upload() else { return Ok(()) };
        // The bucket was empty and each key is uploaded once.
        let upload = self.items.iter().position(|item| item.key == event.key.as_str());
        let free = upload.filter(|upload| {
            self.ended[*upload].is_none() && self.running.values().all(|running| running.upload != *upload)
        });
        if let Some(upload) = free {
            self.running.insert(arn.to_owned(), Running { upload, passed: 0 });
        }
        Ok(())
    }

    async fn follow(&mut self, arn: &str, status: &ExecutionStatus) -> Result<(), AwsError> {
        let Some(running) = self.running.get_mut(arn) else { return Ok(()) };
        let history = self.executions.history(arn).await?;
        running.passed = if *status == ExecutionStatus::Succeeded {
            stages::COUNT
        } else {
            stages::passed(history::states_entered(&history))
        };
        let Running { upload, passed } = *running;
        self.passed[upload] = passed;
        if is_over(status) {
            self.running.remove(arn);
            let execution = self.executions.describe(arn).await?;
            self.ended[upload] = Some(Followed { execution, history });
        }
        Ok(())
    }

    /// How many executions have a stage behind them.
    fn through(&self, stage: usize) -> usize {
        self.passed.iter().filter(|passed| **passed > stage).count()
    }

    /// Says of every stage that not all executions passed how many did.
    fn show_end(&self) {
        let total = self.items.len();
        for (number, bar) in self.bars.iter().enumerate() {
            let through = self.through(number);
            if through < total {
                bar.fail(&format!("{through} of {} passed", text::count(total, "execution")));
            }
        }
    }

    fn show(&self) {
        let total = self.items.len();
        for (number, bar) in self.bars.iter().enumerate() {
            let through = self.through(number);
            let here = self.running.values().find(|running| running.passed == number);
            let doing = here.map_or_else(String::new, |running| text::key(&self.items[running.upload].key));
            if through == total {
                bar.finish(&text::count(total, "execution"));
            } else {
                bar.set(through as u64, total as u64, &doing);
            }
        }
    }
}
