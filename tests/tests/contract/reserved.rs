//! The errors that Step Functions itself raises, `States.…`
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>): each is tried again, or
//! cannot arise because of what the machine is made of, or is left to fail in its state. The matrix meets what
//! functions and Lambda raise; a change of the machine that lets in one of these fails here.

use crate::machine::{Machine, State};

/// What keeps an error away.
enum Held {
    /// Every Task tries again.
    Retried,
    /// Nothing in the machine can raise it: no state is like this.
    Nowhere(fn(&State) -> bool),
    /// Nothing is to be done about it without a change of the machine or of its role, so it fails where it arises, and
    /// a redrive continues from there.
    Fails,
}

fn has(state: &State, field: &str) -> bool {
    state.definition.get(field).is_some()
}

fn is_distributed(state: &State) -> bool {
    state.definition["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
}

/// Every reserved name, without the wildcards `States.ALL` and `States.TaskFailed`.
const RESERVED: [(&str, Held); 15] = [
    ("States.Timeout", Held::Retried),
    ("States.HeartbeatTimeout", Held::Nowhere(|state| has(state, "HeartbeatSeconds"))),
    ("States.BranchFailed", Held::Nowhere(|state| state.kind() == "Parallel")),
    ("States.NoChoiceMatched", Held::Nowhere(|state| state.kind() == "Choice" && !has(state, "Default"))),
    ("States.ExceedToleratedFailureThreshold", Held::Nowhere(is_distributed)),
    ("States.ItemReaderFailed", Held::Nowhere(|state| has(state, "ItemReader"))),
    ("States.ResultWriterFailed", Held::Nowhere(|state| has(state, "ResultWriter"))),
    (
        "States.Http.Socket",
        Held::Nowhere(|state| state.definition["Resource"].as_str().unwrap_or_default().contains("http:")),
    ),
    ("States.IntrinsicFailure", Held::Nowhere(|state| has(state, "QueryLanguage"))),
    ("States.ParameterPathFailure", Held::Nowhere(|state| has(state, "Parameters") || has(state, "InputPath"))),
    ("States.ResultPathMatchFailure", Held::Nowhere(|state| has(state, "ResultPath"))),
    // The role lost the permission to invoke, or a payload or an expression is not what the tests of this folder, which
    // walk every way through the machine with the largest payloads, have seen.
    ("States.Permissions", Held::Fails),
    ("States.DataLimitExceeded", Held::Fails),
    ("States.QueryEvaluationError", Held::Fails),
    ("States.Runtime", Held::Fails),
];

#[test]
fn every_error_that_step_functions_raises_itself_is_tried_again_cannot_arise_or_fails_where_it_arises() {
    let machine = Machine::read();
    for (error, held) in &RESERVED {
        for state in &machine.states {
            let name = &state.name;
            let rules: Vec<_> = state.rules("Retry").into_iter().chain(machine.catchers(state)).collect();
            let is_named = rules.iter().any(|rule| rule.names(error));
            match held {
                Held::Retried => assert_eq!(is_named, state.kind() == "Task", "{name} {error}"),
                Held::Nowhere(raises) => assert!(!raises(state), "{name} can raise {error}, and nothing is made of it"),
                Held::Fails => assert!(!is_named, "{name} hides {error}"),
            }
        }
    }
}

#[test]
fn no_rule_names_a_reserved_error_that_is_not_known_here() {
    let machine = Machine::read();
    let rules = machine.states.iter().flat_map(|state| state.rules("Retry").into_iter().chain(state.rules("Catch")));
    for error in rules.flat_map(|rule| rule.errors).filter(|error| error.starts_with("States.")) {
        assert!(RESERVED.iter().any(|(known, _)| *known == error), "{error} is not in the table of reserved errors");
    }
}
