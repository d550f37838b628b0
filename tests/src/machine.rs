//! `statemachine/backup.asl.json` as tests look at it: every state by name, with what it retries and catches, and which
//! errors its function raises.

#![allow(clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, path::PathBuf};

use holdfast_core::ErrorName;
use holdfast_lambda::Function as _;
use sandbox::{
    ports::ACCOUNT,
    template::{Function, Settings, Stack},
};
use serde_json::Value;

use crate::world::workspace;

/// The bucket that the sample events name.
pub const SOURCE_BUCKET: &str = "holdfast-source";

/// The state machine and the stack that it is deployed with.
#[derive(Debug)]
pub struct Machine {
    /// The stack.
    pub stack: Stack,
    /// The whole definition.
    pub definition: Value,
    /// Every state, also those of iterations, in the order of the file.
    pub states: Vec<State>,
}

/// A state, of the machine itself or of a Map's iteration.
#[derive(Debug, Clone)]
pub struct State {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub definition: Value,
    /// The Map whose iteration the state belongs to.
    pub map: Option<String>,
}

/// A retrier or a catcher: the errors that it names, and everything else about it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The names of the errors.
    pub errors: Vec<String>,
    /// The whole rule.
    pub definition: Value,
}

/// A file of the repository.
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

/// Errors that a function raises elsewhere but that its work in a state cannot meet, and why. They are neither retried
/// nor caught there.
pub const CANNOT_ARISE: [(&str, ErrorName, &str); 5] = [
    ("CopyObject", ErrorName::UploadGone, "a single copy has no upload"),
    ("CopySlice", ErrorName::DestinationChanged, "a part is not published, so nothing is asked of the destination"),
    ("CopyReplicaSlice", ErrorName::DestinationChanged, "as in CopySlice"),
    ("DigestSlice", ErrorName::DestinationChanged, "a digest reads the source alone"),
    ("DigestReplicaSlice", ErrorName::DestinationChanged, "as in DigestSlice"),
];

/// What the function of a crate can raise.
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
        // The order of the file, which is the order that people read.
        states.sort_by_key(|state| machine.definition.find(&format!("\"{}\": {{", state.name)));
        Self { stack, definition, states }
    }

    /// A state by name.
    pub fn state(&self, name: &str) -> &State {
        self.states.iter().find(|state| state.name == name).unwrap_or_else(|| panic!("there is no state {name}"))
    }

    /// Every Task with the function that it invokes.
    pub fn tasks(&self) -> impl Iterator<Item = (&State, &Function)> {
        self.states.iter().filter(|state| state.kind() == "Task").map(|state| {
            let arn = state.definition["Arguments"]["FunctionName"].as_str().unwrap_or_default();
            let function = self.stack.functions.iter().find(|function| function.arn == arn);
            (state, function.unwrap_or_else(|| panic!("{} invokes {arn:?}, which is no function", state.name)))
        })
    }

    /// The catchers that see what a state raises: its own, and those of the Map around it.
    pub fn catchers(&self, state: &State) -> Vec<Rule> {
        let around = state.map.as_deref().map(|map| self.state(map).rules("Catch")).unwrap_or_default();
        state.rules("Catch").into_iter().chain(around).collect()
    }
}

impl State {
    /// `Task`, `Choice` and so on.
    pub fn kind(&self) -> &str {
        self.definition["Type"].as_str().unwrap_or_default()
    }

    /// The retriers (`Retry`) or catchers (`Catch`).
    pub fn rules(&self, field: &str) -> Vec<Rule> {
        let rules = self.definition[field].as_array().cloned().unwrap_or_default();
        rules.into_iter().map(|definition| Rule { errors: texts(&definition["ErrorEquals"]), definition }).collect()
    }

    /// How often the state is tried again at most, all retriers together.
    pub fn attempts(&self) -> u64 {
        self.retries().iter().map(|(_, times)| times).sum()
    }

    /// For each retrier an error that it names, and how often it tries again.
    pub fn retries(&self) -> Vec<(String, u64)> {
        let rules = self.rules("Retry").into_iter();
        rules
            .map(|rule| {
                (rule.errors.first().cloned().unwrap_or_default(), rule.definition["MaxAttempts"].as_u64().unwrap_or(3))
            })
            .collect()
    }

    /// Every state that may come next, catchers left out, in the order in which they are written.
    pub fn next(&self) -> Vec<String> {
        let choices = self.definition["Choices"].as_array().into_iter().flatten().map(|choice| &choice["Next"]);
        let all = choices.chain([&self.definition["Default"], &self.definition["Next"]]);
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

impl Rule {
    /// Whether it names the error.
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

/// The names of all states; each has to lie on some path.
fn reachable(machine: &Value, found: &BTreeMap<&String, &Value>) -> Vec<String> {
    let mut names = vec![machine["StartAt"].as_str().unwrap_or_default().to_owned()];
    let mut index = 0;
    while let Some(name) = names.get(index).cloned() {
        index += 1;
        let Some(definition) = found.get(&name) else { panic!("Next names {name}, which is no state") };
        let state = State { name, definition: (*definition).clone(), map: None };
        for next in state.next() {
            if !names.contains(&next) {
                names.push(next);
            }
        }
    }
    for name in found.keys() {
        assert!(names.contains(name), "no path leads to the state {name}");
    }
    names
}
