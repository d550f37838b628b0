//! A state machine's definition as types. Only [`parse`] creates one. It validates first, so the engine never gets a
//! definition that AWS rejects.

mod distributed;
mod error_handlers;
mod expressions;
mod fields;
mod findings;
mod graph;
mod map;
mod state_types;
mod transitions;
mod validate;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub(crate) use findings::Diagnostic;
pub(crate) use map::{
    Delimiter, HeaderLocation, InputType, ItemBatcher, ItemReader, MapState, OutputType, ReaderConfig, Transformation,
    Workflow,
};
pub(crate) use validate::parse;

/// A set of states with the first one: the machine itself, a Map's item processor or a branch of a Parallel.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Graph {
    /// The name of the first state.
    pub(crate) start_at: String,
    /// The states by name.
    pub(crate) states: BTreeMap<String, State>,
    /// The timeout of the execution in seconds; only for the machine itself.
    pub(crate) timeout_seconds: Option<u64>,
}

/// One state.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct State {
    /// The type of the state.
    #[serde(flatten)]
    pub(crate) kind: Kind,
    /// The next state; `None` if the state ends its graph.
    pub(crate) next: Option<String>,
    /// The output of the state.
    #[serde(default, deserialize_with = "present")]
    pub(crate) output: Option<Value>,
    /// The variables that the state sets.
    pub(crate) assign: Option<Map<String, Value>>,
    /// The retriers.
    #[serde(default)]
    pub(crate) retry: Vec<Retrier>,
    /// The catchers, applied after the retriers.
    #[serde(default)]
    pub(crate) catch: Vec<Catcher>,
}

/// The state types with their own fields.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "Type", rename_all_fields = "PascalCase")]
pub(crate) enum Kind {
    /// Calls a service.
    Task {
        /// For example `arn:aws:states:::lambda:invoke`.
        resource: String,
        /// The input of the call; default: the state's input.
        #[serde(default, deserialize_with = "present")]
        arguments: Option<Value>,
        /// A number of seconds or an expression.
        timeout_seconds: Option<Value>,
        /// A number of seconds or an expression. The history shows it; it has no other effect. Only activities and
        /// calls that wait for a token send heartbeats (`state-task.html`), and the sandbox supports neither.
        heartbeat_seconds: Option<Value>,
    },
    /// Returns its input, or its Output.
    Pass {},
    /// Continues with the first rule whose condition is true.
    Choice {
        /// The rules in order.
        choices: Vec<Rule>,
        /// The next state if no condition is true.
        default: Option<String>,
    },
    /// Waits.
    Wait {
        /// A number of seconds or an expression.
        seconds: Option<Value>,
        /// An RFC 3339 time or an expression.
        timestamp: Option<Value>,
    },
    /// Ends its graph successfully.
    Succeed {},
    /// Fails.
    Fail {
        /// The error name or an expression.
        error: Option<String>,
        /// The cause or an expression.
        cause: Option<String>,
    },
    /// Runs branches concurrently.
    Parallel {
        branches: Vec<Graph>,
        /// The input of every branch; default: the state's input.
        #[serde(default, deserialize_with = "present")]
        arguments: Option<Value>,
    },
    /// Runs a graph for every item of a list.
    Map(Box<MapState>),
}

impl Graph {
    /// The Map state with this name, in this graph or in nested ones. Names are unique in the whole machine.
    pub(crate) fn map(&self, name: &str) -> Option<&MapState> {
        self.states.iter().find_map(|(own, state)| match &state.kind {
            Kind::Map(map) if own == name => Some(&**map),
            Kind::Map(map) => map.item_processor.graph.map(name),
            Kind::Parallel { branches, .. } => branches.iter().find_map(|branch| branch.map(name)),
            _ => None,
        })
    }

    /// Whether a Task, in this graph or in nested ones, waits for an execution that it starts.
    pub(crate) fn waits_for_executions(&self) -> bool {
        self.states.values().any(|state| match &state.kind {
            Kind::Task { resource, .. } => {
                let call = resource.strip_prefix("arn:aws:states:::states:startExecution");
                matches!(call, Some(".sync" | ".sync:2"))
            }
            Kind::Map(map) => map.item_processor.graph.waits_for_executions(),
            Kind::Parallel { branches, .. } => branches.iter().any(Self::waits_for_executions),
            _ => false,
        })
    }
}

impl Kind {
    /// The name of the type in definitions and at the start of event names.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Task { .. } => "Task",
            Self::Pass {} => "Pass",
            Self::Choice { .. } => "Choice",
            Self::Wait { .. } => "Wait",
            Self::Succeed {} => "Succeed",
            Self::Fail { .. } => "Fail",
            Self::Parallel { .. } => "Parallel",
            Self::Map(_) => "Map",
        }
    }
}

/// One rule of a Choice.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rule {
    /// An expression with a boolean result, or a boolean.
    pub(crate) condition: Value,
    /// The next state if the condition is true.
    pub(crate) next: String,
    /// The output of the state if the condition is true.
    #[serde(default, deserialize_with = "present")]
    pub(crate) output: Option<Value>,
    /// The variables to set if the condition is true.
    pub(crate) assign: Option<Map<String, Value>>,
}

/// Repeats a state after some errors.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Retrier {
    /// The error names that it matches.
    pub(crate) error_equals: Vec<String>,
    /// Seconds before the first retry.
    #[serde(default = "one")]
    pub(crate) interval_seconds: u32,
    /// The maximum number of retries; 0 means never.
    #[serde(default = "three")]
    pub(crate) max_attempts: u32,
    /// The factor of the interval after each retry.
    #[serde(default = "two")]
    pub(crate) backoff_rate: f64,
    /// The maximum interval in seconds.
    pub(crate) max_delay_seconds: Option<u32>,
    #[serde(default)]
    pub(crate) jitter_strategy: Jitter,
}

/// The random variation of a retrier's intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Jitter {
    /// The full interval.
    #[default]
    None,
    /// A random time between 0 and the full interval.
    Full,
}

/// Continues with another state after some errors.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Catcher {
    /// The error names that it matches.
    pub(crate) error_equals: Vec<String>,
    /// The next state.
    pub(crate) next: String,
    /// The output of the state; default: the error output.
    #[serde(default, deserialize_with = "present")]
    pub(crate) output: Option<Value>,
    /// The variables to set.
    pub(crate) assign: Option<Map<String, Value>>,
}

/// Keeps a null that is present: `"Output": null` differs from no Output.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

const fn one() -> u32 {
    1
}

const fn three() -> u32 {
    3
}

const fn two() -> f64 {
    2.0
}
