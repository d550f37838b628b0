//! The copy cannot be written, published or proven.

use std::borrow::Cow;

use super::{
    Entry, ErrorName, Recovery, Remedy,
    steps::{REDRIVE, refused_action, run, step},
};

pub(super) static CHANGED: Entry = Entry {
    name: ErrorName::DestinationChanged,
    recovery: Recovery::Replan,
    meaning: "The destination key, or the copy, changed after the plan was made.",
    remedy: Remedy::Replan,
    procedure: &[
        step(
            "There is nothing to do while the execution runs: two uploads of one key at the same time cause this error.",
        ),
        step(
            "If the execution failed with it in Replicate, another client writes the replica: see `Destination.Contended`.",
        ),
    ],
    redrive: "A redrive continues with a new plan.",
};

pub(super) static UPLOAD_GONE: Entry = Entry {
    name: ErrorName::UploadGone,
    recovery: Recovery::Replan,
    meaning: "The multipart upload does not exist any more, and its copy was not published.",
    remedy: Remedy::Replan,
    procedure: &[
        step("There is nothing to do for one execution: the new plan opens a new upload."),
        run(
            "If the error repeats, look for a lifecycle rule that aborts uploads early. Keep them for at least 21 days, because \
             a redrive continues an open upload.",
            "aws s3api get-bucket-lifecycle-configuration --bucket BUCKET",
        ),
    ],
    redrive: "A redrive continues with a new plan.",
};

pub(super) static DENIED: Entry = Entry {
    name: ErrorName::DestinationDenied,
    recovery: Recovery::Redrive,
    meaning: "The role of the function may not write or read the backup, the replica, the receipt or the topic.",
    remedy: Remedy::Grant {
        action: Cow::Borrowed("the action that the message names"),
        resource: Cow::Borrowed("the destination"),
    },
    procedure: refused_action!(
        [
            step("Read the message. It names the action, the resource and, if the service says it, the role."),
            step(
                "If the message names two versions that changed places, copy the newer one onto the key first: an older upload is \
                 the current backup at the moment.",
            ),
        ],
        [
            step(
                "If a KMS key encrypts the object, set `KmsKeyId` or `ReplicaKmsKeyId` to its ARN and deploy: S3 gives no reason \
                 when it refuses a HEAD request because of the key.",
            ),
            REDRIVE,
        ],
    ),
    redrive: "A redrive continues in the failed state after you grant the action.",
};

pub(super) static CONTENDED: Entry = Entry {
    name: ErrorName::DestinationContended,
    recovery: Recovery::Redrive,
    meaning: "The destination changed during five plans in a row.",
    remedy: Remedy::StopOtherClient,
    procedure: &[
        run(
            "List the versions of the key that the message names. The metadata of each one shows whether Holdfast wrote it.",
            "aws s3api list-object-versions --bucket BUCKET --prefix KEY --max-items 20",
        ),
        step(
            "Find the other client: a second stack with the same backup bucket, a sync job, or a person. The data events of \
             CloudTrail or the access logs of the bucket name it.",
        ),
        step("Stop it, or move it to another bucket."),
        REDRIVE,
    ],
    redrive: "A redrive continues in the failed state and makes up to five more plans.",
};

pub(super) static CHECKSUM_MISMATCH: Entry = Entry {
    name: ErrorName::ChecksumMismatch,
    recovery: Recovery::Redrive,
    meaning: "The bytes or the size of the copy do not match the source.",
    remedy: Remedy::CopyAgain,
    procedure: &[
        step(
            "Keep the message. It names both values, and says what happened to the copy: it was removed, never published, or \
             marked as bad because object lock or a policy protects it.",
        ),
        run(
            "If the message says that the upload could not be aborted, abort it.",
            "aws s3api abort-multipart-upload --bucket BUCKET --key KEY --upload-id UPLOAD_ID",
        ),
        REDRIVE,
        step(
            "If the error repeats, check the bucket policies, S3 Object Lambda access points and gateways between the two \
             buckets, and report it with both messages.",
        ),
        step("Delete a version that is marked as bad (tag `holdfast-proof=failed`) when nothing protects it any more."),
    ],
    redrive: "A redrive makes a new plan and copies every byte again.",
};
