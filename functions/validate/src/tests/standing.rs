//! Copies that stand without a receipt: proven where they stand, also when their source is gone.

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use holdfast_core::{
    ErrorName,
    contract::{Placement, Precondition, Replan, StampPlace, Stored},
    names::VersionId,
};
use holdfast_s3::testing::single;

use super::*;

fn replanned(given_up: Transfer, rejected: Option<Stored>) -> ValidateInput {
    let replan = Replan { attempt: 2, error: "Source.Gone".to_owned(), given_up, rejected, unproven: None };
    ValidateInput { event: event(), replan: Some(replan), redrives: 0 }
}

/// What is left to prove.
fn stored(plan: &Plan) -> (&Transfer, &Stored) {
    match plan {
        Plan::Copy { transfer, stored: Some(stored), slices, .. } if slices.is_empty() => (transfer, stored),
        other => panic!("nothing is only to be proven: {other:?}"),
    }
}

#[tokio::test]
async fn a_replan_proves_the_copy_that_stands_unless_its_receipt_is_written() {
    for (receipt, proves, why) in [
        (None, true, "it may be our own, published by a request whose answer was lost"),
        (Some(("a b", "b1")), false, "another execution has finished it"),
    ] {
        let receipt = filed(receipt);
        let destination = head_key("dst", "a b", Some(backup("v1", Some("0A"))));
        let rules = [&receipt, &head("src", Some("v1"), source()), &destination, &tags(&[])];
        let plan = ask(&rules, &[], replanned(single(5), None)).await.unwrap();
        if proves {
            assert_eq!(stored(&plan).1.version_id.as_ref().unwrap().as_str(), "b1", "{why}");
        } else {
            assert_eq!(reason(&plan), Some(SkipReason::AlreadyBackedUp), "{why}");
        }
    }
}

#[tokio::test]
async fn a_copy_that_could_not_be_proven_without_its_source_is_named_unless_another_execution_has_proven_it() {
    let unproven: Stored = serde_json::from_value(json!({"versionId": "b1", "etag": "standing"})).unwrap();
    let ours = || Some(backup("v1", Some("0A")));
    for (stands, source_stands, receipt, outcome, why) in [
        (
            ours(),
            false,
            Some(("a b", "b1")),
            Ok(Some(SkipReason::AlreadyBackedUp)),
            "another execution knew the checksum",
        ),
        (ours(), false, None, Err(ErrorName::SourceGone), "nothing is left to prove it by"),
        (ours(), true, None, Ok(None), "the source is there after all: it is proven"),
        (None, false, None, Ok(Some(SkipReason::SourceGone)), "somebody has deleted the copy as advised"),
    ] {
        let mut input = replanned(single(5), None);
        input.replan.as_mut().unwrap().unproven = Some(unproven.clone());
        let source = if source_stands { head("src", Some("v1"), source()) } else { absent("src") };
        let (receipt, late, none) = (filed(receipt), head_key("dst", HISTORY, None), tags(&[]));
        let destination = head_key("dst", "a b", stands);
        let rules = [&receipt, &late, &destination, &source, &none];
        let plan = ask(&rules, &[], input).await;
        assert_eq!(plan.as_ref().map(reason).map_err(Named::name), outcome, "{why}");
    }
}

#[tokio::test]
async fn a_source_that_is_gone_does_not_hide_the_copy_wherever_it_lies() {
    let newer = || head_key("dst", "a b", Some(backup("v2", Some("0B"))));
    let ours = || backup("v1", Some("0A"));
    let at_its_key = vec![head_key("dst", "a b", Some(ours()))];
    let beneath = vec![
        head_version("b0", Some(ours().version_id("b0"))),
        newer(),
        listed("a b", &[("b1", 5), ("b9", 7), ("b0", 5)]),
    ];
    let late = vec![head_key("dst", HISTORY, Some(ours())), newer(), listed("a b", &[("b1", 5)])];
    for (looks, key, version, placement) in [
        (at_its_key, "a b", "b1", Placement::Current),
        (beneath, "a b", "b0", Placement::Current),
        (late, HISTORY, "b1", Placement::Late),
    ] {
        let (receipt, gone, none) = (filed(None), absent("src"), tags(&[]));
        let rules: Vec<_> = [&receipt, &gone, &none].into_iter().chain(&looks).collect();
        let plan = ask(&rules, &[], replanned(single(5), None)).await.unwrap();
        let (transfer, stored) = stored(&plan);
        assert_eq!((transfer.destination.key.as_str(), transfer.placement), (key, placement));
        assert_eq!(stored.version_id.as_ref().unwrap().as_str(), version, "{key}");
        assert_eq!(transfer.crc64nvme, single(5).crc64nvme, "the source's checksum is that of the earlier plan");
    }
}

#[tokio::test]
async fn a_copy_whose_proof_failed_is_copied_over_and_named_if_it_stands_or_what_was_wrong_is_written_down() {
    for (stands, told, named) in [(true, false, vec!["b1"]), (false, true, vec!["b1"]), (false, false, vec![])] {
        let rejected = serde_json::from_value(json!({"versionId": "b1", "etag": "standing"})).unwrap();
        let ours = stands.then(|| backup("v1", Some("0A")));
        let bad = head_version("b1", ours.clone());
        let (receipt, late) = (filed(None), head_key("dst", HISTORY, None));
        let destination = head_key("dst", "a b", ours);
        let alone = listed("a b", &[("b1", 5)]);
        let note = told.then(|| testing::head_object().e_tag("\"note\""));
        let note = head_key("dst", ".holdfast/rejected/a b/b1", note);
        let source = head("src", Some("v1"), source());
        let rules = [&bad, &note, &receipt, &late, &destination, &alone, &source, &tags(&[])];
        let plan = ask(&rules, &[], replanned(single(5), Some(rejected))).await.unwrap();
        assert!(matches!(plan, Plan::Copy { stored: None, .. }), "{plan:?}");
        let transfer = transfer(&plan);
        let versions: Vec<_> = transfer.rejected_versions.iter().map(VersionId::as_str).collect();
        assert_eq!(versions, named);
        assert_eq!(matches!(transfer.precondition, Precondition::IfMatch(_)), stands);
    }
}

/// What is seen where the source and the late copy are gone, and only this stands at the key.
fn without_source(stands: HeadObjectOutputBuilder) -> [Rule; 6] {
    [
        head_key("dst", "a b", Some(stands)),
        filed(None),
        head_key("dst", HISTORY, None),
        listed("a b", &[("b7", 5)]),
        absent("src"),
        tags(&[]),
    ]
}

#[tokio::test]
async fn without_a_stamp_an_object_that_came_since_is_named_when_the_source_is_gone() {
    let mut unstamped = single(5);
    unstamped.stamp_place = StampPlace::Receipt;
    let standing = |etag: &str| testing::head_object().version_id("b7").e_tag(etag).content_length(5);
    let came = without_source(standing("\"new\""));
    let refusal = ask(&came.each_ref(), &[], replanned(unstamped.clone(), None)).await.unwrap_err();
    assert_eq!(refusal.name(), ErrorName::SourceGone);
    for words in [
        "What may be the copy stands at s3://dst/a b (version b7), without a receipt of this upload",
        "look whether a receipt under s3://dst/.holdfast/receipts/src/a b/ names that version",
        "If one does, leave both",
        "If none does, first let the execution that made it end",
        "only as a last resort delete that version of it",
    ] {
        assert!(refusal.to_string().contains(words), "{refusal}");
    }

    unstamped.precondition = Precondition::IfMatch(serde_json::from_value(json!("old")).unwrap());
    let was_there = without_source(standing("\"old\""));
    let plan = ask(&was_there.each_ref(), &[], replanned(unstamped, None)).await.unwrap();
    assert_eq!(reason(&plan), Some(SkipReason::SourceGone));
}

#[tokio::test]
async fn without_a_stamp_and_a_source_the_equal_checksum_of_what_came_since_is_enough_to_prove_it() {
    let mut unstamped = single(5);
    unstamped.stamp_place = StampPlace::Receipt;
    unstamped.crc64nvme = serde_json::from_value(json!("AAAAAAAAAAA=")).unwrap();
    let came = testing::head_object().version_id("b7").e_tag("\"new\"").content_length(5);
    for (checksum, outcome) in
        [(Some("AAAAAAAAAAA="), Ok(Some("b7"))), (None, Err(ErrorName::SourceGone)), (Some("AAAAAAAAAAE="), Ok(None))]
    {
        let stands = came.clone().set_checksum_crc64_nvme(checksum.map(str::to_owned));
        let looks = without_source(stands);
        let found = ask(&looks.each_ref(), &[], replanned(unstamped.clone(), None)).await;
        let proven = found.map(|plan| match plan {
            Plan::Copy { stored, .. } => stored.unwrap().version_id.map(|version| version.to_string()),
            Plan::Skip { .. } => None,
        });
        assert_eq!(proven.map_err(|refusal| refusal.name()), outcome.map(|version| version.map(str::to_owned)));
    }
}

#[tokio::test]
async fn what_came_since_may_be_of_another_upload_of_the_same_bytes_and_is_not_taken_while_there_is_a_source() {
    let mut unstamped = single(5);
    unstamped.stamp_place = StampPlace::Receipt;
    unstamped.crc64nvme = serde_json::from_value(json!("AAAAAAAAAAA=")).unwrap();
    let came = testing::head_object().version_id("b7").e_tag("\"new\"").content_length(5);
    let looks = [
        head("src", Some("v1"), source()),
        head_key("dst", "a b", Some(came.checksum_crc64_nvme("AAAAAAAAAAA="))),
        head("src", None, source()),
        filed(None),
        head_key("dst", HISTORY, None),
        listed("a b", &[("b7", 5)]),
        tags(&[]),
    ];
    let plan = ask(&looks.each_ref(), &[], replanned(unstamped, None)).await.unwrap();
    assert!(matches!(&plan, Plan::Copy { stored: None, .. }), "{plan:?}");
    assert!(matches!(&transfer(&plan).precondition, Precondition::IfMatch(etag) if etag.as_str() == "new"));
}

#[tokio::test]
async fn without_a_stamp_a_copy_among_the_late_ones_is_known_by_its_key() {
    let mut unstamped = single(5);
    unstamped.stamp_place = StampPlace::Receipt;
    let kept = testing::head_object().version_id("b3").e_tag("\"kept\"");
    for (size, proven, why) in [(5, true, "an earlier plan kept it there"), (6, false, "it cannot be a copy")] {
        let late = head_key("dst", HISTORY, Some(kept.clone().content_length(size)));
        let newer = head_key("dst", "a b", Some(backup("v2", Some("0B"))));
        let (receipt, listed) = (filed(None), listed("a b", &[("b1", 5)]));
        let rules = [&late, &newer, &receipt, &listed, &head("src", Some("v1"), source()), &tags(&[])];
        let plan = ask(&rules, &[], replanned(unstamped.clone(), None)).await.unwrap();
        let Plan::Copy { transfer, stored, .. } = &plan else { panic!("{plan:?}") };
        assert_eq!((transfer.destination.key.as_str(), stored.is_some()), (HISTORY, proven), "{why}");
    }
}

#[tokio::test]
async fn what_comes_after_its_source_is_gone_is_skipped_if_its_receipt_is_there_and_else_the_unproven_copy_is_named() {
    let asked = || request(json!({"key": "a b", "version-id": "v1", "etag": "tag"}));
    let ours = || vec![head_key("dst", "a b", Some(backup("v1", Some("0A"))))];
    let newer = || head_key("dst", "a b", Some(backup("v2", Some("0B"))));
    let late = || vec![newer(), head_key("dst", HISTORY, Some(backup("v1", Some("0A"))))];
    let deleted = || vec![head_version("b0", None), newer(), head_key("dst", HISTORY, None)];
    let nothing = || vec![newer(), head_key("dst", HISTORY, None)];
    for event in [event(), asked()] {
        for (stands, receipt, outcome, why) in [
            (ours(), Some(("a b", "b1")), Ok(SkipReason::AlreadyBackedUp), "it is proven"),
            (ours(), None, Err("s3://dst/a b (version b1)"), "nothing is left to prove it by"),
            (late(), Some((HISTORY, "b1")), Ok(SkipReason::AlreadyBackedUp), "it is proven"),
            (late(), None, Err("s3://dst/.holdfast/late/a b/v1 (version b1)"), "nor a late one"),
            (nothing(), None, Ok(SkipReason::SourceGone), "there is no copy"),
            (deleted(), Some(("a b", "b0")), Ok(SkipReason::SourceGone), "the copy that the receipt names was deleted"),
        ] {
            let (receipt, gone, tags) = (filed(receipt), absent("src"), tags(&[]));
            let rules: Vec<_> = stands.iter().chain([&receipt, &gone, &tags]).collect();
            match (ask(&rules, &[], input(event.clone())).await, outcome) {
                (Ok(plan), outcome) => assert_eq!(Ok(reason(&plan).unwrap()), outcome, "{why}"),
                (Err(refusal), Err(copy)) => {
                    assert_eq!(refusal.name(), ErrorName::SourceGone, "{why}");
                    assert!(refusal.to_string().contains(copy), "{why}: {refusal}");
                }
                (Err(refusal), Ok(_)) => panic!("{why}: {refusal}"),
            }
        }
    }
}

#[tokio::test]
async fn a_version_that_is_known_to_be_bad_is_not_taken_again_wherever_it_is_met() {
    let mut given_up = single(5);
    given_up.rejected_versions = vec![VersionId::new("b1").unwrap()];
    let bad = |place: &'static str| head_key("dst", place, Some(backup("v1", Some("0A"))));
    let rejected: Option<Stored> = serde_json::from_value(json!({"versionId": "b1", "etag": "standing"})).unwrap();
    for (place, rejected, why) in [
        ("a b", None, "it is the current one"),
        ("a b", rejected, "it is the current one, and was rejected once more"),
        (HISTORY, None, "it lies among the late ones"),
    ] {
        let newer = (place == HISTORY).then(|| backup("v2", Some("0B")).version_id("b2"));
        let looks = [bad(place), head_key("dst", "a b", newer.clone()), head_key("dst", HISTORY, newer)];
        let others = [filed(None), listed("a b", &[]), head("src", Some("v1"), source()), tags(&[])];
        let rules: Vec<_> = looks.iter().chain(&others).collect();
        let plan = ask(&rules, &[], replanned(given_up.clone(), rejected)).await.unwrap();
        assert!(matches!(plan, Plan::Copy { stored: None, .. }), "{why}: {plan:?}");
        assert_eq!(transfer(&plan).rejected_versions, given_up.rejected_versions, "it is named once: {why}");
    }
}

#[tokio::test]
async fn a_good_copy_is_found_beneath_one_that_is_known_to_be_bad() {
    let mut given_up = single(5);
    given_up.rejected_versions = vec![VersionId::new("b1").unwrap()];
    let good = head_version("b0", Some(backup("v1", Some("0A")).version_id("b0")));
    let bad = head_key("dst", "a b", Some(backup("v1", Some("0A"))));
    let beneath = listed("a b", &[("b1", 5), ("b0", 5)]);
    let rules = [&good, &bad, &beneath, &filed(None), &head("src", Some("v1"), source()), &tags(&[])];
    let plan = ask(&rules, &[], replanned(given_up.clone(), None)).await.unwrap();
    let (transfer, stored) = stored(&plan);
    assert_eq!(stored.version_id.as_ref().unwrap().as_str(), "b0");
    assert_eq!(transfer.rejected_versions, given_up.rejected_versions);
    assert_eq!(transfer.replaces, stored.version_id, "nobody knows what it replaced, so its place is looked at");
}

#[tokio::test]
async fn an_unstamped_copy_of_an_upload_that_was_overwritten_is_named_also_beneath_a_newer_one() {
    let mut given_up = single(5);
    given_up.stamp_place = StampPlace::Receipt;
    given_up.source.version_id = None;
    given_up.stamp.version_id = None;
    given_up.replaces = Some(VersionId::new("b0").unwrap());
    let mut event = event();
    event["detail"]["object"].as_object_mut().unwrap().remove("version-id");
    let unstamped = |version: &str| testing::head_object().version_id(version).e_tag("\"copy\"").content_length(5);
    for (beneath, outcome) in [
        (listed("a b", &[("b2", 7), ("b1", 5), ("b0", 5)]), Err(ErrorName::SourceGone)),
        (listed("a b", &[("b2", 7), ("b0", 5), ("b1", 5)]), Ok(Some(SkipReason::Superseded))),
    ] {
        let rules = [
            head_version("b1", Some(unstamped("b1"))),
            head_version("b0", Some(unstamped("b0"))),
            head_key("dst", "a b", Some(unstamped("b2").content_length(7))),
            filed(None),
            head_key("dst", ".holdfast/late/a b/null-0A", None),
            beneath,
            head("src", None, source().set_version_id(None).e_tag("\"another\"")),
        ];
        let replan = replanned(given_up.clone(), None).replan;
        let input = ValidateInput { event: event.clone(), replan, redrives: 0 };
        let found = ask(&rules.each_ref(), &[], input).await;
        if let Err(refusal) = &found {
            assert!(refusal.to_string().contains("stands at s3://dst/a b (version b1)"), "{refusal}");
        }
        assert_eq!(found.map(|plan| reason(&plan)).map_err(|refusal| refusal.name()), outcome);
    }
}

#[tokio::test]
async fn what_lies_beneath_too_many_versions_is_copied_again_or_told_where_that_cannot_be() {
    for (stands, outcome) in [(true, Ok(())), (false, Err(ErrorName::SourceGone))] {
        let page = mock!(Client::list_object_versions).then_output(|| {
            let page = ListObjectVersionsOutput::builder().is_truncated(true);
            page.next_key_marker("a b").next_version_id_marker("m").build()
        });
        let newer = head_key("dst", "a b", Some(backup("v2", Some("0B"))));
        let source = if stands { head("src", Some("v1"), source()) } else { absent("src") };
        let looks = [filed(None), head_key("dst", HISTORY, None), newer, source, tags(&[])];
        let rules: Vec<_> = looks.iter().chain([&page]).collect();
        let found = ask(&rules, &[], replanned(single(5), None)).await;
        if let Err(refusal) = &found {
            assert!(refusal.to_string().contains("too many newer versions of s3://dst/a b lie on top"), "{refusal}");
        }
        assert_eq!(found.map(drop).map_err(|refusal| refusal.name()), outcome);
        assert_eq!(page.num_calls(), 10, "it ends");
    }
}
