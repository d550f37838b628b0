//! The tables of states and retriers in `statemachine/README.md` agree with the state machine.

use crate::{
    machine::{ErrorRule, Machine, State, text},
    markdown::{format_table, table},
};

const STATES: [&str; 5] = ["state", "type", "function", "next", "catch"];
const RETRIERS: [&str; 5] = ["states", "errors", "retries", "first wait", "longest wait"];

fn readme() -> String {
    text("statemachine/README.md")
}

/// Asserts that the README has this table. The message has the expected table.
fn assert_table(columns: &[&str], expected: &[Vec<String>]) {
    let found = table(&readme(), columns);
    assert!(found == expected, "statemachine/README.md should have this table:\n\n{}", format_table(columns, expected));
}

fn code(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_state_table_agrees_with_the_state_machine() {
    let machine = Machine::read();

    let function = |state: &State| {
        let called = machine.tasks().find(|(task, _)| task.name == state.name);
        called.map(|(_, function)| function.crate_name.clone()).unwrap_or_default()
    };
    let caught =
        |rule: &ErrorRule| format!("{} → {}", code(&rule.errors), rule.definition["Next"].as_str().unwrap_or_default());
    let row = |state: &State| {
        let then = match (state.kind(), state.next()) {
            ("Succeed", _) => "end".to_owned(),
            (_, next) if next.is_empty() => "end".to_owned(),
            (_, next) => next.join(", "),
        };
        let kind = match &state.map {
            Some(map) => format!("{} in {map}", state.kind()),
            None => state.kind().to_owned(),
        };
        let caught = state.rules("Catch").iter().map(caught).collect::<Vec<_>>().join("; ");
        vec![state.name.clone(), kind, function(state), then, caught]
    };

    assert_table(&STATES, &machine.states.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_retrier_table_agrees_with_the_state_machine() {
    let machine = Machine::read();

    let mut rows: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (state, _) in machine.tasks() {
        for retrier in state.rules("Retry") {
            let number = |field: &str| retrier.definition[field].as_u64().unwrap_or_default();
            let retrier_cells = vec![
                code(&retrier.errors),
                number("MaxAttempts").to_string(),
                format!("{} s", number("IntervalSeconds")),
                format!("{} s", number("MaxDelaySeconds")),
            ];
            match rows.iter_mut().find(|(_, same)| *same == retrier_cells) {
                Some((states, _)) => states.push(state.name.clone()),
                None => rows.push((vec![state.name.clone()], retrier_cells)),
            }
        }
    }
    let rows = rows.into_iter().map(|(states, cells)| [vec![states.join(", ")], cells].concat());

    assert_table(&RETRIERS, &rows.collect::<Vec<_>>());
}

#[test]
fn the_configuration_page_names_every_parameter() {
    let page = text("docs/configuration.md");
    for name in Machine::read().stack.parameters.keys() {
        assert!(page.contains(&format!("`{name}`")), "docs/configuration.md does not mention {name}");
    }
}
