//! What a template says, evaluated: every name, ARN and substitution in place.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

/// Where and under which name the template is deployed, and the values of its parameters.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The stack's name, which prefixes the names of its resources.
    pub stack: String,
    /// The region of the stack.
    pub region: String,
    /// The account, twelve digits.
    pub account: String,
    /// Values for parameters; the others keep their defaults.
    pub parameters: BTreeMap<String, String>,
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The crate, and so the binary, that it runs: the build metadata's `Binary`, else the last segment of `CodeUri`.
    pub crate_name: String,
    /// `Handler`, which a provided runtime hands on as `_HANDLER`.
    pub handler: String,
    /// `Runtime`, for example `provided.al2023`.
    pub runtime: String,
    /// The processor, for example `arm64`.
    pub architecture: String,
    /// Seconds that an invocation may take.
    pub timeout_seconds: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Invocations at once, where the template reserves a number.
    pub reserved_concurrency: Option<u32>,
    /// Configuration.
    pub environment: BTreeMap<String, String>,
    /// How the function is told to log.
    pub logging: Logging,
    /// The role that it calls with; its policies are in [`Role`].
    pub role_arn: String,
}

/// A function's `LoggingConfig`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// `Text` or `JSON`.
    pub format: String,
    /// `ApplicationLogLevel`, where it is given.
    pub level: Option<String>,
    /// The log group's name.
    pub group: String,
}

/// A role: who a function, a state machine or a rule is when it calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Policy documents with everything evaluated.
    pub policies: Vec<Value>,
    /// Names or ARNs of AWS's own policies.
    pub managed_policies: Vec<String>,
}

/// A state machine.
#[derive(Debug, Clone, PartialEq)]
pub struct StateMachine {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The role that it calls with.
    pub role_arn: String,
    /// `STANDARD` or `EXPRESS`.
    pub kind: String,
    /// The definition, substitutions made.
    pub definition: String,
    /// Where the definition was read from; none if it is in the template.
    pub file: Option<PathBuf>,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// `VersioningConfiguration.Status` is `Enabled`.
    pub is_versioned: bool,
    /// Sends its events to `EventBridge`.
    pub sends_events: bool,
    /// Every property, evaluated.
    pub properties: Value,
}

/// A bucket's policy.
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
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// A subscription to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// The topic's ARN.
    pub topic_arn: String,
    /// For example `email`.
    pub protocol: String,
    /// For example an address.
    pub endpoint: String,
    /// `FilterPolicy`, where there is one.
    pub filter_policy: Option<Value>,
    /// `FilterPolicyScope`, where there is one.
    pub filter_policy_scope: Option<String>,
}

/// A queue, which the sandbox knows as the name of a place for events that could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// An `EventBridge` rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The event pattern.
    pub pattern: Value,
    /// `State` is not `DISABLED`.
    pub is_enabled: bool,
    /// Targets in the shape of the call `PutTargets`.
    pub targets: Vec<Value>,
}

/// A whole template, evaluated.
#[derive(Debug, Clone)]
pub struct Stack {
    /// What it was evaluated with.
    pub settings: Settings,
    /// Functions by logical id.
    pub functions: Vec<Function>,
    /// Roles, SAM's own included.
    pub roles: Vec<Role>,
    /// State machines.
    pub state_machines: Vec<StateMachine>,
    /// Buckets.
    pub buckets: Vec<Bucket>,
    /// Policies of buckets.
    pub bucket_policies: Vec<BucketPolicy>,
    /// Topics.
    pub topics: Vec<Topic>,
    /// Subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// Queues.
    pub queues: Vec<Queue>,
    /// Rules, those of `Events` included.
    pub rules: Vec<Rule>,
    /// The section Outputs.
    pub outputs: BTreeMap<String, String>,
    /// Every parameter's value.
    pub parameters: BTreeMap<String, String>,
}
