//! The source cannot be read. In the second leg, from the state Replicate on, the source is the backup.

use std::borrow::Cow;

use super::{
    Entry, ErrorName, Recovery, Remedy,
    steps::{REDRIVE, REQUEST_BACKUP, refused_action, run, step},
};

pub(super) static GONE: Entry = Entry {
    name: ErrorName::SourceGone,
    recovery: Recovery::Replan,
    meaning: "The version that is copied does not exist any more: the source version, or in the second leg the backup version.",
    remedy: Remedy::Replan,
    procedure: &[
        step(
            "Look at the failed state. In Validate the *source* version is gone, and the message names a copy without a \
             receipt. In Replicate, CopyReplicaSlice, DigestReplicaSlice and VerifyReplica the *backup* version is gone: \
             continue with step 5.",
        ),
        run(
            "Find the other executions of the same key. Wait for those that run, and redrive those that failed: one of them \
             may know the checksum of the source and prove the copy.",
            "aws stepfunctions list-executions --state-machine-arn STATE_MACHINE_ARN --status-filter FAILED --region REGION",
        ),
        step(
            "If no such execution is left, compare the copy with another record of the source, for example a checksum of \
             your own, and keep it.",
        ),
        run(
            "Only if the copy is worthless, delete that version of it, and redrive. The execution then ends as skipped.",
            "aws s3api delete-object --bucket BUCKET --key KEY --version-id VERSION_ID",
        ),
        step(
            "The backup was deleted before it was replicated. Find out who deletes backups, in the data events of CloudTrail \
             or in the access logs of the bucket, and stop it.",
        ),
        REQUEST_BACKUP,
        step("If the source version is gone too, the replica that the message names may be the only copy: keep it."),
    ],
    redrive: "In Validate a redrive proves or skips the version. In the second leg a redrive fails again.",
};

pub(super) static DENIED: Entry = Entry {
    name: ErrorName::SourceDenied,
    recovery: Recovery::Redrive,
    meaning: "The role of the function may not read the source; in the second leg, the backup.",
    remedy: Remedy::Grant {
        action: Cow::Borrowed("the action that the message names"),
        resource: Cow::Borrowed("the source"),
    },
    procedure: refused_action!(
        [step("Read the message. It names the action, the resource and, if S3 says it, the role.")],
        [
            step(
                "If a KMS key encrypts the object, set `SourceKmsKeyId` to its ARN and deploy: S3 gives no reason when it refuses \
                 a HEAD request because of the key.",
            ),
            REDRIVE,
        ],
    ),
    redrive: "A redrive continues in the failed state after you grant the action.",
};

pub(super) static ARCHIVED: Entry = Entry {
    name: ErrorName::SourceArchived,
    recovery: Recovery::Redrive,
    meaning: "The source is in an archive class and is not restored.",
    remedy: Remedy::Restore { object: Cow::Borrowed("the object") },
    procedure: &[
        run(
            "Restore the object. Leave out `Days` for `INTELLIGENT_TIERING`, and `--version-id` for a bucket without versions.",
            "aws s3api restore-object --bucket BUCKET --key KEY --version-id VERSION_ID \\\n  \
             --restore-request '{\"Days\": 7, \"GlacierJobParameters\": {\"Tier\": \"Standard\"}}'",
        ),
        run(
            "Wait until `Restore` shows `ongoing-request=\"false\"`. This takes hours, and up to two days for `DEEP_ARCHIVE`.",
            "aws s3api head-object --bucket BUCKET --key KEY --version-id VERSION_ID --query Restore",
        ),
        REDRIVE,
    ],
    redrive: "A redrive continues in the failed state while the restored copy is readable.",
};

pub(super) static UNREADABLE: Entry = Entry {
    name: ErrorName::SourceUnreadable,
    recovery: Recovery::Redrive,
    meaning: "S3 cannot decrypt the source, or the version ID is invalid.",
    remedy: Remedy::CheckSourceKey,
    procedure: &[
        run(
            "Read the encryption of the object with a role that may read it.",
            "aws s3api head-object --bucket BUCKET --key KEY --version-id VERSION_ID",
        ),
        run(
            "If it names a KMS key (`SSEKMSKeyId`), check the state of that key.",
            "aws kms describe-key --key-id KEY_ARN --region REGION --query KeyMetadata.KeyState",
        ),
        run(
            "If the key is pending deletion, cancel that. If the key is disabled, enable it.",
            "aws kms cancel-key-deletion --key-id KEY_ARN --region REGION\n\
             aws kms enable-key --key-id KEY_ARN --region REGION",
        ),
        REDRIVE,
        step(
            "If the request fails with status 400 for you too, a customer-provided key (SSE-C) encrypts the object. It cannot be \
             backed up: ask its owner to upload it with SSE-S3 or SSE-KMS, or exclude its prefix with `ExcludePrefixes`.",
        ),
        step("If the event came from an operator and its version ID is invalid, send a corrected event."),
    ],
    redrive: "A redrive continues after you enable a KMS key. It does not help for SSE-C or for an invalid version ID.",
};

pub(super) static TOO_LARGE: Entry = Entry {
    name: ErrorName::SourceTooLarge,
    recovery: Recovery::Redrive,
    meaning: "The source is larger than the largest object that S3 stores.",
    remedy: Remedy::NotPossible,
    procedure: &[
        run(
            "Check the size of the object.",
            "aws s3api head-object --bucket BUCKET --key KEY --version-id VERSION_ID --query ContentLength",
        ),
        step(
            "Compare it with the limit in the message. If S3 stores larger objects now, report it: Holdfast has to be changed.",
        ),
    ],
    redrive: "A redrive does not help.",
};
