//! The services of the sandbox and the names of their operations, as in the API reference of each service.
//!
//! Fault rules and services use the same names: a service rejects an operation that is missing here.

use serde::{Deserialize, Serialize};

/// The delivery of an event to a target. AWS has no name for it.
pub const DELIVER: &str = "Deliver";
/// The invocation of a function.
pub const INVOKE: &str = "Invoke";

/// A service of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Service {
    /// S3.
    S3,
    /// Step Functions.
    States,
    /// SNS.
    Sns,
    /// `EventBridge`.
    Events,
    /// Lambda.
    Lambda,
    /// CloudFormation.
    #[serde(rename = "cloudformation")]
    CloudFormation,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 6] = [Self::S3, Self::States, Self::Sns, Self::Events, Self::Lambda, Self::CloudFormation];

    /// The service's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::States => "states",
            Self::Sns => "sns",
            Self::Events => "events",
            Self::Lambda => "lambda",
            Self::CloudFormation => "cloudformation",
        }
    }
}

const S3: &[&str] = &[
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateBucket",
    "CreateMultipartUpload",
    "DeleteBucket",
    "DeleteObject",
    "DeleteObjectTagging",
    "DeleteObjects",
    "GetBucketEncryption",
    "GetBucketLifecycleConfiguration",
    "GetBucketLocation",
    "GetBucketNotificationConfiguration",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetObject",
    "GetObjectAttributes",
    "GetObjectLegalHold",
    "GetObjectLockConfiguration",
    "GetObjectRetention",
    "GetObjectTagging",
    "GetPublicAccessBlock",
    "HeadBucket",
    "HeadObject",
    "ListBuckets",
    "ListMultipartUploads",
    "ListObjectVersions",
    "ListObjects",
    "ListObjectsV2",
    "ListParts",
    "PostObject",
    "PutBucketEncryption",
    "PutBucketLifecycleConfiguration",
    "PutBucketNotificationConfiguration",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutObject",
    "PutObjectLegalHold",
    "PutObjectLockConfiguration",
    "PutObjectRetention",
    "PutObjectTagging",
    "PutPublicAccessBlock",
    "RestoreObject",
    "UploadPart",
    "UploadPartCopy",
];

const STATES: &[&str] = &[
    "CreateStateMachine",
    "DeleteStateMachine",
    "DescribeExecution",
    "DescribeMapRun",
    "DescribeStateMachine",
    "DescribeStateMachineForExecution",
    "GetExecutionHistory",
    "ListExecutions",
    "ListMapRuns",
    "ListStateMachines",
    "ListTagsForResource",
    "RedriveExecution",
    "StartExecution",
    "StopExecution",
    "TagResource",
    "UntagResource",
    "UpdateMapRun",
    "UpdateStateMachine",
    "ValidateStateMachineDefinition",
];

const SNS: &[&str] = &[
    "CreateTopic",
    "DeleteTopic",
    "GetSubscriptionAttributes",
    "GetTopicAttributes",
    "ListSubscriptions",
    "ListSubscriptionsByTopic",
    "ListTopics",
    "Publish",
    "PublishBatch",
    "SetSubscriptionAttributes",
    "SetTopicAttributes",
    "Subscribe",
    "Unsubscribe",
];

const EVENTS: &[&str] = &[
    DELIVER,
    "DeleteRule",
    "DescribeEventBus",
    "DescribeRule",
    "DisableRule",
    "EnableRule",
    "ListEventBuses",
    "ListRules",
    "ListTargetsByRule",
    "PutEvents",
    "PutRule",
    "PutTargets",
    "RemoveTargets",
    "TestEventPattern",
];

const LAMBDA: &[&str] =
    &[INVOKE, "GetFunction", "GetFunctionConfiguration", "ListFunctions", "UpdateFunctionConfiguration"];

const CLOUDFORMATION: &[&str] = &["DescribeStacks"];

/// Whether a service has an operation of this name.
pub fn has(service: Service, operation: &str) -> bool {
    of(service).contains(&operation)
}

/// The operations of one service, by name.
pub fn of(service: Service) -> &'static [&'static str] {
    match service {
        Service::S3 => S3,
        Service::States => STATES,
        Service::Sns => SNS,
        Service::Events => EVENTS,
        Service::Lambda => LAMBDA,
        Service::CloudFormation => CLOUDFORMATION,
    }
}
