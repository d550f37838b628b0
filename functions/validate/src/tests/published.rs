//! Copies that are published without a receipt: the next plan finds and proves them, even if their source is gone.

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use holdfast_core::{ErrorName, contract::Placement, names::VersionId};
use holdfast_s3::testing::single;

use super::*;

#[tokio::test]
async fn a_replan_proves_the_published_copy_unless_it_has_a_receipt() {
    for (receipt, is_proven, why) in [
        (None, true, "a request whose answer was lost may have published it"),
        (Some(("a b", "b1")), false, "another execution proved it"),
    ] {
        let receipt = existing_receipt(receipt);
        let destination = head_key("dst", "a b", Some(published("v1", "0A")));
        let rules = [&receipt, &head("src", Some("v1"), source()), &destination, &tags(&[])];

        let plan = call(&rules, &[], second_plan(single(5), None)).await.unwrap();

        if is_proven {
            assert_eq!(copy_to_prove(&plan).1.version_id.as_ref().unwrap().as_str(), "b1", "{why}");
        } else {
            assert_eq!(skip_reason(&plan), Some(SkipReason::AlreadyBackedUp), "{why}");
        }
    }
}

#[tokio::test]
async fn an_unproven_copy_without_a_source_is_reported_without_a_receipt() {
    let unproven: Stored = serde_json::from_value(json!({"versionId": "b1", "etag": "published"})).unwrap();
    let ours = || Some(published("v1", "0A"));
    let backed_up = Ok(Some(SkipReason::AlreadyBackedUp));
    let gone = || absent("src");
    for (current, source, receipt, outcome, why) in [
        (ours(), gone(), Some(("a b", "b1")), backed_up, "another execution knew the checksum"),
        (ours(), gone(), None, Err(ErrorName::SourceGone), "nothing is left to prove it by"),
        (ours(), head("src", Some("v1"), source()), None, Ok(None), "the source exists after all: it is proven"),
        (None, gone(), None, Ok(Some(SkipReason::SourceGone)), "an operator deleted the copy as advised"),
    ] {
        let mut input = second_plan(single(5), None);
        input.replan.as_mut().unwrap().unproven = Some(unproven.clone());
        let (receipt, late, no_tags) = (existing_receipt(receipt), head_key("dst", LATE, None), tags(&[]));
        let destination = head_key("dst", "a b", current);

        let plan = call(&[&receipt, &late, &destination, &source, &no_tags], &[], input).await;

        assert_eq!(plan.as_ref().map(skip_reason).map_err(Fact::name), outcome, "{why}");
    }
}

#[tokio::test]
async fn a_copy_is_proven_although_its_source_is_gone() {
    let newer = || head_key("dst", "a b", Some(published("v2", "0B")));
    let ours = || published("v1", "0A");
    let at_its_key = vec![head_key("dst", "a b", Some(ours()))];
    let below = vec![
        head_version("b0", Some(ours().version_id("b0"))),
        newer(),
        versions("a b", &[("b1", 5), ("b9", 7), ("b0", 5)]),
    ];
    let late = vec![head_key("dst", LATE, Some(ours())), newer(), versions("a b", &[("b1", 5)])];
    let mut given_up = single(5);
    given_up.copy.crc64nvme = serde_json::from_value(json!("AAAAAAAAAAA=")).unwrap();
    for (objects, key, version, placement) in [
        (at_its_key, "a b", "b1", Placement::Current),
        (below, "a b", "b0", Placement::Current),
        (late, LATE, "b1", Placement::Late),
    ] {
        let (receipt, gone, no_tags) = (existing_receipt(None), absent("src"), tags(&[]));
        let rules: Vec<_> = [&receipt, &gone, &no_tags].into_iter().chain(&objects).collect();

        let plan = call(&rules, &[], second_plan(given_up.clone(), None)).await.unwrap();

        let (backup, stored) = copy_to_prove(&plan);
        assert_eq!((backup.copy.destination.key.as_str(), backup.placement), (key, placement));
        assert_eq!(stored.version_id.as_ref().unwrap().as_str(), version, "{key}");
        assert_eq!(backup.copy.crc64nvme, given_up.copy.crc64nvme, "the earlier plan knows the source's checksum");
    }
}

#[tokio::test]
async fn a_copy_is_searched_above_the_version_that_it_replaced() {
    let mut given_up = single(5);
    given_up.copy.source.version_id = None;
    given_up.stamp.version_id = None;
    given_up.stamp.last_modified = given_up.event.time;
    given_up.copy.replaces = Some(VersionId::new("b0").unwrap());
    let without_version = |version: &str| {
        let head = testing::head_object().version_id(version).e_tag("\"copy\"").content_length(5);
        head.metadata("holdfast-stamp", "s=0A e=tag m=20261122T095959Z")
    };
    for (versions, skipped, why) in [
        (versions("a b", &[("b2", 7), ("b1", 5), ("b0", 5)]), None, "it is above"),
        (
            versions("a b", &[("b2", 7), ("b0", 5), ("b1", 5)]),
            Some(SkipReason::Superseded),
            "nothing is searched below",
        ),
    ] {
        let rules = [
            head_version("b1", Some(without_version("b1"))),
            head_version("b0", Some(published("v0", "09"))),
            head_key("dst", "a b", Some(published("v2", "0B").version_id("b2").content_length(7))),
            existing_receipt(None),
            head_key("dst", ".holdfast/late/a b/null-0A", None),
            versions,
            head("src", None, source().set_version_id(None).e_tag("\"another\"")),
        ];
        let input = ValidateInput { event: unversioned_event(), ..second_plan(given_up.clone(), None) };

        let plan = call(&rules.each_ref(), &[], input).await.unwrap();

        assert_eq!(skip_reason(&plan), skipped, "{why}");
        if skipped.is_none() {
            let (backup, stored) = copy_to_prove(&plan);
            assert_eq!(stored.version_id.as_ref().unwrap().as_str(), "b1");
            assert_eq!(backup.copy.replaces, given_up.copy.replaces, "it replaced what the earlier plan knew");
        }
    }
}

#[tokio::test]
async fn a_copy_below_too_many_versions_is_made_again_or_reported() {
    for (source, outcome) in [(head("src", Some("v1"), source()), Ok(())), (absent("src"), Err(ErrorName::SourceGone))]
    {
        let page = mock!(Client::list_object_versions).then_output(|| {
            let page = ListObjectVersionsOutput::builder().is_truncated(true);
            page.next_key_marker("a b").next_version_id_marker("m").build()
        });
        let newer = head_key("dst", "a b", Some(published("v2", "0B")));
        let objects = [existing_receipt(None), head_key("dst", LATE, None), newer, source, tags(&[])];
        let rules: Vec<_> = objects.iter().chain([&page]).collect();

        let plan = call(&rules, &[], second_plan(single(5), None)).await;

        if let Err(error) = &plan {
            assert!(report(error).contains("Too many newer versions of s3://dst/a b are above"), "{error}");
        }
        assert_eq!(plan.map(drop).map_err(|error| error.name()), outcome);
        assert_eq!(page.num_calls(), 10, "the search ends");
    }
}
