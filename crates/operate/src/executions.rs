//! Executions of the state machine: list them, describe one, and read its history.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use aws_sdk_sfn::{Client, primitives::DateTime, types::ExecutionStatus};
use holdfast_core::{
    contract::{Notified, Plan, ReceiptRef, SkipReason},
    event::Upload,
    history::{self, Failure, HistoryEvent},
};
use serde_json::Value;

use crate::AwsError;

/// The executions of one state machine.
#[derive(Debug, Clone)]
pub struct Executions {
    client: Client,
    machine_arn: String,
}

/// An execution as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionSummary {
    /// The execution's ARN.
    pub arn: String,
    /// The execution's status.
    pub status: ExecutionStatus,
    /// The number of redrives.
    pub redrives: i32,
}

/// An execution in detail.
#[derive(Debug, Clone)]
pub struct Execution {
    /// The execution's ARN.
    pub arn: String,
    /// The execution's status.
    pub status: ExecutionStatus,
    /// The event that started it.
    pub input: Value,
    /// The output, once it succeeded.
    pub output: Option<Value>,
    /// The duration, once it ended.
    pub duration: Option<Duration>,
}

/// The output of an execution that succeeded.
#[derive(Debug, Clone, PartialEq)]
pub enum ExecutionOutput {
    /// A backup with this receipt.
    Receipt(ReceiptRef),
    /// The upload was not copied.
    Skipped {
        /// The reason.
        reason: SkipReason,
        /// The reason as a sentence.
        message: String,
    },
    /// Another output, or none.
    Unknown,
}

impl Execution {
    /// The upload that the execution backs up; `None` if the input is not the event of an upload.
    pub fn upload(&self) -> Option<Upload> {
        Upload::from_event(&self.input).ok()
    }

    /// The output of the execution.
    pub fn output(&self) -> ExecutionOutput {
        ExecutionOutput::read(self.output.as_ref())
    }
}

impl ExecutionOutput {
    fn read(output: Option<&Value>) -> Self {
        let Some(output) = output else { return Self::Unknown };
        if let Ok(Notified { receipt: Some(receipt), .. }) = serde_json::from_value(output.clone()) {
            return Self::Receipt(receipt);
        }
        match serde_json::from_value(output.clone()) {
            Ok(Plan::Skip { reason, message }) => Self::Skipped { reason, message },
            _ => Self::Unknown,
        }
    }
}

impl Executions {
    /// The executions of the state machine with this ARN.
    pub fn new(client: Client, machine_arn: &str) -> Self {
        Self { client, machine_arn: machine_arn.to_owned() }
    }

    /// Lists the newest executions first, page by page. Stops when a page contains only executions in `known` and all
    /// executions in `wanted` are listed.
    pub async fn newest(
        &self,
        known: &BTreeSet<String>,
        wanted: &BTreeSet<String>,
    ) -> Result<Vec<ExecutionSummary>, AwsError> {
        let mut found: Vec<ExecutionSummary> = Vec::new();
        let mut missing = wanted.clone();
        let mut token = None;
        loop {
            let request = self.client.list_executions().state_machine_arn(&self.machine_arn).set_next_token(token);
            let page = request.send().await.map_err(|error| {
                let problem = format!("the executions of {} cannot be listed", self.machine_arn);
                AwsError::new(problem, &error.into_service_error())
            })?;
            let before = found.len();
            found.extend(page.executions().iter().map(|execution| ExecutionSummary {
                arn: execution.execution_arn().to_owned(),
                status: execution.status().clone(),
                redrives: execution.redrive_count().unwrap_or_default(),
            }));
            let has_new = found[before..].iter().any(|execution| !known.contains(&execution.arn));
            for execution in &found[before..] {
                missing.remove(&execution.arn);
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() || (!has_new && missing.is_empty()) {
                return Ok(found);
            }
        }
    }

    /// Describes one execution.
    pub async fn describe(&self, arn: &str) -> Result<Execution, AwsError> {
        let problem = || format!("the execution {arn} cannot be described");
        let response = self.client.describe_execution().execution_arn(arn).send().await;
        let output = response.map_err(|error| AwsError::new(problem(), &error.into_service_error()))?;
        let json = |text: &str| serde_json::from_str(text).map_err(|error| AwsError::unexpected(problem(), error));
        Ok(Execution {
            arn: arn.to_owned(),
            status: output.status().clone(),
            input: output.input().map_or(Ok(Value::Null), json)?,
            output: output.output().map(json).transpose()?,
            duration: output.stop_date().and_then(|stop| between(output.start_date(), stop)),
        })
    }

    /// The whole history of an execution, oldest event first, without the input and output of the states.
    pub async fn history(&self, arn: &str) -> Result<Vec<HistoryEvent>, AwsError> {
        let request = self.client.get_execution_history().execution_arn(arn).include_execution_data(false);
        let mut pages = request.max_results(1000).into_paginator().items().send();
        let mut events = Vec::new();
        while let Some(event) = pages.next().await {
            let event = event.map_err(|error| {
                AwsError::new(format!("the history of {arn} cannot be read"), &error.into_service_error())
            })?;
            events.push(holdfast_history::event(&event));
        }
        Ok(events)
    }

    /// The state of an execution that failed, and its error; `None` if it has not failed.
    pub async fn failure(&self, arn: &str) -> Result<Option<Failure>, AwsError> {
        Ok(history::failure(&self.history(arn).await?))
    }
}

/// Whether an execution has ended. A redrive can still continue it.
pub fn is_over(status: &ExecutionStatus) -> bool {
    !matches!(status, ExecutionStatus::Running | ExecutionStatus::PendingRedrive)
}

fn between(start: &DateTime, stop: &DateTime) -> Option<Duration> {
    let (start, stop) = (SystemTime::try_from(*start).ok()?, SystemTime::try_from(*stop).ok()?);
    stop.duration_since(start).ok()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::{operation::list_executions::ListExecutionsOutput, types::ExecutionListItem};
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
    use serde_json::json;

    use super::*;

    #[test]
    fn an_output_is_a_receipt_or_a_reason_to_skip_or_unknown() {
        let notified = json!({"receipt": {"bucket": "backup", "key": "r/k.json", "written": true}, "messageId": "m"});
        let ExecutionOutput::Receipt(receipt) = ExecutionOutput::read(Some(&notified)) else {
            panic!("{notified} has a receipt")
        };
        assert_eq!((receipt.bucket.as_str(), receipt.key.as_str()), ("backup", "r/k.json"));

        let skip = json!({"decision": "skip", "reason": "alreadyBackedUp", "message": "it is backed up"});
        let expected =
            ExecutionOutput::Skipped { reason: SkipReason::AlreadyBackedUp, message: "it is backed up".to_owned() };
        assert_eq!(ExecutionOutput::read(Some(&skip)), expected);

        for unknown in [json!({}), json!({"receipt": null}), json!("x")] {
            assert_eq!(ExecutionOutput::read(Some(&unknown)), ExecutionOutput::Unknown, "{unknown}");
        }
        assert_eq!(ExecutionOutput::read(None), ExecutionOutput::Unknown);
    }

    /// A page of executions. The token of the next page is the next number.
    fn page(number: usize, names: &'static [&'static str]) -> Rule {
        mock!(Client::list_executions)
            .match_requests(move |request| request.next_token() == (number > 0).then(|| number.to_string()).as_deref())
            .then_output(move || {
                let item = |name: &&str| {
                    let time = DateTime::from_secs(0);
                    let item = ExecutionListItem::builder().execution_arn(*name).name(*name).state_machine_arn("m");
                    item.status(ExecutionStatus::Running).start_date(time).build()
                };
                let items = names.iter().map(item).collect::<Result<Vec<_>, _>>();
                let output = ListExecutionsOutput::builder().set_executions(items.ok());
                output.next_token((number + 1).to_string()).build().unwrap_or_else(|error| panic!("{error}"))
            })
    }

    #[tokio::test]
    async fn listing_stops_after_all_new_and_wanted_executions() -> Result<(), AwsError> {
        let pages = [page(0, &["e4", "e3"]), page(1, &["e2"]), page(2, &["e1"])];
        let known: BTreeSet<String> = ["e3", "e2", "e1"].map(str::to_owned).into();
        for (wanted, expected) in [(vec![], vec!["e4", "e3", "e2"]), (vec!["e1"], vec!["e4", "e3", "e2", "e1"])] {
            let client = mock_client!(aws_sdk_sfn, RuleMode::MatchAny, &pages.each_ref());
            let wanted = wanted.into_iter().map(str::to_owned).collect();
            let found = Executions::new(client, "m").newest(&known, &wanted).await?;
            let found: Vec<&str> = found.iter().map(|execution| execution.arn.as_str()).collect();
            assert_eq!(found, expected);
        }
        Ok(())
    }
}
