//! Keys, configuration and input.

use std::borrow::Cow;

use super::{
    Entry, ErrorName, Recovery, Remedy,
    steps::{REDRIVE, REQUEST_BACKUP, run, step},
};

pub(super) static KMS_DENIED: Entry = Entry {
    name: ErrorName::KmsDenied,
    recovery: Recovery::Redrive,
    meaning: "KMS refused a key: the key is disabled, or the role of the function may not use it.",
    remedy: Remedy::EnableOrGrantKey,
    procedure: &[
        run(
            "Find the key: in the message, or in the encryption of the object, the bucket or the topic that it names.",
            "aws s3api get-bucket-encryption --bucket BUCKET",
        ),
        run(
            "Check the state of the key.",
            "aws kms describe-key --key-id KEY_ARN --region REGION --query KeyMetadata.KeyState",
        ),
        run(
            "If the key is pending deletion, cancel that. If the key is disabled, enable it.",
            "aws kms cancel-key-deletion --key-id KEY_ARN --region REGION\n\
             aws kms enable-key --key-id KEY_ARN --region REGION",
        ),
        step(
            "If the key is enabled, set `SourceKmsKeyId`, `KmsKeyId` or `ReplicaKmsKeyId` to its ARN and deploy. The roles then \
             may use it.",
        ),
        run(
            "Check that the policy of the key allows the account or the role to use it.",
            "aws kms get-key-policy --key-id KEY_ARN --policy-name default --region REGION --output text",
        ),
        step(
            "If another client stored the object at the destination under a key of its own (SSE-C), delete that object.",
        ),
        REDRIVE,
    ],
    redrive: "A redrive continues in the failed state after you enable or grant the key.",
};

pub(super) static TOPIC_NOT_FOUND: Entry = Entry {
    name: ErrorName::TopicNotFound,
    recovery: Recovery::Redrive,
    meaning: "The SNS topic does not exist.",
    remedy: Remedy::CreateTopic,
    procedure: &[
        step("The backup is complete and its receipt is written. Only the message is missing."),
        run("Check that the topic is missing.", "aws sns get-topic-attributes --topic-arn TOPIC_ARN --region REGION"),
        run(
            "Create it again under the same name, and subscribe its readers again.",
            "aws sns create-topic --name TOPIC_NAME --region REGION",
        ),
        REDRIVE,
    ],
    redrive: "A redrive publishes the message and does not write a second receipt.",
};

pub(super) static INVALID: Entry = Entry {
    name: ErrorName::ConfigInvalid,
    recovery: Recovery::Redrive,
    meaning: "A configured value is missing or invalid, or names a bucket that does not exist.",
    remedy: Remedy::CreateBucket { bucket: Cow::Borrowed("that the message names") },
    procedure: &[
        step("Read the message. It names an environment variable and what its value must be, or a bucket."),
        run(
            "If it names a bucket, check whether the bucket exists, and in which region.",
            "aws s3api head-bucket --bucket BUCKET",
        ),
        run(
            "If the bucket is missing, create it with versions, give it the settings that the template has for it, and redrive. \
             Leave out the configuration in us-east-1.",
            "aws s3api create-bucket --bucket BUCKET --region REGION \\\n  \
             --create-bucket-configuration LocationConstraint=REGION\n\
             aws s3api put-bucket-versioning --bucket BUCKET --versioning-configuration Status=Enabled",
        ),
        step(
            "If a parameter of the stack is wrong, correct it and deploy. If the parameter is not a bucket or a region, redrive.",
        ),
        step(
            "If it is a bucket or a region, do not redrive: the execution keeps the buckets of its plan. Request a new backup \
             instead.",
        ),
        REQUEST_BACKUP,
        REDRIVE,
    ],
    redrive: "A redrive continues in the failed state, with the buckets of its plan.",
};

pub(super) static LOOP: Entry = Entry {
    name: ErrorName::ConfigLoop,
    recovery: Recovery::Redrive,
    meaning: "The source bucket is also a bucket that Holdfast writes to, so that each backup would start another one.",
    remedy: Remedy::SeparateBuckets { variable: Cow::Borrowed("the variable that the message names") },
    procedure: &[
        step("Read the message. It names the bucket and the variable."),
        step("Set the parameter of the stack that belongs to the variable to another bucket, and deploy."),
        REDRIVE,
    ],
    redrive: "A redrive continues in Validate, with the new configuration.",
};

pub(super) static INPUT_INVALID: Entry = Entry {
    name: ErrorName::InputInvalid,
    recovery: Recovery::Redrive,
    meaning: "The event or the payload is invalid.",
    remedy: Remedy::CorrectInput,
    procedure: &[
        step("Read the message. It starts with the path of the invalid field, for example `detail.object.key`."),
        run(
            "Read the input of the execution, and find out who sent it.",
            "aws stepfunctions describe-execution --execution-arn EXECUTION_ARN --region REGION --query input --output text",
        ),
        step(
            "If an operator or a tool sent it, send a corrected event. `events/` in the repository has an example of each kind.",
        ),
        REQUEST_BACKUP,
        step("If S3 sent it, or if the failed state is not Validate, report it with the input: this is a defect."),
    ],
    redrive: "A redrive has the same input and fails again.",
};

pub(super) static INTERNAL: Entry = Entry {
    name: ErrorName::Internal,
    recovery: Recovery::Redrive,
    meaning: "Holdfast does not expect this error: it is a defect.",
    remedy: Remedy::ReportAndRedrive,
    procedure: &[
        run(
            "Save the log of the function of the failed state.",
            "aws logs tail /aws/lambda/STACK-FUNCTION --since 2h --region REGION",
        ),
        step("Report the defect, with the message, the log and the version of Holdfast."),
        REDRIVE,
    ],
    redrive: "A redrive is safe and may succeed.",
};
