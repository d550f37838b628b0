//! The error table of `statemachine/README.md` and the procedures of `docs/operations.md` are generated from the
//! catalogue.

use std::fmt::Write as _;

use holdfast_core::{
    ErrorName, Recovery,
    failure::{ForeignError, NextStep, catalogue::Step, foreign::FOREIGN_ERRORS},
};

use crate::{
    errors::{Response, raised_by, response},
    machine::{CANNOT_ARISE, Machine},
    markdown::{assert_generated, format_table},
};

/// A function, and the states in which it raises an error.
struct RaisedBy {
    function: String,
    states: Vec<String>,
}

/// The functions that raise an error, in the order of the state machine.
fn functions(machine: &Machine, error: ErrorName) -> Vec<RaisedBy> {
    let mut functions: Vec<RaisedBy> = Vec::new();
    for (state, function) in machine.tasks() {
        let cannot_arise = CANNOT_ARISE.iter().any(|(name, other, _)| (*name, *other) == (&state.name, error));
        if cannot_arise || !raised_by(&function.crate_name).contains(&error) {
            continue;
        }
        match functions.iter_mut().find(|found| found.function == function.crate_name) {
            Some(found) => found.states.push(state.name.clone()),
            None => {
                functions.push(RaisedBy { function: function.crate_name.clone(), states: vec![state.name.clone()] });
            }
        }
    }
    functions
}

/// The recovery in the tables.
fn recovery(name: ErrorName) -> &'static str {
    match (name.recovery(), name.entry().remedy.next_step()) {
        (Recovery::Retry, _) => "retry",
        (Recovery::Replan, _) => "new plan",
        (Recovery::Redrive, NextStep::Redrive | NextStep::RedriveLater) => "redrive",
        (Recovery::Redrive, NextStep::RequestBackup | NextStep::CorrectInput) => "new event",
        (Recovery::Redrive, NextStep::None) => "none",
    }
}

/// The anchor of the heading on GitHub.
fn anchor(name: ErrorName) -> String {
    name.as_str().to_lowercase().replace('.', "")
}

/// The reactions of the state machine, by state.
fn reaction(machine: &Machine, name: ErrorName, raised: &[RaisedBy]) -> String {
    let states: Vec<_> = raised.iter().flat_map(|raised| &raised.states).map(|state| machine.state(state)).collect();
    let mut sentences = Vec::new();
    for (wanted, verb) in
        [(Response::Retries, "retries"), (Response::Replans, "makes a new plan"), (Response::Fails, "fails")]
    {
        let matching = states.iter().filter(|state| response(machine, state, name) == wanted);
        let names: Vec<_> = matching.map(|state| state.name.as_str()).collect();
        match names.len() {
            0 => {}
            count if count == states.len() => sentences.push(format!("{verb} in every state that raises it")),
            _ => sentences.push(format!("{verb} in {}", names.join(", "))),
        }
    }
    if sentences.is_empty() { "no state raises it".to_owned() } else { sentences.join("; ") }
}

fn step(text: &mut String, number: usize, Step { text: what, command }: &Step) {
    let _ = writeln!(text, "{number}. {what}");
    if let Some(command) = command {
        let _ = write!(text, "\n       {}\n\n", command.replace('\n', "\n       "));
    }
}

fn section(machine: &Machine, name: ErrorName) -> String {
    let entry = name.entry();
    let raised = functions(machine, name);
    let by = raised.iter().map(|RaisedBy { function, states }| format!("{function} ({})", states.join(", ")));
    let by: Vec<_> = by.collect();
    let mut text = format!("### `{name}`\n\n{}\n\n", entry.meaning);
    if !by.is_empty() {
        let _ = writeln!(text, "- Raised by: {}.", by.join("; "));
    }
    let _ = writeln!(text, "- The state machine: {}.", reaction(machine, name, &raised));
    let _ = writeln!(text, "- Redrive: {}\n", entry.redrive);
    for (number, one) in (1..).zip(entry.procedure) {
        step(&mut text, number, one);
    }
    text.trim_end().to_owned() + "\n"
}

#[test]
fn the_error_table_of_the_state_machine_is_generated_from_the_catalogue() {
    let machine = Machine::read();

    let row = |name: ErrorName| {
        let raised: Vec<_> = functions(&machine, name).into_iter().map(|raised| raised.function).collect();
        let link = format!("[`{name}`](../docs/operations.md#{})", anchor(name));
        vec![link, recovery(name).to_owned(), raised.join(", "), name.entry().remedy.to_string()]
    };
    let rows: Vec<_> = ErrorName::ALL.into_iter().map(row).collect();
    let table = format_table(&["error", "recovery", "raised by", "what to do"], &rows);

    assert_generated("statemachine/README.md", "errors", &table);
}

fn index() -> String {
    let row = |name: ErrorName| {
        let link = format!("[`{name}`](#{})", anchor(name));
        vec![link, name.entry().meaning.to_owned(), recovery(name).to_owned()]
    };
    format_table(&["error", "meaning", "recovery"], &ErrorName::ALL.into_iter().map(row).collect::<Vec<_>>())
}

fn foreign_errors() -> String {
    let row = |foreign: &ForeignError| {
        let name = |name: &&str| if *name == "*" { "any other".to_owned() } else { format!("`{name}`") };
        let names: Vec<_> = foreign.names.iter().map(name).collect();
        vec![names.join(", "), foreign.meaning.to_owned(), foreign.remedy.to_string()]
    };
    format_table(&["error", "meaning", "what to do"], &FOREIGN_ERRORS.iter().map(row).collect::<Vec<_>>())
}

/// One test for all sections, because it can write the file.
#[test]
fn the_runbook_is_generated_from_the_catalogue() {
    let machine = Machine::read();
    let procedures: Vec<_> = ErrorName::ALL.into_iter().map(|name| section(&machine, name)).collect();
    for (name, expected) in [("index", index()), ("foreign", foreign_errors()), ("procedures", procedures.join("\n"))] {
        assert_generated("docs/operations.md", name, &expected);
    }
}
