//! The child executions of a Map Run. Starts them within the concurrency limit, counts failed items, and stops the
//! children if too many items fail.

use std::{collections::VecDeque, sync::Arc};

use futures::{StreamExt, stream::FuturesUnordered};

use super::Distributed;
use crate::{
    Announce, Inner, clock,
    definition::Workflow,
    engine::{Failure, graph::Boxed},
    execution::Execution,
    executions::Added,
    history::{self, Note},
    limits,
    map_run::{ChildInput, MapRun, MapRunRecord},
    record::{Child, Record, Start, Status},
    redrive,
};
use sandbox_core::ports::TaskError;

/// The children that run, those that wait, and the number of failed items.
struct Tally<'a> {
    waiting: VecDeque<usize>,
    running: FuturesUnordered<Boxed<'a, usize>>,
    failed_items: u64,
}

impl Distributed<'_> {
    /// Runs every child that has not succeeded and can still run.
    pub(super) async fn run_children(&self, map_run: &MapRun) -> Result<(), Failure> {
        let inner = &self.run.inner;
        let record = map_run.record();
        self.permit("states:StartExecution", &record.machine_arn_without_label())?;
        let mut tally = Tally { waiting: VecDeque::new(), running: FuturesUnordered::new(), failed_items: 0 };
        for index in 0..record.children.unwrap_or(0) {
            match inner.child(&record, index) {
                Some(child) => self.sort(&mut tally, &record, index, &child),
                None => tally.waiting.push_back(index),
            }
        }
        let mut changed = map_run.changed.subscribe();
        loop {
            let settings = map_run.record().settings;
            if settings.are_exceeded(tally.failed_items, record.items) {
                inner.stop_children(&record);
                while tally.running.next().await.is_some() {}
                let cause = "The specified tolerated failure threshold was exceeded";
                return Err(Failure::new("States.ExceedToleratedFailureThreshold", cause));
            }
            let most = match usize::try_from(settings.max_concurrency).unwrap_or(usize::MAX) {
                0 => limits::MAP_RUN_CONCURRENCY,
                most => most.min(limits::MAP_RUN_CONCURRENCY),
            };
            while tally.running.len() < most
                && let Some(index) = tally.waiting.pop_front()
            {
                let child = self.launch(map_run, &record, index)?;
                tally.running.push(ended(child, index));
            }
            if tally.running.is_empty() {
                return Ok(());
            }
            tokio::select! {
                Some(index) = tally.running.next() => {
                    if let Some(child) = inner.child(&record, index) {
                        self.sort(&mut tally, &record, index, &child);
                    }
                }
                _ = changed.changed() => {}
            }
        }
    }

    /// Adds a child to the running or waiting ones, or counts its failed items.
    fn sort(&self, tally: &mut Tally<'_>, map_run: &MapRunRecord, index: usize, child: &Arc<Execution>) {
        let (status, items) =
            child.with_record(|record| (record.status, record.child.as_ref().map_or(0, |one| one.items)));
        match status {
            Status::Running => tally.running.push(ended(Arc::clone(child), index)),
            Status::Succeeded => {}
            _ if child.with_record(|record| redrive::needs_redrive(&self.run.inner, map_run, record)) => {
                tally.waiting.push_back(index);
            }
            Status::Failed | Status::TimedOut => tally.failed_items += items,
            // A user stopped the child. This is not a failure (`state-map-distributed.html`: "failed or timed out
            // items").
            Status::Aborted => {}
        }
    }

    /// Starts a child, or restarts it: an Express child from its first state, a Standard child by a redrive.
    fn launch(&self, map_run: &MapRun, record: &MapRunRecord, index: usize) -> Result<Arc<Execution>, Failure> {
        let inner = &self.run.inner;
        let Some(known) = inner.child(record, index) else { return self.start_child(map_run, record, index) };
        match record.workflow {
            Workflow::Express => {
                let note = self.first_note(&known.record().input);
                known.start_over(note, |child| {
                    child.status = Status::Running;
                    (child.started, child.stopped) = (clock::now(), None);
                    (child.output, child.error, child.cause) = (None, None, None);
                    child.child.iter_mut().for_each(|part| part.round = record.redrives);
                });
                Inner::launch(inner, Arc::clone(&known), Announce::IfNew);
            }
            Workflow::Standard => {
                self.permit("states:RedriveExecution", &record.child_arn(index))?;
                redrive::redrive_child(inner, &known, record.redrives);
            }
        }
        Ok(known)
    }

    fn start_child(&self, map_run: &MapRun, record: &MapRunRecord, index: usize) -> Result<Arc<Execution>, Failure> {
        let inner = &self.run.inner;
        let unreadable = || Failure::runtime("The input of a child of the Map Run is not in the sandbox's data.");
        let ChildInput { text, items } = map_run.input(index).ok().flatten().ok_or_else(unreadable)?;
        let arn = record.child_arn(index);
        let added = inner.executions.add(&arn, |number| {
            let first = self.first_note(&text);
            let child = Child {
                map_run: map_run.arn().to_owned(),
                state: record.state.clone(),
                workflow: record.workflow,
                items,
                round: record.redrives,
            };
            let start = Start {
                arn: arn.clone(),
                name: record.child_name(index),
                machine: record.machine_arn(),
                revision: record.revision.clone(),
                input: text,
                child: Some(child),
            };
            Execution::new(&inner.store, Record::new(start, number), first)
        });
        match added.map_err(|error| Failure::runtime(error.to_string()))? {
            Added::New(child) => {
                Inner::launch(inner, Arc::clone(&child), Announce::IfNew);
                Ok(child)
            }
            Added::Existing(child) => Ok(child),
        }
    }

    fn first_note(&self, input: &str) -> Note<'static> {
        history::execution_started(input, &self.run.revision.role)
    }

    /// Checks a permission of the machine's role for a call by Step Functions itself (`iam-policies-eg-dist-map.html`).
    fn permit(&self, action: &str, resource: &str) -> Result<(), Failure> {
        let permitted = self.run.inner.runner.permit(&self.run.revision.role, action, resource);
        permitted.map_err(|TaskError { error, cause }| Failure::new(error, cause))
    }
}

/// Waits for the end of a child. Returns its index.
fn ended<'a>(child: Arc<Execution>, index: usize) -> Boxed<'a, usize> {
    Box::pin(async move {
        let mut ended = child.ended.subscribe();
        // The sender lives as long as the execution.
        let _ = ended.wait_for(|()| !child.is_running()).await;
        index
    })
}
