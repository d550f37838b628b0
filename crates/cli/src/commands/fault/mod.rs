//! `holdfast sandbox fault`: adds, lists and removes the fault rules of a running sandbox.

mod arguments;
mod rule;

use comfy_table::{ContentArrangement, Table, presets};
use holdfast_operate::faults::{ActiveRule, ActiveRules, AddedRule, FaultRules, RemovedRules};
use serde::Serialize;
use serde_json::Value;

use self::arguments::FaultCommand;
pub(crate) use self::arguments::{FaultArguments, SandboxArguments, SandboxCommand};
use super::{CommandError, print_line};
use crate::{Outcome, output::OutputFormat, render::text};

/// Runs the command.
pub(crate) async fn run(arguments: FaultArguments) -> Result<Outcome, CommandError> {
    let FaultArguments { endpoint, output, command } = arguments;
    let rules = FaultRules::at(&endpoint)?;
    match command {
        FaultCommand::Add(add) => print(&rules.add(&add.rule()).await?, output, added)?,
        FaultCommand::List => print(&rules.list().await?, output, listed)?,
        FaultCommand::Remove { id } => print(&rules.remove(&id).await?, output, removed)?,
        FaultCommand::Clear => print(&rules.clear().await?, output, removed)?,
    }
    Ok(Outcome::Success)
}

fn print<T: Serialize>(response: &T, output: OutputFormat, text: fn(&T) -> String) -> Result<(), CommandError> {
    print_line(&match output {
        OutputFormat::Text => text(response),
        OutputFormat::Json => serde_json::to_string(response)?,
    })
}

fn added(AddedRule { id }: &AddedRule) -> String {
    format!("{id} is in force; `holdfast sandbox fault remove {id}` removes it.")
}

fn removed(rules: &RemovedRules) -> String {
    match rules.removed {
        0 => "No rule was in force.".to_owned(),
        count => format!("{} removed.", text::count(count, "rule")),
    }
}

fn listed(rules: &ActiveRules) -> String {
    if rules.faults.is_empty() {
        return "No rule is in force.".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["Rule", "Calls", "Fires for", "Effect", "Fired"]);
    for ActiveRule { id, target, when, effect, matched, fired } in &rules.faults {
        table.add_row([
            id.clone(),
            words(target, "every call"),
            words(when, "every match"),
            words(effect, ""),
            format!("{fired} of {matched}"),
        ]);
    }
    table.to_string()
}

/// The fields of a part of a rule as `name value`, or `default` if the part has none.
fn words(part: &Value, default: &str) -> String {
    let mut words = Vec::new();
    collect(part, &mut words);
    if words.is_empty() { default.to_owned() } else { words.join(" ") }
}

fn collect(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            // The default of both fields is 0.
            let is_default = |name: &str, value: &Value| matches!(name, "skip" | "seed") && value.as_u64() == Some(0);
            for (name, value) in fields.iter().filter(|(name, value)| !is_default(name, value)) {
                words.push(name.clone());
                collect(value, words);
            }
        }
        Value::String(text) => words.push(text::key(text)),
        other => words.push(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_shows_the_calls_of_a_rule_and_how_often_it_fired() -> Result<(), serde_json::Error> {
        let rules = serde_json::from_value(json!({"faults": [
            {
                "id": "fault-1", "match": {"service": "s3", "operation": "PutObject", "part": 7},
                "when": {"skip": 0, "times": 2, "seed": 0}, "effect": {"kill": "after"}, "matched": 5, "fired": 2
            },
            {
                "id": "fault-2", "match": {}, "when": {"skip": 0, "seed": 0},
                "effect": {"error": {"code": "SlowDown"}}, "matched": 0, "fired": 0
            },
        ]}))?;
        let table = listed(&rules);
        for expected in [
            "service s3",
            "operation PutObject",
            "part 7",
            "times 2",
            "kill after",
            "2 of 5",
            "every call",
            "every match",
            "code SlowDown",
        ] {
            let cells = table.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(cells.contains(expected), "{expected} is not in\n{table}");
        }
        Ok(())
    }
}
