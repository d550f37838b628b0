//! Tasks that take longer than their TimeoutSeconds: States.Timeout as Step Functions itself raises it.

use holdfast_tests::{
    TestResult,
    domain::Known,
    history::attempts,
    machine::Machine,
    template::Changed,
    world::{Setup, World},
};
use sandbox::faults::{Active, Effect, Rule, Service, Target};

use crate::{
    PLANNERS,
    cells::Way,
    scenario::{Scenario, scenarios, setup},
};

/// Longer than a Task may take here, which is a second.
const TOO_LONG: u64 = 2_000;

fn slow(state: &str) -> Rule {
    let target = Target {
        service: Some(Service::Lambda),
        operation: Some("Invoke".to_owned()),
        state: Some(state.to_owned()),
        ..Target::default()
    };
    Rule { target, when: Way::Passing.when(), effect: Effect::Latency { millis: TOO_LONG } }
}

fn opens_uploads(state: &str) -> bool {
    PLANNERS.contains(&state)
}

/// Lets every state that an upload comes through for the first time take too long once. Answers how many did.
async fn every_state_once(machine: &Machine, scenario: Scenario) -> TestResult<Vec<String>> {
    let template = Changed::with_tasks_of_one_second()?;
    let setup = Setup { template: Some(template.path()), ..setup(scenario.store()) };
    let world = World::start(setup).await?;
    for (state, _) in machine.tasks().filter(|(state, _)| scenarios(&state.name).contains(&scenario)) {
        world.sandbox.faults().add(slow(&state.name))?;
    }
    scenario.upload(&world, "k").await?;
    let execution = world.succeeded().await?;
    let attempts = attempts(&world.history(&execution).await?)?;
    let timed_out = attempts.iter().filter(|attempt| attempt.error() == Some("States.Timeout"));
    let states = timed_out.map(|attempt| attempt.state.clone()).collect();
    // What was given up may have opened an upload after that.
    let is_opening = |fault: &&Active| fault.fired > 0 && fault.rule.target.state.as_deref().is_some_and(opens_uploads);
    let unanswered_openings = world.sandbox.faults().rules().iter().filter(is_opening).count();
    world.check_domain(Known { unanswered_openings, ..Known::default() }).await?;
    Ok(states)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_that_takes_too_long_is_given_up_and_tried_again() -> TestResult {
    let machine = Machine::read();
    let kinds = [Scenario::Small, Scenario::Large, Scenario::Unchecked, Scenario::Untold];
    let runs = kinds.map(|scenario| every_state_once(&machine, scenario));
    let mut timed_out = Vec::new();
    for states in futures::future::join_all(runs).await {
        timed_out.extend(states?);
    }
    timed_out.sort_unstable();
    timed_out.dedup();
    let mut tasks: Vec<_> = machine.tasks().map(|(state, _)| state.name.clone()).collect();
    tasks.sort_unstable();
    assert_eq!(timed_out, tasks, "every Task has timed out once");
    Ok(())
}
