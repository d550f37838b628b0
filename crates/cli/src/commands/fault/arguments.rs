//! The arguments of `holdfast sandbox fault` and the rule that they describe.

use clap::{Args, Subcommand, ValueEnum};
use sandbox::faults::{Effect, ErrorAnswer, Life, Moment, Rule, Service, Target, When};

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
    target: TargetArguments,
    #[command(flatten, next_help_heading = "Matching calls for which the rule fires (default: all)")]
    when: WhenArguments,
    #[command(flatten, next_help_heading = "Effect (one of these)")]
    effect: EffectArguments,
    #[command(flatten, next_help_heading = "Details of an error")]
    details: Details,
}

#[derive(Debug, Args)]
struct TargetArguments {
    /// Calls of this service
    #[arg(long, value_name = "NAME")]
    service: Option<ServiceName>,
    /// Calls with this name in the service's API reference: UploadPartCopy, Publish, Invoke, …
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Calls for this bucket; in this option and the next ones, * matches any characters
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Calls for this key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Calls for this part
    #[arg(long, value_name = "NUMBER")]
    part: Option<u16>,
    /// Invocations of this function, and calls that it makes: copy-part, validate, …
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// Calls that this state makes, and calls of the function that it invoked
    #[arg(long, value_name = "NAME")]
    state: Option<String>,
}

#[derive(Debug, Args)]
struct WhenArguments {
    /// Let this many calls pass first
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    skip: u64,
    /// Fire for this many calls at most
    #[arg(long, value_name = "COUNT")]
    times: Option<u64>,
    /// Probability that the rule fires for a call, above 0 and up to 1
    #[arg(long, value_name = "PROBABILITY")]
    probability: Option<f64>,
    /// Seed of the random choice; the same seed chooses the same calls
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "probability", hide_default_value = true)]
    seed: u64,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct EffectArguments {
    /// The service returns this error: SlowDown, InternalError, AccessDenied, PreconditionFailed, …
    #[arg(long, value_name = "CODE")]
    error: Option<String>,
    /// The call starts this much later
    #[arg(long, value_name = "MILLISECONDS")]
    latency: Option<u64>,
    /// The connection breaks before or after the call takes effect
    #[arg(long, value_name = "WHEN")]
    drop: Option<DropTime>,
    /// This byte of the stored data is changed
    #[arg(long, value_name = "OFFSET")]
    flip: Option<u64>,
    /// The function exits: before, during or after an invocation, or before or after a call that it makes takes effect
    #[arg(long, value_name = "WHEN")]
    kill: Option<KillTime>,
    /// The function fails with this error before its work
    #[arg(long, value_name = "NAME")]
    function_error: Option<String>,
    /// The function fails with this error after its work
    #[arg(long, value_name = "NAME")]
    function_error_after: Option<String>,
    /// Events are delivered this many more times
    #[arg(long, value_name = "COPIES")]
    repeat: Option<u32>,
    /// Events are delivered this much later
    #[arg(long, value_name = "MILLISECONDS")]
    delay: Option<u64>,
    /// Events are delivered after this many later events
    #[arg(long, value_name = "COUNT")]
    reorder: Option<u64>,
}

/// The effects other than an error of a service.
const OTHER_EFFECTS: [&str; 9] =
    ["latency", "drop", "flip", "kill", "function_error", "function_error_after", "repeat", "delay", "reorder"];
/// The effects without a message.
const WITHOUT_MESSAGE: [&str; 7] = ["latency", "drop", "flip", "kill", "repeat", "delay", "reorder"];

#[derive(Debug, Args)]
struct Details {
    /// HTTP status, if the code does not determine it
    #[arg(long, value_name = "STATUS", requires = "error", conflicts_with_all = OTHER_EFFECTS)]
    status: Option<u16>,
    /// Message of the error
    #[arg(long, value_name = "TEXT", conflicts_with_all = WITHOUT_MESSAGE)]
    message: Option<String>,
    /// Return status 200 with the error in the body, as CopyObject, UploadPartCopy and CompleteMultipartUpload may
    #[arg(long, requires = "error", conflicts_with_all = OTHER_EFFECTS)]
    inside_200: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ServiceName {
    S3,
    States,
    Sns,
    Events,
    Lambda,
    #[value(name = "cloudformation")]
    CloudFormation,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum DropTime {
    Before,
    After,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KillTime {
    Before,
    During,
    After,
}

impl AddArguments {
    /// The rule that the arguments describe.
    pub(crate) fn rule(self) -> Rule {
        let WhenArguments { skip, times, probability, seed } = self.when;
        Rule {
            target: self.target.target(),
            when: When { skip, times, probability, seed },
            effect: self.effect.effect(self.details),
        }
    }
}

impl TargetArguments {
    fn target(self) -> Target {
        let Self { service, operation, bucket, key, part, function, state } = self;
        let service = service.map(|name| match name {
            ServiceName::S3 => Service::S3,
            ServiceName::States => Service::States,
            ServiceName::Sns => Service::Sns,
            ServiceName::Events => Service::Events,
            ServiceName::Lambda => Service::Lambda,
            ServiceName::CloudFormation => Service::CloudFormation,
        });
        Target { service, operation, bucket, key, part, function, state }
    }
}

impl EffectArguments {
    /// The effect. The group allows exactly one.
    fn effect(self, details: Details) -> Effect {
        let Details { status, message, inside_200 } = details;
        let function_error = |error_type: String, at: Moment| Effect::FunctionError {
            error_type,
            error_message: message.clone().unwrap_or_default(),
            at,
        };
        let kill = |when| match when {
            KillTime::Before => Life::Before,
            KillTime::During => Life::During,
            KillTime::After => Life::After,
        };
        let drop = |when| match when {
            DropTime::Before => Moment::Before,
            DropTime::After => Moment::After,
        };
        None.or_else(|| self.latency.map(|millis| Effect::Latency { millis }))
            .or_else(|| self.drop.map(|when| Effect::Drop(drop(when))))
            .or_else(|| self.flip.map(|offset| Effect::Flip { offset }))
            .or_else(|| self.kill.map(|when| Effect::Kill(kill(when))))
            .or_else(|| self.function_error.map(|name| function_error(name, Moment::Before)))
            .or_else(|| self.function_error_after.map(|name| function_error(name, Moment::After)))
            .or_else(|| self.repeat.map(|copies| Effect::Repeat { copies }))
            .or_else(|| self.delay.map(|millis| Effect::Delay { millis }))
            .or_else(|| self.reorder.map(|after| Effect::Reorder { after }))
            .unwrap_or_else(|| {
                let code = self.error.unwrap_or_default();
                Effect::Error(ErrorAnswer { status, code, message: message.clone(), inside200: inside_200 })
            })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::{Cli, Command};

    fn rule(line: &str) -> Result<Value, String> {
        let words = ["holdfast", "sandbox", "fault", "add"].into_iter().chain(line.split(' '));
        let parsed = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let Command::Sandbox(SandboxArguments { command: SandboxCommand::Fault(fault) }) = parsed.command else {
            return Err("another command".to_owned());
        };
        let FaultCommand::Add(add) = fault.command else { return Err("another command".to_owned()) };
        serde_json::to_value(add.rule()).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_converted_to_a_rule() {
        for (line, target, when, effect) in [
            (
                "--service s3 --operation UploadPartCopy --bucket b --key k --part 7 --error SlowDown --inside-200",
                json!({"service": "s3", "operation": "UploadPartCopy", "bucket": "b", "key": "k", "part": 7}),
                json!({"skip": 0, "seed": 0}),
                json!({"error": {"code": "SlowDown", "inside200": true}}),
            ),
            (
                "--error Odd --status 599 --message m --skip 1 --times 2 --probability 0.5 --seed 3",
                json!({}),
                json!({"skip": 1, "times": 2, "probability": 0.5, "seed": 3}),
                json!({"error": {"code": "Odd", "status": 599, "message": "m"}}),
            ),
            ("--latency 5", json!({}), json!({"skip": 0, "seed": 0}), json!({"latency": {"millis": 5}})),
            ("--drop after", json!({}), json!({"skip": 0, "seed": 0}), json!({"drop": "after"})),
            ("--flip 9", json!({}), json!({"skip": 0, "seed": 0}), json!({"flip": {"offset": 9}})),
            (
                "--function copy-part --state CopySlice --kill during",
                json!({"function": "copy-part", "state": "CopySlice"}),
                json!({"skip": 0, "seed": 0}),
                json!({"kill": "during"}),
            ),
            (
                "--function-error-after Internal --message m",
                json!({}),
                json!({"skip": 0, "seed": 0}),
                json!({"functionError": {"errorType": "Internal", "errorMessage": "m", "at": "after"}}),
            ),
            ("--repeat 2", json!({}), json!({"skip": 0, "seed": 0}), json!({"repeat": {"copies": 2}})),
            ("--delay 2", json!({}), json!({"skip": 0, "seed": 0}), json!({"delay": {"millis": 2}})),
            ("--reorder 2", json!({}), json!({"skip": 0, "seed": 0}), json!({"reorder": {"after": 2}})),
        ] {
            assert_eq!(rule(line), Ok(json!({"match": target, "when": when, "effect": effect})), "{line}");
        }
    }

    #[test]
    fn a_rule_has_one_effect() {
        for line in [
            "--part 7",
            "--drop after --flip 0",
            "--drop after --status 500",
            "--kill after --message m",
            "--drop sometimes --part 1",
        ] {
            assert!(rule(line).is_err(), "{line}");
        }
    }
}
