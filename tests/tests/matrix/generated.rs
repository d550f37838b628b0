//! The cells that the contract has, all of them.

use futures::{StreamExt, stream};
use holdfast_tests::{
    TestResult,
    machine::{CANNOT_ARISE, Machine, State, raised_by},
};
use sandbox::faults::{Effect, ErrorAnswer, Life, Moment, Rule, Service, Target};

use crate::{
    AT_ONCE, PLANNERS,
    cells::{Cell, Way, cells_of, errors_of},
    expected::{End, Response, response},
    run::{Trial, series},
    scenario::world,
    tasks, tell,
};

/// The fault of a cell.
fn fault(cell: &Cell) -> Rule {
    let at = if cell.way == Way::Lost { Moment::After } else { Moment::Before };
    let by_the_function = Effect::FunctionError {
        error_type: cell.error.clone(),
        error_message: format!("The matrix raises {} in {}.", cell.error, cell.state),
        at,
    };
    let effect = match (cell.error.strip_prefix("Lambda."), at) {
        _ if cell.error == "Runtime.ExitError" => {
            Effect::Kill(if at == Moment::After { Life::After } else { Life::Before })
        }
        // Lambda's own answers, except the one for an answer that cannot be understood.
        (Some(code), Moment::Before) if code != "Unknown" => {
            Effect::Error(ErrorAnswer { status: None, code: code.to_owned(), message: None, inside200: false })
        }
        _ => by_the_function,
    };
    let target = Target {
        service: Some(Service::Lambda),
        operation: Some("Invoke".to_owned()),
        state: Some(cell.state.clone()),
        ..Target::default()
    };
    Rule { target, when: cell.way.when(), effect }
}

fn trial(machine: &Machine, state: &State, cell: &Cell) -> Trial {
    let response = response(machine, state, &cell.error);
    Trial {
        name: cell.to_string(),
        rule: fault(cell),
        scenario: cell.scenario,
        end: End::of(&cell.state, &cell.error, cell.way, &response),
        fails_again: (cell.way, &response) == (Way::Lasting, &Response::Fails),
        loses_openings: cell.way == Way::Lost && PLANNERS.contains(&cell.state.as_str()),
    }
}

/// Runs every cell of a state in one world. Answers how many, and what was wrong.
async fn state(machine: &Machine, state: &State, function: &str) -> TestResult<(usize, Vec<String>)> {
    let cells = cells_of(machine, state, function);
    let trials: Vec<_> = cells.iter().map(|cell| trial(machine, state, cell)).collect();
    let world = world(&state.name).await?;
    let problems = series(&world, &trials).await?;
    Ok((cells.len(), problems.into_iter().map(|problem| format!("{}: {problem}", state.name)).collect()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_survives_every_error_in_every_way() -> TestResult {
    let machine = Machine::read();
    let tasks = tasks(&machine);
    let runs = tasks.iter().map(|(task, function)| state(&machine, task, &function.crate_name));
    let outcomes: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
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
    tell(&format!(
        "matrix: {} states × {} errors × {} ways: {cells} cells, {} wrong; {} pairs cannot arise",
        tasks.len(),
        errors.len(),
        Way::ALL.len(),
        problems.len(),
        CANNOT_ARISE.len()
    ));
    assert!(problems.is_empty(), "{} of the matrix's promises are broken:\n{}", problems.len(), problems.join("\n"));
    Ok(())
}

#[test]
fn what_cannot_arise_is_raised_by_the_function_elsewhere_and_said_with_a_reason() {
    let machine = Machine::read();
    for (name, error, reason) in CANNOT_ARISE {
        let (_, function) = machine.tasks().find(|(task, _)| task.name == name).unwrap_or_else(|| panic!("no {name}"));
        let raised = raised_by(&function.crate_name);
        assert!(raised.contains(&error) && !reason.is_empty(), "{name} needs no exception for {error}");
    }
}
