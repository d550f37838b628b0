//! Rules for every state of the machine.

use crate::machine::Machine;

/// The errors of the Lambda service (<https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html>)
/// and of a killed function. The work can be repeated.
const SERVICE_ERRORS: [&str; 9] = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
];

#[test]
fn no_retrier_or_catcher_names_a_wildcard() {
    let machine = Machine::read();
    for state in &machine.states {
        for rule in state.rules("Retry").into_iter().chain(state.rules("Catch")) {
            for wildcard in ["States.ALL", "States.All", "States.TaskFailed"] {
                assert!(!rule.names(wildcard), "{} names {wildcard}", state.name);
            }
        }
    }
}

/// A redrive of a Fail state would only fail again.
#[test]
fn no_state_is_a_fail_state() {
    let machine = Machine::read();
    for state in &machine.states {
        assert_ne!(state.kind(), "Fail", "{}", state.name);
    }
}

#[test]
fn every_state_and_choice_has_a_comment() {
    let machine = Machine::read();

    assert!(machine.definition["Comment"].is_string());
    assert_eq!(machine.definition["QueryLanguage"], "JSONata");
    for state in &machine.states {
        assert!(state.definition["Comment"].is_string(), "{} has no Comment", state.name);
        for choice in state.definition["Choices"].as_array().into_iter().flatten() {
            assert!(choice["Comment"].is_string(), "a choice of {} has no Comment", state.name);
        }
    }
}

#[test]
fn every_task_timeout_is_longer_than_the_function_timeout() {
    let machine = Machine::read();
    for (state, function) in machine.tasks() {
        let timeout = state.definition["TimeoutSeconds"].as_u64();
        let timeout = timeout.unwrap_or_else(|| panic!("{} has no TimeoutSeconds", state.name));
        let own = u64::from(function.timeout_seconds);

        assert!(
            (own + 10..=own + 60).contains(&timeout),
            "the timeout of {} is {timeout} s, that of {} is {own} s",
            state.name,
            function.crate_name
        );
    }
}

#[test]
fn every_task_retries_service_errors_with_jitter_and_limits() {
    let machine = Machine::read();
    for (state, _) in machine.tasks() {
        let retriers = state.rules("Retry");
        for name in SERVICE_ERRORS {
            let matching = retriers.iter().filter(|retrier| retrier.names(name)).count();
            assert_eq!(matching, 1, "{} of {} retriers of {} name {name}", matching, retriers.len(), state.name);
        }
        for retrier in retriers {
            let rule = &retrier.definition;
            assert_eq!(rule["JitterStrategy"], "FULL", "{} {:?}", state.name, retrier.errors);
            assert!(rule["BackoffRate"].as_f64().is_some_and(|rate| rate > 1.0), "{}: {rule}", state.name);
            for field in ["IntervalSeconds", "MaxDelaySeconds", "MaxAttempts"] {
                assert!(rule[field].as_u64().is_some_and(|value| value > 0), "{} has no {field}: {rule}", state.name);
            }
        }
    }
}

/// Another execution may use all concurrency of the account for hours. Step Functions counts attempts for each retrier,
/// so other errors of Lambda do not use up the attempts of this one.
#[test]
fn a_task_outside_the_maps_waits_hours_for_concurrency() {
    let machine = Machine::read();
    for (state, _) in machine.tasks().filter(|(state, _)| state.map.is_none()) {
        let retriers = state.rules("Retry");
        let retrier = retriers.iter().find(|retrier| retrier.names("Lambda.TooManyRequestsException"));
        let retrier = retrier.unwrap_or_else(|| panic!("{} does not retry throttling", state.name));
        let waited = retrier.average_wait_seconds();

        assert_eq!(retrier.errors.len(), 1, "{} retries throttling with {:?}", state.name, retrier.errors);
        assert!(waited > 3_600.0, "{} waits only {waited} s", state.name);
        let longest = retrier.definition["MaxDelaySeconds"].as_u64();
        assert_eq!(longest, Some(3_600), "{} may idle while concurrency is free", state.name);
    }
}

#[test]
fn a_throttled_slice_waits_longer_than_two_runs() {
    let machine = Machine::read();
    for (state, function) in machine.tasks().filter(|(state, _)| state.map.is_some()) {
        let retriers = state.rules("Retry");
        let retrier = retriers.iter().find(|retrier| retrier.names("Lambda.TooManyRequestsException"));
        let retrier = retrier.unwrap_or_else(|| panic!("{} does not retry throttling", state.name));
        let waited = retrier.average_wait_seconds();
        let runs = f64::from(function.timeout_seconds) * 2.0;

        assert!(waited > runs, "{} waits {waited} s, but two runs take {runs} s", state.name);
    }
}

#[test]
fn every_task_invokes_a_function_of_the_template() {
    let machine = Machine::read();

    for (state, _) in machine.tasks() {
        assert_eq!(state.definition["Resource"], "arn:aws:states:::lambda:invoke", "{}", state.name);
    }
}

#[test]
fn maps_are_inline_with_forty_concurrent_slices_and_no_tolerated_failure() {
    let machine = Machine::read();

    let maps: Vec<_> = machine.states.iter().filter(|state| state.kind() == "Map").collect();

    assert_eq!(maps.len(), 2);
    for map in maps {
        assert_eq!(map.definition["MaxConcurrency"], 40, "{}", map.name);
        assert_eq!(map.definition["ItemProcessor"]["ProcessorConfig"]["Mode"], "INLINE", "{}", map.name);
        assert!(map.definition.get("ToleratedFailurePercentage").is_none(), "{}", map.name);
        assert!(map.rules("Retry").is_empty(), "{} repeats every slice", map.name);
    }
}
