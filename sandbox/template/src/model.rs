//! An evaluated template: names, ARNs and substitutions are resolved.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

/// The target of the deployment, and the values of parameters.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The stack's name, which prefixes the names of its resources.
    pub stack: String,
    /// The region of the stack.
    pub region: String,
    /// The account ID, twelve digits.
    pub account: String,
    /// Values of parameters; the other parameters keep their defaults.
    pub parameters: BTreeMap<String, String>,
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// The name in the template.
    pub logical_id: String,
    /// The name in Lambda.
    pub name: String,
    /// The ARN.
    pub arn: String,
    /// The crate and binary of the function: `Binary` of the build metadata, or the last segment of `CodeUri`.
    pub crate_name: String,
    /// `Handler`, which a provided runtime receives as `_HANDLER`.
    pub handler: String,
    /// `Runtime`, for example `provided.al2023`.
    pub runtime: String,
    /// The architecture, for example `arm64`.
    pub architecture: String,
    /// The timeout of an invocation in seconds.
    pub timeout_seconds: u32,
    /// The memory in MiB.
    pub memory_mib: u32,
    /// The reserved concurrency, if the template sets it.
    pub reserved_concurrency: Option<u32>,
    /// The environment variables.
    pub environment: BTreeMap<String, String>,
    /// The logging configuration.
    pub logging: Logging,
    /// The role of the function; [`Role`] contains its policies.
    pub role_arn: String,
}

/// A function's `LoggingConfig`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// `Text` or `JSON`.
    pub format: String,
    /// `ApplicationLogLevel`, if it is given.
    pub level: Option<String>,
    /// The log group's name.
    pub group: String,
}

/// The role of a function, a state machine or a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// The name.
    pub name: String,
    /// The ARN.
    pub arn: String,
    /// The evaluated policy documents.
    pub policies: Vec<Value>,
    /// Names or ARNs of AWS's managed policies.
    pub managed_policies: Vec<String>,
}

/// A state machine.
#[derive(Debug, Clone, PartialEq)]
pub struct StateMachine {
    /// The name in the template.
    pub logical_id: String,
    /// The name in Step Functions.
    pub name: String,
    /// The ARN.
    pub arn: String,
    /// The role of the state machine.
    pub role_arn: String,
    /// `STANDARD` or `EXPRESS`.
    pub kind: String,
    /// The definition after substitutions.
    pub definition: String,
    /// The file of the definition; `None` if it is in the template.
    pub file: Option<PathBuf>,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// The name in the template.
    pub logical_id: String,
    /// The name in S3.
    pub name: String,
    /// Whether `VersioningConfiguration.Status` is `Enabled`.
    pub is_versioned: bool,
    /// Whether the bucket sends events to `EventBridge`.
    pub sends_events: bool,
    /// Every property, evaluated.
    pub properties: Value,
}

/// A bucket policy.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketPolicy {
    /// The bucket's name.
    pub bucket: String,
    /// The policy document.
    pub document: Value,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The name.
    pub name: String,
    /// The ARN.
    pub arn: String,
}

/// A subscription to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// The topic's ARN.
    pub topic_arn: String,
    /// For example `email`.
    pub protocol: String,
    /// For example an email address.
    pub endpoint: String,
    /// `FilterPolicy`, if it is given.
    pub filter_policy: Option<Value>,
    /// `FilterPolicyScope`, if it is given.
    pub filter_policy_scope: Option<String>,
}

/// A queue. The sandbox has no SQS; queues are destinations of undelivered events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The name.
    pub name: String,
    /// The ARN.
    pub arn: String,
}

/// An `EventBridge` rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The name.
    pub name: String,
    /// The event pattern.
    pub pattern: Value,
    /// Whether `State` is not `DISABLED`.
    pub is_enabled: bool,
    /// Targets in the format of `PutTargets`.
    pub targets: Vec<Value>,
}

/// An evaluated template.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The settings of the evaluation.
    pub settings: Settings,
    /// Functions by logical ID.
    pub functions: Vec<Function>,
    /// Roles, including those that SAM creates.
    pub roles: Vec<Role>,
    /// State machines.
    pub state_machines: Vec<StateMachine>,
    /// Buckets.
    pub buckets: Vec<Bucket>,
    /// Bucket policies.
    pub bucket_policies: Vec<BucketPolicy>,
    /// Topics.
    pub topics: Vec<Topic>,
    /// Subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// Queues.
    pub queues: Vec<Queue>,
    /// Rules, including those of `Events`.
    pub rules: Vec<Rule>,
    /// The section Outputs.
    pub outputs: BTreeMap<String, String>,
    /// The value of every parameter.
    pub parameters: BTreeMap<String, String>,
}
