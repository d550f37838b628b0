//! Executions of the backup state machine, as Step Functions tells about them.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use aws_sdk_sfn::{
    Client,
    primitives::DateTime,
    types::{ExecutionStatus, HistoryEvent},
};
use holdfast_core::event::Upload;
use serde_json::Value;

use crate::aws::AwsError;

/// Executions of one machine.
#[derive(Debug, Clone)]
pub(crate) struct Executions {
    client: Client,
    machine: String,
}

/// An execution in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its ARN.
    pub(crate) arn: String,
    /// How it stands.
    pub(crate) status: ExecutionStatus,
    /// How often it was redriven.
    pub(crate) redrives: i32,
}

/// An execution as it was described.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    /// Its ARN.
    pub(crate) arn: String,
    /// How it stands.
    pub(crate) status: ExecutionStatus,
    /// The event that started it.
    pub(crate) input: Value,
    /// What it answered, once it succeeded.
    pub(crate) output: Option<Value>,
    /// How long it took, once it ended.
    pub(crate) took: Option<Duration>,
}

impl Described {
    /// The upload that the execution is about; none where the input is not such an event.
    pub(crate) fn upload(&self) -> Option<Upload> {
        Upload::from_event(&self.input).ok()
    }
}

impl Executions {
    /// The executions of a machine.
    pub(crate) fn new(client: Client, machine: &str) -> Self {
        Self { client, machine: machine.to_owned() }
    }

    /// Every execution from the newest on, until all of `wanted` were seen and a page has brought nothing that is not
    /// in `known`.
    pub(crate) async fn newest(
        &self,
        known: &BTreeSet<String>,
        wanted: &BTreeSet<String>,
    ) -> Result<Vec<Listed>, AwsError> {
        let mut found: Vec<Listed> = Vec::new();
        let mut missing = wanted.clone();
        let mut token = None;
        loop {
            let answer = self.client.list_executions().state_machine_arn(&self.machine).set_next_token(token);
            let page = answer.send().await.map_err(|error| {
                AwsError::new(
                    format!("the executions of {} cannot be listed", self.machine),
                    error.into_service_error(),
                )
            })?;
            let before = found.len();
            found.extend(page.executions().iter().map(|execution| Listed {
                arn: execution.execution_arn().to_owned(),
                status: execution.status().clone(),
                redrives: execution.redrive_count().unwrap_or_default(),
            }));
            let news = found[before..].iter().filter(|listed| !known.contains(&listed.arn)).count();
            for listed in &found[before..] {
                missing.remove(&listed.arn);
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() || (news == 0 && missing.is_empty()) {
                return Ok(found);
            }
        }
    }

    /// One execution.
    pub(crate) async fn describe(&self, arn: &str) -> Result<Described, AwsError> {
        let wanted = || format!("the execution {arn} cannot be described");
        let answer = self.client.describe_execution().execution_arn(arn).send().await;
        let answer = answer.map_err(|error| AwsError::new(wanted(), error.into_service_error()))?;
        let json = |text: &str| serde_json::from_str(text).map_err(|error| AwsError::other(wanted(), error));
        Ok(Described {
            arn: arn.to_owned(),
            status: answer.status().clone(),
            input: answer.input().map_or(Ok(Value::Null), json)?,
            output: answer.output().map(json).transpose()?,
            took: answer.stop_date().and_then(|stop| between(answer.start_date(), stop)),
        })
    }

    /// The whole history of an execution, without the data that passed between the states.
    pub(crate) async fn history(&self, arn: &str) -> Result<Vec<HistoryEvent>, AwsError> {
        let request = self.client.get_execution_history().execution_arn(arn).include_execution_data(false);
        let mut pages = request.max_results(1000).into_paginator().items().send();
        let mut events = Vec::new();
        while let Some(event) = pages.next().await {
            events.push(event.map_err(|error| {
                AwsError::new(format!("the history of {arn} cannot be read"), error.into_service_error())
            })?);
        }
        Ok(events)
    }
}

/// Whether an execution goes no further by itself.
pub(crate) fn is_over(status: &ExecutionStatus) -> bool {
    !matches!(status, ExecutionStatus::Running | ExecutionStatus::PendingRedrive)
}

fn between(start: &DateTime, stop: &DateTime) -> Option<Duration> {
    let (start, stop) = (SystemTime::try_from(*start).ok()?, SystemTime::try_from(*stop).ok()?);
    stop.duration_since(start).ok()
}
