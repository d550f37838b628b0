//! The arguments of `holdfast sandbox fault`.

use clap::{Args, Subcommand, ValueEnum};

use crate::output::OutputFormat;

const FAULT_EXAMPLES: &str = "\
Examples:
  holdfast sandbox fault add --operation CopyObject --error SlowDown
  holdfast sandbox fault list
  holdfast sandbox fault remove fault-1
  holdfast sandbox fault clear";

const ADD_EXAMPLES: &str = "\
Examples:
  part 7 of every copy fails, until the rule is removed
    holdfast sandbox fault add --function copy-part --part 7 --error SlowDown
  S3 refuses a tenth of its calls
    holdfast sandbox fault add --service s3 --error SlowDown --probability 0.1
  the next copy succeeds, but its response is lost
    holdfast sandbox fault add --operation CopyObject --drop after --times 1
  one byte of the next copy is corrupted
    holdfast sandbox fault add --operation CopyObject --flip 0 --times 1
  the function of the state CompleteUpload exits after its work
    holdfast sandbox fault add --state CompleteUpload --kill after --times 1
  every event is delivered twice
    holdfast sandbox fault add --repeat 1";

/// `holdfast sandbox`.
#[derive(Debug, Args)]
#[command(after_help = FAULT_EXAMPLES)]
pub(crate) struct SandboxArguments {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: SandboxCommand,
}

/// The commands for a running sandbox.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Make chosen calls fail in a sandbox that `holdfast up` started
    Fault(FaultArguments),
}

/// `holdfast sandbox fault`.
#[derive(Debug, Args)]
#[command(after_help = FAULT_EXAMPLES)]
pub(crate) struct FaultArguments {
    /// Endpoint of the sandbox, as `holdfast up` prints it
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL",
        default_value = "http://127.0.0.1:4510",
        global = true,
        hide_env_values = true
    )]
    pub(crate) endpoint: String,
    /// Format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub(crate) output: OutputFormat,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: FaultCommand,
}

/// The commands for fault rules.
#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// Add a rule: the calls that it matches, when it fires, and its effect
    Add(Box<AddArguments>),
    /// Show the rules in force and how often each one fired
    List,
    /// Remove a rule
    Remove {
        /// ID of the rule, as `add` and `list` show it, for example fault-1
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Remove all rules
    Clear,
}

/// `holdfast sandbox fault add`.
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES, override_usage = "holdfast sandbox fault add [OPTIONS] <EFFECT>")]
pub(crate) struct AddArguments {
    #[command(flatten, next_help_heading = "Calls that the rule matches (default: all)")]
    pub(super) target: TargetArguments,
    #[command(flatten, next_help_heading = "Matching calls for which the rule fires (default: all)")]
    pub(super) when: WhenArguments,
    #[command(flatten, next_help_heading = "Effect (one of these)")]
    pub(super) effect: EffectArguments,
    #[command(flatten, next_help_heading = "Details of an error")]
    pub(super) details: Details,
}

#[derive(Debug, Args)]
pub(super) struct TargetArguments {
    /// Calls of this service
    #[arg(long, value_name = "NAME")]
    pub(super) service: Option<ServiceName>,
    /// Calls with this name in the service's API reference: UploadPartCopy, Publish, Invoke, …
    #[arg(long, value_name = "NAME")]
    pub(super) operation: Option<String>,
    /// Calls for this bucket; in this option and the next ones, * matches any characters
    #[arg(long, value_name = "NAME")]
    pub(super) bucket: Option<String>,
    /// Calls for this key
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// Calls for this part
    #[arg(long, value_name = "NUMBER")]
    pub(super) part: Option<u16>,
    /// Invocations of this function, and calls that it makes: copy-part, validate, …
    #[arg(long, value_name = "NAME")]
    pub(super) function: Option<String>,
    /// Calls that this state makes, and calls of the function that it invoked
    #[arg(long, value_name = "NAME")]
    pub(super) state: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct WhenArguments {
    /// Let this many calls pass first
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    pub(super) skip: u64,
    /// Fire for this many calls at most
    #[arg(long, value_name = "COUNT")]
    pub(super) times: Option<u64>,
    /// Probability that the rule fires for a call, above 0 and up to 1
    #[arg(long, value_name = "PROBABILITY")]
    pub(super) probability: Option<f64>,
    /// Seed of the random choice; the same seed chooses the same calls
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "probability", hide_default_value = true)]
    pub(super) seed: u64,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct EffectArguments {
    /// The service returns this error: SlowDown, InternalError, AccessDenied, PreconditionFailed, …
    #[arg(long, value_name = "CODE")]
    pub(super) error: Option<String>,
    /// The call starts this much later
    #[arg(long, value_name = "MILLISECONDS")]
    pub(super) latency: Option<u64>,
    /// The connection breaks before or after the call takes effect
    #[arg(long, value_name = "WHEN")]
    pub(super) drop: Option<DropTime>,
    /// This byte of the stored data is changed
    #[arg(long, value_name = "OFFSET")]
    pub(super) flip: Option<u64>,
    /// The function exits: before, during or after an invocation, or before or after a call that it makes takes effect
    #[arg(long, value_name = "WHEN")]
    pub(super) kill: Option<KillTime>,
    /// The function fails with this error before its work
    #[arg(long, value_name = "NAME")]
    pub(super) function_error: Option<String>,
    /// The function fails with this error after its work
    #[arg(long, value_name = "NAME")]
    pub(super) function_error_after: Option<String>,
    /// Events are delivered this many more times
    #[arg(long, value_name = "COPIES")]
    pub(super) repeat: Option<u32>,
    /// Events are delivered this much later
    #[arg(long, value_name = "MILLISECONDS")]
    pub(super) delay: Option<u64>,
    /// Events are delivered after this many later events
    #[arg(long, value_name = "COUNT")]
    pub(super) reorder: Option<u64>,
}

/// The effects other than an error of a service.
const OTHER_EFFECTS: [&str; 9] =
    ["latency", "drop", "flip", "kill", "function_error", "function_error_after", "repeat", "delay", "reorder"];
/// The effects without a message.
const WITHOUT_MESSAGE: [&str; 7] = ["latency", "drop", "flip", "kill", "repeat", "delay", "reorder"];

#[derive(Debug, Args)]
pub(super) struct Details {
    /// HTTP status, if the code does not determine it
    #[arg(long, value_name = "STATUS", requires = "error", conflicts_with_all = OTHER_EFFECTS)]
    pub(super) status: Option<u16>,
    /// Message of the error
    #[arg(long, value_name = "TEXT", conflicts_with_all = WITHOUT_MESSAGE)]
    pub(super) message: Option<String>,
    /// Return status 200 with the error in the body, as CopyObject, UploadPartCopy and CompleteMultipartUpload may
    #[arg(long, requires = "error", conflicts_with_all = OTHER_EFFECTS)]
    pub(super) inside_200: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ServiceName {
    S3,
    States,
    Sns,
    Events,
    Lambda,
    #[value(name = "cloudformation")]
    CloudFormation,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum DropTime {
    Before,
    After,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum KillTime {
    Before,
    During,
    After,
}
