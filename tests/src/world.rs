//! A sandbox with the whole product deployed in it, and the questions that tests ask of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{
        BucketLocationConstraint, ChecksumAlgorithm, CreateBucketConfiguration, EventBridgeConfiguration,
        NotificationConfiguration,
    },
};
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use holdfast_core::receipt::Receipt;
use holdfast_sandbox::sandbox::{Functions, Options, Outputs, Sandbox};
use serde_json::{Value, json};

use crate::{
    TestResult,
    in_process::{InProcess, Store},
};

/// How long a test waits for what should take milliseconds before it says what is missing.
const PATIENCE: Duration = Duration::from_mins(2);

/// How a world is made. The default: functions in process, with a replica, small parts of the configuration as in the
/// template.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Functions as processes from this folder instead of in process.
    pub binaries: Option<PathBuf>,
    /// Another template than the product's own.
    pub template: Option<PathBuf>,
    /// Whether there is a replica bucket.
    pub replica: bool,
    /// Where the data is kept; none for a folder that is removed at the end.
    pub data: Option<PathBuf>,
    /// Other parameters of the template.
    pub parameters: BTreeMap<String, String>,
    /// Values that replace those of the functions' environment.
    pub environment: BTreeMap<String, String>,
    /// What the store of the backups tells, for functions in process.
    pub store: Store,
    /// What waits and back-offs are multiplied with.
    pub time_scale: f64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            binaries: None,
            template: None,
            replica: true,
            data: None,
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
            store: Store::default(),
            time_scale: 0.01,
        }
    }
}

impl Setup {
    /// Without a replica.
    #[must_use]
    pub fn without_replica(mut self) -> Self {
        self.replica = false;
        self
    }

    /// With a parameter of the template set.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: &str) -> Self {
        self.parameters.insert(parameter.to_owned(), value.to_owned());
        self
    }

    /// With another value of a variable of the functions' environment.
    #[must_use]
    pub fn configured(mut self, variable: &str, value: &str) -> Self {
        self.environment.insert(variable.to_owned(), value.to_owned());
        self
    }

    /// With everything kept in this folder.
    #[must_use]
    pub fn kept_in(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }
}

/// A running sandbox and clients for it.
#[derive(Debug)]
pub struct World {
    /// The sandbox itself.
    pub sandbox: Sandbox,
    /// S3 in the stack's region.
    pub s3: aws_sdk_s3::Client,
    /// S3 in the replica's region.
    pub replica_s3: aws_sdk_s3::Client,
    /// Step Functions.
    pub states: aws_sdk_sfn::Client,
    /// Names of everything.
    pub outputs: Outputs,
}

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl World {
    /// Starts a sandbox.
    pub async fn start(setup: Setup) -> TestResult<Self> {
        let in_process = Arc::new(InProcess::new().await.on(setup.store));
        let functions = match setup.binaries {
            Some(folder) => Functions::Binaries { folder },
            None => Functions::InProcess(in_process.clone()),
        };
        let template = setup.template.unwrap_or_else(|| workspace().join("template.yaml"));
        let mut options = Options::new(template, functions);
        options.time_scale = setup.time_scale;
        options.data = setup.data;
        options.parameters = setup.parameters;
        options.environment = setup.environment;
        if setup.replica {
            options.parameters.insert("ReplicaBucketName".to_owned(), "holdfast-test-replica".to_owned());
            options.parameters.insert("ReplicaRegion".to_owned(), "eu-central-1".to_owned());
        }
        let sandbox = Sandbox::start(options).await?;
        let outputs = sandbox.outputs().clone();
        let config = |region: &str| {
            in_process.config(&outputs.endpoint_url, region, &outputs.access_key_id, &outputs.secret_access_key)
        };
        let home = config(&outputs.region);
        Ok(Self {
            s3: aws_sdk_s3::Client::new(&home),
            replica_s3: aws_sdk_s3::Client::new(&config("eu-central-1")),
            states: aws_sdk_sfn::Client::new(&home),
            outputs,
            sandbox,
        })
    }

    /// Makes the source bucket anew, as one that never kept versions. Only for a bucket that the stack takes as given
    /// (`ExistingSourceBucketName`): it stays so when the sandbox is started again.
    pub async fn make_source_unversioned(&self) -> TestResult {
        let bucket = &self.outputs.source_bucket;
        self.s3.delete_bucket().bucket(bucket).send().await?;
        let region = BucketLocationConstraint::from(self.outputs.region.as_str());
        let here = CreateBucketConfiguration::builder().location_constraint(region).build();
        self.s3.create_bucket().bucket(bucket).create_bucket_configuration(here).send().await?;
        let events = EventBridgeConfiguration::builder().build();
        let events = NotificationConfiguration::builder().event_bridge_configuration(events).build();
        let request = self.s3.put_bucket_notification_configuration().bucket(bucket);
        request.notification_configuration(events).send().await?;
        Ok(())
    }

    /// Uploads an object to the source bucket at once, with the checksum that S3 itself would compute; an SDK's own
    /// default is CRC32.
    pub async fn upload(&self, key: &str, bytes: impl Into<Vec<u8>>) -> TestResult {
        let request = self.s3.put_object().bucket(&self.outputs.source_bucket).key(key);
        let body = ByteStream::from(bytes.into());
        request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).body(body).send().await?;
        Ok(())
    }

    /// Uploads an object to the source bucket in parts of this size.
    pub async fn upload_in_parts(&self, key: &str, bytes: &[u8], part_size: usize) -> TestResult {
        use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

        let bucket = &self.outputs.source_bucket;
        let upload = self.s3.create_multipart_upload().bucket(bucket).key(key).send().await?;
        let mut parts = CompletedMultipartUpload::builder();
        for (part, number) in bytes.chunks(part_size).zip(1..) {
            let request = self.s3.upload_part().bucket(bucket).key(key).set_upload_id(upload.upload_id.clone());
            let stored = request.part_number(number).body(ByteStream::from(part.to_vec())).send().await?;
            parts = parts.parts(CompletedPart::builder().part_number(number).set_e_tag(stored.e_tag).build());
        }
        let request = self.s3.complete_multipart_upload().bucket(bucket).key(key).set_upload_id(upload.upload_id);
        request.multipart_upload(parts.build()).send().await?;
        Ok(())
    }

    /// The bytes of an object in the backup bucket.
    pub async fn backup(&self, key: &str) -> TestResult<Vec<u8>> {
        read(&self.s3, &self.outputs.backup_bucket, key).await
    }

    /// The bytes of an object in the replica bucket.
    pub async fn replica(&self, key: &str) -> TestResult<Vec<u8>> {
        read(&self.replica_s3, &self.outputs.replica_bucket, key).await
    }

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

    /// The event of the current version of a source object, as S3 would send it, with a sequencer that is older than any.
    pub async fn late_event_for(&self, key: &str) -> TestResult<Value> {
        let bucket = &self.outputs.source_bucket;
        let source = self.s3.head_object().bucket(bucket).key(key).send().await?;
        Ok(json!({
            "version": "0", "id": "late", "detail-type": "Object Created", "source": "aws.s3",
            "account": "000000000000", "time": "2026-11-22T10:00:00Z", "region": self.outputs.region,
            "resources": [format!("arn:aws:s3:::{bucket}")],
            "detail": {
                "version": "0", "bucket": {"name": bucket}, "request-id": "late", "requester": "000000000000",
                "source-ip-address": "127.0.0.1", "reason": "PutObject",
                "object": {
                    "key": key, "size": source.content_length(), "sequencer": "00",
                    "etag": source.e_tag().map(|tag| tag.trim_matches('"')), "version-id": source.version_id(),
                },
            },
        }))
    }

    /// Starts an execution with an event, as EventBridge does.
    pub async fn begin(&self, event: &Value) -> TestResult {
        let request = self.states.start_execution().state_machine_arn(&self.outputs.state_machine_arn);
        request.input(event.to_string()).send().await?;
        Ok(())
    }

    /// Switches every rule of the event bus on or off.
    pub async fn set_rules(&self, rules: Rules) -> TestResult {
        let operation = match rules {
            Rules::Enabled => "EnableRule",
            Rules::Disabled => "DisableRule",
        };
        let listed = self.sandbox.events().handle("ListRules", json!({})).await?;
        for rule in listed["Rules"].as_array().into_iter().flatten() {
            self.sandbox.events().handle(operation, json!({"Name": rule["Name"]})).await?;
        }
        Ok(())
    }

    /// Every receipt, in the order of its key.
    pub async fn receipts(&self) -> TestResult<Vec<Receipt>> {
        let request =
            self.s3.list_objects_v2().bucket(&self.outputs.receipt_bucket).prefix(&self.outputs.receipt_prefix);
        let mut receipts = Vec::new();
        for object in request.send().await?.contents() {
            let key = object.key().unwrap_or_default();
            receipts.push(serde_json::from_slice(&read(&self.s3, &self.outputs.receipt_bucket, key).await?)?);
        }
        Ok(receipts)
    }

    /// Waits for this many messages in the outbox, and answers them, oldest first.
    pub async fn messages(&self, count: usize) -> TestResult<Vec<Value>> {
        let read = || -> TestResult<Vec<Value>> {
            let Ok(entries) = fs::read_dir(&self.outputs.outbox_dir) else { return Ok(Vec::new()) };
            let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
            files.sort();
            files.into_iter().map(|file| Ok(serde_json::from_slice(&fs::read(file)?)?)).collect()
        };
        let start = tokio::time::Instant::now();
        loop {
            let messages = read()?;
            if messages.len() >= count {
                return Ok(messages);
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("{count} messages were to come; there are {}", messages.len()).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Whether events reach their targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// They do.
    Enabled,
    /// They are dropped.
    Disabled,
}

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

async fn read(s3: &aws_sdk_s3::Client, bucket: &str, key: &str) -> TestResult<Vec<u8>> {
    let object = s3.get_object().bucket(bucket).key(key).send().await?;
    Ok(object.body.collect().await?.to_vec())
}
