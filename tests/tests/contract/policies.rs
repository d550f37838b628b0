//! Every action of every policy of the template, and why it is there. A policy that gains or loses one fails here first.
//!
//! That no action of a function or of the state machine can be missed is seen in `tests/tests/e2e/policies`, except where
//! the sandbox has no service: for logs and keys, and for the bucket and queue policies, which are of other services.

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use crate::machine::text;

/// A statement: the resource that its policy belongs to, its `Sid`, and each action with what needs it.
type Statement = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const VALIDATE: [Statement; 8] = [
    (
        "ValidateFunction",
        "LookAtTheSource",
        &[
            ("s3:GetObject", "HEAD of a source without versions"),
            ("s3:GetObjectVersion", "HEAD of the version that the event names"),
            ("s3:GetObjectTagging", "tags of a source without versions"),
            ("s3:GetObjectVersionTagging", "tags of the version"),
        ],
    ),
    (
        "ValidateFunction",
        "SeeWhatIsNewestInTheSource",
        &[("s3:ListBucketVersions", "the newest version of a key that was deleted since")],
    ),
    (
        "ValidateFunction",
        "LookAtTheBackupAndOpenUploads",
        &[
            ("s3:GetObject", "HEAD of what stands at the key"),
            ("s3:GetObjectVersion", "HEAD of versions beneath a newer one"),
            ("s3:PutObject", "CreateMultipartUpload"),
            ("s3:PutObjectTagging", "CreateMultipartUpload with tags"),
            ("s3:AbortMultipartUpload", "an upload that a new plan gives up"),
        ],
    ),
    ("ValidateFunction", "LookBeneathNewerBackups", &[("s3:ListBucketVersions", "versions beneath a newer one")]),
    ("ValidateFunction", "ReadReceipts", &[("s3:GetObject", "the receipt of an upload whose copy stands")]),
    ("ValidateFunction", "KnowWhatIsGone", &[("s3:ListBucket", "404 instead of 403 for what is not there")]),
    ("ValidateFunction", "UseTheSourceKey", &[("kms:Decrypt", "HEAD of an object under that key")]),
    (
        "ValidateFunction",
        "UseTheBackupKey",
        &[
            ("kms:Decrypt", "CreateMultipartUpload and HEAD under that key"),
            ("kms:GenerateDataKey", "CreateMultipartUpload under that key"),
        ],
    ),
];

const COPY_PART: [Statement; 8] = [
    (
        "CopyPartFunction",
        "ReadTheSource",
        &[
            ("s3:GetObject", "copies of a source without versions"),
            ("s3:GetObjectVersion", "copies of a version of the source"),
        ],
    ),
    (
        "CopyPartFunction",
        "WriteTheBackupAndReadItForTheReplica",
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
    ("CopyPartFunction", "KnowWhatIsGone", &[("s3:ListBucket", "404 instead of 403 for what is not there")]),
    (
        "CopyPartFunction",
        "WriteTheReplica",
        &[
            ("s3:GetObject", "HEAD of what stands at the key, to tell an upload that is gone"),
            ("s3:PutObject", "UploadPartCopy"),
            ("s3:ListMultipartUploadParts", "which parts are there"),
        ],
    ),
    ("CopyPartFunction", "KnowWhatIsGoneInTheReplica", &[("s3:ListBucket", "404 instead of 403")]),
    ("CopyPartFunction", "UseTheSourceKey", &[("kms:Decrypt", "copies from objects under that key")]),
    (
        "CopyPartFunction",
        "UseTheBackupKey",
        &[
            ("kms:Decrypt", "parts of an upload under that key, and copies from it into the replica"),
            ("kms:GenerateDataKey", "copies to it"),
        ],
    ),
    (
        "CopyPartFunction",
        "UseTheReplicaKey",
        &[("kms:Decrypt", "parts of an upload under that key"), ("kms:GenerateDataKey", "copies to it")],
    ),
];

const COMPLETE_MULTIPART: [Statement; 6] = [
    (
        "CompleteMultipartFunction",
        "PublishTheBackup",
        &[
            ("s3:GetObject", "HEAD of what stands at the key, to tell a lost answer from another's copy"),
            ("s3:PutObject", "CompleteMultipartUpload"),
            ("s3:ListMultipartUploadParts", "the list of parts"),
            ("s3:AbortMultipartUpload", "an upload that can never become the object"),
        ],
    ),
    ("CompleteMultipartFunction", "KnowWhatIsGone", &[("s3:ListBucket", "404 instead of 403")]),
    (
        "CompleteMultipartFunction",
        "PublishTheReplica",
        &[
            ("s3:GetObject", "as of the backup"),
            ("s3:PutObject", "CompleteMultipartUpload"),
            ("s3:ListMultipartUploadParts", "the list of parts"),
            ("s3:AbortMultipartUpload", "as of the backup"),
        ],
    ),
    ("CompleteMultipartFunction", "KnowWhatIsGoneInTheReplica", &[("s3:ListBucket", "404 instead of 403")]),
    (
        "CompleteMultipartFunction",
        "UseTheBackupKey",
        &[("kms:Decrypt", "CompleteMultipartUpload under that key"), ("kms:GenerateDataKey", "the same")],
    ),
    (
        "CompleteMultipartFunction",
        "UseTheReplicaKey",
        &[("kms:Decrypt", "CompleteMultipartUpload under that key"), ("kms:GenerateDataKey", "the same")],
    ),
];

const CHECKSUM_VERIFY: [Statement; 17] = [
    (
        "ChecksumVerifyFunction",
        "ReadTheSource",
        &[
            ("s3:GetObject", "GET and HEAD of a source without versions"),
            ("s3:GetObjectVersion", "GET and HEAD of a version of the source"),
        ],
    ),
    (
        "ChecksumVerifyFunction",
        "SeeWhatIsNewestInTheSource",
        &[("s3:ListBucketVersions", "the newest version of a key that was deleted since")],
    ),
    (
        "ChecksumVerifyFunction",
        "ReadTheBackupAndMendItsTags",
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
        "RemoveACopyThatIsNotItsSource",
        &[("s3:DeleteObjectVersion", "a copy that is not its source, or that covers a newer one")],
    ),
    (
        "ChecksumVerifyFunction",
        "NeverRemoveAReceipt",
        &[("s3:DeleteObjectVersion", "denied, although the statement before allows it in all of the backup bucket")],
    ),
    (
        "ChecksumVerifyFunction",
        "KeepACopyBeforeItIsTakenBack",
        &[("s3:PutObject", "the copy among the late ones, before it is taken back")],
    ),
    (
        "ChecksumVerifyFunction",
        "WriteDownThatACopyIsBad",
        &[("s3:PutObject", "what is left of a bad version when it is removed")],
    ),
    ("ChecksumVerifyFunction", "WriteDownThatAReplicaIsBad", &[("s3:PutObject", "as of the backup")]),
    (
        "ChecksumVerifyFunction",
        "SeeThatTheNewestIsOnTop",
        &[("s3:ListBucketVersions", "whether a newer one is covered")],
    ),
    ("ChecksumVerifyFunction", "KnowWhatIsGone", &[("s3:ListBucket", "404 instead of 403")]),
    (
        "ChecksumVerifyFunction",
        "ReadTheReplicaAndMendItsTags",
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
        "RemoveAReplicaThatIsNotItsBackup",
        &[("s3:DeleteObjectVersion", "a copy that is not its source")],
    ),
    ("ChecksumVerifyFunction", "SeeThatTheNewestReplicaIsOnTop", &[("s3:ListBucketVersions", "as of the backup")]),
    ("ChecksumVerifyFunction", "KnowWhatIsGoneInTheReplica", &[("s3:ListBucket", "404 instead of 403")]),
    ("ChecksumVerifyFunction", "UseTheSourceKey", &[("kms:Decrypt", "GET of objects under that key")]),
    ("ChecksumVerifyFunction", "UseTheBackupKey", &[("kms:Decrypt", "GET of objects under that key")]),
    ("ChecksumVerifyFunction", "UseTheReplicaKey", &[("kms:Decrypt", "GET of objects under that key")]),
];

const CROSS_REGION_REPLICATE: [Statement; 8] = [
    (
        "CrossRegionReplicateFunction",
        "ReadTheBackup",
        &[
            ("s3:GetObject", "copies of a backup without versions"),
            ("s3:GetObjectVersion", "HEAD and copies of a version of the backup"),
        ],
    ),
    (
        "CrossRegionReplicateFunction",
        "ReadReceipts",
        &[("s3:GetObject", "the receipt of an upload whose replica has no room for a stamp")],
    ),
    ("CrossRegionReplicateFunction", "KnowWhatIsGone", &[("s3:ListBucket", "404 instead of 403")]),
    (
        "CrossRegionReplicateFunction",
        "WriteTheReplica",
        &[
            ("s3:GetObject", "HEAD of what stands at the key"),
            ("s3:GetObjectVersion", "HEAD of versions beneath a newer one"),
            ("s3:PutObject", "CopyObject and CreateMultipartUpload"),
            ("s3:PutObjectTagging", "the same with tags"),
            ("s3:AbortMultipartUpload", "an upload that a new plan gives up"),
        ],
    ),
    (
        "CrossRegionReplicateFunction",
        "LookBeneathNewerReplicas",
        &[("s3:ListBucketVersions", "versions beneath a newer one")],
    ),
    ("CrossRegionReplicateFunction", "KnowWhatIsGoneInTheReplica", &[("s3:ListBucket", "404 instead of 403")]),
    ("CrossRegionReplicateFunction", "UseTheBackupKey", &[("kms:Decrypt", "copies from objects under that key")]),
    (
        "CrossRegionReplicateFunction",
        "UseTheReplicaKey",
        &[
            ("kms:Decrypt", "CreateMultipartUpload under that key"),
            ("kms:GenerateDataKey", "copies to objects under that key"),
        ],
    ),
];

const NOTIFY: [Statement; 6] = [
    (
        "NotifyFunction",
        "WriteReceiptsAndReadThoseOfOthers",
        &[("s3:GetObject", "the receipt of another execution of the event"), ("s3:PutObject", "the receipt")],
    ),
    (
        "NotifyFunction",
        "LookWhetherBackupsStand",
        &[
            ("s3:GetObject", "HEAD of the backup that a receipt names, without versions"),
            ("s3:GetObjectVersion", "HEAD of the version that a receipt names"),
        ],
    ),
    ("NotifyFunction", "KnowWhatIsGone", &[("s3:ListBucket", "404 instead of 403 for what is not there")]),
    ("NotifyFunction", "TellPeople", &[("sns:Publish", "the message")]),
    (
        "NotifyFunction",
        "ReadExecutions",
        &[
            ("states:DescribeExecution", "whether the execution of a receipt tells people, or has told them"),
            ("states:GetExecutionHistory", "the state in which an execution failed"),
        ],
    ),
    (
        "NotifyFunction",
        "UseTheBackupKey",
        &[("kms:Decrypt", "GET of receipts under that key"), ("kms:GenerateDataKey", "PUT of receipts under that key")],
    ),
];

const OTHERS: [Statement; 5] = [
    ("SourceBucketPolicy", "OnlyOverTls", &[("s3:*", "refuses whatever comes without TLS")]),
    ("BackupBucketPolicy", "OnlyOverTls", &[("s3:*", "refuses whatever comes without TLS")]),
    ("UndeliveredEventsPolicy", "FromTheRules", &[("sqs:SendMessage", "events that a rule cannot deliver")]),
    ("StateMachine", "InvokeTheFunctions", &[("lambda:InvokeFunction", "every Task")]),
    (
        "StateMachine",
        "DeliverLogs",
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

/// The actions of every statement, also of one that stands in a branch of `!If`.
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
