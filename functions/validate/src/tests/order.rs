//! Order and duplicates: where a copy goes, given what stands.

use aws_sdk_s3::{operation::list_object_versions::ListObjectVersionsOutput, types::ObjectVersion};
use holdfast_core::contract::{Placement, Precondition};

use super::*;

#[tokio::test]
async fn what_stands_at_the_destination_decides_where_the_copy_goes() {
    for (stands, placement, why) in [
        (backup("v0", Some("09")), Placement::Current, "an older upload makes room"),
        (backup("v2", Some("0B")), Placement::Late, "a newer upload stays"),
    ] {
        let (late, destination) = (head_key("dst", HISTORY, None), head_key("dst", "a b", Some(stands)));
        let receipt = filed(None);
        let rules = [&head("src", Some("v1"), source()), &destination, &receipt, &late, &tags(&[])];
        let plan = ask(&rules, &[], input(event())).await.unwrap();
        let transfer = transfer(&plan);
        assert_eq!(transfer.placement, placement, "{why}");
        match placement {
            Placement::Current => {
                assert_eq!(transfer.destination.key.as_str(), "a b");
                assert!(matches!(&transfer.precondition, Precondition::IfMatch(etag) if etag.as_str() == "standing"));
            }
            Placement::Late => {
                assert_eq!(transfer.destination.key.as_str(), HISTORY);
                assert_eq!(transfer.precondition, Precondition::IfAbsent);
            }
        }
    }
}

#[tokio::test]
async fn a_second_delivery_of_an_event_is_skipped_if_its_receipt_is_there_and_else_the_copy_is_proven_where_it_stands()
{
    let ours = || head_key("dst", "a b", Some(backup("v1", Some("0A"))));
    let newer = || head_key("dst", "a b", Some(backup("v2", Some("0B"))));
    let late = || head_key("dst", HISTORY, Some(backup("v1", Some("0A"))));
    for (stands, receipt, proven, why) in [
        (vec![ours()], Some(("a b", "b1")), None, "it is the current backup"),
        (vec![newer(), late()], Some((HISTORY, "b1")), None, "it is among the late ones"),
        (
            vec![head_version("b0", Some(backup("v1", Some("0A")))), newer()],
            Some(("a b", "b0")),
            None,
            "a newer one has replaced it",
        ),
        (vec![ours()], None, Some("a b"), "the execution that made the copy may have failed since"),
        (vec![newer(), late()], None, Some(HISTORY), "so may that of a late copy"),
    ] {
        let (source, receipt, tags) = (head("src", Some("v1"), source()), filed(receipt), tags(&[]));
        let rules: Vec<_> = stands.iter().chain([&source, &receipt, &tags]).collect();
        let plan = ask(&rules, &[], input(event())).await.unwrap();
        match (proven, &plan) {
            (None, plan) => assert_eq!(reason(plan), Some(SkipReason::AlreadyBackedUp), "{why}"),
            (Some(key), Plan::Copy { transfer, stored: Some(stored), .. }) => {
                assert_eq!((transfer.destination.key.as_str(), stored.etag.as_str()), (key, "standing"), "{why}");
            }
            (Some(_), plan) => panic!("{why}: {plan:?}"),
        }
    }
}

#[tokio::test]
async fn a_receipt_does_not_count_whose_copy_was_deleted_or_lies_in_another_bucket() {
    let gone = || head_version("b0", None);
    let newer = || head_key("dst", "a b", Some(backup("v2", Some("0B"))));
    let ours = || head_key("dst", "a b", Some(backup("v1", Some("0A"))));
    for (stands, bucket, proven, why) in [
        (vec![gone(), newer(), head_key("dst", HISTORY, None)], "dst", false, "the copy was deleted"),
        (vec![gone(), ours()], "dst", true, "another copy stands"),
        (vec![ours()], "before", true, "the copy lies in the bucket that the stack had before"),
    ] {
        for event in [event(), request(json!({"key": "a b", "version-id": "v1", "sequencer": "0A"}))] {
            let (source, tags) = (head("src", Some("v1"), source()), tags(&[]));
            let receipt = filed_in(bucket, Some(("a b", "b0")));
            let rules: Vec<_> = stands.iter().chain([&source, &receipt, &tags]).collect();
            let plan = ask(&rules, &[], input(event)).await.unwrap();
            let Plan::Copy { stored, .. } = plan else { panic!("{why}: {plan:?}") };
            assert_eq!(stored.is_some(), proven, "{why}");
        }
    }
}

#[tokio::test]
async fn an_old_version_that_an_operator_asks_for_never_buries_the_current_backup() {
    let asked = || request(json!({"key": "a b", "version-id": "v1"}));
    for (current, beneath, placement, why) in [
        (Some("v2"), "v2", Placement::Late, "the source has a newer version"),
        (None, "v2", Placement::Late, "the source's object is deleted, and had a newer version"),
        (None, "v1", Placement::Current, "the source's object is deleted, and this is its last version"),
        (Some("v1"), "v1", Placement::Current, "it is the source's current version"),
    ] {
        let now = match current {
            Some(version) => head("src", None, source().version_id(version)),
            None => mock!(Client::head_object)
                .match_requests(|request| request.bucket() == Some("src") && request.version_id().is_none())
                .then_http_response(|| bare(404)),
        };
        let destination = head_key("dst", "a b", Some(backup("v9", Some("0F"))));
        let late = head_key("dst", HISTORY, None);
        let receipt = filed(None);
        let versions = [
            ObjectVersion::builder().key("a b").version_id(beneath).size(5).build(),
            ObjectVersion::builder().key("a b").version_id("v0").size(5).build(),
        ];
        let list = mock!(Client::list_object_versions)
            .match_requests(|request| (request.bucket(), request.prefix()) == (Some("src"), Some("a b")))
            .then_output(move || ListObjectVersionsOutput::builder().set_versions(Some(versions.to_vec())).build());
        let rules = [&head("src", Some("v1"), source()), &now, &list, &destination, &receipt, &late, &tags(&[])];
        let plan = ask(&rules, &[], input(asked())).await.unwrap();
        assert_eq!(transfer(&plan).placement, placement, "{why}");
        assert_eq!(list.num_calls(), usize::from(current.is_none()), "{why}");
        assert_eq!(now.num_calls(), 1, "{why}");
    }
}

#[tokio::test]
async fn an_operator_who_names_no_version_gets_the_current_one_pinned() {
    let tags = tags(&[("team", "blue")]);
    let rules = [&head("src", None, source()), &absent("dst"), &tags];
    let plan = ask(&rules, &[], input(request(json!({"key": "a b"})))).await.unwrap();
    let transfer = transfer(&plan);
    assert_eq!(transfer.source.version_id.as_ref().map(ToString::to_string).as_deref(), Some("v1"));
    assert_eq!((tags.num_calls(), transfer.attributes.tags.len()), (1, 1), "the tags are that version's");
}

#[tokio::test]
async fn an_operator_is_answered_by_the_receipt_and_a_copy_left_by_an_execution_past_redrive_is_proven() {
    for (receipt, skipped) in [(Some(("a b", "b1")), true), (None, false)] {
        let receipt = filed(receipt);
        let destination = head_key("dst", "a b", Some(backup("v1", Some("0A"))));
        let rules = [&head("src", Some("v1"), source()), &receipt, &destination, &tags(&[])];
        let asked = request(json!({"key": "a b", "version-id": "v1"}));
        let plan = ask(&rules, &[], input(asked)).await.unwrap();
        assert_eq!(reason(&plan) == Some(SkipReason::AlreadyBackedUp), skipped, "{plan:?}");
        if let Plan::Copy { stored, .. } = plan {
            assert_eq!(stored.unwrap().version_id.unwrap().as_str(), "b1", "it is proven, not copied again");
        }
    }
}
