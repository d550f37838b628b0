//! The stack in a sandbox: its ready file, and its buckets as the functions are configured.

use std::collections::BTreeMap;

use holdfast_operate::stack::{FindStackError, ReadyFile, Stack};
use sandbox::Sandbox;

/// The contents of the ready file of this sandbox.
pub(super) fn ready_file(sandbox: &Sandbox) -> ReadyFile {
    let outputs = sandbox.outputs();
    ReadyFile {
        endpoint_url: outputs.endpoint_url.clone(),
        region: outputs.region.clone(),
        access_key_id: outputs.access_key.id.clone(),
        secret_access_key: outputs.access_key.secret.clone(),
        stack_name: outputs.stack_name.clone(),
        outbox_dir: outputs.outbox_dir.clone(),
        outputs: outputs.outputs.clone(),
    }
}

/// The stack with the buckets that `--set` configured. The outputs are those of the template.
pub(super) fn configured(
    ready_file: &ReadyFile,
    environment: &BTreeMap<String, String>,
) -> Result<Stack, FindStackError> {
    let mut ready_file = ready_file.clone();
    for (variable, output) in [
        ("REPLICA_BUCKET", "ReplicaBucketName"),
        ("REPLICA_REGION", "ReplicaRegion"),
        ("RECEIPT_BUCKET", "ReceiptBucketName"),
        ("RECEIPT_PREFIX", "ReceiptPrefix"),
    ] {
        if let Some(value) = environment.get(variable) {
            ready_file.outputs.insert(output.to_owned(), value.clone());
        }
    }
    ready_file.stack()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ready_file;

    #[test]
    fn a_stack_has_the_buckets_that_the_functions_are_configured_with() -> Result<(), FindStackError> {
        let stack = configured(&ready_file(), &BTreeMap::new())?;
        assert_eq!(stack.replica.map(|replica| replica.bucket.to_string()).as_deref(), Some("replica"));

        let environment = [("REPLICA_BUCKET", ""), ("RECEIPT_PREFIX", "other/")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let stack = configured(&ready_file(), &environment)?;
        assert_eq!((stack.replica, stack.receipts.prefix.as_str()), (None, "other/"));
        Ok(())
    }
}
