//! The errors that Step Functions itself raises, `States.…`
//! (<https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>). Each one is retried, cannot
//! occur in this state machine, or fails the state. The matrix covers the errors of the functions and of Lambda.

use crate::machine::{Machine, State};

/// The handling of a reserved error.
enum Handling {
    /// Every Task retries it.
    Retried,
    /// It cannot occur, because no state fulfills this condition.
    Impossible(fn(&State) -> bool),
    /// It fails the state. Its cause is in the state machine or its role; a redrive continues after it is fixed.
    Fails,
}

fn has(state: &State, field: &str) -> bool {
    state.definition.get(field).is_some()
}

fn is_distributed(state: &State) -> bool {
    state.definition["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
}

/// Every reserved name, without the wildcards `States.ALL` and `States.TaskFailed`.
const RESERVED: [(&str, Handling); 15] = [
    ("States.Timeout", Handling::Retried),
    ("States.HeartbeatTimeout", Handling::Impossible(|state| has(state, "HeartbeatSeconds"))),
    ("States.BranchFailed", Handling::Impossible(|state| state.kind() == "Parallel")),
    ("States.NoChoiceMatched", Handling::Impossible(|state| state.kind() == "Choice" && !has(state, "Default"))),
    ("States.ExceedToleratedFailureThreshold", Handling::Impossible(is_distributed)),
    ("States.ItemReaderFailed", Handling::Impossible(|state| has(state, "ItemReader"))),
    ("States.ResultWriterFailed", Handling::Impossible(|state| has(state, "ResultWriter"))),
    (
        "States.Http.Socket",
        Handling::Impossible(|state| state.definition["Resource"].as_str().unwrap_or_default().contains("http:")),
    ),
    ("States.IntrinsicFailure", Handling::Impossible(|state| has(state, "QueryLanguage"))),
    ("States.ParameterPathFailure", Handling::Impossible(|state| has(state, "Parameters") || has(state, "InputPath"))),
    ("States.ResultPathMatchFailure", Handling::Impossible(|state| has(state, "ResultPath"))),
    // The role lacks the permission to invoke, or a payload or an expression is one that the tests of this folder do not
    // cover. They run every path of the state machine with the largest payloads.
    ("States.Permissions", Handling::Fails),
    ("States.DataLimitExceeded", Handling::Fails),
    ("States.QueryEvaluationError", Handling::Fails),
    ("States.Runtime", Handling::Fails),
];

#[test]
fn every_reserved_error_is_retried_impossible_or_fails_its_state() {
    let machine = Machine::read();
    for (error, handling) in &RESERVED {
        for state in &machine.states {
            let name = &state.name;
            let rules: Vec<_> = state.rules("Retry").into_iter().chain(machine.catchers(state)).collect();
            let is_named = rules.iter().any(|rule| rule.names(error));

            match handling {
                Handling::Retried => assert_eq!(is_named, state.kind() == "Task", "{name} {error}"),
                Handling::Impossible(raises) => {
                    assert!(!raises(state), "{name} can raise {error}, but does not handle it");
                }
                Handling::Fails => assert!(!is_named, "{name} hides {error}"),
            }
        }
    }
}

#[test]
fn every_reserved_error_in_the_state_machine_is_listed() {
    let machine = Machine::read();
    let rules = machine.states.iter().flat_map(|state| state.rules("Retry").into_iter().chain(state.rules("Catch")));
    for error in rules.flat_map(|rule| rule.errors).filter(|error| error.starts_with("States.")) {
        assert!(RESERVED.iter().any(|(known, _)| *known == error), "{error} is not in the table of reserved errors");
    }
}
