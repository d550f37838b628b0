//! The names of the deployed stack.

use std::{collections::BTreeMap, path::PathBuf};

use sandbox::s3::{BucketSettings, Versioning};

use crate::TestResult;

/// Where the parts of the stack are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// The endpoint of every service.
    pub endpoint_url: String,
    /// The region of the stack.
    pub region: String,
    /// The region of the replica bucket; empty without a replica.
    pub replica_region: String,
    /// The ID of an access key with every permission.
    pub access_key_id: String,
    /// The secret of that access key.
    pub secret_access_key: String,
    /// The bucket of uploads.
    pub source_bucket: String,
    /// The bucket of backups.
    pub backup_bucket: String,
    /// The bucket of replicas; empty without a replica.
    pub replica_bucket: String,
    /// The bucket of receipts.
    pub receipt_bucket: String,
    /// The prefix of the receipts' keys.
    pub receipt_prefix: String,
    /// The topic of notifications.
    pub topic_arn: String,
    /// The backup state machine.
    pub state_machine_arn: String,
    /// The folder of messages to subscribers.
    pub outbox_dir: PathBuf,
}

impl Outputs {
    /// Reads the outputs of the template.
    pub fn read(given: &sandbox::Outputs) -> TestResult<Self> {
        let optional = |name: &str| given.outputs.get(name).cloned().unwrap_or_default();
        let required =
            |name: &str| given.outputs.get(name).cloned().ok_or_else(|| format!("the template has no output {name}"));
        Ok(Self {
            endpoint_url: given.endpoint_url.clone(),
            region: given.region.clone(),
            replica_region: optional("ReplicaRegion"),
            access_key_id: given.access_key_id.clone(),
            secret_access_key: given.secret_access_key.clone(),
            source_bucket: required("SourceBucketName")?,
            backup_bucket: required("BackupBucketName")?,
            replica_bucket: optional("ReplicaBucketName"),
            receipt_bucket: required("ReceiptBucketName")?,
            receipt_prefix: required("ReceiptPrefix")?,
            topic_arn: required("TopicArn")?,
            state_machine_arn: required("StateMachineArn")?,
            outbox_dir: given.outbox_dir.clone(),
        })
    }
}

/// The buckets that the parameters name, which the stack does not create.
pub(super) fn existing_buckets(parameters: &BTreeMap<String, String>, region: &str) -> Vec<BucketSettings> {
    let replica_region = parameters.get("ReplicaRegion").map_or(region, String::as_str);
    [("ExistingSourceBucketName", region), ("ReceiptBucketName", region), ("ReplicaBucketName", replica_region)]
        .into_iter()
        .filter_map(|(parameter, region)| {
            let name = parameters.get(parameter).filter(|name| !name.is_empty())?;
            Some(BucketSettings {
                name: name.clone(),
                region: region.to_owned(),
                versioning: Versioning::Enabled,
                event_bridge: parameter == "ExistingSourceBucketName",
                object_lock: None,
            })
        })
        .collect()
}
