//! The names of the deployed stack.

use std::collections::BTreeMap;

/// Where the parts of the stack are, and how to reach them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stack {
    /// The endpoint of every service.
    pub(crate) endpoint_url: String,
    /// The region of the stack.
    pub(crate) region: String,
    /// The ID of an access key with every permission.
    pub(crate) access_key_id: String,
    /// The secret of that access key.
    pub(crate) secret_access_key: String,
    /// The bucket of uploads.
    pub(crate) source_bucket: String,
    /// The bucket of backups.
    pub(crate) backup_bucket: String,
    /// The bucket of replicas; empty without a replica.
    pub(crate) replica_bucket: String,
    /// The region of the replica bucket; empty without a replica.
    pub(crate) replica_region: String,
    /// The bucket of receipts.
    pub(crate) receipt_bucket: String,
    /// The prefix of the receipts' keys.
    pub(crate) receipt_prefix: String,
    /// The backup state machine.
    pub(crate) state_machine_arn: String,
}

/// The template lacks an output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the section Outputs of the template has no {0}")]
pub(crate) struct MissingOutput(&'static str);

impl Stack {
    /// The stack that a sandbox deployed.
    pub(crate) fn of(sandbox: &sandbox::Outputs) -> Result<Self, MissingOutput> {
        let outputs: &BTreeMap<String, String> = &sandbox.outputs;
        let optional = |name: &str| outputs.get(name).cloned().unwrap_or_default();
        let required = |name: &'static str| outputs.get(name).cloned().ok_or(MissingOutput(name));
        Ok(Self {
            endpoint_url: sandbox.endpoint_url.clone(),
            region: sandbox.region.clone(),
            access_key_id: sandbox.access_key_id.clone(),
            secret_access_key: sandbox.secret_access_key.clone(),
            source_bucket: required("SourceBucketName")?,
            backup_bucket: required("BackupBucketName")?,
            replica_bucket: optional("ReplicaBucketName"),
            replica_region: optional("ReplicaRegion"),
            receipt_bucket: required("ReceiptBucketName")?,
            receipt_prefix: required("ReceiptPrefix")?,
            state_machine_arn: required("StateMachineArn")?,
        })
    }
}
