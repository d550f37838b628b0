//! Everything that the check looks at, gathered once.

use std::collections::BTreeMap;

use aws_sdk_sfn::types::{ExecutionRedriveStatus, ExecutionStatus, HistoryEvent, HistoryEventType};
use holdfast_core::receipt::{OWN_PREFIX, Receipt};
use serde_json::Value;

use super::objects::{Bucket, Keys, list_versions, version_id};
use crate::{TestResult, world::World};

/// The present state of a world.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Where uploads come from.
    pub source: Bucket,
    /// Where backups are, without the receipts.
    pub backup: Bucket,
    /// Where replicas are, if there are any.
    pub replica: Option<Bucket>,
    /// Every receipt.
    pub receipts: Vec<FiledReceipt>,
    /// Every execution, oldest first.
    pub executions: Vec<Execution>,
    /// The JSON of every message: how many of them tell of the end of an execution, by its ARN and status.
    pub messages: BTreeMap<(String, String), usize>,
    /// How many events of ended executions could not be delivered and are kept for people, by ARN and status.
    pub undelivered: BTreeMap<(String, String), usize>,
    /// What the template says.
    pub settings: Settings,
}

/// What the configuration of the functions means for the promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Keys under these prefixes are not backed up.
    pub excluded: Vec<String>,
    /// What the keys of receipts begin with.
    pub receipt_prefix: String,
    /// The storage class of all backups, where it is configured.
    pub storage_class: Option<String>,
    /// Which outcomes are told: `all`, `failures` or `none`.
    pub notify_on: String,
}

/// A receipt where it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct FiledReceipt {
    /// Its key in the receipt bucket.
    pub key: String,
    /// What it says; a sentence where it cannot be read.
    pub receipt: Result<Receipt, String>,
    /// What its older versions say, the newest first: a receipt is replaced only when the copy that it names is gone.
    pub replaced: Vec<Result<Receipt, String>>,
}

/// An execution as Step Functions describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Its ARN.
    pub arn: String,
    /// How it ended, if it did.
    pub status: ExecutionStatus,
    /// The event that started it.
    pub input: Value,
    /// What it answered, where it succeeded.
    pub output: Option<Value>,
    /// The name of the error, where it failed.
    pub error: Option<String>,
    /// Why it failed.
    pub cause: Option<String>,
    /// Whether it can be redriven.
    pub redrivable: Result<(), String>,
    /// How often it ended, by the status: each redrive may add one.
    pub ends: BTreeMap<String, usize>,
    /// The ids of the uploads that it opened and knows of.
    pub uploads: Vec<String>,
}

impl Execution {
    /// Whether a redrive, or time, may still finish it.
    pub fn is_unfinished(&self) -> bool {
        self.status != ExecutionStatus::Succeeded
    }

    /// A field of the object in the event that started it.
    pub(super) fn object(&self, field: &str) -> Option<&str> {
        self.input.pointer("/detail/object")?.get(field)?.as_str()
    }

    /// Whether it is about this version of this key: decided by the version id, or without one by the entity tag.
    pub(super) fn is_about(&self, key: &str, id: Option<&str>, etag: &str) -> bool {
        self.object("key") == Some(key)
            && match (version_id(self.object("version-id")), id) {
                (Some(asked), Some(id)) => asked == id,
                _ => self.object("etag").is_none_or(|asked| asked == etag),
            }
    }
}

impl Facts {
    /// Looks at everything, once no event is under way any more.
    pub async fn of(world: &World) -> TestResult<Self> {
        Self::about(world, None).await
    }

    /// Looks at one key that was uploaded once, and at the execution of that upload. No other key may continue it after
    /// a slash.
    pub async fn of_upload(world: &World, key: &str, execution: &str) -> TestResult<Self> {
        Self::about(world, Some((key, execution))).await
    }

    async fn about(world: &World, only: Option<(&str, &str)>) -> TestResult<Self> {
        world.sandbox.events().drained().await;
        let outputs = &world.outputs;
        let settings = settings(world);
        let receipt_prefix = &settings.receipt_prefix;
        let keys = only.map_or(Keys::All, |(key, _)| Keys::Of(key));
        let of_backup = match keys {
            Keys::All if outputs.receipt_bucket == outputs.backup_bucket => Keys::Outside(receipt_prefix),
            keys => keys,
        };
        let replica = match outputs.replica_bucket.as_str() {
            "" => None,
            name => Some(Bucket::read(&world.replica_s3, name, keys).await?),
        };
        let of_key = only.map(|(key, _)| format!("{receipt_prefix}{}/{key}/", outputs.source_bucket));
        Ok(Self {
            source: Bucket::read(&world.s3, &outputs.source_bucket, keys).await?,
            backup: Bucket::read(&world.s3, &outputs.backup_bucket, of_backup).await?,
            replica,
            receipts: receipts(world, of_key.as_deref().unwrap_or(receipt_prefix)).await?,
            executions: match only {
                Some((_, arn)) => vec![execution(world, arn).await?],
                None => executions(world).await?,
            },
            messages: messages(world).await?,
            undelivered: undelivered(world)?,
            settings,
        })
    }

    /// The receipts that can be read.
    pub(super) fn readable(&self) -> impl Iterator<Item = &Receipt> {
        self.receipts.iter().filter_map(|filed| filed.receipt.as_ref().ok())
    }

    /// Whether the configuration leaves a key out.
    pub(super) fn is_excluded(&self, key: &str) -> bool {
        self.settings.excluded.iter().any(|prefix| key.starts_with(prefix))
    }
}

fn settings(world: &World) -> Settings {
    let functions = &world.sandbox.stack().functions;
    let variable = |name: &str| {
        let value = functions.iter().find_map(|function| function.environment.get(name)).cloned();
        value.filter(|value| !value.is_empty())
    };
    let excluded = variable("EXCLUDE_PREFIXES").unwrap_or_default();
    let excluded = excluded.split(',').map(str::trim).filter(|prefix| !prefix.is_empty());
    Settings {
        excluded: excluded.chain([OWN_PREFIX]).map(str::to_owned).collect(),
        receipt_prefix: world.outputs.receipt_prefix.clone(),
        storage_class: variable("STORAGE_CLASS"),
        notify_on: variable("NOTIFY_ON").unwrap_or_else(|| "all".to_owned()),
    }
}

async fn receipts(world: &World, prefix: &str) -> TestResult<Vec<FiledReceipt>> {
    let bucket = &world.outputs.receipt_bucket;
    let mut receipts: Vec<FiledReceipt> = Vec::new();
    for version in list_versions(&world.s3, bucket, prefix).await? {
        let key = version.key().unwrap_or_default();
        let object = world.s3.get_object().bucket(bucket).key(key).set_version_id(version.version_id.clone());
        let bytes = object.send().await?.body.collect().await?.into_bytes();
        let receipt = serde_json::from_slice(&bytes).map_err(|error| error.to_string());
        match receipts.last_mut().filter(|newer| newer.key == key) {
            Some(newer) => newer.replaced.push(receipt),
            None => receipts.push(FiledReceipt { key: key.to_owned(), receipt, replaced: Vec::new() }),
        }
    }
    Ok(receipts)
}

async fn executions(world: &World) -> TestResult<Vec<Execution>> {
    let request = world.states.list_executions().state_machine_arn(&world.outputs.state_machine_arn);
    let mut pages = request.into_paginator().send();
    let mut executions = Vec::new();
    while let Some(page) = pages.next().await {
        for listed in page?.executions {
            executions.push(execution(world, &listed.execution_arn).await?);
        }
    }
    executions.reverse();
    Ok(executions)
}

async fn execution(world: &World, arn: &str) -> TestResult<Execution> {
    let described = world.states.describe_execution().execution_arn(arn).send().await?;
    let json = |text: Option<&str>| text.and_then(|text| serde_json::from_str(text).ok());
    let history = world.history_of(arn).await?;
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

/// How often a history ends badly, by the status that the event tells.
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

/// The ids of the uploads that functions answered.
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

/// Counts messages by the execution that they tell of and how it ended. A success carries its receipt, a failure the
/// status and the ARN.
async fn messages(world: &World) -> TestResult<BTreeMap<(String, String), usize>> {
    let mut counts = BTreeMap::new();
    for message in world.messages(0).await? {
        let text = message["Message"].as_str().unwrap_or_default();
        let json = text.split_once("\n\n{").map(|(_, json)| format!("{{{json}"));
        let json: Value = serde_json::from_str(&json.ok_or_else(|| format!("no JSON in the message {text:?}"))?)?;
        let said = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let arn = said("/executionArn").or_else(|| said("/execution/arn"));
        let arn = arn.ok_or_else(|| format!("no execution in the message {text:?}"))?;
        *counts.entry((arn, said("/status").unwrap_or_else(|| "SUCCEEDED".to_owned()))).or_default() += 1;
    }
    Ok(counts)
}

fn undelivered(world: &World) -> TestResult<BTreeMap<(String, String), usize>> {
    let mut counts = BTreeMap::new();
    for kept in world.sandbox.events().undelivered()? {
        let said = |field: &str| kept.body.pointer(&format!("/detail/{field}"))?.as_str().map(str::to_owned);
        if let (Some(arn), Some(status)) = (said("executionArn"), said("status")) {
            *counts.entry((arn, status)).or_default() += 1;
        }
    }
    Ok(counts)
}
