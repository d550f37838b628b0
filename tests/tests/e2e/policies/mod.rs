//! No policy of the template is too broad: some scenario needs each action, and fails without it.

mod denials;
mod scenarios;
mod versioned;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    time::Duration,
};

use futures::{FutureExt, StreamExt, stream};
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
    template::ModifiedTemplate,
};
use sandbox::template::Stack;

use self::scenarios::Scenario;

/// Concurrent fixtures. Most of their time is waiting.
const CONCURRENCY: usize = 8;
/// How long a scenario continues after the first denied request. It may wait for a message that is never published.
const GRACE_PERIOD: Duration = Duration::from_secs(3);

/// An action in a policy statement of a function or a state machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PolicyAction {
    /// The logical ID of the resource.
    owner: String,
    sid: String,
    action: String,
}

/// The actions that the sandbox evaluates, each with the first scenario that needs it.
type NeededActions = BTreeMap<PolicyAction, Option<Scenario>>;

/// The logical ID of the resource with this role. The roles that SAM creates for rule targets have none.
fn owner<'a>(stack: &'a Stack, role: &str) -> Option<&'a str> {
    let arn = &stack.roles.iter().find(|one| one.name == role)?.arn;
    let functions = stack.functions.iter().map(|function| (&function.role_arn, &function.logical_id));
    let machines = stack.state_machines.iter().map(|machine| (&machine.role_arn, &machine.logical_id));
    functions.chain(machines).find(|(role, _)| *role == arn).map(|(_, owner)| owner.as_str())
}

/// Whether the sandbox evaluates an action. It has no services for logs and keys; `tests/tests/contract/policies.rs`
/// lists their actions.
fn is_evaluated(action: &str) -> bool {
    !action.starts_with("logs:") && !action.starts_with("kms:")
}

/// Runs a scenario with the whole template and records the actions that it needs.
async fn record_needed(scenario: Scenario, needed: &mut NeededActions) -> TestResult {
    let fixture = Fixture::start(scenario.setup()).await?;
    scenario.run(&fixture).await?;
    assert_eq!(fixture.sandbox.iam().refused(), BTreeSet::new(), "{scenario:?} makes requests that are not allowed");
    for grant in fixture.sandbox.iam().grants().into_iter().filter(|grant| is_evaluated(&grant.action)) {
        let Some(owner) = owner(fixture.sandbox.stack(), &grant.role) else { continue };
        let granted = PolicyAction { owner: owner.to_owned(), sid: grant.statement, action: grant.action };
        let first = needed.entry(granted).or_default();
        *first = first.or(grant.needed.then_some(scenario));
    }
    Ok(())
}

async fn needed() -> TestResult<NeededActions> {
    let mut needed = NeededActions::new();
    for scenario in Scenario::ALL {
        record_needed(scenario, &mut needed).await?;
    }
    Ok(needed)
}

/// Runs a scenario without one action. Returns a message if it does not fail.
async fn run_without(granted: &PolicyAction, scenario: Scenario) -> TestResult<Option<String>> {
    let PolicyAction { owner, sid, action } = granted;
    let template = ModifiedTemplate::without(owner, sid, action)?;
    let fixture = Fixture::start(Setup { template: Some(template.path()), ..scenario.setup() }).await?;
    let is_denied = || fixture.sandbox.iam().refused().iter().any(|(_, denied)| denied == action);
    let denied_for_too_long = async {
        while !is_denied() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(GRACE_PERIOD).await;
    };
    // A failed assertion of a scenario panics.
    let running = AssertUnwindSafe(scenario.run(&fixture)).catch_unwind();
    let has_succeeded = tokio::select! {
        result = running => matches!(result, Ok(Ok(()))),
        () = denied_for_too_long => false,
    };
    let name = format!("{scenario:?} without {action} in {sid} of {owner}");
    Ok(match (is_denied(), has_succeeded) {
        (true, false) => None,
        (true, true) => Some(format!("{name} succeeds")),
        (false, _) => Some(format!("{name} has no denied request")),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_of_every_policy_is_needed() -> TestResult {
    let needed = needed().await?;
    let unneeded: Vec<_> =
        needed.iter().filter(|(_, scenario)| scenario.is_none()).map(|(granted, _)| granted).collect();

    assert!(unneeded.is_empty(), "no scenario needs {} of {} actions: {unneeded:#?}", unneeded.len(), needed.len());
    assert!(needed.len() >= 50, "only {} actions were read from the template", needed.len());
    let removals = needed.iter().filter_map(|(granted, scenario)| Some(run_without(granted, (*scenario)?)));
    let outcomes: Vec<_> = stream::iter(removals).buffer_unordered(CONCURRENCY).collect().await;
    let found = outcomes.into_iter().collect::<TestResult<Vec<_>>>()?;
    let found: Vec<_> = found.into_iter().flatten().collect();
    assert!(found.is_empty(), "{} actions can be removed:\n{}", found.len(), found.join("\n"));

    println!("{} policy actions, each of them needed", needed.len());
    Ok(())
}
