//! Duplicates and versions: nothing twice, and the newest on top.

use std::time::Duration;

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::{contract::Placement, receipt::Receipt};
use holdfast_tests::{
    TestResult,
    domain::{Facts, Known},
    world::{Ended, Rules, Setup, World},
};
use sandbox::faults::{Effect, Moment, Rule, Service, Target};
use serde_json::{Value, json};
use tokio::time::sleep;

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
async fn an_event_that_comes_again_over_a_copy_without_a_receipt_has_it_proven_where_it_stands() -> TestResult {
    let world = World::start(Setup::default()).await?;
    fail_once_in(&world, "checksum-verify", "VerifyBackup")?;
    world.upload("k", "bytes").await?;
    let first = world.failed().await?.execution;
    world.begin(&world.event_of(&first).await?).await?;
    let second = world.ended(2).await?.remove(1);
    assert_eq!(second.status, ExecutionStatus::Succeeded, "{:?}", world.path(&second).await?);
    assert_eq!(world.path(&second).await?[..3], ["Validate", "Route", "VerifyBackup"]);
    assert_eq!((world.receipts().await?.len(), world.replica("k").await?), (1, b"bytes".to_vec()));

    world.states.redrive_execution().execution_arn(&first.arn).send().await?;
    world.ended(2).await?;
    assert!(!world.output(&first).await?["messageId"].is_string(), "the second one has told people");
    assert_eq!((world.messages(2).await?.len(), world.receipts().await?.len()), (2, 1), "a failure and a success");
    let versions = world.s3.list_object_versions().bucket(&world.outputs.backup_bucket).prefix("k").send().await?;
    assert_eq!(versions.versions().len(), 1, "no second copy");
    Facts::of(&world).await?.check(Known::default())?;
    Ok(())
}

#[tokio::test]
async fn a_backup_that_was_deleted_and_is_made_anew_gets_a_receipt_of_its_own_and_is_told() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("k", "bytes").await?;
    let first = world.succeeded().await?;
    let lost = world.receipts().await?.remove(0).backup.stored.version_id.map(|version| version.to_string());
    let request = world.s3.delete_object().bucket(&world.outputs.backup_bucket).key("k");
    request.set_version_id(lost.clone()).send().await?;
    world.begin(&world.event_of(&first).await?).await?;
    let second = world.ended(2).await?.remove(1);
    assert_eq!(world.output(&second).await?["receipt"]["written"], true);
    let receipts = world.receipts().await?;
    let [receipt] = receipts.as_slice() else { return Err(format!("one receipt, not {receipts:?}").into()) };
    assert_ne!(receipt.backup.stored.version_id.as_ref().map(ToString::to_string), lost);
    assert_eq!((receipt.execution.arn.as_str(), world.backup("k").await?), (second.arn.as_str(), b"bytes".to_vec()));
    assert_eq!(world.messages(2).await?.len(), 2);
    Facts::of(&world).await?.check(Known::default())?;
    Ok(())
}

#[tokio::test]
async fn an_old_backup_that_was_deleted_beneath_a_newer_one_is_made_anew_when_its_event_comes_again() -> TestResult {
    let world = World::start(Setup::default()).await?;
    world.upload("k", "first").await?;
    let first = world.succeeded().await?;
    let lost = world.receipts().await?.remove(0).backup.stored.version_id.map(|version| version.to_string());
    world.upload("k", "second").await?;
    world.ended(2).await?;
    let request = world.s3.delete_object().bucket(&world.outputs.backup_bucket).key("k");
    request.set_version_id(lost).send().await?;
    world.begin(&world.event_of(&first).await?).await?;
    let again = world.ended(3).await?.remove(2);
    assert_eq!(world.output(&again).await?["receipt"]["written"], true);
    let receipts = world.receipts().await?;
    let receipt =
        receipts.iter().find(|receipt| receipt.execution.arn == again.arn).ok_or("its receipt is the old one")?;
    assert_eq!(world.backup(receipt.backup.destination.key.as_str()).await?, b"first");
    assert_eq!((world.backup("k").await?, receipts.len()), (b"second".to_vec(), 2), "the newest stays on top");
    assert_eq!(world.messages(3).await?.len(), 3);
    // The first replica stays beneath the newer one.
    Facts::of(&world).await?.check(Known { copies_beside: 1, ..Known::default() })?;
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
        .find(|receipt| receipt.placement == Placement::Late)
        .ok_or("no receipt says that its backup came late")?;
    assert_eq!(world.backup(receipt.backup.destination.key.as_str()).await?, b"first");
    assert!(receipt.backup.destination.key.as_str().starts_with(".holdfast/late/k/"));
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

/// Makes the next execution fail once it is planned, so that a redrive continues with an old plan.
pub(crate) fn fail_once_in(world: &World, function: &str, state: &str) -> TestResult {
    let target = Target { service: Some(Service::Lambda), ..Target::default() }.function(function).state(state);
    let (error_type, error_message) = ("Destination.Denied".to_owned(), "Not today.".to_owned());
    let effect = Effect::FunctionError { error_type, error_message, at: Moment::Before };
    world.sandbox.faults().add(Rule::new(target, effect).times(1))?;
    Ok(())
}

#[tokio::test]
async fn an_old_plan_whose_condition_holds_again_because_the_bytes_came_back_does_not_bury_the_newest() -> TestResult {
    for (size, state) in [(1 << 10, "CopyObject"), ((5 << 20) + 1, "CopySlice")] {
        let world = World::start(Setup::default().with("MultipartThreshold", "5242880")).await?;
        let (a, b) = (vec![b'a'; size], vec![b'b'; size]);
        world.upload("k", a.clone()).await?;
        world.ended(1).await?;
        fail_once_in(&world, "copy-part", state)?;
        world.upload("k", b.clone()).await?;
        let late = world.ended(2).await?.remove(1);
        world.upload("k", a.clone()).await?;
        world.ended(3).await?;
        world.states.redrive_execution().execution_arn(&late.arn).send().await?;
        world.ended(3).await?;

        let path = world.path(&late).await?;
        assert_eq!(path.iter().filter(|entered| *entered == "Validate").count(), 2, "it was planned anew: {path:?}");
        assert!(world.backup("k").await? == a && world.replica("k").await? == a, "the newest is on top");
        let receipts = world.receipts().await?;
        let history: Vec<_> = receipts.iter().filter(|receipt| receipt.placement == Placement::Late).collect();
        let [receipt] = history.as_slice() else { return Err(format!("one came late, not {receipts:?}").into()) };
        assert!(world.backup(receipt.backup.destination.key.as_str()).await? == b);
        Facts::of(&world).await?.check(Known::default())?;
    }
    Ok(())
}

/// Uploads an object in parts and, while they are on their way, another one at once to the same key; answers their
/// events.
async fn overlapping(world: &World, key: &str) -> TestResult<[Value; 2]> {
    let bucket = &world.outputs.source_bucket;
    let opened = world.s3.create_multipart_upload().bucket(bucket).key(key).send().await?;
    // The beginning of an upload is told in whole seconds.
    sleep(Duration::from_millis(1_050)).await;
    world.upload(key, "quick").await?;
    let quick = world.late_event_for(key).await?;
    let part = world.s3.upload_part().bucket(bucket).key(key).set_upload_id(opened.upload_id.clone());
    let part = part.part_number(1).body(ByteStream::from_static(b"slow")).send().await?;
    let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = world.s3.complete_multipart_upload().bucket(bucket).key(key).set_upload_id(opened.upload_id);
    let stored = complete.multipart_upload(parts).send().await?;
    let mut slow = quick.clone();
    let object = json!({
        "key": key, "size": 4, "sequencer": "FF", "version-id": stored.version_id(),
        "etag": stored.e_tag().map(|tag| tag.trim_matches('"')),
    });
    slow["id"] = json!("later");
    slow["detail"]["object"] = object;
    Ok([quick, slow])
}

#[tokio::test]
async fn of_uploads_that_overlap_the_one_initiated_last_is_the_current_backup_whichever_event_comes_first() -> TestResult
{
    for is_quick_first in [true, false] {
        let world = World::start(Setup::default()).await?;
        world.set_rules(Rules::Disabled).await?;
        let mut events = overlapping(&world, "k").await?;
        if !is_quick_first {
            events.reverse();
        }
        for (number, event) in (1..).zip(&events) {
            world.begin(event).await?;
            world.ended(number).await?;
        }
        assert!(world.backup("k").await? == b"quick" && world.replica("k").await? == b"quick");
        let receipts = world.receipts().await?;
        let late = receipts.iter().filter(|receipt| receipt.placement == Placement::Late);
        assert_eq!(late.map(|receipt| receipt.source.size).collect::<Vec<_>>(), vec![4; usize::from(is_quick_first)]);
        Facts::of(&world).await?.check(Known::default())?;
    }
    Ok(())
}

/// How a replica is copied that comes too late.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Late {
    AtOnce,
    /// Its answer is lost, so that the next try finds it there.
    AtOnceUnanswered,
    InParts,
}

/// Lets the second of three uploads plan its replica, and go on with it when the third has been replicated.
async fn overtaken_in_the_replica(world: &World, [a, b]: [&[u8]; 2], late: Late) -> TestResult<Ended> {
    let in_parts = late == Late::InParts;
    world.upload("k", a).await?;
    world.ended(1).await?;
    if late == Late::AtOnceUnanswered {
        let target = Target { service: Some(Service::Lambda), ..Target::default() };
        let (error_type, error_message) = ("S3.Unavailable".to_owned(), "Nobody got the answer.".to_owned());
        let lost = Effect::FunctionError { error_type, error_message, at: Moment::After };
        let target = target.function("cross-region-replicate").state("Replicate");
        world.sandbox.faults().add(Rule::new(target, lost).times(1))?;
    }
    if in_parts {
        fail_once_in(world, "copy-part", "CopyReplicaSlice")?;
    } else {
        let copy = Target::operation(Service::S3, "CopyObject").bucket(&world.outputs.replica_bucket);
        world.sandbox.faults().add(Rule::new(copy, Effect::Latency { millis: 5_000 }).times(1))?;
    }
    world.upload("k", b).await?;
    while world.sandbox.faults().rules().iter().all(|rule| rule.fired == 0) {
        sleep(Duration::from_millis(50)).await;
    }
    if in_parts {
        world.ended(2).await?;
    }
    world.upload("k", a).await?;
    let second = world.ended(3).await?.remove(1);
    if in_parts {
        world.states.redrive_execution().execution_arn(&second.arn).send().await?;
        world.ended(3).await?;
    }
    Ok(second)
}

#[tokio::test]
async fn a_replica_whose_condition_holds_again_because_the_bytes_came_back_does_not_bury_the_newest() -> TestResult {
    for (size, late) in [(1 << 10, Late::AtOnce), (1 << 10, Late::AtOnceUnanswered), ((5 << 20) + 1, Late::InParts)] {
        let world = World::start(Setup::default().with("MultipartThreshold", "5242880")).await?;
        let (a, b) = (vec![b'a'; size], vec![b'b'; size]);
        let second = overtaken_in_the_replica(&world, [&a, &b], late).await?;
        let path = world.path(&second).await?;
        let planned = path.iter().filter(|entered| *entered == "Replicate").count();
        assert_eq!(planned, 2, "{late:?}: its replica was planned anew: {path:?}");
        assert!(world.backup("k").await? == a && world.replica("k").await? == a, "the newest is on top");
        let receipts = world.receipts().await?;
        assert!(receipts.iter().all(|receipt| receipt.placement == Placement::Current), "no backup was late");
        let key = |receipt: &Receipt| receipt.replica.as_ref().map(|replica| replica.destination.key.to_string());
        let late: Vec<_> = receipts.iter().filter_map(key).filter(|key| key != "k").collect();
        let [late] = late.as_slice() else { return Err(format!("one replica came late, not {late:?}").into()) };
        assert!(world.replica(late).await? == b);
        Facts::of(&world).await?.check(Known::default())?;
    }
    Ok(())
}

#[tokio::test]
async fn two_executions_of_one_event_that_were_both_planned_send_one_message() -> TestResult {
    let world = World::start(Setup::default()).await?;
    for _ in 0..2 {
        fail_once_in(&world, "copy-part", "CopyObject")?;
    }
    world.upload("k", "bytes").await?;
    let first = world.ended(1).await?.remove(0);
    world.begin(&world.event_of(&first).await?).await?;
    let both = world.ended(2).await?;
    for execution in &both {
        world.states.redrive_execution().execution_arn(&execution.arn).send().await?;
        world.ended(2).await?;
    }
    let mut told = Vec::new();
    for execution in &both {
        told.push(world.output(execution).await?["messageId"].is_string());
    }
    assert_eq!(told, [true, false]);
    assert_eq!(world.messages(3).await?.len(), 3, "two failures and one success");
    let versions = world.s3.list_object_versions().bucket(&world.outputs.backup_bucket).prefix("k").send().await?;
    assert_eq!((versions.versions().len(), world.receipts().await?.len()), (1, 1));
    Facts::of(&world).await?.check(Known::default())?;
    Ok(())
}
