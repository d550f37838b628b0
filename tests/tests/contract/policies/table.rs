//! The policy actions of the template, each with its purpose.

/// A statement: the logical ID of its resource, its `Sid`, and its actions, each with its purpose.
pub(super) type Statement = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

pub(super) const VALIDATE: [Statement; 8] = [
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
    ("ValidateFunction", "ListSourceVersions", &[("s3:ListBucketVersions", "the newest version of a deleted key")]),
    (
        "ValidateFunction",
        "ReadBackupsAndOpenUploads",
        &[
            ("s3:GetObject", "HEAD of the object at the key"),
            ("s3:GetObjectVersion", "HEAD of versions below a newer one"),
            ("s3:PutObject", "CreateMultipartUpload"),
            ("s3:PutObjectTagging", "CreateMultipartUpload with tags"),
            ("s3:AbortMultipartUpload", "an upload of a previous plan"),
        ],
    ),
    ("ValidateFunction", "ListBackupVersions", &[("s3:ListBucketVersions", "versions below a newer one")]),
    ("ValidateFunction", "ReadReceipts", &[("s3:GetObject", "the receipt of an upload whose copy exists")]),
    ("ValidateFunction", "ListBucketsForMissingKeys", &[("s3:ListBucket", "404 instead of 403 for a missing key")]),
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

pub(super) const COPY_PART: [Statement; 8] = [
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
                "UploadPartCopy of a backup without versions into the replica, and HEAD after a lost response",
            ),
            ("s3:GetObjectVersion", "UploadPartCopy of a version of the backup into the replica"),
            ("s3:PutObject", "CopyObject and UploadPartCopy"),
            ("s3:PutObjectTagging", "CopyObject with tags"),
            ("s3:ListMultipartUploadParts", "the copied parts"),
        ],
    ),
    ("CopyPartFunction", "ListBucketsForMissingKeys", &[("s3:ListBucket", "404 instead of 403 for a missing key")]),
    (
        "CopyPartFunction",
        "WriteReplicas",
        &[
            ("s3:GetObject", "HEAD of the object at the key, to find out why an upload is gone"),
            ("s3:PutObject", "UploadPartCopy"),
            ("s3:ListMultipartUploadParts", "the copied parts"),
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

pub(super) const COMPLETE_MULTIPART: [Statement; 6] = [
    (
        "CompleteMultipartFunction",
        "PublishBackups",
        &[
            (
                "s3:GetObject",
                "HEAD of the object at the key, to distinguish a lost response from the copy of another execution",
            ),
            ("s3:PutObject", "CompleteMultipartUpload"),
            ("s3:ListMultipartUploadParts", "the list of parts"),
            ("s3:AbortMultipartUpload", "an upload with a mismatch"),
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

pub(super) const CHECKSUM_VERIFY: [Statement; 17] = [
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
        &[("s3:ListBucketVersions", "the newest version of a deleted key")],
    ),
    (
        "ChecksumVerifyFunction",
        "ReadBackupsAndSetTags",
        &[
            ("s3:GetObject", "HEAD of a backup without versions"),
            ("s3:GetObjectVersion", "HEAD, and GET if the bytes are read back"),
            ("s3:GetObjectTagging", "tags of a backup without versions"),
            ("s3:GetObjectVersionTagging", "tags of the version"),
            ("s3:PutObjectTagging", "tags of a late backup"),
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
        &[(
            "s3:DeleteObjectVersion",
            "denied for receipts, although the previous statement allows it in the whole backup bucket",
        )],
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
            ("s3:GetObjectVersion", "HEAD, and GET if the bytes are read back"),
            ("s3:GetObjectTagging", "tags of a replica without versions"),
            ("s3:GetObjectVersionTagging", "tags of the version"),
            ("s3:PutObjectTagging", "tags that a copy without versioning lost"),
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

pub(super) const CROSS_REGION_REPLICATE: [Statement; 8] = [
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
        &[("s3:ListBucketVersions", "the newest version of a deleted key")],
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
            ("s3:AbortMultipartUpload", "an upload of a previous plan"),
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

pub(super) const NOTIFY: [Statement; 6] = [
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
    ("NotifyFunction", "ListBucketsForMissingKeys", &[("s3:ListBucket", "404 instead of 403 for a missing key")]),
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

pub(super) const OTHERS: [Statement; 5] = [
    ("SourceBucketPolicy", "DenyRequestsWithoutTls", &[("s3:*", "denies requests without TLS")]),
    ("BackupBucketPolicy", "DenyRequestsWithoutTls", &[("s3:*", "denies requests without TLS")]),
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
