//! The log of `holdfast up`: one line for each execution that ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_s3::Client;
use serde::Serialize;
use time::{OffsetDateTime, macros::format_description};

use crate::{
    aws::AwsError,
    commands::{CommandError, print_line},
    executions::{Described, Executions, Listed, is_over},
    history::{self, Failure},
    proof::{self, Conclusion},
    text,
};

const PAUSE: Duration = Duration::from_millis(400);

/// Watches a machine's executions.
#[derive(Debug)]
pub(super) struct Log {
    executions: Executions,
    s3: Client,
    json: bool,
    /// Every execution that was seen.
    known: BTreeSet<String>,
    /// Those of them that had not ended.
    running: BTreeSet<String>,
    /// How often those were redriven that were redriven: a short redrive is over before it is seen to run.
    redriven: BTreeMap<String, i32>,
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
    result: Ending,
}

/// How an execution ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "result")]
enum Ending {
    Proven { proof: String, receipt: String },
    Skipped { reason: String },
    Failed { failure: Failure },
    Unknown { output: Option<serde_json::Value> },
}

impl Log {
    /// A log that starts with whatever there is.
    pub(super) fn new(executions: Executions, s3: Client, json: bool) -> Self {
        Self { executions, s3, json, known: BTreeSet::new(), running: BTreeSet::new(), redriven: BTreeMap::new() }
    }

    /// Leaves out what ended in an earlier run, and answers how many executions there were.
    pub(super) async fn skip_finished(&mut self) -> Result<usize, CommandError> {
        for listed in self.executions.newest(&self.known, &self.running).await? {
            if !is_over(&listed.status) {
                self.running.insert(listed.arn.clone());
            }
            self.is_redriven(&listed);
            self.known.insert(listed.arn);
        }
        Ok(self.known.len())
    }

    /// Prints a line for each execution that ends, and does not end itself: what cannot be looked up, because somebody
    /// deleted a receipt or the state machine, is said and passed over. The sandbox goes on serving.
    pub(super) async fn follow(&mut self) -> Result<(), CommandError> {
        let mut complaint = None;
        loop {
            tokio::time::sleep(PAUSE).await;
            match self.ended().await {
                Ok(ended) => {
                    complaint = None;
                    for arn in ended {
                        self.tell(&arn).await?;
                    }
                }
                Err(error) => {
                    let sentence = error.to_string();
                    if complaint.as_ref() != Some(&sentence) {
                        eprintln!("warning: the executions cannot be listed: {sentence}");
                        complaint = Some(sentence);
                    }
                }
            }
        }
    }

    async fn tell(&self, arn: &str) -> Result<(), CommandError> {
        let entry = match self.executions.describe(arn).await {
            Ok(described) => self.entry(described).await,
            Err(error) => Err(error),
        };
        match entry {
            Ok(entry) if self.json => print_line(&serde_json::to_string(&entry)?),
            Ok(entry) => print_line(&line(&entry, OffsetDateTime::now_utc())),
            Err(error) => {
                eprintln!("warning: {arn} has ended, but how cannot be looked up: {error}");
                Ok(())
            }
        }
    }

    /// The executions that ended since the last look, oldest first.
    async fn ended(&mut self) -> Result<Vec<String>, AwsError> {
        let mut ended = Vec::new();
        for listed in self.executions.newest(&self.known, &self.running).await? {
            let is_new = self.known.insert(listed.arn.clone()) | self.is_redriven(&listed);
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

    /// Whether an execution was redriven since the last look.
    fn is_redriven(&mut self, listed: &Listed) -> bool {
        let before = self.redriven.get(&listed.arn).copied().unwrap_or_default();
        if listed.redrives > before {
            self.redriven.insert(listed.arn.clone(), listed.redrives);
        }
        listed.redrives > before
    }

    async fn entry(&self, described: Described) -> Result<Entry, AwsError> {
        let upload = described.upload();
        let mut size = described.input.pointer("/detail/object/size").and_then(serde_json::Value::as_u64);
        let result = match Conclusion::of(described.output.as_ref()) {
            Conclusion::Proven(place) => {
                let receipt = proof::receipt(&self.s3, &place).await?;
                size = Some(receipt.source.size);
                let place = format!("s3://{}/{}", place.bucket, place.key);
                Ending::Proven { proof: proof::words(&receipt), receipt: place }
            }
            Conclusion::Skipped(reason) => Ending::Skipped { reason },
            Conclusion::Unknown => match history::failure(&self.executions.history(&described.arn).await?) {
                Some(failure) => Ending::Failed { failure },
                None => Ending::Unknown { output: described.output },
            },
        };
        Ok(Entry {
            execution_arn: described.arn,
            status: described.status.as_str().to_owned(),
            bucket: upload.as_ref().map(|upload| upload.bucket.to_string()),
            key: upload.as_ref().map(|upload| upload.key.to_string()),
            version_id: upload.and_then(|upload| upload.version_id).map(String::from),
            size,
            duration_ms: described.took.map_or(0, |took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            result,
        })
    }
}

/// A line for people; a failure is followed by what to do.
fn line(entry: &Entry, now: OffsetDateTime) -> String {
    let clock = now.format(format_description!("[hour]:[minute]:[second]Z")).unwrap_or_default();
    let key = entry.key.as_deref().map_or_else(|| "(no object)".to_owned(), text::key);
    let size = entry.size.map_or_else(String::new, |size| format!("  {}", text::size(size)));
    let took = text::span(Duration::from_millis(entry.duration_ms));
    let arn = &entry.execution_arn;
    let (status, detail) = match &entry.result {
        Ending::Proven { proof, .. } => (entry.status.as_str(), proof.clone()),
        Ending::Skipped { reason } => ("SKIPPED", reason.clone()),
        Ending::Failed { failure } => (entry.status.as_str(), format!("{failure}\n{}", advice(arn))),
        Ending::Unknown { .. } => (entry.status.as_str(), format!("without a receipt: {arn}")),
    };
    format!("{clock}  {status:<9}  {took:>8}  {key}{size}  {detail}")
}

/// What to do about a failure.
fn advice(arn: &str) -> String {
    format!("           Once the cause is gone: aws stepfunctions redrive-execution --execution-arn {arn}")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn entry(status: &str, result: Ending) -> Entry {
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

    #[test]
    fn a_line_says_what_ended_and_how_and_a_failure_how_to_go_on() {
        let now = datetime!(2026-11-22 08:05:09 UTC);
        let proven = Ending::Proven { proof: "stored CRC64NVME (backup)".to_owned(), receipt: "s3://r".to_owned() };
        assert_eq!(
            line(&entry("SUCCEEDED", proven), now),
            "08:05:09Z  SUCCEEDED     1.5 s  a b  2.0 KiB  stored CRC64NVME (backup)"
        );
        let failure = Failure {
            state: Some("Notify".to_owned()),
            error: "Topic.NotFound".to_owned(),
            cause: "create it".to_owned(),
        };
        let text = line(&entry("FAILED", Ending::Failed { failure }), now);
        assert!(
            text.starts_with("08:05:09Z  FAILED        1.5 s  a b  2.0 KiB  in Notify: Topic.NotFound: create it\n")
        );
        assert!(text.ends_with("redrive-execution --execution-arn arn:e"));
    }

    #[test]
    fn an_execution_is_redriven_once_for_each_time_it_was() {
        let step_functions =
            aws_sdk_sfn::Config::builder().behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest());
        let s3 = aws_sdk_s3::Config::builder().behavior_version(aws_sdk_s3::config::BehaviorVersion::latest());
        let executions = Executions::new(aws_sdk_sfn::Client::from_conf(step_functions.build()), "arn:m");
        let mut log = Log::new(executions, Client::from_conf(s3.build()), false);
        let mut seen = |redrives| {
            let status = aws_sdk_sfn::types::ExecutionStatus::Failed;
            log.is_redriven(&Listed { arn: "arn:e".to_owned(), status, redrives })
        };
        assert_eq!([0, 1, 1, 2].map(&mut seen), [false, true, false, true]);
    }

    #[test]
    fn a_json_line_names_its_type_and_its_result() -> Result<(), serde_json::Error> {
        let skipped = Ending::Skipped { reason: "excluded".to_owned() };
        let value = serde_json::to_value(entry("SUCCEEDED", skipped))?;
        assert_eq!(value["type"], "execution");
        assert_eq!(value["result"], "skipped");
        assert_eq!(value["reason"], "excluded");
        assert_eq!(value["size"], 2048);
        Ok(())
    }
}
