//! Every error that a function can raise is retried, caught or left to fail as `ErrorName::recovery` says, in every
//! state that calls it.

use holdfast_core::{ErrorName, Recovery};

pub(crate) use crate::machine::raised_by;
use crate::machine::{CANNOT_ARISE, Machine, Rule, State};

/// Errors that a new plan would hide, so that a person has to know. A source that is gone when a plan is made again may
/// leave a copy that nobody can prove. In the second leg the source is the backup, and a backup that is gone was
/// deleted under our hands.
const LEFT_TO_FAIL: [(&str, ErrorName); 5] = [
    ("Validate", ErrorName::SourceGone),
    ("Replicate", ErrorName::SourceGone),
    ("CopyReplicaSlice", ErrorName::SourceGone),
    ("DigestReplicaSlice", ErrorName::SourceGone),
    ("VerifyReplica", ErrorName::SourceGone),
];

/// Replicate plans and copies in one go, so that trying again is planning again.
const RETRY_IS_A_NEW_PLAN: [(&str, ErrorName); 1] = [("Replicate", ErrorName::DestinationChanged)];

/// Errors that no state sees: a failure message whose history could not be read says so, and is sent all the same.
const NEVER_RAISED: [ErrorName; 1] = [ErrorName::StepFunctionsUnavailable];

/// What a state does about an error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Response {
    Retries,
    Replans,
    Fails,
}

fn naming(rules: &[Rule], name: ErrorName) -> usize {
    rules.iter().filter(|rule| rule.names(name.as_str())).count()
}

pub(crate) fn response(machine: &Machine, state: &State, name: ErrorName) -> Response {
    let retriers = naming(&state.rules("Retry"), name);
    let catchers = naming(&machine.catchers(state), name);
    match (retriers, catchers) {
        (0, 0) => Response::Fails,
        (1, 0) => Response::Retries,
        (0, 1) => Response::Replans,
        _ => panic!("{} names {name} in {retriers} retriers and {catchers} catchers", state.name),
    }
}

fn expected(state: &str, name: ErrorName) -> Response {
    if CANNOT_ARISE.iter().any(|(in_state, error, _)| (*in_state, *error) == (state, name))
        || LEFT_TO_FAIL.contains(&(state, name))
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
fn every_error_is_retried_caught_or_left_to_fail_as_its_recovery_says() {
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
                    "{} names {name}, which {} never raises",
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
fn every_exception_is_about_an_error_that_the_function_raises() {
    let machine = Machine::read();
    let cannot = CANNOT_ARISE.iter().map(|(state, error, _)| (*state, *error));
    for (name, error) in cannot.chain(LEFT_TO_FAIL).chain(RETRY_IS_A_NEW_PLAN) {
        let (_, function) = machine.tasks().find(|(state, _)| state.name == name).unwrap();
        assert!(raised_by(&function.crate_name).contains(&error), "{name} needs no exception for {error}");
    }
}

#[test]
fn every_error_but_one_is_raised_by_some_function_and_every_catcher_leads_to_a_new_plan() {
    let machine = Machine::read();
    for name in ErrorName::ALL {
        let raised = machine.stack.functions.iter().any(|function| raised_by(&function.crate_name).contains(&name));
        assert_ne!(raised, NEVER_RAISED.contains(&name), "{name}: raised by a function, or listed as never raised");
    }
    for state in &machine.states {
        for catcher in state.rules("Catch") {
            let next = catcher.definition["Next"].as_str().unwrap_or_default();
            assert!(["Validate", "Replicate"].contains(&next), "{} leads to {next}", state.name);
            assert!(catcher.errors.iter().all(|name| ErrorName::parse(name).is_some()), "{:?}", catcher.errors);
        }
    }
}

#[test]
fn the_template_sets_exactly_the_variables_that_a_function_reads() {
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
