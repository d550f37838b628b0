//! Every error has a name that the state machine knows and a message that says what to do.

use holdfast_core::ErrorName;
use holdfast_s3::testing::{s3_error, single};

use super::*;

const DENIED: &str = "User: u is not authorized to perform: s3:GetObjectVersion on resource: \"arn:aws:s3:::dst/a b\" \
                       because no identity-based policy allows the s3:GetObjectVersion action";

#[tokio::test]
async fn every_error_of_the_copy_has_its_name_and_remedy() {
    for (status, code, message, name, words) in [
        (503, "SlowDown", "Please reduce your request rate.", ErrorName::S3Throttled, "tried again"),
        (200, "SlowDown", "in the body of a 200", ErrorName::S3Throttled, "tried again"),
        (200, "InternalError", "in the body of a 200", ErrorName::S3Unavailable, "tried again"),
        (412, "PreconditionFailed", "no", ErrorName::DestinationChanged, "s3://rep/a b"),
        (409, "ConditionalRequestConflict", "no", ErrorName::DestinationChanged, "s3://rep/a b"),
        (403, "AccessDenied", "no", ErrorName::DestinationDenied, "Grant s3:PutObject"),
        (403, "AccessDenied", DENIED, ErrorName::SourceDenied, "Grant s3:GetObjectVersion on arn:aws:s3:::dst/a b to"),
        (403, "AccessDenied", "not authorized to perform: kms:Decrypt", ErrorName::KmsDenied, "Grant kms:Decrypt"),
        (404, "NoSuchBucket", "none", ErrorName::ConfigInvalid, "exists"),
        (403, "InvalidObjectState", "archived", ErrorName::SourceArchived, "Restore"),
    ] {
        let copy = mock!(Client::copy_object).then_http_response(move || s3_error(status, code, message));

        let error = call(&[&head("rep", "a b", None), &copy], "10", input(&single(5))).await.unwrap_err();

        assert_eq!(error.name(), name, "{status} {code}: {error}");
        assert!(report(&error).contains(words), "{status} {code}: {error}");
    }
}

#[tokio::test]
async fn a_missing_object_is_the_backup_only_if_that_was_deleted() {
    let pinned = || {
        mock!(Client::head_object)
            .match_requests(|request| request.bucket() == Some("dst") && request.version_id() == Some("b/1"))
    };
    let backup = pinned().then_output(|| testing::head_object().version_id("b/1").e_tag("\"backup-tag\"").build());
    for (backup, name, words) in [
        (
            backup,
            ErrorName::DestinationChanged,
            "s3://rep/a b was deleted after the plan was made. A new plan is made.",
        ),
        (
            pinned().then_http_response(|| bare(404)),
            ErrorName::SourceGone,
            "The proven backup s3://dst/a b (version b/1) was deleted before it was replicated",
        ),
    ] {
        let copy = mock!(Client::copy_object).then_http_response(|| s3_error(404, "NoSuchKey", "gone"));
        let replica = head("rep", "a b", Some(replica("v0", "09")));

        let error = call(&[&replica, &copy, &backup], "10", input(&single(5))).await.unwrap_err();

        assert_eq!((error.name(), backup.num_calls()), (name, 1), "{error}");
        assert!(report(&error).contains(words), "{error}");
    }
}

#[tokio::test]
async fn every_error_of_the_head_request_has_its_name() {
    for (status, name, words) in [
        (403, ErrorName::DestinationDenied, "Grant s3:GetObject"),
        (503, ErrorName::S3Throttled, "tried again"),
        (301, ErrorName::ConfigInvalid, "in which region"),
    ] {
        let head = mock!(Client::head_object).then_http_response(move || bare(status));

        let error = call(&[&head], "10", input(&single(5))).await.unwrap_err();

        assert_eq!(error.name(), name, "{status}: {error}");
        assert!(report(&error).contains(words), "{status}: {error}");
    }
}

#[tokio::test]
async fn a_retry_finds_the_copy_whose_answer_was_lost() {
    let copy = mock!(Client::copy_object).then_http_response(|| s3_error(412, "PreconditionFailed", "no"));
    let head = mock!(Client::head_object)
        .sequence()
        .http_response(|| bare(404))
        .output(|| replica("v1", "0A").build())
        .build();

    let plan = call(&[&head, &copy], "10", input(&single(5))).await.unwrap();

    assert_eq!(plan.stored.unwrap().etag.as_str(), "published");
}
