//! What became of the executions of a world.

use std::time::Duration;

use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use serde_json::Value;

use super::{PATIENCE, World};
use crate::TestResult;

/// An execution that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its ARN.
    pub arn: String,
    /// How it ended.
    pub status: ExecutionStatus,
}

/// An execution that has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Which one.
    pub execution: Ended,
    /// The name of the error.
    pub error: String,
    /// What the function said.
    pub sentence: String,
}

impl World {
    /// Waits until this many executions have ended, and answers them, oldest first.
    pub async fn ended(&self, count: usize) -> TestResult<Vec<Ended>> {
        self.ended_within(count, PATIENCE).await
    }

    async fn ended_within(&self, count: usize, patience: Duration) -> TestResult<Vec<Ended>> {
        let waiting = tokio::time::timeout(patience, async {
            loop {
                let ended = self.executions().await?;
                if ended.len() >= count && ended.iter().all(|execution| execution.status != ExecutionStatus::Running) {
                    return Ok(ended);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let Ok(result) = waiting.await else {
            return Err(format!("{count} executions were to end; there are {:?}", self.executions().await?).into());
        };
        result
    }

    /// Every execution, oldest first, whether or not it has ended.
    pub async fn executions(&self) -> TestResult<Vec<Ended>> {
        let request = self.states.list_executions().state_machine_arn(&self.outputs.state_machine_arn);
        let mut executions = Vec::new();
        for execution in request.send().await?.executions {
            executions.push(Ended { arn: execution.execution_arn, status: execution.status });
        }
        executions.reverse();
        Ok(executions)
    }

    /// The execution that was started last, whether or not it has ended.
    pub async fn newest(&self) -> TestResult<Option<Ended>> {
        let request = self.states.list_executions().state_machine_arn(&self.outputs.state_machine_arn);
        let listed = request.max_results(1).send().await?.executions.into_iter().next();
        Ok(listed.map(|execution| Ended { arn: execution.execution_arn, status: execution.status }))
    }

    /// Waits for an execution to end, and answers how.
    pub async fn end_of(&self, arn: &str, patience: Duration) -> TestResult<Ended> {
        let start = tokio::time::Instant::now();
        loop {
            let described = self.states.describe_execution().execution_arn(arn).send().await?;
            if described.status != ExecutionStatus::Running {
                return Ok(Ended { arn: arn.to_owned(), status: described.status });
            }
            if start.elapsed() > patience {
                return Err(format!("{arn} still runs after {patience:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The one execution, which must have succeeded.
    pub async fn succeeded(&self) -> TestResult<Ended> {
        self.succeeded_within(PATIENCE).await
    }

    /// The same of one that may take longer.
    pub async fn succeeded_within(&self, patience: Duration) -> TestResult<Ended> {
        let mut ended = self.ended_within(1, patience).await?;
        let execution = ended.remove(0);
        if execution.status == ExecutionStatus::Succeeded {
            return Ok(execution);
        }
        let described = self.states.describe_execution().execution_arn(&execution.arn).send().await?;
        Err(format!("{:?} {:?}: {:?}", described.status, described.error, described.cause).into())
    }

    /// The one execution, which must have failed, with the name of its error and the sentence that people read.
    pub async fn failed(&self) -> TestResult<Failed> {
        let mut ended = self.ended(1).await?;
        let execution = ended.remove(0);
        let described = self.states.describe_execution().execution_arn(&execution.arn).send().await?;
        if execution.status != ExecutionStatus::Failed {
            return Err(format!("it was to fail, and has {:?}: {:?}", execution.status, described.output).into());
        }
        let cause: Value = serde_json::from_str(described.cause.as_deref().unwrap_or_default())?;
        let sentence = cause["errorMessage"].as_str().ok_or("the cause has no errorMessage")?.to_owned();
        Ok(Failed { execution, error: described.error.unwrap_or_default(), sentence })
    }

    /// The history of an execution.
    pub async fn history(&self, execution: &Ended) -> TestResult<Vec<HistoryEvent>> {
        self.history_of(&execution.arn).await
    }

    /// The history of the execution with this ARN.
    pub async fn history_of(&self, arn: &str) -> TestResult<Vec<HistoryEvent>> {
        let mut events = Vec::new();
        let mut pages =
            self.states.get_execution_history().execution_arn(arn).include_execution_data(true).into_paginator().send();
        while let Some(page) = pages.next().await {
            events.extend(page?.events);
        }
        Ok(events)
    }

    /// The names of the states that an execution entered, in the order in which it did.
    pub async fn path(&self, execution: &Ended) -> TestResult<Vec<String>> {
        let entered = self.history(execution).await?;
        Ok(entered
            .into_iter()
            .filter_map(|event| event.state_entered_event_details.map(|details| details.name))
            .collect())
    }

    /// The output of an execution.
    pub async fn output(&self, execution: &Ended) -> TestResult<Value> {
        let described = self.states.describe_execution().execution_arn(&execution.arn).send().await?;
        Ok(serde_json::from_str(described.output.as_deref().ok_or("the execution has no output")?)?)
    }

    /// The event that started an execution.
    pub async fn event_of(&self, execution: &Ended) -> TestResult<Value> {
        let described = self.states.describe_execution().execution_arn(&execution.arn).send().await?;
        Ok(serde_json::from_str(described.input.as_deref().ok_or("the execution has no input")?)?)
    }
}
