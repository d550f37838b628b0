//! The order of versions: the copy of the newest upload is current.

use std::time::Duration;

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use holdfast_core::{contract::Placement, receipt::Receipt};
use holdfast_tests::{
    TestResult,
    domain::Tolerance,
    fixture::{EventRules, ExecutionSummary, Fixture, Setup, times_entered},
};
use sandbox::faults::{Effect, Moment, Rule, Service, Target};
use serde_json::{Value, json};
use tokio::time::sleep;

#[tokio::test]
async fn an_upload_with_a_late_event_becomes_a_late_backup() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    fixture.set_rules(EventRules::Disabled).await?;
    fixture.upload("k", "first").await?;
    let late = fixture.late_event("k").await?;
    fixture.set_rules(EventRules::Enabled).await?;
    fixture.upload("k", "second").await?;
    fixture.wait_for_success().await?;

    fixture.start_execution(&late).await?;
    let ended = fixture.wait_for_executions(2).await?;

    assert!(fixture.path(ended.last().ok_or("no second execution")?).await?.contains(&"CopyObject".to_owned()));

    assert_eq!(fixture.backup("k").await?, b"second", "the newest stays current");
    let receipts = fixture.receipts().await?;
    let receipt =
        receipts.iter().find(|receipt| receipt.placement == Placement::Late).ok_or("no receipt of a late backup")?;
    assert_eq!(fixture.backup(receipt.backup.destination.key.as_str()).await?, b"first");
    assert!(receipt.backup.destination.key.as_str().starts_with(".holdfast/late/k/"));
    Ok(())
}

#[tokio::test]
async fn of_many_versions_the_newest_is_current_and_each_has_a_receipt() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    for number in 0..12 {
        fixture.upload("k", format!("version {number}")).await?;
    }
    fixture.wait_for_executions(12).await?;

    assert_eq!(fixture.backup("k").await?, b"version 11");
    assert_eq!(fixture.replica("k").await?, b"version 11");
    assert_eq!(fixture.receipts().await?.len(), 12);
    Ok(())
}

#[tokio::test]
async fn an_old_plan_with_a_matching_etag_does_not_replace_the_newest() -> TestResult {
    for (size, state) in [(1 << 10, "CopyObject"), ((5 << 20) + 1, "CopySlice")] {
        let fixture = Fixture::start(Setup::default().with_parameter("MultipartThreshold", "5242880")).await?;

        let (a, b) = (vec![b'a'; size], vec![b'b'; size]);
        fixture.upload("k", a.clone()).await?;
        fixture.wait_for_executions(1).await?;
        fixture.fail_next_invocation("copy-part", state)?;
        fixture.upload("k", b.clone()).await?;
        let late = fixture.wait_for_executions(2).await?.remove(1);
        fixture.upload("k", a.clone()).await?;
        fixture.wait_for_executions(3).await?;
        fixture.redrive(&late.arn).await?;
        fixture.wait_for_executions(3).await?;

        let path = fixture.path(&late).await?;

        assert_eq!(times_entered(&path, "Validate"), 2, "it was replanned: {path:?}");
        assert!(fixture.backup("k").await? == a && fixture.replica("k").await? == a, "the newest is current");
        let receipts = fixture.receipts().await?;
        let late_receipts: Vec<_> = receipts.iter().filter(|receipt| receipt.placement == Placement::Late).collect();
        let [receipt] = late_receipts.as_slice() else {
            return Err(format!("one late backup is expected, not {receipts:?}").into());
        };
        assert!(fixture.backup(receipt.backup.destination.key.as_str()).await? == b);
        fixture.check_domain(Tolerance::default()).await?;
    }
    Ok(())
}

/// Uploads an object in one request while a multipart upload to the same key is open. Returns the events of both.
async fn overlapping(fixture: &Fixture, key: &str) -> TestResult<[Value; 2]> {
    let bucket = &fixture.outputs.source_bucket;
    let opened = fixture.s3.create_multipart_upload().bucket(bucket).key(key).send().await?;
    // S3 lists the initiation of an upload in whole seconds.
    sleep(Duration::from_millis(1_050)).await;
    fixture.upload(key, "quick").await?;
    let quick = fixture.late_event(key).await?;
    let part = fixture.s3.upload_part().bucket(bucket).key(key).set_upload_id(opened.upload_id.clone());
    let part = part.part_number(1).body(ByteStream::from_static(b"slow")).send().await?;
    let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = fixture.s3.complete_multipart_upload().bucket(bucket).key(key).set_upload_id(opened.upload_id);
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
async fn of_overlapping_uploads_the_one_initiated_last_is_current() -> TestResult {
    for is_quick_first in [true, false] {
        let fixture = Fixture::start(Setup::default()).await?;

        fixture.set_rules(EventRules::Disabled).await?;
        let mut events = overlapping(&fixture, "k").await?;
        if !is_quick_first {
            events.reverse();
        }
        for (number, event) in (1..).zip(&events) {
            fixture.start_execution(event).await?;
            fixture.wait_for_executions(number).await?;
        }

        assert!(fixture.backup("k").await? == b"quick" && fixture.replica("k").await? == b"quick");
        let receipts = fixture.receipts().await?;
        let late = receipts.iter().filter(|receipt| receipt.placement == Placement::Late);
        assert_eq!(late.map(|receipt| receipt.source.size).collect::<Vec<_>>(), vec![4; usize::from(is_quick_first)]);
        fixture.check_domain(Tolerance::default()).await?;
    }
    Ok(())
}

/// How a late replica is copied.
#[derive(Debug, Clone, Copy, PartialEq)]
enum LateReplica {
    SingleCopy,
    /// The response of the function is lost, so a retry finds the copy.
    SingleCopyLostResponse,
    Multipart,
}

/// The second of three uploads plans its replica, and copies it after the third upload is replicated.
async fn late_replica(fixture: &Fixture, [a, b]: [&[u8]; 2], late: LateReplica) -> TestResult<ExecutionSummary> {
    let is_multipart = late == LateReplica::Multipart;
    fixture.upload("k", a).await?;
    fixture.wait_for_executions(1).await?;
    if late == LateReplica::SingleCopyLostResponse {
        let (error_type, error_message) = ("S3.Unavailable".to_owned(), "An error injected by the test.".to_owned());
        let lost = Effect::FunctionError { error_type, error_message, at: Moment::After };
        let target = Target::operation(Service::Lambda, "Invoke");
        let target = target.function("cross-region-replicate").state("Replicate");
        fixture.sandbox.faults().add(Rule::new(target, lost).times(1))?;
    }
    if is_multipart {
        fixture.fail_next_invocation("copy-part", "CopyReplicaSlice")?;
    } else {
        let copy = Target::operation(Service::S3, "CopyObject").bucket(&fixture.outputs.replica_bucket);
        fixture.sandbox.faults().add(Rule::new(copy, Effect::Latency { millis: 5_000 }).times(1))?;
    }
    fixture.upload("k", b).await?;
    while fixture.sandbox.faults().rules().iter().all(|rule| rule.fired == 0) {
        sleep(Duration::from_millis(50)).await;
    }
    if is_multipart {
        fixture.wait_for_executions(2).await?;
    }
    fixture.upload("k", a).await?;
    let second = fixture.wait_for_executions(3).await?.remove(1);
    if is_multipart {
        fixture.redrive(&second.arn).await?;
        fixture.wait_for_executions(3).await?;
    }
    Ok(second)
}

#[tokio::test]
async fn a_late_replica_with_a_matching_etag_does_not_replace_the_newest() -> TestResult {
    for (size, late) in [
        (1 << 10, LateReplica::SingleCopy),
        (1 << 10, LateReplica::SingleCopyLostResponse),
        ((5 << 20) + 1, LateReplica::Multipart),
    ] {
        let fixture = Fixture::start(Setup::default().with_parameter("MultipartThreshold", "5242880")).await?;

        let (a, b) = (vec![b'a'; size], vec![b'b'; size]);
        let second = late_replica(&fixture, [&a, &b], late).await?;
        let path = fixture.path(&second).await?;
        let planned = times_entered(&path, "Replicate");

        assert_eq!(planned, 2, "{late:?}: its replica was replanned: {path:?}");
        assert!(fixture.backup("k").await? == a && fixture.replica("k").await? == a, "the newest is current");
        let receipts = fixture.receipts().await?;
        assert!(receipts.iter().all(|receipt| receipt.placement == Placement::Current), "no backup was late");
        let key = |receipt: &Receipt| receipt.replica.as_ref().map(|replica| replica.destination.key.to_string());
        let late: Vec<_> = receipts.iter().filter_map(key).filter(|key| key != "k").collect();
        let [late] = late.as_slice() else { return Err(format!("one late replica is expected, not {late:?}").into()) };
        assert!(fixture.replica(late).await? == b);
        fixture.check_domain(Tolerance::default()).await?;
    }
    Ok(())
}
