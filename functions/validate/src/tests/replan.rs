//! Plans that are made anew.

use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadOutput;
use holdfast_core::{
    ErrorName,
    contract::{Precondition, Replan},
};
use holdfast_s3::testing::{multipart, s3_error};

use super::*;

fn again(attempt: u32, redrives: u32, given_up: Transfer) -> ValidateInput {
    let replan = Replan { attempt, error: "Destination.Changed".to_owned(), given_up, rejected: None, unproven: None };
    ValidateInput { event: event(), replan: Some(replan), redrives }
}

fn aborted() -> Rule {
    mock!(Client::abort_multipart_upload)
        .match_requests(|request| {
            (request.bucket(), request.key(), request.upload_id()) == (Some("dst"), Some("a b"), Some("up"))
        })
        .then_output(|| AbortMultipartUploadOutput::builder().build())
}

#[tokio::test]
async fn the_upload_that_was_given_up_is_aborted_and_the_destination_looked_at_anew() {
    let abort = aborted();
    let destination = head_key("dst", "a b", Some(backup("v0", Some("09"))));
    let (receipt, late) = (filed(None), head_key("dst", HISTORY, None));
    let beneath = listed("a b", &[("b1", 5)]);
    let rules = [&abort, &receipt, &beneath, &late, &head("src", Some("v1"), source()), &destination, &tags(&[])];
    let plan = ask(&rules, &[], again(2, 0, multipart(5, 5))).await.unwrap();
    assert_eq!((abort.num_calls(), destination.num_calls()), (1, 1));
    assert!(matches!(plan, Plan::Copy { attempt: 2, .. }), "{plan:?}");
    assert!(matches!(&transfer(&plan).precondition, Precondition::IfMatch(etag) if etag.as_str() == "standing"));
}

#[tokio::test]
async fn an_upload_that_is_gone_already_is_no_hindrance() {
    let gone = mock!(Client::abort_multipart_upload)
        .then_http_response(|| s3_error(404, "NoSuchUpload", "The specified upload does not exist."));
    let rules = [&gone, &filed(None), &head("src", Some("v1"), source()), &absent("dst"), &tags(&[])];
    let plan = ask(&rules, &[], again(2, 0, multipart(5, 5))).await.unwrap();
    assert_eq!(transfer(&plan).precondition, Precondition::IfAbsent);
}

#[tokio::test]
async fn the_sixth_plan_is_refused_with_what_to_do_and_a_redrive_allows_five_more() {
    let abort = aborted();
    let refusal = ask(&[&abort], &[], again(6, 0, multipart(5, 5))).await.unwrap_err();
    assert_eq!((refusal.name(), abort.num_calls()), (ErrorName::DestinationContended, 1));
    for words in ["s3://dst/a b", "5 plans", "Destination.Changed", "then redrive"] {
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
    let rules = [&abort, &filed(None), &head("src", Some("v1"), source()), &absent("dst"), &tags(&[])];
    ask(&rules, &[], again(6, 1, multipart(5, 5))).await.unwrap();
    let refusal = ask(&[&abort], &[], again(11, 1, multipart(5, 5))).await.unwrap_err();
    assert!(refusal.to_string().contains("every one of 10 plans"), "{refusal}");
}

#[tokio::test]
async fn nobody_elses_upload_is_ever_aborted() {
    let mut foreign = multipart(5, 5);
    foreign.event.id = "e-2".to_owned();
    let refusal = ask(&[], &[], again(2, 0, foreign)).await.unwrap_err();
    assert_eq!(refusal.name(), ErrorName::InputInvalid);
    assert!(refusal.to_string().starts_with("replan.givenUp: "), "{refusal}");
}

#[tokio::test]
async fn a_source_that_went_while_it_was_copied_is_skipped_by_the_next_plan() {
    let (abort, tags) = (aborted(), tags(&[]));
    let rules = [&abort, &filed(None), &absent("src"), &absent("dst"), &tags];
    let plan = ask(&rules, &[], again(2, 0, multipart(5, 5))).await.unwrap();
    assert_eq!((reason(&plan), abort.num_calls()), (Some(SkipReason::SourceGone), 1));
}
