//! Uploads whose source is gone at the first plan: skipped, or reported if their copy has no receipt.

use holdfast_core::ErrorName;

use super::*;

#[tokio::test]
async fn without_its_source_an_upload_is_skipped_or_its_copy_reported() {
    let requested = || request(json!({"key": "a b", "version-id": "v1", "etag": "tag"}));
    let ours = || vec![head_key("dst", "a b", Some(published("v1", "0A")))];
    let newer = || head_key("dst", "a b", Some(published("v2", "0B")));
    let late = || vec![newer(), head_key("dst", LATE, Some(published("v1", "0A")))];
    let deleted = || vec![head_version("b0", None), newer(), head_key("dst", LATE, None)];
    let none = || vec![newer(), head_key("dst", LATE, None)];
    for event in [event(), requested()] {
        for (objects, receipt, outcome, why) in [
            (ours(), Some(("a b", "b1")), Ok(SkipReason::AlreadyBackedUp), "it is proven"),
            (ours(), None, Err("s3://dst/a b (version b1)"), "nothing is left to prove it by"),
            (late(), Some((LATE, "b1")), Ok(SkipReason::AlreadyBackedUp), "it is proven"),
            (late(), None, Err("s3://dst/.holdfast/late/a b/v1 (version b1)"), "nor a late one"),
            (none(), None, Ok(SkipReason::SourceGone), "there is no copy"),
            (deleted(), Some(("a b", "b0")), Ok(SkipReason::SourceGone), "the copy that the receipt names was deleted"),
        ] {
            let listed: &[_] = if receipt.is_some() { &RECEIPTS } else { &[] };
            let others = [existing_receipt(receipt), listed_receipts(listed), absent("src"), tags(&[])];
            let rules: Vec<_> = objects.iter().chain(&others).collect();

            let plan = call(&rules, &[], input(event.clone())).await;

            match (plan, outcome) {
                (Ok(plan), outcome) => assert_eq!(Ok(skip_reason(&plan).unwrap()), outcome, "{why}"),
                (Err(error), Err(copy)) => {
                    assert_eq!(error.name(), ErrorName::SourceGone, "{why}");
                    assert!(report(&error).contains(copy), "{why}: {error}");
                }
                (Err(error), Ok(_)) => panic!("{why}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn a_request_for_an_object_that_does_not_exist_fails_by_name() {
    for object in [json!({"key": "a+b"}), json!({"key": "a+b", "version-id": "v1"})] {
        let rules = [&absent("src"), &head_key("dst", "a+b", None), &tags(&[])];

        let error = call(&rules, &[], input(request(object))).await.unwrap_err();

        assert_eq!(error.name(), ErrorName::InputInvalid, "{error}");
        assert!(report(&error).contains("s3://src/a+b"), "{error}");
        assert!(report(&error).contains("does not exist"), "{error}");
    }
}

#[tokio::test]
async fn only_the_receipt_of_the_same_version_is_read() {
    let of_others = listed_receipts(&[
        ".holdfast/receipts/src/a b/20261122T095959Z.v0.json",
        ".holdfast/receipts/src/a b/20261122T095959Z.v1.deleted.json",
        ".holdfast/receipts/src/a b/20261122T095959Z.w.v1.json",
    ]);
    let receipt = existing_receipt(Some(("a b", "b1")));
    let rules =
        [&of_others, &receipt, &absent("src"), &head_key("dst", "a b", Some(published("v1", "0A"))), &tags(&[])];

    let error = call(&rules, &[], input(event())).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::SourceGone, "{error}");
    assert_eq!((of_others.num_calls(), receipt.num_calls()), (1, 0));
}
