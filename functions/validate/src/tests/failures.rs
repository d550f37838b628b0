//! Every error has a name that the state machine knows and a message that says what to do.

use aws_sdk_s3::types::StorageClass;
use holdfast_core::{ErrorName, layout::MAX_OBJECT};
use holdfast_s3::testing::s3_error;

use super::*;

/// The request that fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum FailingRequest {
    Source,
    Tags,
    Destination,
    Parts,
    Open,
}

async fn error(request: FailingRequest, status: u16, code: &'static str, message: &'static str) -> Error {
    let answer = move || if code.is_empty() { bare(status) } else { s3_error(status, code, message) };
    let failing = match request {
        FailingRequest::Source => mock!(Client::head_object)
            .match_requests(|request| request.bucket() == Some("src"))
            .then_http_response(answer),
        FailingRequest::Destination => mock!(Client::head_object)
            .match_requests(|request| request.bucket() == Some("dst"))
            .then_http_response(answer),
        FailingRequest::Parts => mock!(Client::head_object)
            .match_requests(|request| request.part_number().is_some())
            .then_http_response(answer),
        FailingRequest::Tags => mock!(Client::get_object_tagging).then_http_response(answer),
        FailingRequest::Open => mock!(Client::create_multipart_upload).then_http_response(answer),
    };
    let parts = mock!(Client::head_object)
        .match_requests(|request| request.part_number().is_some())
        .then_output(|| testing::head_object().build());
    let others = [parts, head("src", Some("v1"), source()), absent("dst"), tags(&[]), opened_upload()];
    let rules: Vec<_> = std::iter::once(&failing).chain(&others).collect();
    call(&rules, &[("MULTIPART_THRESHOLD", "1")], input(event())).await.unwrap_err()
}

#[tokio::test]
async fn every_s3_error_has_its_name_and_says_what_to_do() {
    for (request, status, code, message, name, words) in [
        (FailingRequest::Source, 403, "", "", ErrorName::SourceDenied, "Grant s3:GetObject"),
        (FailingRequest::Source, 400, "", "", ErrorName::SourceUnreadable, "SSE-C"),
        (FailingRequest::Source, 503, "", "", ErrorName::S3Throttled, "s3://src/a b (version v1)"),
        (FailingRequest::Source, 429, "", "", ErrorName::S3Throttled, "tried again"),
        (FailingRequest::Tags, 403, "AccessDenied", "no", ErrorName::SourceDenied, "Grant s3:GetObjectTagging"),
        (FailingRequest::Tags, 503, "SlowDown", "Please reduce your request rate.", ErrorName::S3Throttled, "SlowDown"),
        (FailingRequest::Tags, 404, "NoSuchVersion", "gone", ErrorName::S3Unavailable, "While the plan was made"),
        (
            FailingRequest::Destination,
            403,
            "",
            "",
            ErrorName::DestinationDenied,
            "s3://dst/a b to this function's role",
        ),
        (FailingRequest::Destination, 301, "", "", ErrorName::ConfigInvalid, "in which region"),
        (FailingRequest::Parts, 412, "", "", ErrorName::S3Unavailable, "While the plan was made"),
        (FailingRequest::Open, 403, "AccessDenied", "no", ErrorName::DestinationDenied, "Grant s3:PutObject"),
        (
            FailingRequest::Open,
            403,
            "AccessDenied",
            "not authorized to perform: kms:GenerateDataKey",
            ErrorName::KmsDenied,
            "kms:",
        ),
        (FailingRequest::Open, 404, "NoSuchBucket", "none", ErrorName::ConfigInvalid, "exists"),
        (FailingRequest::Open, 409, "OperationAborted", "conflict", ErrorName::S3Unavailable, "tried again"),
        (FailingRequest::Open, 500, "InternalError", "sorry", ErrorName::S3Unavailable, "tried again"),
    ] {
        let error = error(request, status, code, message).await;
        assert_eq!(error.name(), name, "{request:?} {status} {code}: {error}");
        assert!(report(&error).contains(words), "{request:?} {status} {code}: {error}");
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_copied_is_refused_before_any_upload() {
    let size = i64::try_from(MAX_OBJECT).unwrap() + 1;
    for (source, name, words) in [
        (source().storage_class(StorageClass::DeepArchive), ErrorName::SourceArchived, "DEEP_ARCHIVE"),
        (source().content_length(size), ErrorName::SourceTooLarge, "53687091200001 bytes"),
        (source().e_tag("\"other\""), ErrorName::InputInvalid, "detail.object.etag: "),
    ] {
        let rules = [&head("src", Some("v1"), source), &absent("dst"), &tags(&[])];

        let error = call(&rules, &[], input(event())).await.unwrap_err();

        assert_eq!(error.name(), name, "{error}");
        assert!(report(&error).contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_malformed_event_is_refused_with_a_path_and_without_requests() {
    let mut event = event();
    event["detail"]["object"]["sequencer"] = json!("not hexadecimal");

    let error = call(&[], &[], input(event)).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::InputInvalid);
    assert!(report(&error).starts_with("detail.object.sequencer: "), "{error}");
}
