//! Every failure has a name that the state machine knows and a sentence that says what to do.

use holdfast_core::ErrorName;
use holdfast_s3::testing::{s3_error, single};

use super::*;

const REFUSED: &str = "User: u is not authorized to perform: s3:GetObjectVersion on resource: \"arn:aws:s3:::dst/a b\" \
                       because no identity-based policy allows the s3:GetObjectVersion action";

#[tokio::test]
async fn every_answer_to_the_copy_that_is_no_success_gets_its_name_and_says_what_to_do() {
    for (status, code, message, name, words) in [
        (503, "SlowDown", "Please reduce your request rate.", ErrorName::S3Throttled, "tried again"),
        (200, "SlowDown", "in the body of a 200", ErrorName::S3Throttled, "tried again"),
        (200, "InternalError", "in the body of a 200", ErrorName::S3Unavailable, "tried again"),
        (412, "PreconditionFailed", "no", ErrorName::DestinationChanged, "s3://rep/a b"),
        (409, "ConditionalRequestConflict", "no", ErrorName::DestinationChanged, "s3://rep/a b"),
        (403, "AccessDenied", "no", ErrorName::DestinationDenied, "Grant s3:PutObject"),
        (403, "AccessDenied", REFUSED, ErrorName::SourceDenied, "Grant s3:GetObjectVersion on arn:aws:s3:::dst/a b to"),
        (403, "AccessDenied", "not authorized to perform: kms:Decrypt", ErrorName::KmsDenied, "Grant kms:Decrypt"),
        (404, "NoSuchBucket", "none", ErrorName::ConfigInvalid, "exists"),
        (403, "InvalidObjectState", "archived", ErrorName::SourceArchived, "Restore"),
    ] {
        let copy = mock!(Client::copy_object).then_http_response(move || s3_error(status, code, message));
        let refusal = ask(&[&head("rep", "a b", None), &copy], "10", input(&single(5))).await.unwrap_err();
        assert_eq!(refusal.name(), name, "{status} {code}: {refusal}");
        assert!(refusal.to_string().contains(words), "{status} {code}: {refusal}");
    }
}

#[tokio::test]
async fn something_gone_is_the_backup_only_where_that_does_not_stand_any_more() {
    let pinned = || {
        mock!(Client::head_object)
            .match_requests(|request| request.bucket() == Some("dst") && request.version_id() == Some("b/1"))
    };
    let backup = pinned().then_output(|| testing::head_object().version_id("b/1").e_tag("\"backup-tag\"").build());
    for (backup, name, words) in [
        (backup, ErrorName::DestinationChanged, "Somebody deleted s3://rep/a b since it was looked at."),
        (
            pinned().then_http_response(|| bare(404)),
            ErrorName::SourceGone,
            "the verified backup s3://dst/a b (version b/1) was deleted",
        ),
    ] {
        let copy = mock!(Client::copy_object).then_http_response(|| s3_error(404, "NoSuchKey", "gone"));
        let replica = head("rep", "a b", Some(replica("v0", "09")));
        let refusal = ask(&[&replica, &copy, &backup], "10", input(&single(5))).await.unwrap_err();
        assert_eq!((refusal.name(), backup.num_calls()), (name, 1), "{refusal}");
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
}

#[tokio::test]
async fn every_answer_to_the_look_at_the_replica_that_is_no_success_gets_its_name() {
    for (status, name, words) in [
        (403, ErrorName::DestinationDenied, "Grant s3:GetObject"),
        (503, ErrorName::S3Throttled, "tried again"),
        (301, ErrorName::ConfigInvalid, "in which region"),
    ] {
        let look = mock!(Client::head_object).then_http_response(move || bare(status));
        let refusal = ask(&[&look], "10", input(&single(5))).await.unwrap_err();
        assert_eq!(refusal.name(), name, "{status}: {refusal}");
        assert!(refusal.to_string().contains(words), "{status}: {refusal}");
    }
}

#[tokio::test]
async fn a_copy_whose_answer_was_lost_is_found_when_it_is_tried_again() {
    let copy = mock!(Client::copy_object).then_http_response(|| s3_error(412, "PreconditionFailed", "no"));
    let look = mock!(Client::head_object)
        .sequence()
        .http_response(|| bare(404))
        .output(|| replica("v1", "0A").build())
        .build();
    let plan = ask(&[&look, &copy], "10", input(&single(5))).await.unwrap();
    assert_eq!(plan.stored.unwrap().etag.as_str(), "standing");
}
