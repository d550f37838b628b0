//! The input of the domain check, read once.

use std::collections::BTreeMap;

use aws_sdk_sfn::types::{ExecutionRedriveStatus, ExecutionStatus, HistoryEvent, HistoryEventType};
use holdfast_core::receipt::{OWN_PREFIX, Receipt};
use serde_json::Value;

use super::objects::{Bucket, Keys, list_versions, version_id};
use crate::{TestResult, fixture::Fixture};

/// The state of a fixture at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The source bucket.
    pub source: Bucket,
    /// The backup bucket, without the receipts.
    pub backup: Bucket,
    /// The replica bucket, if there is one.
    pub replica: Option<Bucket>,
    /// All receipts.
    pub receipts: Vec<StoredReceipt>,
    /// All executions, oldest first.
    pub executions: Vec<Execution>,
    /// The number of messages by the execution's ARN and its status.
    pub messages: BTreeMap<(String, String), usize>,
    /// The number of events about ended executions in the dead-letter queue, by ARN and status.
    pub undelivered: BTreeMap<(String, String), usize>,
    /// The configuration.
    pub settings: Settings,
}

/// The configuration that the promises depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Keys under these prefixes are not backed up.
    pub excluded: Vec<String>,
    /// The prefix of receipts.
    pub receipt_prefix: String,
    /// The storage class of backups, if it is configured.
    pub storage_class: Option<String>,
    /// The outcomes that have a message: `all`, `failures` or `none`.
    pub notify_on: String,
}

/// A receipt in the receipt bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredReceipt {
    /// The key.
    pub key: String,
    /// The receipt, or the reason why it is unreadable.
    pub receipt: Result<Receipt, String>,
    /// The older versions, newest first. A receipt is replaced only if the copy that it names is gone.
    pub replaced: Vec<Result<Receipt, String>>,
}

/// An execution as Step Functions describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// The ARN.
    pub arn: String,
    /// The status.
    pub status: ExecutionStatus,
    /// The event that started it.
    pub input: Value,
    /// The output, if it succeeded.
    pub output: Option<Value>,
    /// The name of the error, if it failed.
    pub error: Option<String>,
    /// The cause, if it failed.
    pub cause: Option<String>,
    /// Whether it can be redriven; otherwise the reason.
    pub redrivable: Result<(), String>,
    /// How often it ended in each status other than success. Each redrive can add one.
    pub ends: BTreeMap<String, usize>,
    /// The IDs of the uploads in its history.
    pub uploads: Vec<String>,
}

impl Execution {
    /// Whether it has not succeeded, so that it can still finish.
    pub fn is_unfinished(&self) -> bool {
        self.status != ExecutionStatus::Succeeded
    }

    /// A field of the object in its input.
    pub(super) fn object(&self, field: &str) -> Option<&str> {
        self.input.pointer("/detail/object")?.get(field)?.as_str()
    }

    /// Whether it is for this version of this key. Without a version ID, the entity tag decides.
    pub(super) fn is_about(&self, key: &str, id: Option<&str>, etag: &str) -> bool {
        self.object("key") == Some(key)
            && match (version_id(self.object("version-id")), id) {
                (Some(requested), Some(id)) => requested == id,
                _ => self.object("etag").is_none_or(|requested| requested == etag),
            }
    }
}

impl Snapshot {
    /// Reads everything, after all events are delivered.
    pub async fn take(fixture: &Fixture) -> TestResult<Self> {
        Self::read(fixture, None).await
    }

    /// Reads one key with one upload, and the execution of that upload. No other key may have the key and a slash as its
    /// prefix.
    pub async fn of_upload(fixture: &Fixture, key: &str, execution: &str) -> TestResult<Self> {
        Self::read(fixture, Some((key, execution))).await
    }

    async fn read(fixture: &Fixture, only: Option<(&str, &str)>) -> TestResult<Self> {
        fixture.sandbox.events().drained().await;
        let outputs = &fixture.outputs;
        let settings = settings(fixture);
        let receipt_prefix = &settings.receipt_prefix;
        let keys = only.map_or(Keys::All, |(key, _)| Keys::Of(key));
        let of_backup = match keys {
            Keys::All if outputs.receipt_bucket == outputs.backup_bucket => Keys::Outside(receipt_prefix),
            keys => keys,
        };
        let replica = match outputs.replica_bucket.as_str() {
            "" => None,
            name => Some(Bucket::read(&fixture.replica_s3, name, keys).await?),
        };
        let of_key = only.map(|(key, _)| format!("{receipt_prefix}{}/{key}/", outputs.source_bucket));
        Ok(Self {
            source: Bucket::read(&fixture.s3, &outputs.source_bucket, keys).await?,
            backup: Bucket::read(&fixture.s3, &outputs.backup_bucket, of_backup).await?,
            replica,
            receipts: receipts(fixture, of_key.as_deref().unwrap_or(receipt_prefix)).await?,
            executions: match only {
                Some((_, arn)) => vec![execution(fixture, arn).await?],
                None => executions(fixture).await?,
            },
            messages: messages(fixture).await?,
            undelivered: undelivered(fixture)?,
            settings,
        })
    }

    /// The backup bucket, and the replica bucket if there is one.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &Bucket> {
        [Some(&self.backup), self.replica.as_ref()].into_iter().flatten()
    }

    /// The readable receipts.
    pub(super) fn readable_receipts(&self) -> impl Iterator<Item = &Receipt> {
        self.receipts.iter().filter_map(|stored| stored.receipt.as_ref().ok())
    }

    /// Whether the configuration excludes a key.
    pub(super) fn is_excluded(&self, key: &str) -> bool {
        self.settings.excluded.iter().any(|prefix| key.starts_with(prefix))
    }
}

fn settings(fixture: &Fixture) -> Settings {
    let functions = &fixture.sandbox.stack().functions;
    let variable = |name: &str| {
        let value = functions.iter().find_map(|function| function.environment.get(name)).cloned();
        value.filter(|value| !value.is_empty())
    };
    let excluded = variable("EXCLUDE_PREFIXES").unwrap_or_default();
    let excluded = excluded.split(',').map(str::trim).filter(|prefix| !prefix.is_empty());
    Settings {
        excluded: excluded.chain([OWN_PREFIX]).map(str::to_owned).collect(),
        receipt_prefix: fixture.outputs.receipt_prefix.clone(),
        storage_class: variable("STORAGE_CLASS"),
        notify_on: variable("NOTIFY_ON").unwrap_or_else(|| "all".to_owned()),
    }
}

async fn receipts(fixture: &Fixture, prefix: &str) -> TestResult<Vec<StoredReceipt>> {
    let bucket = &fixture.outputs.receipt_bucket;
    let mut receipts: Vec<StoredReceipt> = Vec::new();
    for version in list_versions(&fixture.s3, bucket, prefix).await? {
        let key = version.key().unwrap_or_default();
        let object = fixture.s3.get_object().bucket(bucket).key(key).set_version_id(version.version_id.clone());
        let bytes = object.send().await?.body.collect().await?.into_bytes();
        let receipt = serde_json::from_slice(&bytes).map_err(|error| error.to_string());
        match receipts.last_mut().filter(|newer| newer.key == key) {
            Some(newer) => newer.replaced.push(receipt),
            None => receipts.push(StoredReceipt { key: key.to_owned(), receipt, replaced: Vec::new() }),
        }
    }
    Ok(receipts)
}

async fn executions(fixture: &Fixture) -> TestResult<Vec<Execution>> {
    let request = fixture.states.list_executions().state_machine_arn(&fixture.outputs.state_machine_arn);
    let mut pages = request.into_paginator().send();
    let mut executions = Vec::new();
    while let Some(page) = pages.next().await {
        for listed in page?.executions {
            executions.push(execution(fixture, &listed.execution_arn).await?);
        }
    }
    executions.reverse();
    Ok(executions)
}

async fn execution(fixture: &Fixture, arn: &str) -> TestResult<Execution> {
    let described = fixture.describe(arn).await?;
    let json = |text: Option<&str>| text.and_then(|text| serde_json::from_str(text).ok());
    let history = fixture.history_of(arn).await?;
    let redrivable = match described.redrive_status() {
        Some(ExecutionRedriveStatus::Redrivable) => Ok(()),
        status => {
            let reason = described.redrive_status_reason().unwrap_or("without a reason");
            Err(format!("{}: {reason}", status.map_or("no redriveStatus", ExecutionRedriveStatus::as_str)))
        }
    };
    Ok(Execution {
        arn: arn.to_owned(),
        input: json(described.input()).unwrap_or_default(),
        output: json(described.output()),
        redrivable,
        ends: ends(&history),
        uploads: uploads(&history),
        status: described.status,
        error: described.error,
        cause: described.cause,
    })
}

/// How often an execution ended without success, by status.
fn ends(history: &[HistoryEvent]) -> BTreeMap<String, usize> {
    let mut ends = BTreeMap::new();
    for event in history {
        let status = match event.r#type {
            HistoryEventType::ExecutionFailed => "FAILED",
            HistoryEventType::ExecutionTimedOut => "TIMED_OUT",
            HistoryEventType::ExecutionAborted => "ABORTED",
            _ => continue,
        };
        *ends.entry(status.to_owned()).or_default() += 1;
    }
    ends
}

/// The IDs of the uploads in the outputs of functions.
fn uploads(history: &[HistoryEvent]) -> Vec<String> {
    let outputs = history.iter().filter_map(|event| event.task_succeeded_event_details()?.output());
    let ids = outputs.filter_map(|output| {
        let result: Value = serde_json::from_str(output).ok()?;
        let planned =
            ["backup", "replica"].map(|plan| result.pointer(&format!("/Payload/{plan}/copy/upload/uploadId")));
        Some(planned.into_iter().flatten().next()?.as_str()?.to_owned())
    });
    ids.collect()
}

/// Counts messages by execution and status. The message of a success has the receipt, that of a failure the status and
/// the ARN.
async fn messages(fixture: &Fixture) -> TestResult<BTreeMap<(String, String), usize>> {
    let mut counts = BTreeMap::new();
    for message in fixture.messages(0).await? {
        let text = message["Message"].as_str().unwrap_or_default();
        let json = text.split_once("\n\n{").map(|(_, json)| format!("{{{json}"));
        let json: Value = serde_json::from_str(&json.ok_or_else(|| format!("no JSON in the message {text:?}"))?)?;
        let field = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let arn = field("/executionArn").or_else(|| field("/execution/arn"));
        let arn = arn.ok_or_else(|| format!("no execution in the message {text:?}"))?;
        *counts.entry((arn, field("/status").unwrap_or_else(|| "SUCCEEDED".to_owned()))).or_default() += 1;
    }
    Ok(counts)
}

fn undelivered(fixture: &Fixture) -> TestResult<BTreeMap<(String, String), usize>> {
    let mut counts = BTreeMap::new();
    for kept in fixture.sandbox.events().undelivered()? {
        let detail = |field: &str| kept.body.pointer(&format!("/detail/{field}"))?.as_str().map(str::to_owned);
        if let (Some(arn), Some(status)) = (detail("executionArn"), detail("status")) {
            *counts.entry((arn, status)).or_default() += 1;
        }
    }
    Ok(counts)
}
