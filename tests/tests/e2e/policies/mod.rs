//! No policy of the template gives more than is needed: each action of each policy alone allows something that
//! executions do, and without it they do not end as they should.

mod denials;
mod scenarios;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    time::Duration,
};

use futures::{FutureExt, StreamExt, stream};
use holdfast_tests::{
    TestResult,
    template::Changed,
    world::{Setup, World},
};
use sandbox::template::Stack;

use self::scenarios::Scenario;

/// Worlds at once. They wait more than they work.
const AT_ONCE: usize = 8;
/// How long a scenario may go on after the first refusal, for example to wait for mail that never comes.
const PATIENCE: Duration = Duration::from_secs(3);

/// An action of a statement in the policies of a function or a state machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Granted {
    /// The resource in the template.
    owner: String,
    sid: String,
    action: String,
}

/// Every action that the sandbox judges, with the first scenario that needs it; none where none does.
type Needed = BTreeMap<Granted, Option<Scenario>>;

/// The resource of the template whose role this is. SAM's own roles, for the targets of rules, have none.
fn owner<'a>(stack: &'a Stack, role: &str) -> Option<&'a str> {
    let arn = &stack.roles.iter().find(|one| one.name == role)?.arn;
    let functions = stack.functions.iter().map(|function| (&function.role_arn, &function.logical_id));
    let machines = stack.state_machines.iter().map(|machine| (&machine.role_arn, &machine.logical_id));
    functions.chain(machines).find(|(role, _)| *role == arn).map(|(_, owner)| owner.as_str())
}

/// There are no services for logs and keys in the sandbox; `tests/tests/contract/policies.rs` keeps these.
fn is_judged(action: &str) -> bool {
    !action.starts_with("logs:") && !action.starts_with("kms:")
}

/// Plays a scenario by the whole template, and notes what it needs.
async fn note(scenario: Scenario, needed: &mut Needed) -> TestResult {
    let world = World::start(scenario.setup()).await?;
    scenario.play(&world).await?;
    assert_eq!(world.sandbox.iam().refused(), BTreeSet::new(), "{scenario:?} asks for what is not granted");
    for grant in world.sandbox.iam().grants().into_iter().filter(|grant| is_judged(&grant.action)) {
        let Some(owner) = owner(world.sandbox.stack(), &grant.role) else { continue };
        let granted = Granted { owner: owner.to_owned(), sid: grant.statement, action: grant.action };
        let first = needed.entry(granted).or_default();
        *first = first.or(grant.needed.then_some(scenario));
    }
    Ok(())
}

async fn needed() -> TestResult<Needed> {
    let mut needed = Needed::new();
    for scenario in Scenario::ALL {
        note(scenario, &mut needed).await?;
    }
    Ok(needed)
}

/// Plays a scenario without an action. Answers what is wrong with that, if anything: that nobody missed it.
async fn without(granted: &Granted, scenario: Scenario) -> TestResult<Option<String>> {
    let Granted { owner, sid, action } = granted;
    let template = Changed::without(owner, sid, action)?;
    let world = World::start(Setup { template: Some(template.path()), ..scenario.setup() }).await?;
    let refused = || world.sandbox.iam().refused().iter().any(|(_, refused)| refused == action);
    let patience = async {
        while !refused() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(PATIENCE).await;
    };
    // Most of what a scenario finds out is an assertion.
    let playing = AssertUnwindSafe(scenario.play(&world)).catch_unwind();
    let ended_well = tokio::select! {
        played = playing => matches!(played, Ok(Ok(()))),
        () = patience => false,
    };
    let what = format!("{scenario:?} without {action} in {sid} of {owner}");
    Ok(match (refused(), ended_well) {
        (true, false) => None,
        (true, true) => Some(format!("{what} ends well all the same")),
        (false, _) => Some(format!("{what} is not refused anything")),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_action_of_any_policy_executions_do_not_end_as_they_should() -> TestResult {
    let needed = needed().await?;
    let idle: Vec<_> = needed.iter().filter(|(_, scenario)| scenario.is_none()).map(|(granted, _)| granted).collect();
    assert!(idle.is_empty(), "{} of {} actions are never needed: {idle:#?}", idle.len(), needed.len());
    assert!(needed.len() >= 50, "the template has only {} actions; were some not read?", needed.len());
    let removals = needed.iter().filter_map(|(granted, scenario)| Some(without(granted, (*scenario)?)));
    let outcomes: Vec<_> = stream::iter(removals).buffer_unordered(AT_ONCE).collect().await;
    let found = outcomes.into_iter().collect::<TestResult<Vec<_>>>()?;
    let found: Vec<_> = found.into_iter().flatten().collect();
    assert!(found.is_empty(), "{} actions are missed by nobody:\n{}", found.len(), found.join("\n"));
    println!("{} actions of the template's policies, each of them needed", needed.len());
    Ok(())
}
