//! Order and duplicates: where a copy goes, and when nothing is copied.

use aws_sdk_s3::{operation::list_object_versions::ListObjectVersionsOutput, types::ObjectVersion};
use holdfast_core::contract::{Placement, Precondition};

use super::*;

#[tokio::test]
async fn a_copy_replaces_an_older_backup_and_not_a_newer_one() {
    for (current, placement) in [(published("v0", "09"), Placement::Current), (published("v2", "0B"), Placement::Late)]
    {
        let (late, destination) = (head_key("dst", LATE, None), head_key("dst", "a b", Some(current)));
        let receipt = existing_receipt(None);
        let rules = [&head("src", Some("v1"), source()), &destination, &receipt, &late, &tags(&[])];

        let plan = call(&rules, &[], input(event())).await.unwrap();

        let backup = planned(&plan);
        assert_eq!(backup.placement, placement);
        let (key, precondition) = (backup.copy.destination.key.as_str(), &backup.copy.precondition);
        match placement {
            Placement::Current => {
                assert_eq!(key, "a b");
                assert!(matches!(precondition, Precondition::IfMatch(etag) if etag.as_str() == "published"));
            }
            Placement::Late => assert_eq!((key, precondition), (LATE, &Precondition::IfAbsent)),
        }
    }
}

#[tokio::test]
async fn a_second_delivery_is_skipped_or_proves_the_copy() {
    let ours = || head_key("dst", "a b", Some(published("v1", "0A")));
    let newer = || head_key("dst", "a b", Some(published("v2", "0B")));
    let late = || head_key("dst", LATE, Some(published("v1", "0A")));
    for (objects, receipt, proven, why) in [
        (vec![ours()], Some(("a b", "b1")), None, "it is the current backup"),
        (vec![newer(), late()], Some((LATE, "b1")), None, "it is a late backup"),
        (
            vec![head_version("b0", Some(published("v1", "0A"))), newer()],
            Some(("a b", "b0")),
            None,
            "a newer one replaced it",
        ),
        (vec![ours()], None, Some("a b"), "the execution that made the copy may have failed"),
        (vec![newer(), late()], None, Some(LATE), "so may the one that made a late copy"),
    ] {
        let (source, receipt, tags) = (head("src", Some("v1"), source()), existing_receipt(receipt), tags(&[]));
        let rules: Vec<_> = objects.iter().chain([&source, &receipt, &tags]).collect();

        let plan = call(&rules, &[], input(event())).await.unwrap();

        match (proven, &plan) {
            (None, plan) => assert_eq!(skip_reason(plan), Some(SkipReason::AlreadyBackedUp), "{why}"),
            (Some(key), Plan::Copy { backup, stored: Some(stored), .. }) => {
                let destination = &backup.copy.destination;
                assert_eq!((destination.key.as_str(), stored.etag.as_str()), (key, "published"), "{why}");
            }
            (Some(_), plan) => panic!("{why}: {plan:?}"),
        }
    }
}

#[tokio::test]
async fn a_receipt_does_not_count_without_its_copy_in_the_backup_bucket() {
    let deleted = || head_version("b0", None);
    let newer = || head_key("dst", "a b", Some(published("v2", "0B")));
    let ours = || head_key("dst", "a b", Some(published("v1", "0A")));
    for (objects, bucket, is_proven, why) in [
        (vec![deleted(), newer(), head_key("dst", LATE, None)], "dst", false, "the copy was deleted"),
        (vec![deleted(), ours()], "dst", true, "another copy exists"),
        (vec![ours()], "before", true, "the copy is in the bucket that the stack had before"),
    ] {
        for event in [event(), request(json!({"key": "a b", "version-id": "v1", "sequencer": "0A"}))] {
            let (source, tags) = (head("src", Some("v1"), source()), tags(&[]));
            let receipt = receipt_of_bucket(bucket, Some(("a b", "b0")));
            let rules: Vec<_> = objects.iter().chain([&source, &receipt, &tags]).collect();

            let plan = call(&rules, &[], input(event)).await.unwrap();

            let Plan::Copy { stored, .. } = plan else { panic!("{why}: {plan:?}") };
            assert_eq!(stored.is_some(), is_proven, "{why}");
        }
    }
}

#[tokio::test]
async fn a_requested_version_replaces_a_backup_only_if_it_is_newest() {
    for (current, newest, placement, why) in [
        (Some("v2"), "v2", Placement::Late, "the source has a newer version"),
        (None, "v2", Placement::Late, "the source's object is deleted, and had a newer version"),
        (None, "v1", Placement::Current, "the source's object is deleted, and this is its last version"),
        (Some("v1"), "v1", Placement::Current, "it is the source's current version"),
    ] {
        let current_source = match current {
            Some(version) => head("src", None, source().version_id(version)),
            None => mock!(Client::head_object)
                .match_requests(|request| request.bucket() == Some("src") && request.version_id().is_none())
                .then_http_response(|| bare(404)),
        };
        let destination = head_key("dst", "a b", Some(published("v9", "0F")));
        let late = head_key("dst", LATE, None);
        let receipt = existing_receipt(None);
        let versions = [
            ObjectVersion::builder().key("a b").version_id(newest).size(5).build(),
            ObjectVersion::builder().key("a b").version_id("v0").size(5).build(),
        ];
        let list = mock!(Client::list_object_versions)
            .match_requests(|request| (request.bucket(), request.prefix()) == (Some("src"), Some("a b")))
            .then_output(move || ListObjectVersionsOutput::builder().set_versions(Some(versions.to_vec())).build());
        let pinned = head("src", Some("v1"), source());
        let rules = [&pinned, &current_source, &list, &destination, &receipt, &late, &tags(&[])];
        let requested = request(json!({"key": "a b", "version-id": "v1"}));

        let plan = call(&rules, &[], input(requested)).await.unwrap();

        assert_eq!(planned(&plan).placement, placement, "{why}");
        assert_eq!(list.num_calls(), usize::from(current.is_none()), "{why}");
        assert_eq!(current_source.num_calls(), 1, "{why}");
    }
}

#[tokio::test]
async fn a_request_without_a_version_pins_the_current_one() {
    let tags = tags(&[("team", "blue")]);
    let rules = [&head("src", None, source()), &absent("dst"), &tags];

    let plan = call(&rules, &[], input(request(json!({"key": "a b"})))).await.unwrap();

    let copy = &planned(&plan).copy;
    assert_eq!(copy.source.version_id.as_ref().map(ToString::to_string).as_deref(), Some("v1"));
    assert_eq!((tags.num_calls(), copy.attributes.tags.len()), (1, 1), "the tags are that version's");
}

#[tokio::test]
async fn a_request_is_skipped_or_proves_the_copy() {
    for (receipt, is_skipped) in [(Some(("a b", "b1")), true), (None, false)] {
        let receipt = existing_receipt(receipt);
        let destination = head_key("dst", "a b", Some(published("v1", "0A")));
        let rules = [&head("src", Some("v1"), source()), &receipt, &destination, &tags(&[])];
        let requested = request(json!({"key": "a b", "version-id": "v1"}));

        let plan = call(&rules, &[], input(requested)).await.unwrap();

        assert_eq!(skip_reason(&plan) == Some(SkipReason::AlreadyBackedUp), is_skipped, "{plan:?}");
        if let Plan::Copy { stored, .. } = plan {
            assert_eq!(stored.unwrap().version_id.unwrap().as_str(), "b1", "it is proven, not copied again");
        }
    }
}

#[tokio::test]
async fn a_stamp_without_a_version_has_the_time_of_the_event() {
    let requested = || request(json!({"key": "a b"}));
    for (event, version, time) in
        [(event(), Some("v1"), (9, 59, 59)), (unversioned_event(), None, (10, 0, 0)), (requested(), None, (9, 59, 59))]
    {
        let untagged = mock!(Client::get_object_tagging)
            .then_output(|| GetObjectTaggingOutput::builder().set_tag_set(Some(Vec::new())).build().unwrap());
        let named = version.filter(|_| event["detail-type"] == "Object Created");
        let rules = [untagged, head("src", named, source().set_version_id(version.map(str::to_owned))), absent("dst")];

        let plan = call(&rules.each_ref(), &[], input(event)).await.unwrap();

        assert_eq!(planned(&plan).stamp.last_modified.to_hms(), time);
    }
}
