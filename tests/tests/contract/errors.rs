//! Every state retries, catches or fails on an error as `ErrorName::recovery` says.

use holdfast_core::{ErrorName, Recovery};

pub(crate) use crate::machine::raised_by;
use crate::machine::{CANNOT_ARISE, ErrorRule, Machine, State};

/// Errors that a new plan would hide from the operator. If the source is gone, a copy can exist that cannot be proven. In
/// the replica leg, the source is the backup, and only another client can have deleted it.
const NOT_CAUGHT: [(&str, ErrorName); 5] = [
    ("Validate", ErrorName::SourceGone),
    ("Replicate", ErrorName::SourceGone),
    ("CopyReplicaSlice", ErrorName::SourceGone),
    ("DigestReplicaSlice", ErrorName::SourceGone),
    ("VerifyReplica", ErrorName::SourceGone),
];

/// Replicate plans and copies in one invocation, so a retry is a new plan.
const RETRY_IS_A_NEW_PLAN: [(&str, ErrorName); 1] = [("Replicate", ErrorName::DestinationChanged)];

/// Errors that no function raises. A failure message names the state only if the history is readable, and is sent anyway.
const NEVER_RAISED: [ErrorName; 1] = [ErrorName::StepFunctionsUnavailable];

/// The reaction of a state to an error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Response {
    Retries,
    Replans,
    Fails,
}

fn count_matching(rules: &[ErrorRule], name: ErrorName) -> usize {
    rules.iter().filter(|rule| rule.names(name.as_str())).count()
}

pub(crate) fn response(machine: &Machine, state: &State, name: ErrorName) -> Response {
    let retriers = count_matching(&state.rules("Retry"), name);
    let catchers = count_matching(&machine.catchers(state), name);
    match (retriers, catchers) {
        (0, 0) => Response::Fails,
        (1, 0) => Response::Retries,
        (0, 1) => Response::Replans,
        _ => panic!("{} names {name} in {retriers} retriers and {catchers} catchers", state.name),
    }
}

fn expected(state: &str, name: ErrorName) -> Response {
    if CANNOT_ARISE.iter().any(|(in_state, error, _)| (*in_state, *error) == (state, name))
        || NOT_CAUGHT.contains(&(state, name))
    {
        return Response::Fails;
    }
    if RETRY_IS_A_NEW_PLAN.contains(&(state, name)) {
        return Response::Retries;
    }
    match name.recovery() {
        Recovery::Retry => Response::Retries,
        Recovery::Replan => Response::Replans,
        Recovery::Redrive => Response::Fails,
    }
}

#[test]
fn every_error_is_handled_as_its_recovery_says() {
    let machine = Machine::read();
    for (state, function) in machine.tasks() {
        for name in raised_by(&function.crate_name) {
            assert_eq!(response(&machine, state, *name), expected(&state.name, *name), "{name} in {}", state.name);
        }
    }
}

#[test]
fn no_state_names_an_error_that_its_function_cannot_raise() {
    let machine = Machine::read();
    for (state, function) in machine.tasks() {
        let raised = raised_by(&function.crate_name);
        for rule in state.rules("Retry").iter().chain(&state.rules("Catch")) {
            for name in rule.errors.iter().filter_map(|name| ErrorName::parse(name)) {
                assert!(
                    raised.contains(&name),
                    "{} names {name}, which {} does not raise",
                    state.name,
                    function.crate_name
                );
            }
        }
    }
    for map in machine.states.iter().filter(|state| state.kind() == "Map") {
        let inside = machine.tasks().filter(|(state, _)| state.map.as_deref() == Some(&map.name));
        let raised: Vec<_> = inside.flat_map(|(_, function)| raised_by(&function.crate_name)).collect();
        for name in map.rules("Catch").iter().flat_map(|rule| &rule.errors) {
            let name = ErrorName::parse(name).unwrap_or_else(|| panic!("{} catches {name}", map.name));
            assert!(raised.contains(&&name), "{} catches {name}, which nothing in it raises", map.name);
        }
    }
}

#[test]
fn every_listed_exception_is_an_error_of_its_function() {
    let machine = Machine::read();
    let cannot = CANNOT_ARISE.iter().map(|(state, error, _)| (*state, *error));
    for (name, error) in cannot.chain(NOT_CAUGHT).chain(RETRY_IS_A_NEW_PLAN) {
        let (_, function) = machine.tasks().find(|(state, _)| state.name == name).unwrap();
        assert!(raised_by(&function.crate_name).contains(&error), "{name} needs no exception for {error}");
    }
}

#[test]
fn every_error_is_raised_and_every_catcher_leads_to_a_planner() {
    let machine = Machine::read();
    for name in ErrorName::ALL {
        let raised = machine.stack.functions.iter().any(|function| raised_by(&function.crate_name).contains(&name));
        assert_ne!(raised, NEVER_RAISED.contains(&name), "{name}: raised by a function, or listed as never raised");
    }
    for state in &machine.states {
        for catcher in state.rules("Catch") {
            let next = catcher.definition["Next"].as_str().unwrap_or_default();
            assert!(["Validate", "Replicate"].contains(&next), "{} catches to {next}", state.name);
            assert!(catcher.errors.iter().all(|name| ErrorName::parse(name).is_some()), "{:?}", catcher.errors);
        }
    }
}

#[test]
fn the_template_sets_exactly_the_variables_of_each_function() {
    use holdfast_lambda::Function;
    let machine = Machine::read();
    for function in &machine.stack.functions {
        let mut read = match function.crate_name.as_str() {
            "validate" => validate::Validate::ENVIRONMENT,
            "copy-part" => copy_part::CopyPart::ENVIRONMENT,
            "complete-multipart" => complete_multipart::CompleteMultipart::ENVIRONMENT,
            "checksum-verify" => checksum_verify::ChecksumVerify::ENVIRONMENT,
            "cross-region-replicate" => cross_region_replicate::CrossRegionReplicate::ENVIRONMENT,
            "notify" => notify::Notify::ENVIRONMENT,
            other => panic!("there is no function {other}"),
        }
        .to_vec();
        read.sort_unstable();
        let set: Vec<_> = function.environment.keys().map(String::as_str).collect();

        assert_eq!(set, read, "{}: left in template.yaml, right in the function", function.crate_name);
    }
}
