//! The product's template with a permission, or time, taken away.

use std::{fs, path::PathBuf};

use serde_yaml_ng::Value;
use tempfile::TempDir;

use crate::{TestResult, world::workspace};

/// The replacement of an action that was taken away: no service has it.
const NOTHING: &str = "none:Nothing";

/// The state machine, beside the template.
const MACHINE: &str = "statemachine/backup.asl.json";

/// A copy of the template, beside a copy of the state machine.
#[derive(Debug)]
pub struct Changed {
    folder: TempDir,
}

impl Changed {
    /// Without one action of the statement `sid` in the policies of a resource.
    pub fn without(resource: &str, sid: &str, action: &str) -> TestResult<Self> {
        let text = fs::read_to_string(workspace().join("template.yaml"))?;
        let mut template: Value = serde_yaml_ng::from_str(&text)?;
        let policies = &mut template["Resources"][resource]["Properties"]["Policies"];
        let removed = remove(policies, sid, action);
        if removed != 1 {
            return Err(format!("{resource} has {action} {removed} times in its statement {sid}").into());
        }
        let machine = fs::read_to_string(workspace().join(MACHINE))?;
        Self::write(&serde_yaml_ng::to_string(&template)?, &machine)
    }

    /// With a state machine whose Tasks may take no more than a second each.
    pub fn with_tasks_of_one_second() -> TestResult<Self> {
        let template = fs::read_to_string(workspace().join("template.yaml"))?;
        let mut machine: serde_json::Value = serde_json::from_slice(&fs::read(workspace().join(MACHINE))?)?;
        if hurry(&mut machine) == 0 {
            return Err("no Task has TimeoutSeconds".into());
        }
        Self::write(&template, &machine.to_string())
    }

    fn write(template: &str, machine: &str) -> TestResult<Self> {
        let changed = Self { folder: tempfile::tempdir()? };
        fs::create_dir(changed.folder.path().join("statemachine"))?;
        fs::write(changed.folder.path().join(MACHINE), machine)?;
        fs::write(changed.path(), template)?;
        Ok(changed)
    }

    /// The template's file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("template.yaml")
    }
}

/// Takes an action away wherever a statement with this `Sid` is, also as a branch of `!If`; answers how many there
/// were.
fn remove(value: &mut Value, sid: &str, action: &str) -> usize {
    match value {
        Value::Tagged(tagged) => remove(&mut tagged.value, sid, action),
        Value::Sequence(list) => list.iter_mut().map(|item| remove(item, sid, action)).sum(),
        Value::Mapping(mapping) if mapping.get("Sid").and_then(|found| found.as_str()) == Some(sid) => {
            let actions = match mapping.get_mut("Action") {
                Some(Value::Sequence(list)) => list.iter_mut().collect(),
                Some(one) => vec![one],
                None => Vec::new(),
            };
            let meant: Vec<_> = actions.into_iter().filter(|found| found.as_str() == Some(action)).collect();
            let count = meant.len();
            for found in meant {
                *found = Value::from(NOTHING);
            }
            count
        }
        Value::Mapping(mapping) => mapping.values_mut().map(|item| remove(item, sid, action)).sum(),
        _ => 0,
    }
}

/// Sets every `TimeoutSeconds` to one; answers how many there were.
fn hurry(definition: &mut serde_json::Value) -> usize {
    match definition {
        serde_json::Value::Object(members) => {
            let mut count = 0;
            if let Some(seconds) = members.get_mut("TimeoutSeconds") {
                *seconds = 1.into();
                count = 1;
            }
            count + members.values_mut().map(hurry).sum::<usize>()
        }
        serde_json::Value::Array(items) => items.iter_mut().map(hurry).sum(),
        _ => 0,
    }
}
