//! A sandbox with the whole product deployed in it, and the questions that tests ask of it.

mod executions;
mod outputs;
mod setup;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{
        BucketLocationConstraint, ChecksumAlgorithm, CreateBucketConfiguration, EventBridgeConfiguration,
        NotificationConfiguration,
    },
};
use holdfast_core::receipt::Receipt;
use sandbox::{Functions, Options, Sandbox};
use serde_json::{Value, json};

pub use self::{
    executions::{Ended, Failed},
    outputs::Outputs,
    setup::Setup,
};
use crate::{TestResult, in_process::InProcess};

/// How long a test waits for what should take milliseconds before it says what is missing.
const PATIENCE: Duration = Duration::from_mins(2);

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
        let in_process = Arc::new(InProcess::new().await.on(setup.store).reading(setup.reading));
        let functions = match setup.binaries {
            Some(folder) => Functions::Binaries { folder },
            None => Functions::InProcess(in_process.clone()),
        };
        let template = setup.template.unwrap_or_else(|| workspace().join("template.yaml"));
        let mut options = Options { stack_name: "holdfast".to_owned(), ..Options::new(template, functions) };
        options.time_scale = setup.time_scale;
        options.data = setup.data;
        options.parameters = setup.parameters;
        options.environment = setup.environment;
        if setup.replica {
            options.parameters.insert("ReplicaBucketName".to_owned(), "holdfast-test-replica".to_owned());
            options.parameters.insert("ReplicaRegion".to_owned(), "eu-central-1".to_owned());
        }
        options.existing_buckets = outputs::existing_buckets(&options.parameters, &options.region);
        let sandbox = Sandbox::start(options).await?;
        let outputs = Outputs::read(sandbox.outputs())?;
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

    /// Makes the source bucket again, as one that never kept versions. Only for a bucket that the stack takes as given
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

    /// The event of the current version of a source object, as S3 would send it, with a sequencer that is older than
    /// any.
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

async fn read(s3: &aws_sdk_s3::Client, bucket: &str, key: &str) -> TestResult<Vec<u8>> {
    let object = s3.get_object().bucket(bucket).key(key).send().await?;
    Ok(object.body.collect().await?.into_bytes().to_vec())
}
