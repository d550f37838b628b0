//! Events that arrive more than once, late, or out of order.

use std::time::Duration;

use sandbox::faults::{Effect, Rule, Target};

use crate::harness::World;

async fn keys(world: &World, count: usize) -> Vec<String> {
    world.ended(count).await.into_iter().map(|ended| ended.key).collect()
}

#[tokio::test]
async fn an_event_is_repeated() {
    let world = World::start().await;
    world.rule(Rule::new(Target::default().key("twice*"), Effect::Repeat { copies: 2 }));
    world.upload("once").await;
    world.upload("twice and more").await;
    world.sandbox.events().drained().await;
    let mut keys = keys(&world, 4).await;
    keys.sort();
    assert_eq!(keys, ["once", "twice and more", "twice and more", "twice and more"]);
}

#[tokio::test]
async fn an_event_is_delayed() {
    let world = World::start().await;
    world.rule(Rule::new(Target::default().key("late"), Effect::Delay { millis: 300 }));
    world.upload("late").await;
    world.upload("soon").await;
    assert_eq!(keys(&world, 1).await, ["soon"]);
    world.sandbox.events().drained().await;
    assert_eq!(keys(&world, 2).await, ["soon", "late"]);
}

#[tokio::test]
async fn an_event_arrives_after_others_that_came_later() {
    let world = World::start().await;
    let target = Target::default().bucket(&world.outputs.outputs["SourceBucket"]).key("first");
    world.rule(Rule::new(target, Effect::Reorder { after: 2 }));
    world.upload("first").await;
    world.upload("second").await;
    assert_eq!(keys(&world, 1).await, ["second"], "one later event is not enough");
    world.upload("third").await;
    let mut order = keys(&world, 3).await;
    assert_eq!(order.pop().unwrap(), "first", "before it: {order:?}");
}

#[tokio::test]
async fn an_event_that_waits_to_be_overtaken_is_delivered_when_its_rule_is_lifted() {
    let world = World::start().await;
    let id = world.fault(Target::default(), Effect::Reorder { after: 5 });
    world.upload("first").await;
    let waits = tokio::time::timeout(Duration::from_millis(100), world.sandbox.events().drained());
    assert!(waits.await.is_err(), "it waits");
    assert!(world.sandbox.faults().remove(&id));
    world.sandbox.events().drained().await;
    assert_eq!(keys(&world, 1).await, ["first"]);
}
