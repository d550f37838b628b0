//! The plans after one that was given up: aborted uploads, and the limit of plans.

use aws_sdk_s3::operation::abort_multipart_upload::AbortMultipartUploadOutput;
use holdfast_core::ErrorName;
use holdfast_s3::testing::s3_error;

use super::*;

#[tokio::test]
async fn a_replan_aborts_the_upload_that_was_given_up() {
    let matching = || {
        mock!(Client::abort_multipart_upload)
            .match_requests(|request| (request.bucket(), request.upload_id()) == (Some("rep"), Some("up")))
    };
    for abort in [
        matching().then_output(|| AbortMultipartUploadOutput::builder().build()),
        matching().then_http_response(|| s3_error(404, "NoSuchUpload", "gone")),
    ] {
        let rules = [&abort, &head("rep", "a b", None), &opened_upload()];

        let plan = call(&rules, "10", replanned(2, 0)).await.unwrap();

        assert_eq!((abort.num_calls(), plan.attempt), (1, 2));
        assert_eq!(plan.replica.copy.upload.unwrap().upload_id, "up-2");
    }
}

#[tokio::test]
async fn the_sixth_plan_is_refused_and_a_redrive_allows_five_more() {
    let abort = mock!(Client::abort_multipart_upload).then_output(|| AbortMultipartUploadOutput::builder().build());

    let error = call(&[&abort], "10", replanned(6, 0)).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::DestinationContended);
    assert!(report(&error).contains("s3://rep/a b"), "{error}");
    call(&[&abort, &head("rep", "a b", None), &opened_upload()], "10", replanned(6, 1)).await.unwrap();
}

#[tokio::test]
async fn an_upload_of_the_backup_leg_is_not_aborted() {
    let mut input = replanned(2, 0);
    input.replan.as_mut().unwrap().given_up = multipart(100, 50);

    let error = call(&[], "10", input).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::InputInvalid, "{error}");
}
