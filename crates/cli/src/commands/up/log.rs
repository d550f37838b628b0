//! The log of `holdfast up`: one line for each execution that ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_s3::Client;
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::{contract::ReceiptRef, failure::NextStep, format, history::Failure};
use holdfast_operate::{
    AwsError,
    diagnosis::next_step,
    executions::{Execution, ExecutionOutput, ExecutionSummary, Executions, is_over},
    receipts,
};
use serde::Serialize;
use time::{OffsetDateTime, macros::format_description};

use crate::{
    commands::{CommandError, print_line},
    output::OutputFormat,
    render::{failure, proof, text},
};

const POLL_INTERVAL: Duration = Duration::from_millis(400);

/// Follows the executions of a state machine.
#[derive(Debug)]
pub(super) struct Log {
    executions: Executions,
    s3: Client,
    output: OutputFormat,
    /// Every execution that was listed.
    known: BTreeSet<String>,
    /// The known executions that have not ended.
    running: BTreeSet<String>,
    /// The number of redrives of each execution. A short redrive may end between two listings, so that it is never
    /// listed as running.
    redrives: BTreeMap<String, i32>,
}

/// An execution that ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "type", rename = "execution")]
struct Entry {
    execution_arn: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    duration_ms: u64,
    #[serde(flatten)]
    result: ExecutionResult,
}

/// How an execution ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "result")]
enum ExecutionResult {
    Proven { proof: String, receipt: String },
    Skipped { reason: String },
    Failed { failure: Failure },
    Unknown { output: Option<serde_json::Value> },
}

impl Log {
    /// A log that has printed nothing.
    pub(super) fn new(executions: Executions, s3: Client, output: OutputFormat) -> Self {
        Self { executions, s3, output, known: BTreeSet::new(), running: BTreeSet::new(), redrives: BTreeMap::new() }
    }

    /// Skips the executions of earlier runs that have ended, and returns the number of executions.
    pub(super) async fn skip_finished(&mut self) -> Result<usize, CommandError> {
        for listed in self.executions.newest(&self.known, &self.running).await? {
            if !is_over(&listed.status) {
                self.running.insert(listed.arn.clone());
            }
            self.note_redrives(&listed);
            self.known.insert(listed.arn);
        }
        Ok(self.known.len())
    }

    /// Prints a line for each execution that ends, until an error of the output. An execution that cannot be read, for
    /// example because its receipt was deleted, is reported and skipped, so that the sandbox continues to serve.
    pub(super) async fn follow(&mut self) -> Result<(), CommandError> {
        let mut last_warning = None;
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            match self.ended().await {
                Ok(ended) => {
                    last_warning = None;
                    for arn in ended {
                        self.print(&arn).await?;
                    }
                }
                Err(error) => {
                    let sentence = error.to_string();
                    if last_warning.as_ref() != Some(&sentence) {
                        eprintln!("warning: the executions cannot be listed: {sentence}");
                        last_warning = Some(sentence);
                    }
                }
            }
        }
    }

    async fn print(&self, arn: &str) -> Result<(), CommandError> {
        let entry = match self.executions.describe(arn).await {
            Ok(described) => self.entry(described).await,
            Err(error) => Err(error),
        };
        match entry {
            Ok(entry) => print_line(&match self.output {
                OutputFormat::Text => line(&entry, OffsetDateTime::now_utc()),
                OutputFormat::Json => serde_json::to_string(&entry)?,
            }),
            Err(error) => {
                eprintln!("warning: {arn} has ended, but its result cannot be read: {error}");
                Ok(())
            }
        }
    }

    /// The executions that ended since the last listing, oldest first.
    async fn ended(&mut self) -> Result<Vec<String>, AwsError> {
        let mut ended = Vec::new();
        for listed in self.executions.newest(&self.known, &self.running).await? {
            let is_new = self.known.insert(listed.arn.clone()) | self.note_redrives(&listed);
            let was_running = self.running.contains(&listed.arn);
            if !is_over(&listed.status) {
                self.running.insert(listed.arn);
            } else if is_new || was_running {
                self.running.remove(&listed.arn);
                ended.push(listed.arn);
            }
        }
        ended.reverse();
        Ok(ended)
    }

    /// Records how often an execution was redriven. Returns whether it was redriven since the last listing.
    fn note_redrives(&mut self, listed: &ExecutionSummary) -> bool {
        let before = self.redrives.get(&listed.arn).copied().unwrap_or_default();
        if listed.redrives > before {
            self.redrives.insert(listed.arn.clone(), listed.redrives);
        }
        listed.redrives > before
    }

    async fn entry(&self, execution: Execution) -> Result<Entry, AwsError> {
        let upload = execution.upload();
        let mut size = execution.input.pointer("/detail/object/size").and_then(serde_json::Value::as_u64);
        let result = match execution.output() {
            ExecutionOutput::Receipt(reference) => {
                let receipt = receipts::read(&self.s3, &reference).await?;
                size = Some(receipt.source.size);
                ExecutionResult::Proven { proof: proof::summary(&receipt), receipt: location(&reference) }
            }
            ExecutionOutput::Skipped { message, .. } => ExecutionResult::Skipped { reason: message },
            // The history of an execution that succeeded after a redrive also has a failure.
            ExecutionOutput::Unknown if execution.status == ExecutionStatus::Succeeded => {
                ExecutionResult::Unknown { output: execution.output }
            }
            ExecutionOutput::Unknown => {
                let failure = self.executions.failure(&execution.arn).await?.unwrap_or_default();
                ExecutionResult::Failed { failure }
            }
        };
        Ok(Entry {
            execution_arn: execution.arn,
            status: execution.status.as_str().to_owned(),
            bucket: upload.as_ref().map(|upload| upload.bucket.to_string()),
            key: upload.as_ref().map(|upload| upload.key.to_string()),
            version_id: upload.and_then(|upload| upload.version_id).map(String::from),
            size,
            duration_ms: execution
                .duration
                .map_or(0, |duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
            result,
        })
    }
}

fn location(reference: &ReceiptRef) -> String {
    format!("s3://{}/{}", reference.bucket, reference.key)
}

/// One line of text. After a failure that a redrive can fix, a second line has the command.
fn line(entry: &Entry, now: OffsetDateTime) -> String {
    let clock = now.format(format_description!("[hour]:[minute]:[second]Z")).unwrap_or_default();
    let key = entry.key.as_deref().map_or_else(|| "(no object)".to_owned(), text::key);
    let size = entry.size.map_or_else(String::new, |size| format!("  {}", format::size(size)));
    let duration = text::duration(Duration::from_millis(entry.duration_ms));
    let arn = &entry.execution_arn;
    let (status, detail) = match &entry.result {
        ExecutionResult::Proven { proof, .. } => (entry.status.as_str(), proof.clone()),
        ExecutionResult::Skipped { reason } => ("SKIPPED", reason.clone()),
        ExecutionResult::Failed { failure } => (entry.status.as_str(), failure_with_command(failure, arn)),
        ExecutionResult::Unknown { .. } => (entry.status.as_str(), format!("without a receipt: {arn}")),
    };
    format!("{clock}  {status:<9}  {duration:>8}  {key}{size}  {detail}")
}

fn failure_with_command(failure: &Failure, arn: &str) -> String {
    let sentence = failure::sentence(failure);
    let when = match next_step(failure) {
        NextStep::Redrive => "After you fix the cause",
        NextStep::RedriveLater => "When the service is available again",
        // The cause contains the remedy.
        NextStep::RequestBackup | NextStep::CorrectInput | NextStep::None => return sentence,
    };
    format!("{sentence}\n           {when}: aws stepfunctions redrive-execution --execution-arn {arn}")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn entry(status: &str, result: ExecutionResult) -> Entry {
        Entry {
            execution_arn: "arn:e".to_owned(),
            status: status.to_owned(),
            bucket: Some("source".to_owned()),
            key: Some("a b".to_owned()),
            version_id: None,
            size: Some(2048),
            duration_ms: 1500,
            result,
        }
    }

    fn failed(error: &str) -> String {
        let failure = Failure {
            state: Some("Notify".to_owned()),
            error: Some(error.to_owned()),
            cause: Some("create it".to_owned()),
            ..Failure::default()
        };
        line(&entry("FAILED", ExecutionResult::Failed { failure }), datetime!(2026-11-22 08:05:09 UTC))
    }

    #[test]
    fn a_line_shows_the_execution_and_its_result() {
        let proof = "stored CRC64NVME (backup)".to_owned();
        let proven = ExecutionResult::Proven { proof, receipt: "s3://r".to_owned() };
        assert_eq!(
            line(&entry("SUCCEEDED", proven), datetime!(2026-11-22 08:05:09 UTC)),
            "08:05:09Z  SUCCEEDED     1.5 s  a b  2.0 KiB  stored CRC64NVME (backup)"
        );
        let start = "08:05:09Z  FAILED        1.5 s  a b  2.0 KiB  in Notify: Topic.NotFound: create it\n";
        assert!(failed("Topic.NotFound").starts_with(start));
    }

    #[test]
    fn the_redrive_command_follows_only_errors_that_a_redrive_can_fix() {
        assert!(failed("Topic.NotFound").ends_with("redrive-execution --execution-arn arn:e"));
        for error in ["Input.Invalid", "Source.TooLarge"] {
            assert!(!failed(error).contains("redrive"), "{error}");
        }
    }

    #[test]
    fn each_redrive_of_an_execution_is_noted_once() {
        let step_functions =
            aws_sdk_sfn::Config::builder().behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest());
        let s3 = aws_sdk_s3::Config::builder().behavior_version(aws_sdk_s3::config::BehaviorVersion::latest());
        let executions = Executions::new(aws_sdk_sfn::Client::from_conf(step_functions.build()), "arn:m");
        let mut log = Log::new(executions, Client::from_conf(s3.build()), OutputFormat::Text);
        let mut note = |redrives| {
            let status = ExecutionStatus::Failed;
            log.note_redrives(&ExecutionSummary { arn: "arn:e".to_owned(), status, redrives })
        };
        assert_eq!([0, 1, 1, 2].map(&mut note), [false, true, false, true]);
    }

    #[test]
    fn a_json_line_names_its_type_and_its_result() -> Result<(), serde_json::Error> {
        let skipped = ExecutionResult::Skipped { reason: "excluded".to_owned() };
        let value = serde_json::to_value(entry("SUCCEEDED", skipped))?;
        assert_eq!(value["type"], "execution");
        assert_eq!(value["result"], "skipped");
        assert_eq!(value["reason"], "excluded");
        assert_eq!(value["size"], 2048);
        Ok(())
    }
}
