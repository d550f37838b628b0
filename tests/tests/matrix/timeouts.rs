//! Tasks that exceed their `TimeoutSeconds`, so that Step Functions raises `States.Timeout`.

use holdfast_tests::{
    TestResult,
    domain::Tolerance,
    fixture::{Fixture, Setup},
    history::attempts,
    machine::Machine,
    template::ModifiedTemplate,
};
use sandbox::faults::{Active, Effect, Rule, Service, Target};

use crate::{
    PLANNERS,
    cells::FaultMode,
    scenario::{Scenario, scenarios, setup},
};

/// Milliseconds. The timeout of a Task is one second here.
const TOO_LONG: u64 = 2_000;

fn slow(state: &str) -> Rule {
    let target = Target::operation(Service::Lambda, "Invoke").state(state);
    Rule { target, when: FaultMode::Transient.when(), effect: Effect::Latency { millis: TOO_LONG } }
}

fn opens_uploads(state: &str) -> bool {
    PLANNERS.contains(&state)
}

/// Makes every state that the scenario covers exceed its timeout once. Returns the states that did.
async fn time_out_once(machine: &Machine, scenario: Scenario) -> TestResult<Vec<String>> {
    let template = ModifiedTemplate::with_tasks_of_one_second()?;
    let setup = Setup { template: Some(template.path()), ..setup(scenario.completion_checksum()) };
    let fixture = Fixture::start(setup).await?;
    for (state, _) in machine.tasks().filter(|(state, _)| scenarios(&state.name).contains(&scenario)) {
        fixture.sandbox.faults().add(slow(&state.name))?;
    }
    scenario.upload(&fixture, "k").await?;
    let execution = fixture.wait_for_success().await?;
    let attempts = attempts(&fixture.history(&execution).await?)?;
    let timed_out = attempts.iter().filter(|attempt| attempt.error() == Some("States.Timeout"));
    let states = timed_out.map(|attempt| attempt.state.clone()).collect();
    // The function can open an upload after its Task timed out.
    let is_opening = |fault: &&Active| fault.fired > 0 && fault.rule.target.state.as_deref().is_some_and(opens_uploads);
    let unknown_uploads = fixture.sandbox.faults().rules().iter().filter(is_opening).count();
    fixture.check_domain(Tolerance { unknown_uploads, ..Tolerance::default() }).await?;
    Ok(states)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_that_times_out_is_retried() -> TestResult {
    let machine = Machine::read();

    let kinds = [Scenario::Small, Scenario::Large, Scenario::OtherChecksum, Scenario::NoCompletionChecksum];
    let runs = kinds.map(|scenario| time_out_once(&machine, scenario));
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
