//! `statemachine/backup.asl.json` for tests: each state with its retriers and catchers, and the errors that its function
//! raises.

#![allow(clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, path::PathBuf};

use holdfast_core::ErrorName;
use holdfast_lambda::Function as _;
use sandbox::{
    ports::ACCOUNT,
    template::{Function, Settings, Stack},
};
use serde_json::Value;

use crate::fixture::workspace;

/// The bucket in the sample events.
pub const SOURCE_BUCKET: &str = "holdfast-source";

/// The state machine and the stack that it is deployed with.
#[derive(Debug)]
pub struct Machine {
    /// The stack of the template.
    pub stack: Stack,
    /// The definition.
    pub definition: Value,
    /// All states, those of iterations included, in the order of the file.
    pub states: Vec<State>,
}

/// A state of the machine or of a Map's iteration.
#[derive(Debug, Clone)]
pub struct State {
    /// The name.
    pub name: String,
    /// The definition.
    pub definition: Value,
    /// The Map that the state is an iteration's state of.
    pub map: Option<String>,
}

/// A retrier or a catcher.
#[derive(Debug, Clone)]
pub struct ErrorRule {
    /// The names of the errors.
    pub errors: Vec<String>,
    /// The definition.
    pub definition: Value,
}

/// The path of a file of the repository.
pub fn repository(path: &str) -> PathBuf {
    workspace().join(path)
}

/// The text of a file of the repository.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The template with a source bucket and a replica.
pub fn stack() -> Stack {
    let parameters = [
        ("ExistingSourceBucketName", SOURCE_BUCKET),
        ("ReplicaBucketName", "holdfast-replica"),
        ("ReplicaRegion", "eu-central-1"),
    ];
    let settings = Settings {
        stack: "holdfast".to_owned(),
        region: "eu-west-1".to_owned(),
        account: ACCOUNT.to_owned(),
        parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    Stack::read(&repository("template.yaml"), &settings).unwrap_or_else(|error| panic!("{error}"))
}

/// Errors that a function raises in other states but cannot raise in this one, each with the reason. The state neither
/// retries nor catches them.
pub const CANNOT_ARISE: [(&str, ErrorName, &str); 5] = [
    ("CopyObject", ErrorName::UploadGone, "a single copy has no upload"),
    ("CopySlice", ErrorName::DestinationChanged, "a part is not published, so it has no precondition"),
    ("CopyReplicaSlice", ErrorName::DestinationChanged, "as in CopySlice"),
    ("DigestSlice", ErrorName::DestinationChanged, "a digest reads only the source"),
    ("DigestReplicaSlice", ErrorName::DestinationChanged, "as in DigestSlice"),
];

/// The errors that the function of a crate can raise.
pub fn raised_by(function: &str) -> &'static [ErrorName] {
    match function {
        "validate" => validate::Validate::RAISES,
        "copy-part" => copy_part::CopyPart::RAISES,
        "complete-multipart" => complete_multipart::CompleteMultipart::RAISES,
        "checksum-verify" => checksum_verify::ChecksumVerify::RAISES,
        "cross-region-replicate" => cross_region_replicate::CrossRegionReplicate::RAISES,
        "notify" => notify::Notify::RAISES,
        other => panic!("there is no function {other}"),
    }
}

impl Machine {
    /// Reads the machine as the template deploys it.
    pub fn read() -> Self {
        let stack = stack();
        let [machine] = stack.state_machines.as_slice() else { panic!("the template has one state machine") };
        let definition: Value = serde_json::from_str(&machine.definition).unwrap_or_else(|error| panic!("{error}"));
        let mut states = Vec::new();
        collect(&definition, None, &mut states);
        // In the order of the file.
        states.sort_by_key(|state| machine.definition.find(&format!("\"{}\": {{", state.name)));
        Self { stack, definition, states }
    }

    /// A state by name.
    pub fn state(&self, name: &str) -> &State {
        self.states.iter().find(|state| state.name == name).unwrap_or_else(|| panic!("there is no state {name}"))
    }

    /// All Tasks, each with the function that it invokes.
    pub fn tasks(&self) -> impl Iterator<Item = (&State, &Function)> {
        self.states.iter().filter(|state| state.kind() == "Task").map(|state| {
            let arn = state.definition["Arguments"]["FunctionName"].as_str().unwrap_or_default();
            let function = self.stack.functions.iter().find(|function| function.arn == arn);
            (state, function.unwrap_or_else(|| panic!("{} invokes {arn:?}, which is not a function", state.name)))
        })
    }

    /// The catchers for the errors of a state: its own, and those of its Map.
    pub fn catchers(&self, state: &State) -> Vec<ErrorRule> {
        let around = state.map.as_deref().map(|map| self.state(map).rules("Catch")).unwrap_or_default();
        state.rules("Catch").into_iter().chain(around).collect()
    }
}

impl State {
    /// `Task`, `Choice` and so on.
    pub fn kind(&self) -> &str {
        self.definition["Type"].as_str().unwrap_or_default()
    }

    /// The retriers (`Retry`) or the catchers (`Catch`).
    pub fn rules(&self, field: &str) -> Vec<ErrorRule> {
        let rules = self.definition[field].as_array().cloned().unwrap_or_default();
        rules
            .into_iter()
            .map(|definition| ErrorRule { errors: texts(&definition["ErrorEquals"]), definition })
            .collect()
    }

    /// The maximum number of retries, all retriers together.
    pub fn attempts(&self) -> u64 {
        self.retries().iter().map(|(_, times)| times).sum()
    }

    /// For each retrier, its first error and its maximum number of retries.
    pub fn retries(&self) -> Vec<(String, u64)> {
        let rules = self.rules("Retry").into_iter();
        rules
            .map(|rule| {
                (rule.errors.first().cloned().unwrap_or_default(), rule.definition["MaxAttempts"].as_u64().unwrap_or(3))
            })
            .collect()
    }

    /// The states that can follow, without those of catchers, in the order of the definition.
    pub fn next(&self) -> Vec<String> {
        let choices = self.definition["Choices"].as_array().into_iter().flatten().map(|choice| &choice["Next"]);
        let all = choices.chain([&self.definition["Default"], &self.definition["Next"]]);
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

impl ErrorRule {
    /// The time that a retrier waits for all its retries together, on average. Full jitter halves each wait on average.
    pub fn average_wait_seconds(&self) -> f64 {
        let field =
            |name: &str| self.definition[name].as_f64().unwrap_or_else(|| panic!("{:?} has no {name}", self.errors));
        let first = field("IntervalSeconds");
        let waits = std::iter::successors(Some(first), |wait| Some(wait * field("BackoffRate")));
        let retries = self.definition["MaxAttempts"].as_u64().and_then(|times| usize::try_from(times).ok());
        waits.take(retries.unwrap_or_default()).map(|wait| wait.min(field("MaxDelaySeconds"))).sum::<f64>() / 2.0
    }

    /// Whether it matches the error by name.
    pub fn names(&self, error: &str) -> bool {
        self.errors.iter().any(|name| name == error)
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn collect(machine: &Value, map: Option<&str>, states: &mut Vec<State>) {
    let found: BTreeMap<&String, &Value> = machine["States"].as_object().into_iter().flatten().collect();
    for name in reachable(machine, &found) {
        let definition = found[&name];
        if definition["Type"] == "Map" {
            collect(&definition["ItemProcessor"], Some(&name), states);
        }
        states.push(State { name, definition: definition.clone(), map: map.map(str::to_owned) });
    }
}

/// The names of all states. Panics if a state is not reachable.
fn reachable(machine: &Value, found: &BTreeMap<&String, &Value>) -> Vec<String> {
    let mut names = vec![machine["StartAt"].as_str().unwrap_or_default().to_owned()];
    let mut index = 0;
    while let Some(name) = names.get(index).cloned() {
        index += 1;
        let Some(definition) = found.get(&name) else { panic!("Next names {name}, which is not a state") };
        let state = State { name, definition: (*definition).clone(), map: None };
        for next in state.next() {
            if !names.contains(&next) {
                names.push(next);
            }
        }
    }
    for name in found.keys() {
        assert!(names.contains(name), "the state {name} is not reachable");
    }
    names
}
