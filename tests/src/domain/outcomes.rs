//! Executions and messages: nothing runs for ever, fails for good, fails silently, or ends untold.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use super::{Check, Rule, facts::Execution};

/// Errors that Step Functions raises by itself and to which it gives no cause: the name says it all.
const WITHOUT_A_CAUSE: [&str; 1] = ["States.Timeout"];

/// The first line of a cause as people read it: a function's is JSON with the sentence in `errorMessage`.
pub(super) fn first_line(cause: &str) -> String {
    let json = serde_json::from_str::<Value>(cause).ok();
    let sentence = json.as_ref().and_then(|json| json["errorMessage"].as_str()).unwrap_or(cause);
    sentence.lines().next().unwrap_or_default().to_owned()
}

impl Check<'_> {
    /// Looks at every execution.
    pub(super) fn outcomes(&mut self) {
        let facts = self.facts;
        self.report.messages = facts.messages.values().sum();
        for execution in &facts.executions {
            match execution.status {
                ExecutionStatus::Succeeded => self.success(execution),
                ExecutionStatus::Running => {
                    self.broken(Rule::Quiet, format!("{} still runs", execution.arn));
                }
                _ => self.failure(execution),
            }
            self.told(execution);
        }
    }

    fn success(&mut self, execution: &Execution) {
        self.report.succeeded += 1;
        let output = execution.output.as_ref();
        if output.is_some_and(|output| output["decision"] == "skip") {
            self.report.skipped += 1;
            return;
        }
        let told = self.facts.messages.contains_key(&(execution.arn.clone(), "SUCCEEDED".to_owned()));
        if self.facts.settings.notify_on == "all" && !told && !self.is_told_by_another(execution) {
            self.broken(Rule::Told, format!("{} succeeded, and nobody was told", execution.arn));
        }
    }

    /// Whether the receipt is that of another execution of the same event, which has told people, or whose redrive
    /// will.
    fn is_told_by_another(&self, execution: &Execution) -> bool {
        let notified = execution.output.as_ref().map(|output| &output["receipt"]);
        let Some(receipt) = notified.filter(|receipt| receipt["written"] == false) else { return false };
        let facts = self.facts;
        let filed = facts.receipts.iter().find(|filed| receipt["key"] == filed.key.as_str());
        let Some(Ok(written)) = filed.map(|filed| &filed.receipt) else { return false };
        let other = &written.execution.arn;
        facts.messages.contains_key(&(other.clone(), "SUCCEEDED".to_owned()))
            || facts.executions.iter().any(|one| one.arn == *other && one.is_unfinished())
    }

    fn failure(&mut self, execution: &Execution) {
        let arn = &execution.arn;
        let error = execution.error.clone().unwrap_or_default();
        if let Err(reason) = &execution.redrivable {
            self.broken(Rule::Redrivable, format!("{arn} has {error:?} and cannot be redriven: {reason}"));
        }
        let line = first_line(execution.cause.as_deref().unwrap_or_default());
        let is_sentence = line.split_whitespace().count() > 2;
        if error.is_empty() || !(is_sentence || WITHOUT_A_CAUSE.contains(&error.as_str())) {
            let status = execution.status.as_str();
            self.broken(Rule::SaysWhy, format!("{arn} has {status}, and says {error:?} and {line:?}"));
        }
        self.report.unfinished.push((arn.clone(), error));
    }

    /// Every end but success is told once at least, or kept with the undelivered events where it cannot be told.
    fn told(&mut self, execution: &Execution) {
        if self.facts.settings.notify_on == "none" {
            return;
        }
        for (status, ends) in &execution.ends {
            let end = (execution.arn.clone(), status.clone());
            let count = |counts: &std::collections::BTreeMap<_, usize>| counts.get(&end).copied().unwrap_or_default();
            let told = count(&self.facts.messages) + count(&self.facts.undelivered);
            if told < *ends {
                let arn = &execution.arn;
                let sentence = format!("{arn} has {status} {ends} times, and people were told {told} times");
                self.broken(Rule::Told, sentence);
            }
        }
    }
}
