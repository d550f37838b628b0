//! Newest stays newest in the replica bucket too, and plans are made anew.

use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadOutput;
use holdfast_core::{
    ErrorName,
    contract::{Placement, Precondition, Replan},
    names::VersionId,
};
use holdfast_s3::testing::{multipart, s3_error, single};

use super::*;

const HISTORY: &str = ".holdfast/late/a b/v1";

#[tokio::test]
async fn what_stands_in_the_replica_bucket_decides_where_the_replica_goes() {
    let unstamped = || testing::head_object().e_tag("\"standing\"").content_length(5);
    let backup = |version: &str| testing::head_object().version_id(version).e_tag("\"backup-tag\"");
    for (stands, now, key, why) in [
        (replica("v0", "09"), None, "a b", "an older one makes room"),
        (replica("v2", "0B"), None, HISTORY, "a newer one stays"),
        (unstamped(), Some(backup("b/1")), "a b", "nothing says, and the backup is still the current one"),
        (unstamped(), Some(backup("b/2")), HISTORY, "nothing says, and the backup was replaced by a newer one"),
    ] {
        let looks = [head("rep", "a b", Some(stands)), head("dst", "a b", now), head("rep", HISTORY, None), copied()];
        let beneath = listed("a b", &[("r1", 5)]);
        let looks: Vec<_> = looks.iter().chain([&beneath]).collect();
        let plan = ask(&looks, "10", input(&single(5))).await.unwrap();
        let transfer = plan.transfer;
        assert_eq!(transfer.destination.key.as_str(), key, "{why}");
        match transfer.placement {
            Placement::Current => {
                assert!(matches!(&transfer.precondition, Precondition::IfMatch(etag) if etag.as_str() == "standing"));
            }
            Placement::Late => assert_eq!(transfer.precondition, Precondition::IfAbsent),
        }
    }
}

#[tokio::test]
async fn a_late_backup_keeps_its_key_among_the_late_ones() {
    let mut transfer = single(5);
    transfer.placement = Placement::Late;
    transfer.destination.key = serde_json::from_value(json!(HISTORY)).unwrap();
    let plan = ask(&[&head("rep", HISTORY, None), &copied()], "10", input(&transfer)).await.unwrap();
    assert_eq!(plan.transfer.destination.key.as_str(), HISTORY);
    assert_eq!(plan.transfer.placement, Placement::Late);
}

#[tokio::test]
async fn a_late_replica_that_stands_already_is_answered_without_a_copy() {
    let looks = [
        head("rep", "a b", Some(replica("v2", "0B"))),
        head("rep", HISTORY, Some(replica("v1", "0A"))),
        listed("a b", &[]),
    ];
    let plan = ask(&looks.each_ref(), "10", input(&single(5))).await.unwrap();
    assert_eq!((plan.stored.is_some(), plan.transfer.placement), (true, Placement::Late));
}

#[tokio::test]
async fn a_replica_that_an_earlier_try_made_is_found_beneath_a_newer_one() {
    let beneath = listed("a b", &[("r1", 5), ("r0", 4), ("r2", 5), ("r3", 5)]);
    let older = head_version("r2", replica("v0", "09"));
    let ours = head_version("r3", replica("v1", "0A").version_id("r3"));
    let rules = [&head("rep", "a b", Some(replica("v2", "0B"))), &beneath, &older, &ours];
    let plan = ask(&rules, "10", input(&single(5))).await.unwrap();
    assert_eq!(plan.stored.unwrap().version_id.unwrap().as_str(), "r3");
    assert_eq!((plan.transfer.destination.key.as_str(), plan.transfer.placement), ("a b", Placement::Current));
    assert_eq!((older.num_calls(), ours.num_calls()), (1, 1), "other sizes and other keys are not looked at");
}

#[tokio::test]
async fn a_replica_whose_proof_failed_is_copied_over_and_named_if_it_stands_or_what_was_wrong_is_written_down() {
    for (stands, told) in [(true, false), (false, true), (false, false)] {
        let mut asked = again(2, 0);
        let rejected = json!({"versionId": "r1", "etag": "standing", "crc64nvme": "AAAAAAAAAAA="});
        let replan = asked.replan.as_mut().unwrap();
        replan.rejected = serde_json::from_value(rejected).unwrap();
        replan.given_up.upload = None;
        asked.transfer = single(5);
        let (now, bad) = if stands {
            (head("rep", "a b", Some(replica("v1", "0A"))), head_version("r1", replica("v1", "0A")))
        } else {
            let gone = mock!(Client::head_object).match_requests(|request| request.version_id() == Some("r1"));
            (head("rep", "a b", None), gone.then_http_response(|| bare(404)))
        };
        let copy = copied();
        let note = told.then(|| testing::head_object().e_tag("\"note\""));
        let note = head("rep", ".holdfast/rejected/a b/r1", note);
        let plan = ask(&[&now, &bad, &note, &copy, &listed("a b", &[("r1", 5)])], "10", asked).await.unwrap();
        assert_eq!(copy.num_calls(), 1, "it is copied again");
        let named: Vec<_> = plan.transfer.rejected_versions.iter().map(VersionId::as_str).collect();
        assert_eq!(named, if stands || told { vec!["r1"] } else { vec![] });
    }
}

#[tokio::test]
async fn a_replica_that_is_known_to_be_bad_is_not_taken_again_wherever_it_is_met() {
    let ours = || replica("v1", "0A");
    for (at_its_key, among_the_late, key) in
        [(ours(), None, "a b"), (replica("v2", "0B").version_id("r2"), Some(ours()), HISTORY)]
    {
        let mut asked = again(2, 0);
        asked.transfer = single(5);
        let given_up = &mut asked.replan.as_mut().unwrap().given_up;
        given_up.upload = None;
        given_up.rejected_versions = vec![VersionId::new("r1").unwrap()];
        let looks = [head("rep", "a b", Some(at_its_key)), head("rep", HISTORY, among_the_late), listed("a b", &[])];
        let copy = copied();
        let rules: Vec<_> = looks.iter().chain([&copy]).collect();
        let plan = ask(&rules, "10", asked).await.unwrap();
        assert_eq!((copy.num_calls(), plan.transfer.destination.key.as_str()), (1, key), "it is copied again");
        assert_eq!(plan.transfer.rejected_versions.len(), 1);
    }
}

fn again(attempt: u32, redrives: u32) -> ReplicateInput {
    let mut given_up = multipart(100, 50);
    given_up.source.bucket = serde_json::from_value(json!("dst")).unwrap();
    given_up.destination.bucket = serde_json::from_value(json!("rep")).unwrap();
    given_up.destination.region = "eu-north-1".to_owned();
    let replan = Replan { attempt, error: "Upload.Gone".to_owned(), given_up, rejected: None, unproven: None };
    ReplicateInput { replan: Some(replan), redrives, ..input(&multipart(100, 50)) }
}

#[tokio::test]
async fn a_new_plan_aborts_the_upload_that_was_given_up() {
    for gone in [false, true] {
        let rule = mock!(Client::abort_multipart_upload)
            .match_requests(|request| (request.bucket(), request.upload_id()) == (Some("rep"), Some("up")));
        let abort = if gone {
            rule.then_http_response(|| s3_error(404, "NoSuchUpload", "gone"))
        } else {
            rule.then_output(|| AbortMultipartUploadOutput::builder().build())
        };
        let plan = ask(&[&abort, &head("rep", "a b", None), &opened()], "10", again(2, 0)).await.unwrap();
        assert_eq!((abort.num_calls(), plan.attempt), (1, 2));
        assert_eq!(plan.transfer.upload.unwrap().upload_id, "up-2");
    }
}

#[tokio::test]
async fn the_sixth_plan_is_refused_and_a_redrive_allows_five_more() {
    let abort = mock!(Client::abort_multipart_upload).then_output(|| AbortMultipartUploadOutput::builder().build());
    let refusal = ask(&[&abort], "10", again(6, 0)).await.unwrap_err();
    assert_eq!(refusal.name(), ErrorName::DestinationContended);
    assert!(refusal.to_string().contains("s3://rep/a b"), "{refusal}");
    ask(&[&abort, &head("rep", "a b", None), &opened()], "10", again(6, 1)).await.unwrap();
}

#[tokio::test]
async fn an_upload_of_the_other_leg_is_never_aborted() {
    let mut input = again(2, 0);
    input.replan.as_mut().unwrap().given_up = multipart(100, 50);
    let refusal = ask(&[], "10", input).await.unwrap_err();
    assert_eq!(refusal.name(), ErrorName::InputInvalid, "{refusal}");
}
