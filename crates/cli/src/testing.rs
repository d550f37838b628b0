//! Samples for the tests of several modules.

use holdfast_operate::stack::ReadyFile;

/// The ready file of a stack with a replica.
pub(crate) fn ready_file() -> ReadyFile {
    let outputs = [
        ("SourceBucketName", "source"),
        ("BackupBucketName", "backup"),
        ("ReplicaBucketName", "replica"),
        ("ReplicaRegion", "eu-central-1"),
        ("ReceiptBucketName", "backup"),
        ("ReceiptPrefix", ".holdfast/receipts/"),
        ("TopicArn", "arn:topic"),
        ("StateMachineArn", "arn:machine"),
        ("UndeliveredEventsUrl", "https://queue"),
    ];
    ReadyFile {
        endpoint_url: "http://127.0.0.1:4510".to_owned(),
        region: "eu-west-1".to_owned(),
        access_key_id: "AKIA".to_owned(),
        secret_access_key: "secret".to_owned(),
        stack_name: "holdfast".to_owned(),
        outbox_dir: "/tmp/outbox".into(),
        outputs: outputs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    }
}
