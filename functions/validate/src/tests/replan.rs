//! The plans after one that was given up: aborted uploads, and the limit of plans.

use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadOutput;
use holdfast_core::{ErrorName, contract::Precondition};
use holdfast_s3::testing::multipart;

use super::*;

fn replanned(attempt: u32, redrives: u32, given_up: Backup) -> ValidateInput {
    let replan = Replan { attempt, error: "Destination.Changed".to_owned(), given_up, rejected: None, unproven: None };
    ValidateInput { event: event(), replan: Some(replan), redrives }
}

/// AbortMultipartUpload of the upload that was given up.
fn abort() -> Rule {
    mock!(Client::abort_multipart_upload)
        .match_requests(|request| {
            (request.bucket(), request.key(), request.upload_id()) == (Some("dst"), Some("a b"), Some("up"))
        })
        .then_output(|| AbortMultipartUploadOutput::builder().build())
}

#[tokio::test]
async fn a_replan_aborts_the_upload_and_describes_the_destination_again() {
    let abort = abort();
    let destination = head_key("dst", "a b", Some(published("v0", "09")));
    let (receipt, late) = (existing_receipt(None), head_key("dst", LATE, None));
    let versions = versions("a b", &[("b1", 5)]);
    let rules = [&abort, &receipt, &versions, &late, &head("src", Some("v1"), source()), &destination, &tags(&[])];

    let plan = call(&rules, &[], replanned(2, 0, multipart(5, 5))).await.unwrap();

    assert_eq!((abort.num_calls(), destination.num_calls()), (1, 1));
    assert!(matches!(plan, Plan::Copy { attempt: 2, .. }), "{plan:?}");
    let precondition = &planned(&plan).copy.precondition;
    assert!(matches!(precondition, Precondition::IfMatch(etag) if etag.as_str() == "published"));
}

#[tokio::test]
async fn a_replan_continues_if_its_upload_is_gone() {
    let gone = mock!(Client::abort_multipart_upload)
        .then_http_response(|| s3_error(404, "NoSuchUpload", "The specified upload does not exist."));
    let rules = [&gone, &existing_receipt(None), &head("src", Some("v1"), source()), &absent("dst"), &tags(&[])];

    let plan = call(&rules, &[], replanned(2, 0, multipart(5, 5))).await.unwrap();

    assert_eq!(planned(&plan).copy.precondition, Precondition::IfAbsent);
}

#[tokio::test]
async fn the_sixth_plan_is_refused_and_a_redrive_allows_five_more() {
    let abort = abort();
    let error = call(&[&abort], &[], replanned(6, 0, multipart(5, 5))).await.unwrap_err();

    assert_eq!((error.name(), abort.num_calls()), (ErrorName::DestinationContended, 1));
    for words in ["s3://dst/a b", "5 plans", "Destination.Changed", "Then redrive"] {
        assert!(report(&error).contains(words), "{error}");
    }

    let rules = [&abort, &existing_receipt(None), &head("src", Some("v1"), source()), &absent("dst"), &tags(&[])];
    call(&rules, &[], replanned(6, 1, multipart(5, 5))).await.unwrap();

    let error = call(&[&abort], &[], replanned(11, 1, multipart(5, 5))).await.unwrap_err();
    assert!(report(&error).contains("during 10 plans in a row"), "{error}");
}

#[tokio::test]
async fn the_upload_of_another_event_is_not_aborted() {
    let mut other = multipart(5, 5);
    other.event.id = "e-2".to_owned();

    let error = call(&[], &[], replanned(2, 0, other)).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::InputInvalid);
    assert!(report(&error).starts_with("replan.givenUp: "), "{error}");
}

#[tokio::test]
async fn a_replan_skips_a_source_that_was_deleted_while_it_was_copied() {
    let (abort, tags) = (abort(), tags(&[]));
    let rules = [&abort, &existing_receipt(None), &absent("src"), &absent("dst"), &tags];

    let plan = call(&rules, &[], replanned(2, 0, multipart(5, 5))).await.unwrap();

    assert_eq!((skip_reason(&plan), abort.num_calls()), (Some(SkipReason::SourceGone), 1));
}
