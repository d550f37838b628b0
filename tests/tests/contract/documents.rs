//! The tables of `statemachine/README.md` say what the state machine and the code say.

use holdfast_core::{ErrorName, Recovery};

use crate::{
    errors::raised_by,
    machine::{Machine, Rule, State, text},
    markdown::{table, written},
};

const STATES: [&str; 5] = ["state", "kind", "function", "then", "caught"];
const RETRIERS: [&str; 5] = ["in", "errors", "tries again", "first wait", "longest wait"];
const ERRORS: [&str; 4] = ["error", "settled by", "raised by", "what to do"];

fn readme() -> String {
    text("statemachine/README.md")
}

/// Compares a table with what it should be, and shows it as it should be written.
fn assert_table(columns: &[&str], expected: &[Vec<String>]) {
    let found = table(&readme(), columns);
    assert!(found == expected, "statemachine/README.md should have this table:\n\n{}", written(columns, expected));
}

fn code(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_state_table_is_the_state_machine() {
    let machine = Machine::read();
    let function = |state: &State| {
        let called = machine.tasks().find(|(task, _)| task.name == state.name);
        called.map(|(_, function)| function.crate_name.clone()).unwrap_or_default()
    };
    let caught =
        |rule: &Rule| format!("{} → {}", code(&rule.errors), rule.definition["Next"].as_str().unwrap_or_default());
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
fn the_table_of_what_is_tried_again_is_the_state_machine() {
    let machine = Machine::read();
    let mut rows: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (state, _) in machine.tasks() {
        for retrier in state.rules("Retry") {
            let number = |field: &str| retrier.definition[field].as_u64().unwrap_or_default();
            let how = vec![
                code(&retrier.errors),
                format!("{} times", number("MaxAttempts")),
                format!("{} s", number("IntervalSeconds")),
                format!("{} s", number("MaxDelaySeconds")),
            ];
            match rows.iter_mut().find(|(_, same)| *same == how) {
                Some((states, _)) => states.push(state.name.clone()),
                None => rows.push((vec![state.name.clone()], how)),
            }
        }
    }
    let rows = rows.into_iter().map(|(states, how)| [vec![states.join(", ")], how].concat());
    assert_table(&RETRIERS, &rows.collect::<Vec<_>>());
}

#[test]
fn the_error_table_lists_every_error_with_its_recovery_and_the_functions_that_raise_it() {
    let machine = Machine::read();
    let mut functions: Vec<_> = machine.stack.functions.iter().map(|function| function.crate_name.as_str()).collect();
    functions.sort_by_key(|name| machine.tasks().position(|(_, function)| function.crate_name == *name));
    let found = table(&readme(), &ERRORS);
    let to_do = |name: &str| {
        let row = found.iter().find(|row| row[0] == format!("`{name}`"));
        row.map(|row| row[3].clone()).unwrap_or_default()
    };
    let row = |name: ErrorName| {
        let recovery = match name.recovery() {
            Recovery::Retry => "retry",
            Recovery::Replan => "new plan",
            Recovery::Redrive => "a person, then redrive",
        };
        let raised: Vec<_> = functions.iter().copied().filter(|function| raised_by(function).contains(&name)).collect();
        vec![format!("`{name}`"), recovery.to_owned(), raised.join(", "), to_do(name.as_str())]
    };
    let expected: Vec<_> = ErrorName::ALL.into_iter().map(row).collect();
    assert_table(&ERRORS, &expected);
    for row in found {
        assert!(!row[3].is_empty(), "{} does not say what to do", row[0]);
    }
}

#[test]
fn the_front_page_names_every_parameter_and_every_error() {
    let page = text("README.md");
    let stack = Machine::read().stack;
    let errors = ErrorName::ALL.into_iter().map(|name| name.to_string());
    for name in stack.parameters.keys().cloned().chain(errors) {
        assert!(page.contains(&format!("`{name}`")), "README.md does not mention {name}");
    }
}
