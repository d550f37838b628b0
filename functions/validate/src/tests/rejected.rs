//! Copies that did not match their source: they are copied again, and never used as the backup.

use holdfast_core::{contract::Precondition, names::VersionId};
use holdfast_s3::testing::single;

use super::*;

/// The plan that knew the rejected version `b1`.
fn knowing_rejected() -> Backup {
    let mut given_up = single(5);
    given_up.copy.rejected_versions = vec![VersionId::new("b1").unwrap()];
    given_up
}

/// The rejected version `b1` as the replan has it.
fn rejected() -> Stored {
    serde_json::from_value(json!({"versionId": "b1", "etag": "published"})).unwrap()
}

#[tokio::test]
async fn a_rejected_copy_is_made_again_and_recorded_in_the_plan() {
    for (version, record, named) in [
        (Some(published("v1", "0A")), None, vec!["b1"]),
        (None, Some(testing::head_object().e_tag("\"record\"")), vec!["b1"]),
        (None, None, vec![]),
    ] {
        let exists = version.is_some();
        let objects = [
            head_version("b1", version.clone()),
            head_key("dst", ".holdfast/rejected/a b/b1", record),
            existing_receipt(None),
            head_key("dst", LATE, None),
            head_key("dst", "a b", version),
            versions("a b", &[("b1", 5)]),
            head("src", Some("v1"), source()),
            tags(&[]),
        ];

        let plan = call(&objects.each_ref(), &[], second_plan(single(5), Some(rejected()))).await.unwrap();

        assert!(matches!(plan, Plan::Copy { stored: None, .. }), "{plan:?}");
        let copy = &planned(&plan).copy;
        let versions: Vec<_> = copy.rejected_versions.iter().map(VersionId::as_str).collect();
        assert_eq!(versions, named);
        assert_eq!(matches!(copy.precondition, Precondition::IfMatch(_)), exists);
    }
}

#[tokio::test]
async fn a_rejected_version_is_never_used_again() {
    let given_up = knowing_rejected();
    for (key, rejected, why) in [
        ("a b", None, "it is the current one"),
        ("a b", Some(rejected()), "it is the current one, and was rejected once more"),
        (LATE, None, "it is a late one"),
    ] {
        let newer = (key == LATE).then(|| published("v2", "0B").version_id("b2"));
        let rules = [
            head_key("dst", key, Some(published("v1", "0A"))),
            head_key("dst", "a b", newer),
            head_key("dst", LATE, None),
            existing_receipt(None),
            versions("a b", &[]),
            head("src", Some("v1"), source()),
            tags(&[]),
        ];

        let plan = call(&rules.each_ref(), &[], second_plan(given_up.clone(), rejected)).await.unwrap();

        assert!(matches!(plan, Plan::Copy { stored: None, .. }), "{why}: {plan:?}");
        let copy = &planned(&plan).copy;
        assert_eq!(copy.destination.key.as_str(), key, "{why}");
        assert_eq!(copy.rejected_versions, given_up.copy.rejected_versions, "it is named once: {why}");
    }
}

#[tokio::test]
async fn a_valid_copy_is_found_below_a_rejected_one() {
    let given_up = knowing_rejected();
    let valid = head_version("b0", Some(published("v1", "0A").version_id("b0")));
    let rejected = head_key("dst", "a b", Some(published("v1", "0A")));
    let versions = versions("a b", &[("b1", 5), ("b0", 5)]);
    let rules = [&valid, &rejected, &versions, &existing_receipt(None), &head("src", Some("v1"), source()), &tags(&[])];

    let plan = call(&rules, &[], second_plan(given_up.clone(), None)).await.unwrap();

    let (backup, stored) = copy_to_prove(&plan);
    assert_eq!(stored.version_id.as_ref().unwrap().as_str(), "b0");
    assert_eq!(backup.copy.rejected_versions, given_up.copy.rejected_versions);
    assert_eq!(backup.copy.replaces, stored.version_id, "what it replaced is unknown, so its place is checked");
}
