//! Duplicates and versions: nothing twice, and the newest on top.

use holdfast_core::contract::Placement;
use holdfast_tests::{
    TestResult,
    world::{Rules, Setup, World},
};

#[tokio::test]
async fn a_redelivered_event_changes_nothing() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("k", "bytes").await?;
    let first = world.succeeded().await?;
    world.begin(&world.event_of(&first).await?).await?;
    let ended = world.ended(2).await?;
    let second = ended.last().ok_or("no second execution")?;
    assert_eq!(world.path(second).await?, ["Validate", "Route", "Skipped"]);
    assert_eq!(world.output(second).await?["reason"], "alreadyBackedUp");
    let versions = world.s3.list_object_versions().bucket(&world.outputs.backup_bucket).prefix("k").send().await?;
    assert_eq!(versions.versions().len(), 1, "no second copy");
    assert_eq!((world.receipts().await?.len(), world.messages(1).await?.len()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn an_old_event_that_comes_again_after_a_newer_upload_changes_nothing() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("k", "first").await?;
    let first = world.succeeded().await?;
    let old_event = world.event_of(&first).await?;
    world.upload("k", "second").await?;
    world.ended(2).await?;
    world.begin(&old_event).await?;
    let ended = world.ended(3).await?;
    let again = ended.last().ok_or("no third execution")?;
    assert_eq!(world.output(again).await?["reason"], "alreadyBackedUp");
    assert_eq!((world.backup("k").await?, world.receipts().await?.len()), (b"second".to_vec(), 2));
    Ok(())
}

#[tokio::test]
async fn an_upload_whose_event_comes_late_goes_to_the_history_and_the_newest_stays_current() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.set_rules(Rules::Disabled).await?;
    world.upload("k", "first").await?;
    let late = world.late_event_for("k").await?;
    world.set_rules(Rules::Enabled).await?;
    world.upload("k", "second").await?;
    world.succeeded().await?;

    world.begin(&late).await?;
    let ended = world.ended(2).await?;
    assert!(world.path(ended.last().ok_or("no second execution")?).await?.contains(&"CopyObject".to_owned()));

    assert_eq!(world.backup("k").await?, b"second", "the newest stays current");
    let receipts = world.receipts().await?;
    let receipt = receipts
        .iter()
        .find(|receipt| receipt.placement == Placement::History)
        .ok_or("no receipt says that its backup came late")?;
    assert_eq!(world.backup(receipt.backup.destination.key.as_str()).await?, b"first");
    assert!(receipt.backup.destination.key.as_str().starts_with(".holdfast/history/k/"));
    Ok(())
}

#[tokio::test]
async fn many_versions_of_one_key_leave_the_newest_current_and_a_receipt_for_each() -> TestResult {
    let world = World::start(Setup::default()).await?;
    for number in 0..12 {
        world.upload("k", format!("version {number}")).await?;
    }
    world.ended(12).await?;
    assert_eq!(world.backup("k").await?, b"version 11");
    assert_eq!(world.replica("k").await?, b"version 11");
    assert_eq!(world.receipts().await?.len(), 12);
    Ok(())
}
