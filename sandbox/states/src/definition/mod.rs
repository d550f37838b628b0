//! A state machine's definition as types. [`parse`] is the only way in: it validates first, so that the engine never
//! meets a definition that AWS would refuse.

mod distributed;
mod expressions;
mod fields;
mod findings;
mod graph;
mod map;
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

/// A set of states and where to start: the machine itself, a Map's item processor or a branch of a Parallel.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Graph {
    /// The first state.
    pub(crate) start_at: String,
    /// The states by name.
    pub(crate) states: BTreeMap<String, State>,
    /// After how many seconds the execution times out; only the machine itself may have it.
    pub(crate) timeout_seconds: Option<u64>,
}

/// One state.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct State {
    /// What it does.
    #[serde(flatten)]
    pub(crate) kind: Kind,
    /// The state that follows; none where the state ends its graph.
    pub(crate) next: Option<String>,
    /// What it hands on.
    #[serde(default, deserialize_with = "present")]
    pub(crate) output: Option<Value>,
    /// The variables it sets.
    pub(crate) assign: Option<Map<String, Value>>,
    /// What to do when it fails, first.
    #[serde(default)]
    pub(crate) retry: Vec<Retrier>,
    /// What to do when it fails, then.
    #[serde(default)]
    pub(crate) catch: Vec<Catcher>,
}

/// The state types with the fields that only they have.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "Type", rename_all_fields = "PascalCase")]
pub(crate) enum Kind {
    /// Calls a service.
    Task {
        /// `arn:aws:states:::lambda:invoke` and its like.
        resource: String,
        /// What the service is given; the state's input where absent.
        #[serde(default, deserialize_with = "present")]
        arguments: Option<Value>,
        /// A number of seconds or an expression for one.
        timeout_seconds: Option<Value>,
        /// A number of seconds or an expression for one. It is shown in the history and has no other effect: only
        /// activities and calls that wait for a token send heartbeats (`state-task.html`), and there are none here.
        heartbeat_seconds: Option<Value>,
    },
    /// Hands on its input, or its Output.
    Pass {},
    /// Goes where the first true condition says.
    Choice {
        /// The rules in order.
        choices: Vec<Rule>,
        /// Where to go when none is true.
        default: Option<String>,
    },
    /// Waits.
    Wait {
        /// A number of seconds or an expression for one.
        seconds: Option<Value>,
        /// An RFC 3339 time or an expression for one.
        timestamp: Option<Value>,
    },
    /// Ends its graph well.
    Succeed {},
    /// Fails.
    Fail {
        /// The error's name or an expression for it.
        error: Option<String>,
        /// The cause or an expression for it.
        cause: Option<String>,
    },
    /// Runs branches side by side.
    Parallel {
        /// The branches.
        branches: Vec<Graph>,
        /// The input of every branch; the state's input where absent.
        #[serde(default, deserialize_with = "present")]
        arguments: Option<Value>,
    },
    /// Runs a graph for every item of a list.
    Map(Box<MapState>),
}

impl Graph {
    /// The Map state with this name, here or in what is below; names are unique in the whole machine.
    pub(crate) fn map(&self, name: &str) -> Option<&MapState> {
        self.states.iter().find_map(|(own, state)| match &state.kind {
            Kind::Map(map) if own == name => Some(&**map),
            Kind::Map(map) => map.item_processor.graph.map(name),
            Kind::Parallel { branches, .. } => branches.iter().find_map(|branch| branch.map(name)),
            _ => None,
        })
    }

    /// Whether a Task, here or in what is below, waits for an execution that it starts.
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
    /// The type's name, as in definitions and at the start of event names.
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
    /// An expression that answers true or false, or one of the two.
    pub(crate) condition: Value,
    /// Where to go when it is true.
    pub(crate) next: String,
    /// What the state then hands on.
    #[serde(default, deserialize_with = "present")]
    pub(crate) output: Option<Value>,
    /// The variables it then sets.
    pub(crate) assign: Option<Map<String, Value>>,
}

/// Tries a state again after some errors.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Retrier {
    /// The error names it is for.
    pub(crate) error_equals: Vec<String>,
    /// Seconds before the first retry.
    #[serde(default = "one")]
    pub(crate) interval_seconds: u32,
    /// Retries at most; 0 means never.
    #[serde(default = "three")]
    pub(crate) max_attempts: u32,
    /// What the interval is multiplied with after each retry.
    #[serde(default = "two")]
    pub(crate) backoff_rate: f64,
    /// The longest interval in seconds.
    pub(crate) max_delay_seconds: Option<u32>,
    /// Whether the interval is drawn at random below its length.
    #[serde(default)]
    pub(crate) jitter_strategy: Jitter,
}

/// How a retrier spreads its retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Jitter {
    /// The whole interval.
    #[default]
    None,
    /// Anything from nothing to the whole interval.
    Full,
}

/// Goes on elsewhere after some errors.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Catcher {
    /// The error names it is for.
    pub(crate) error_equals: Vec<String>,
    /// Where to go on.
    pub(crate) next: String,
    /// What the state then hands on; the error output where absent.
    #[serde(default, deserialize_with = "present")]
    pub(crate) output: Option<Value>,
    /// The variables it then sets.
    pub(crate) assign: Option<Map<String, Value>>,
}

/// A field that is there, even when it is null: `"Output": null` is not the same as no Output.
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
