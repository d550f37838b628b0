//! Every action of every policy of the template, and why it is there. A policy that gains or loses one fails here
//! first.
//!
//! That no action of a function or of the state machine can be missed is seen in `tests/tests/e2e/policies`, except
//! where the sandbox has no service: for logs and keys, and for the bucket and queue policies, which are of other
//! services.

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use crate::machine::text;

/// A statement: the resource that its policy belongs to, its `Sid`, and each action with what needs it.
type Statement = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const VALIDATE: [Statement; 8] = [
    (
        "ValidateFunction",
        "ReadSource",
        &[
            ("s3:GetObject", "HEAD of a source without versions"),
            ("s3:GetObjectVersion", "HEAD of the version that the event names"),
            ("s3:GetObjectTagging", "tags of a source without versions"),
            ("s3:GetObjectVersionTagging", "tags of the version"),
        ],
    ),
    (
        "ValidateFunction",
        "ListSourceVersions",
        &[("s3:ListBucketVersions", "the newest version of a key that was deleted since")],
    ),
    (
        "ValidateFunction",
        "ReadBackupsAndOpenUploads",
        &[
            ("s3:GetObject", "HEAD of the object at the key"),
            ("s3:GetObjectVersion", "HEAD of versions below a newer one"),
            ("s3:PutObject", "CreateMultipartUpload"),
            ("s3:PutObjectTagging", "CreateMultipartUpload with tags"),
            ("s3:AbortMultipartUpload", "an upload that a new plan gives up"),
        ],
    ),
    ("ValidateFunction", "ListBackupVersions", &[("s3:ListBucketVersions", "versions below a newer one")]),
    ("ValidateFunction", "ReadReceipts", &[("s3:GetObject", "the receipt of an upload whose copy exists")]),
    ("ValidateFunction", "ListBucketsForMissingKeys", &[("s3:ListBucket", "404 instead of 403 for what is not there")]),
    ("ValidateFunction", "UseSourceKey", &[("kms:Decrypt", "HEAD of an object under that key")]),
    (
        "ValidateFunction",
        "UseBackupKey",
        &[
            ("kms:Decrypt", "CreateMultipartUpload and HEAD under that key"),
            ("kms:GenerateDataKey", "CreateMultipartUpload under that key"),
        ],
    ),
];

const COPY_PART: [Statement; 8] = [
    (
        "CopyPartFunction",
        "ReadSource",
        &[
            ("s3:GetObject", "copies of a source without versions"),
            ("s3:GetObjectVersion", "copies of a version of the source"),
        ],
    ),
    (
        "CopyPartFunction",
        "WriteBackupsAndReadThemForReplicas",
        &[
            (
                "s3:GetObject",
                "UploadPartCopy of a backup without versions into the replica, and HEAD after a lost answer",
            ),
            ("s3:GetObjectVersion", "UploadPartCopy of a version of the backup into the replica"),
            ("s3:PutObject", "CopyObject and UploadPartCopy"),
            ("s3:PutObjectTagging", "CopyObject with tags"),
            ("s3:ListMultipartUploadParts", "which parts are there"),
        ],
    ),
    ("CopyPartFunction", "ListBucketsForMissingKeys", &[("s3:ListBucket", "404 instead of 403 for what is not there")]),
    (
        "CopyPartFunction",
        "WriteReplicas",
        &[
            ("s3:GetObject", "HEAD of the object at the key, to tell an upload that is gone"),
            ("s3:PutObject", "UploadPartCopy"),
            ("s3:ListMultipartUploadParts", "which parts are there"),
        ],
    ),
    ("CopyPartFunction", "ListReplicaForMissingKeys", &[("s3:ListBucket", "404 instead of 403")]),
    ("CopyPartFunction", "UseSourceKey", &[("kms:Decrypt", "copies from objects under that key")]),
    (
        "CopyPartFunction",
        "UseBackupKey",
        &[
            ("kms:Decrypt", "parts of an upload under that key, and copies from it into the replica"),
            ("kms:GenerateDataKey", "copies to it"),
        ],
    ),
    (
        "CopyPartFunction",
        "UseReplicaKey",
        &[("kms:Decrypt", "parts of an upload under that key"), ("kms:GenerateDataKey", "copies to it")],
    ),
];

const COMPLETE_MULTIPART: [Statement; 6] = [
    (
        "CompleteMultipartFunction",
        "PublishBackups",
        &[
            ("s3:GetObject", "HEAD of the object at the key, to tell a lost answer from another's copy"),
            ("s3:PutObject", "CompleteMultipartUpload"),
            ("s3:ListMultipartUploadParts", "the list of parts"),
            ("s3:AbortMultipartUpload", "an upload that can never become the object"),
        ],
    ),
    ("CompleteMultipartFunction", "ListBucketsForMissingKeys", &[("s3:ListBucket", "404 instead of 403")]),
    (
        "CompleteMultipartFunction",
        "PublishReplicas",
        &[
            ("s3:GetObject", "as of the backup"),
            ("s3:PutObject", "CompleteMultipartUpload"),
            ("s3:ListMultipartUploadParts", "the list of parts"),
            ("s3:AbortMultipartUpload", "as of the backup"),
        ],
    ),
    ("CompleteMultipartFunction", "ListReplicaForMissingKeys", &[("s3:ListBucket", "404 instead of 403")]),
    (
        "CompleteMultipartFunction",
        "UseBackupKey",
        &[("kms:Decrypt", "CompleteMultipartUpload under that key"), ("kms:GenerateDataKey", "the same")],
    ),
    (
        "CompleteMultipartFunction",
        "UseReplicaKey",
        &[("kms:Decrypt", "CompleteMultipartUpload under that key"), ("kms:GenerateDataKey", "the same")],
    ),
];

const CHECKSUM_VERIFY: [Statement; 17] = [
    (
        "ChecksumVerifyFunction",
        "ReadSource",
        &[
            ("s3:GetObject", "GET and HEAD of a source without versions"),
            ("s3:GetObjectVersion", "GET and HEAD of a version of the source"),
        ],
    ),
    (
        "ChecksumVerifyFunction",
        "ListSourceVersions",
        &[("s3:ListBucketVersions", "the newest version of a key that was deleted since")],
    ),
    (
        "ChecksumVerifyFunction",
        "ReadBackupsAndSetTags",
        &[
            ("s3:GetObject", "HEAD of a backup without versions"),
            ("s3:GetObjectVersion", "HEAD, and GET where the bytes are read back"),
            ("s3:GetObjectTagging", "tags of a backup without versions"),
            ("s3:GetObjectVersionTagging", "tags of the version"),
            ("s3:PutObjectTagging", "tags of a late copy, which go with it"),
            ("s3:PutObjectVersionTagging", "tags that the copy lost"),
        ],
    ),
    (
        "ChecksumVerifyFunction",
        "RemoveRejectedCopies",
        &[("s3:DeleteObjectVersion", "a copy that does not match its source, or that replaced a newer one")],
    ),
    (
        "ChecksumVerifyFunction",
        "DenyRemovalOfReceipts",
        &[("s3:DeleteObjectVersion", "denied, although the statement before allows it in all of the backup bucket")],
    ),
    ("ChecksumVerifyFunction", "WriteLateBackups", &[("s3:PutObject", "the late backup, before a copy is withdrawn")]),
    ("ChecksumVerifyFunction", "WriteRejectedCopyRecord", &[("s3:PutObject", "the record of a rejected version")]),
    ("ChecksumVerifyFunction", "WriteRejectedReplicaRecord", &[("s3:PutObject", "as of the backup")]),
    (
        "ChecksumVerifyFunction",
        "ListBackupVersions",
        &[("s3:ListBucketVersions", "whether a copy replaced a newer one")],
    ),
    ("ChecksumVerifyFunction", "ListBucketsForMissingKeys", &[("s3:ListBucket", "404 instead of 403")]),
    (
        "ChecksumVerifyFunction",
        "ReadReplicasAndSetTags",
        &[
            ("s3:GetObject", "HEAD of a replica without versions"),
            ("s3:GetObjectVersion", "HEAD, and GET where the bytes are read back"),
            ("s3:GetObjectTagging", "tags of a replica without versions"),
            ("s3:GetObjectVersionTagging", "tags of the version"),
            ("s3:PutObjectTagging", "tags that the copy of a bucket without versions lost"),
            ("s3:PutObjectVersionTagging", "tags that the copy lost"),
        ],
    ),
    (
        "ChecksumVerifyFunction",
        "RemoveRejectedReplicas",
        &[("s3:DeleteObjectVersion", "a copy that does not match its source")],
    ),
    ("ChecksumVerifyFunction", "ListReplicaVersions", &[("s3:ListBucketVersions", "as of the backup")]),
    ("ChecksumVerifyFunction", "ListReplicaForMissingKeys", &[("s3:ListBucket", "404 instead of 403")]),
    ("ChecksumVerifyFunction", "UseSourceKey", &[("kms:Decrypt", "GET of objects under that key")]),
    ("ChecksumVerifyFunction", "UseBackupKey", &[("kms:Decrypt", "GET of objects under that key")]),
    ("ChecksumVerifyFunction", "UseReplicaKey", &[("kms:Decrypt", "GET of objects under that key")]),
];

const CROSS_REGION_REPLICATE: [Statement; 8] = [
    (
        "CrossRegionReplicateFunction",
        "ReadBackups",
        &[
            ("s3:GetObject", "copies of a backup without versions"),
            ("s3:GetObjectVersion", "HEAD and copies of a version of the backup"),
        ],
    ),
    (
        "CrossRegionReplicateFunction",
        "ListBackupVersions",
        &[("s3:ListBucketVersions", "the newest version of a key that was deleted since")],
    ),
    ("CrossRegionReplicateFunction", "ListBucketsForMissingKeys", &[("s3:ListBucket", "404 instead of 403")]),
    (
        "CrossRegionReplicateFunction",
        "WriteReplicas",
        &[
            ("s3:GetObject", "HEAD of the object at the key"),
            ("s3:GetObjectVersion", "HEAD of versions below a newer one"),
            ("s3:PutObject", "CopyObject and CreateMultipartUpload"),
            ("s3:PutObjectTagging", "the same with tags"),
            ("s3:AbortMultipartUpload", "an upload that a new plan gives up"),
        ],
    ),
    ("CrossRegionReplicateFunction", "ListReplicaVersions", &[("s3:ListBucketVersions", "versions below a newer one")]),
    ("CrossRegionReplicateFunction", "ListReplicaForMissingKeys", &[("s3:ListBucket", "404 instead of 403")]),
    ("CrossRegionReplicateFunction", "UseBackupKey", &[("kms:Decrypt", "copies from objects under that key")]),
    (
        "CrossRegionReplicateFunction",
        "UseReplicaKey",
        &[
            ("kms:Decrypt", "CreateMultipartUpload under that key"),
            ("kms:GenerateDataKey", "copies to objects under that key"),
        ],
    ),
];

const NOTIFY: [Statement; 6] = [
    (
        "NotifyFunction",
        "ReadAndWriteReceipts",
        &[("s3:GetObject", "the receipt of another execution of the event"), ("s3:PutObject", "the receipt")],
    ),
    (
        "NotifyFunction",
        "ReadBackups",
        &[
            ("s3:GetObject", "HEAD of the backup that a receipt names, without versions"),
            ("s3:GetObjectVersion", "HEAD of the version that a receipt names"),
        ],
    ),
    ("NotifyFunction", "ListBucketsForMissingKeys", &[("s3:ListBucket", "404 instead of 403 for what is not there")]),
    ("NotifyFunction", "PublishMessages", &[("sns:Publish", "the message")]),
    (
        "NotifyFunction",
        "ReadExecutions",
        &[
            ("states:DescribeExecution", "whether the execution of a receipt sends a message, or sent one"),
            ("states:GetExecutionHistory", "the state in which an execution failed"),
        ],
    ),
    (
        "NotifyFunction",
        "UseBackupKey",
        &[("kms:Decrypt", "GET of receipts under that key"), ("kms:GenerateDataKey", "PUT of receipts under that key")],
    ),
];

const OTHERS: [Statement; 5] = [
    ("SourceBucketPolicy", "DenyRequestsWithoutTls", &[("s3:*", "refuses whatever comes without TLS")]),
    ("BackupBucketPolicy", "DenyRequestsWithoutTls", &[("s3:*", "refuses whatever comes without TLS")]),
    ("UndeliveredEventsPolicy", "AllowRulesToSend", &[("sqs:SendMessage", "events that a rule cannot deliver")]),
    ("StateMachine", "InvokeFunctions", &[("lambda:InvokeFunction", "every Task")]),
    (
        "StateMachine",
        "WriteLogs",
        // https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy lists all of them.
        &[
            ("logs:CreateLogDelivery", "the log of failed executions"),
            ("logs:GetLogDelivery", "the same"),
            ("logs:UpdateLogDelivery", "the same"),
            ("logs:DeleteLogDelivery", "the same"),
            ("logs:ListLogDeliveries", "the same"),
            ("logs:PutResourcePolicy", "the same"),
            ("logs:DescribeResourcePolicies", "the same"),
            ("logs:DescribeLogGroups", "the same"),
        ],
    ),
];

/// An action of a policy, by its owner and statement.
type Action = (String, String, String);

fn pinned() -> Vec<Action> {
    let all =
        [&VALIDATE[..], &COPY_PART, &COMPLETE_MULTIPART, &CHECKSUM_VERIFY, &CROSS_REGION_REPLICATE, &NOTIFY, &OTHERS];
    let mut pinned = Vec::new();
    for (owner, sid, actions) in all.into_iter().flatten() {
        for (action, why) in *actions {
            assert!(!why.is_empty(), "{owner} {sid} {action}: say why it is there");
            pinned.push(((*owner).to_owned(), (*sid).to_owned(), (*action).to_owned()));
        }
    }
    pinned
}

/// The actions of every statement, also of one in a branch of `!If`.
fn collect(owner: &str, value: &Value, found: &mut Vec<Action>) {
    match value {
        Value::Tagged(tagged) => collect(owner, &tagged.value, found),
        Value::Sequence(list) => list.iter().for_each(|item| collect(owner, item, found)),
        Value::Mapping(mapping) if mapping.contains_key("Effect") => {
            assert!(!mapping.contains_key("NotAction"), "{owner}: a statement names what it is about");
            let sid = mapping.get("Sid").and_then(Value::as_str).unwrap_or_else(|| panic!("{owner}: a Sid is missing"));
            let actions = match &mapping["Action"] {
                Value::Sequence(list) => list.iter().collect(),
                one => vec![one],
            };
            for action in actions {
                let action = action.as_str().unwrap_or_else(|| panic!("{owner} {sid}: {action:?} is no action"));
                found.push((owner.to_owned(), sid.to_owned(), action.to_owned()));
            }
        }
        Value::Mapping(mapping) => mapping.values().for_each(|item| collect(owner, item, found)),
        _ => {}
    }
}

fn of(template: &Value) -> Vec<Action> {
    let mut found = Vec::new();
    for (name, resource) in template["Resources"].as_mapping().unwrap() {
        let policies = resource["Properties"]["Policies"].as_sequence().into_iter().flatten();
        assert!(
            policies.clone().all(|policy| policy.get("Statement").is_some()),
            "{name:?} has a policy by name alone"
        );
        collect(name.as_str().unwrap(), &resource["Properties"], &mut found);
    }
    found
}

fn template() -> Value {
    serde_yaml_ng::from_str(&text("template.yaml")).unwrap()
}

#[test]
fn the_policies_have_these_actions_and_no_others() {
    let (found, pinned) = (of(&template()), pinned());
    for (which, list) in [("the template", &found), ("the table", &pinned)] {
        let distinct: BTreeSet<_> = list.iter().collect();
        assert_eq!(distinct.len(), list.len(), "{which} has an action twice in one statement");
    }
    let unknown: Vec<_> = found.iter().filter(|action| !pinned.contains(action)).collect();
    assert!(unknown.is_empty(), "nobody has said what these are for: {unknown:#?}");
    let missing: Vec<_> = pinned.iter().filter(|action| !found.contains(action)).collect();
    assert!(missing.is_empty(), "these are needed, and the template lacks them: {missing:#?}");
}

#[test]
fn policies_of_buckets_refuse_and_all_others_allow_but_that_receipts_are_never_removed() {
    let mut effects = BTreeSet::new();
    let template = template();
    for (name, resource) in template["Resources"].as_mapping().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        effects_of(&resource["Properties"], &mut |effect| {
            effects.insert((kind.to_owned(), effect.to_owned()));
            let refuses = kind == "AWS::S3::BucketPolicy";
            let denies_one = name.as_str() == Some("ChecksumVerifyFunction");
            assert!(denies_one || (effect == "Deny") == refuses, "{name:?}");
        });
    }
    let kinds: Vec<_> = effects.iter().map(|(kind, effect)| (kind.as_str(), effect.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("AWS::S3::BucketPolicy", "Deny"),
            ("AWS::SQS::QueuePolicy", "Allow"),
            ("AWS::Serverless::Function", "Allow"),
            ("AWS::Serverless::Function", "Deny"),
            ("AWS::Serverless::StateMachine", "Allow"),
        ]
    );
}

fn effects_of(value: &Value, tell: &mut impl FnMut(&str)) {
    match value {
        Value::Tagged(tagged) => effects_of(&tagged.value, tell),
        Value::Sequence(list) => list.iter().for_each(|item| effects_of(item, tell)),
        Value::Mapping(mapping) => {
            if let Some(effect) = mapping.get("Effect").and_then(Value::as_str) {
                tell(effect);
            }
            mapping.values().for_each(|item| effects_of(item, tell));
        }
        _ => {}
    }
}
