//! The errors of the SDK become the answers that they were.

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig},
    error::SdkError,
    operation::upload_part_copy::UploadPartCopyError,
};
use aws_smithy_http_client::Builder;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use holdfast_core::{
    ErrorName,
    failure::{Answer, Fact, report},
};

use super::{Call, HttpResponse, Side, answer};
use crate::testing;

fn call(side: Side) -> Call {
    let from = (side == Side::Both).then(|| "s3://src/k".to_owned());
    Call { operation: "UploadPartCopy", side, resource: "s3://dst/k".to_owned(), from, grant: "s3:PutObject" }
}

/// The SDK's error for an answer.
async fn error(status: u16, code: &str, message: &str) -> SdkError<UploadPartCopyError, HttpResponse> {
    let (code, message) = (code.to_owned(), message.to_owned());
    let rule = mock!(Client::upload_part_copy).then_http_response(move || {
        if code.is_empty() { testing::bare(status) } else { testing::s3_error(status, &code, &message) }
    });
    let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, &[&rule], |config| {
        config.retry_config(RetryConfig::disabled())
    });
    match client.upload_part_copy().bucket("dst").key("k").upload_id("u").part_number(1).copy_source("s/k").send().await
    {
        Ok(_) => panic!("{status} was taken for success"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn an_answer_keeps_status_code_and_message_with_and_without_a_body() {
    for (status, code, message) in [
        (503, "SlowDown", "Please reduce your request rate."),
        (200, "InternalError", "an error in a body of status 200"),
        (403, "AccessDenied", "Access Denied"),
        (400, "KMS.DisabledException", "The key is disabled."),
        (404, "NoSuchUpload", "The upload does not exist."),
        (412, "PreconditionFailed", "It did not hold."),
        (403, "", ""),
        (503, "", ""),
        (412, "", ""),
        (400, "", ""),
    ] {
        let expected = Answer { status: Some(status), code: code.to_owned(), message: message.to_owned() };
        assert_eq!(answer(&error(status, code, message).await), expected);
    }
}

#[tokio::test]
async fn the_failure_of_a_copy_names_both_objects_and_what_was_refused() {
    let refused = "User: u is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::src/k\"";
    let failure = call(Side::Both).s3_failure(error(403, "AccessDenied", refused).await);
    assert_eq!(
        failure.to_string(),
        format!("UploadPartCopy of s3://src/k to s3://dst/k failed: AccessDenied: {refused}.")
    );
    let remedy = "Grant s3:GetObject on arn:aws:s3:::src/k to this function's role, then redrive.";
    assert_eq!((Fact::name(&failure), failure.remedy().to_string().as_str()), (ErrorName::SourceDenied, remedy));
    assert_eq!(report(&failure), format!("{failure} {remedy}"), "the remedy is there once");
}

#[tokio::test]
async fn a_caller_can_give_a_more_exact_name() {
    let error = error(412, "PreconditionFailed", "No").await;
    let failure = call(Side::Destination).s3_failure_named(ErrorName::SourceGone, error);
    let fact = "UploadPartCopy of s3://dst/k failed: PreconditionFailed: No.";
    assert_eq!((Fact::name(&failure), failure.to_string().as_str()), (ErrorName::SourceGone, fact));
}

#[tokio::test]
async fn an_error_without_an_answer_says_why_there_was_none() {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url("http://127.0.0.1:1")
        .retry_config(RetryConfig::disabled())
        .http_client(Builder::new().build_http())
        .build();
    let request = Client::from_conf(config).get_object().bucket("src").key("k").send().await;
    let failure = request.err().map(|error| call(Side::Source).s3_failure(error));
    let found = failure.map(|failure| (Fact::name(&failure), failure.to_string().contains("onnect")));
    assert_eq!(found, Some((ErrorName::S3Unavailable, true)));
}
