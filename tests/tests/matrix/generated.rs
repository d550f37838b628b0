//! Runs every cell of the matrix.

use futures::{StreamExt, stream};
use holdfast_tests::{
    TestResult,
    machine::{CANNOT_ARISE, Machine, State, raised_by},
    text::print_line,
};
use sandbox::faults::{Effect, Life, Moment, Rule, Service, Target};

use crate::{
    CONCURRENCY, PLANNERS,
    cells::{Cell, FaultMode, cells_of, errors_of},
    expected::{ExecutionEnd, Response, response},
    run::{Trial, run_trials},
    scenario::fixture_for,
    tasks,
};

/// The fault rule of a cell.
fn fault(cell: &Cell) -> Rule {
    let at = if cell.mode == FaultMode::LostResponse { Moment::After } else { Moment::Before };
    let function_error = Effect::FunctionError {
        error_type: cell.error.clone(),
        error_message: format!("The matrix raises {} in {}.", cell.error, cell.state),
        at,
    };
    let effect = match (cell.error.strip_prefix("Lambda."), at) {
        _ if cell.error == "Runtime.ExitError" => {
            Effect::Kill(if at == Moment::After { Life::After } else { Life::Before })
        }
        // Error responses of Lambda, except for the one to an unreadable output.
        (Some(code), Moment::Before) if code != "Unknown" => Effect::error(code),
        _ => function_error,
    };
    let target = Target::operation(Service::Lambda, "Invoke").state(&cell.state);
    Rule { target, when: cell.mode.when(), effect }
}

fn trial(machine: &Machine, state: &State, cell: &Cell) -> Trial {
    let response = response(machine, state, &cell.error);
    Trial {
        name: cell.to_string(),
        rule: fault(cell),
        scenario: cell.scenario,
        end: ExecutionEnd::expected(&cell.state, &cell.error, cell.mode, &response),
        redrive_fails: (cell.mode, &response) == (FaultMode::Persistent, &Response::Fails),
        hides_uploads: cell.mode == FaultMode::LostResponse && PLANNERS.contains(&cell.state.as_str()),
    }
}

/// Runs every cell of a state in one fixture. Returns their number and the problems.
async fn test_state(machine: &Machine, state: &State, function: &str) -> TestResult<(usize, Vec<String>)> {
    let cells = cells_of(machine, state, function);
    let trials: Vec<_> = cells.iter().map(|cell| trial(machine, state, cell)).collect();
    let fixture = fixture_for(&state.name).await?;
    let problems = run_trials(&fixture, &trials).await?;
    Ok((cells.len(), problems.into_iter().map(|problem| format!("{}: {problem}", state.name)).collect()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_survives_every_error_in_every_fault_mode() -> TestResult {
    let machine = Machine::read();

    let tasks = tasks(&machine);
    let runs = tasks.iter().map(|(task, function)| test_state(&machine, task, &function.crate_name));
    let outcomes: Vec<_> = stream::iter(runs).buffer_unordered(CONCURRENCY).collect().await;
    let (mut cells, mut problems) = (0, Vec::new());
    for outcome in outcomes {
        let (count, found) = outcome?;
        cells += count;
        problems.extend(found);
    }
    let errors = tasks.iter().flat_map(|(task, function)| errors_of(&machine, task, &function.crate_name));
    let mut errors: Vec<_> = errors.collect();
    errors.sort_unstable();
    errors.dedup();
    print_line(&format!(
        "matrix: {} states × {} errors × {} fault modes: {cells} cells, {} problems; {} pairs cannot arise",
        tasks.len(),
        errors.len(),
        FaultMode::ALL.len(),
        problems.len(),
        CANNOT_ARISE.len()
    ));

    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    Ok(())
}

#[test]
fn an_error_that_cannot_arise_is_raised_elsewhere_and_has_a_reason() {
    let machine = Machine::read();
    for (name, error, reason) in CANNOT_ARISE {
        let (_, function) = machine.tasks().find(|(task, _)| task.name == name).unwrap_or_else(|| panic!("no {name}"));
        let raised = raised_by(&function.crate_name);
        assert!(raised.contains(&error) && !reason.is_empty(), "{name} needs no exception for {error}");
    }
}
