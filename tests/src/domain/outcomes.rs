//! Executions and messages: every execution ends, can be redriven, says why it failed, and is reported.

use std::collections::BTreeMap;

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use super::{Check, Promise, snapshot::Execution};

/// Errors to which Step Functions gives no cause.
const WITHOUT_CAUSE: [&str; 1] = ["States.Timeout"];

/// The first line of a cause. The cause of a function is JSON with the message in `errorMessage`.
pub(super) fn first_line(cause: &str) -> String {
    let json = serde_json::from_str::<Value>(cause).ok();
    let message = json.as_ref().and_then(|json| json["errorMessage"].as_str()).unwrap_or(cause);
    message.lines().next().unwrap_or_default().to_owned()
}

impl Check<'_> {
    /// Checks every execution.
    pub(super) fn check_outcomes(&mut self) {
        let snapshot = self.snapshot;
        self.report.messages = snapshot.messages.values().sum();
        for execution in &snapshot.executions {
            match execution.status {
                ExecutionStatus::Succeeded => self.check_success(execution),
                ExecutionStatus::Running => {
                    self.violated(Promise::NothingRunning, format!("{} still runs", execution.arn));
                }
                _ => self.check_failure(execution),
            }
            self.check_reports(execution);
        }
    }

    fn check_success(&mut self, execution: &Execution) {
        self.report.succeeded += 1;
        let output = execution.output.as_ref();
        if output.is_some_and(|output| output["decision"] == "skip") {
            self.report.skipped += 1;
            return;
        }
        let is_reported = self.snapshot.messages.contains_key(&(execution.arn.clone(), "SUCCEEDED".to_owned()));
        if self.snapshot.settings.notify_on == "all" && !is_reported && !self.is_reported_by_another(execution) {
            self.violated(Promise::OutcomeReported, format!("{} succeeded without a message", execution.arn));
        }
    }

    /// Whether another execution of the same event wrote the receipt, and has reported it or is to be redriven.
    fn is_reported_by_another(&self, execution: &Execution) -> bool {
        let receipt = execution.output.as_ref().map(|output| &output["receipt"]);
        let Some(receipt) = receipt.filter(|receipt| receipt["written"] == false) else { return false };
        let snapshot = self.snapshot;
        let stored = snapshot.receipts.iter().find(|stored| receipt["key"] == stored.key.as_str());
        let Some(Ok(written)) = stored.map(|stored| &stored.receipt) else { return false };
        let writer = &written.execution.arn;
        snapshot.messages.contains_key(&(writer.clone(), "SUCCEEDED".to_owned()))
            || snapshot.executions.iter().any(|execution| execution.arn == *writer && execution.is_unfinished())
    }

    fn check_failure(&mut self, execution: &Execution) {
        let arn = &execution.arn;
        let error = execution.error.clone().unwrap_or_default();
        if let Err(reason) = &execution.redrivable {
            self.violated(Promise::Redrivable, format!("{arn} failed with {error:?} and cannot be redriven: {reason}"));
        }
        let line = first_line(execution.cause.as_deref().unwrap_or_default());
        let is_sentence = line.split_whitespace().count() > 2;
        if error.is_empty() || !(is_sentence || WITHOUT_CAUSE.contains(&error.as_str())) {
            let status = execution.status.as_str();
            let message = format!("{arn} is {status} with the error {error:?} and the first line {line:?}");
            self.violated(Promise::FailureExplained, message);
        }
        self.report.unfinished.push((arn.clone(), error));
    }

    /// Every end without success has a message, or its event is in the dead-letter queue.
    fn check_reports(&mut self, execution: &Execution) {
        if self.snapshot.settings.notify_on == "none" {
            return;
        }
        for (status, ends) in &execution.ends {
            let end = (execution.arn.clone(), status.clone());
            let count = |counts: &BTreeMap<_, usize>| counts.get(&end).copied().unwrap_or_default();
            let reports = count(&self.snapshot.messages) + count(&self.snapshot.undelivered);
            if reports < *ends {
                let message = format!("{} was {status} {ends} times, but has {reports} messages", execution.arn);
                self.violated(Promise::OutcomeReported, message);
            }
        }
    }
}
