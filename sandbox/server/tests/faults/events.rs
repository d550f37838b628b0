//! Events that arrive more than once, late, or out of order.

use std::time::Duration;

use sandbox::faults::{Effect, Rule, Target};

use crate::harness::Fixture;

async fn keys(fixture: &Fixture, count: usize) -> Vec<String> {
    fixture.ended(count).await.into_iter().map(|ended| ended.key).collect()
}

#[tokio::test]
async fn an_event_is_repeated() {
    let fixture = Fixture::start().await;
    fixture.rule(Rule::new(Target::default().key("twice*"), Effect::Repeat { copies: 2 }));
    fixture.upload("once").await;
    fixture.upload("twice and more").await;
    fixture.sandbox.events().drained().await;
    let mut keys = keys(&fixture, 4).await;
    keys.sort();
    assert_eq!(keys, ["once", "twice and more", "twice and more", "twice and more"]);
}

#[tokio::test]
async fn an_event_is_delayed() {
    let fixture = Fixture::start().await;
    fixture.rule(Rule::new(Target::default().key("late"), Effect::Delay { millis: 300 }));
    fixture.upload("late").await;
    fixture.upload("soon").await;
    assert_eq!(keys(&fixture, 1).await, ["soon"]);
    fixture.sandbox.events().drained().await;
    assert_eq!(keys(&fixture, 2).await, ["soon", "late"]);
}

#[tokio::test]
async fn an_event_arrives_after_later_events() {
    let fixture = Fixture::start().await;
    let target = Target::default().bucket(&fixture.outputs.outputs["SourceBucket"]).key("first");
    fixture.rule(Rule::new(target, Effect::Reorder { after: 2 }));
    fixture.upload("first").await;
    fixture.upload("second").await;
    assert_eq!(keys(&fixture, 1).await, ["second"], "one later event is not enough");
    fixture.upload("third").await;
    let mut order = keys(&fixture, 3).await;
    assert_eq!(order.pop().unwrap(), "first", "before it: {order:?}");
}

#[tokio::test]
async fn a_reordered_event_is_delivered_when_its_rule_is_removed() {
    let fixture = Fixture::start().await;
    let id = fixture.fault(Target::default(), Effect::Reorder { after: 5 });
    fixture.upload("first").await;
    let waits = tokio::time::timeout(Duration::from_millis(100), fixture.sandbox.events().drained());
    assert!(waits.await.is_err(), "it waits");
    assert!(fixture.sandbox.faults().remove(&id));
    fixture.sandbox.events().drained().await;
    assert_eq!(keys(&fixture, 1).await, ["first"]);
}
