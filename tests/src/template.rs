//! The template with one permission removed, or with short timeouts.

use std::{fs, path::PathBuf};

use serde_yaml_ng::Value;
use tempfile::TempDir;

use crate::{TestResult, fixture::workspace};

/// The replacement of a removed action. No service has it.
const REMOVED_ACTION: &str = "none:Nothing";

/// The path of the state machine, relative to the template.
const MACHINE: &str = "statemachine/backup.asl.json";

/// Modified copies of the template and the state machine.
#[derive(Debug)]
pub struct ModifiedTemplate {
    folder: TempDir,
}

impl ModifiedTemplate {
    /// Removes one action of the statement `sid` from the policies of a resource.
    pub fn without(resource: &str, sid: &str, action: &str) -> TestResult<Self> {
        let text = fs::read_to_string(workspace().join("template.yaml"))?;
        let mut template: Value = serde_yaml_ng::from_str(&text)?;
        let policies = &mut template["Resources"][resource]["Properties"]["Policies"];
        let removed = remove(policies, sid, action);
        if removed != 1 {
            return Err(
                format!("the statement {sid} of {resource} has the action {action} {removed} times, not once").into()
            );
        }
        let machine = fs::read_to_string(workspace().join(MACHINE))?;
        Self::write(&serde_yaml_ng::to_string(&template)?, &machine)
    }

    /// Sets `TimeoutSeconds` of every Task to one second.
    pub fn with_tasks_of_one_second() -> TestResult<Self> {
        let template = fs::read_to_string(workspace().join("template.yaml"))?;
        let mut machine: serde_json::Value = serde_json::from_slice(&fs::read(workspace().join(MACHINE))?)?;
        if set_timeouts(&mut machine) == 0 {
            return Err("no Task has TimeoutSeconds".into());
        }
        Self::write(&template, &machine.to_string())
    }

    fn write(template: &str, machine: &str) -> TestResult<Self> {
        let modified = Self { folder: tempfile::tempdir()? };
        fs::create_dir(modified.folder.path().join("statemachine"))?;
        fs::write(modified.folder.path().join(MACHINE), machine)?;
        fs::write(modified.path(), template)?;
        Ok(modified)
    }

    /// The path of the template.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("template.yaml")
    }
}

/// Removes an action from the statements with this `Sid`, those in a branch of `!If` included. Returns the number of
/// removals.
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
            let matching: Vec<_> = actions.into_iter().filter(|found| found.as_str() == Some(action)).collect();
            let count = matching.len();
            for found in matching {
                *found = Value::from(REMOVED_ACTION);
            }
            count
        }
        Value::Mapping(mapping) => mapping.values_mut().map(|item| remove(item, sid, action)).sum(),
        _ => 0,
    }
}

/// Sets every `TimeoutSeconds` to one. Returns the number of changes.
fn set_timeouts(definition: &mut serde_json::Value) -> usize {
    match definition {
        serde_json::Value::Object(members) => {
            let mut count = 0;
            if let Some(seconds) = members.get_mut("TimeoutSeconds") {
                *seconds = 1.into();
                count = 1;
            }
            count + members.values_mut().map(set_timeouts).sum::<usize>()
        }
        serde_json::Value::Array(items) => items.iter_mut().map(set_timeouts).sum(),
        _ => 0,
    }
}
