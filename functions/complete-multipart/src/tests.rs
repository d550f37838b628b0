//! Tests of complete-multipart: the requests that it sends, and how it reads the answers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    operation::{
        abort_multipart_upload::AbortMultipartUploadOutput,
        complete_multipart_upload::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput},
        list_parts::ListPartsOutput,
    },
    types::{ChecksumType, CompletedMultipartUpload, CompletedPart, Part},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use holdfast_core::{
    ErrorName, Fact,
    checksum::{Crc64Nvme, Sha256},
    contract::{CompleteInput, Copy, Precondition, SliceDigest, SliceResult, Stored},
    failure::report,
    names::ETag,
};
use holdfast_lambda::{Aws, Deadline, Environment, Function};
use holdfast_s3::testing::{self, Sent};

use crate::{CompleteMultipart, Error};

async fn complete(copy: &Copy, slices: Vec<SliceResult>, rules: &[&Rule]) -> Result<Stored, Error> {
    let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, rules);
    let function = CompleteMultipart::new(&Environment::default(), Aws::with_s3(client)).unwrap();
    let input = CompleteInput { copy: copy.clone(), slices };
    function.call(input, Deadline::after(Duration::from_mins(10))).await
}

fn done(index: u32) -> SliceResult {
    SliceResult { index, done: true, bytes: 0, digest: None, resume: None }
}

/// ListParts that answers three parts of 25 bytes in all.
fn listed() -> Rule {
    mock!(Client::list_parts).then_output(|| {
        let part = |(number, size)| {
            let part = Part::builder().part_number(number).e_tag(format!("\"e{number}\"")).size(size);
            part.checksum_crc64_nvme(format!("crc{number}")).build()
        };
        ListPartsOutput::builder().set_parts(Some([(1, 10), (2, 10), (3, 5)].map(part).to_vec())).build()
    })
}

fn completing() -> (Rule, Sent<CompleteMultipartUploadInput>) {
    let sent = Sent::default();
    let record = sent.clone();
    let rule = mock!(Client::complete_multipart_upload)
        .match_requests(move |request| record.note(request))
        .then_output(|| {
            CompleteMultipartUploadOutput::builder()
                .version_id("w1")
                .e_tag("\"whole-3\"")
                .checksum_crc64_nvme("AAAAAAAAAAA=")
                .build()
        });
    (rule, sent)
}

fn completing_fails(status: u16, code: &'static str, message: &'static str) -> Rule {
    mock!(Client::complete_multipart_upload).then_http_response(move || testing::s3_error(status, code, message))
}

/// HeadObject of the destination, which holds a copy with this stamp.
fn published(stamp: &'static str) -> Rule {
    mock!(Client::head_object).then_output(move || {
        let head = testing::head_object().version_id("w0").e_tag("\"whole-3\"");
        head.metadata("holdfast-stamp", stamp).build()
    })
}

/// The same with our own stamp.
fn our_copy() -> Rule {
    published(testing::STAMP)
}

/// The same with the stamp of another upload.
fn other_copy() -> Rule {
    published("v=v2 s=0B e=tag m=20261122T095959Z")
}

#[tokio::test]
async fn an_upload_is_completed_with_parts_size_checksum_and_precondition() {
    let mut copy = testing::multipart(25, 10).copy;
    copy.crc64nvme = Some(Crc64Nvme::of(b"whole"));
    let (rule, sent) = completing();

    let stored = complete(&copy, vec![done(0)], &[&listed(), &rule]).await.unwrap();

    assert_eq!(stored.version_id.unwrap().as_str(), "w1");
    assert_eq!((stored.etag, stored.crc64nvme), (ETag::new("whole-3").unwrap(), Some(Crc64Nvme::EMPTY)));
    let part = |number| {
        let part = CompletedPart::builder().part_number(number).e_tag(format!("\"e{number}\""));
        part.checksum_crc64_nvme(format!("crc{number}")).build()
    };
    let parts = CompletedMultipartUpload::builder().set_parts(Some([1, 2, 3].map(part).to_vec())).build();
    let expected = CompleteMultipartUploadInput::builder()
        .bucket("dst")
        .key("a b")
        .upload_id("up")
        .multipart_upload(parts)
        .mpu_object_size(25)
        .checksum_type(ChecksumType::FullObject)
        .checksum_crc64_nvme(Crc64Nvme::of(b"whole").to_string())
        .if_none_match("*")
        .build()
        .unwrap();
    assert_eq!(sent.all(), [expected]);
}

#[tokio::test]
async fn a_checksum_that_the_source_lacks_is_combined_from_the_slices() {
    let mut copy = testing::multipart(25, 10).copy;
    copy.precondition = Precondition::IfMatch(ETag::new("old").unwrap());
    let digest = SliceDigest { crc64nvme: Crc64Nvme::of(b"slice"), sha256: Sha256::of(b"slice") };
    let digested = SliceResult { digest: Some(digest), ..done(0) };
    for (slice, crc) in [(digested, Some(Crc64Nvme::of(b"slice").to_string())), (done(0), None)] {
        let (rule, sent) = completing();
        complete(&copy, vec![slice], &[&listed(), &rule]).await.unwrap();
        let request = sent.all().remove(0);
        assert_eq!(request.checksum_crc64_nvme(), crc.as_deref());
        assert_eq!((request.if_match(), request.if_none_match()), (Some("\"old\""), None));
    }
}

#[tokio::test]
async fn an_incomplete_upload_leads_to_a_new_plan() {
    let copy = testing::multipart(45, 10).copy;

    let error = complete(&copy, vec![done(0)], &[&listed(), &other_copy()]).await.unwrap_err();

    let sentence = "Upload up of s3://dst/a b is incomplete: part 3 has 5 bytes instead of 10. A new plan is made.";
    assert_eq!((error.name(), report(&error).as_str()), (ErrorName::UploadGone, sentence));
}

#[tokio::test]
async fn missing_slices_are_refused_before_anything_is_sent() {
    let error = complete(&testing::multipart(25, 10).copy, vec![], &[]).await.unwrap_err();

    let sentence = "The payload is not ready to be completed: the results are of slices [], but the object has slices 0 to 0. Send \
                    a corrected event. A redrive has the same input and fails again.";
    assert_eq!((error.name(), report(&error).as_str()), (ErrorName::InputInvalid, sentence));
}

#[tokio::test(start_paused = true)]
async fn every_s3_error_has_its_name_and_says_what_to_do() {
    use ErrorName::{ChecksumMismatch, DestinationDenied, Internal, KmsDenied, S3Throttled, S3Unavailable};
    let size = "The provided 'x-amz-mp-object-size' header value does not match what was computed";
    let value = "Value for x-amz-checksum-crc64nvme header is invalid.";
    for (rule, name, advice) in [
        (completing_fails(503, "SlowDown", "Slow."), S3Throttled, "It is tried again"),
        (completing_fails(200, "InternalError", "Oh."), S3Unavailable, "It is tried again"),
        (completing_fails(400, "InvalidPart", "One was not found."), S3Unavailable, "It is tried again"),
        (completing_fails(400, "BadDigest", "Other bytes."), ChecksumMismatch, "The upload was aborted."),
        (completing_fails(400, "InvalidRequest", size), ChecksumMismatch, "The upload was aborted."),
        (completing_fails(400, "InvalidRequest", value), ChecksumMismatch, "The upload was aborted."),
        (completing_fails(400, "InvalidRequest", "Something else."), Internal, "Please report it"),
        (
            completing_fails(403, "AccessDenied", "Access Denied"),
            DestinationDenied,
            "Grant s3:PutObject on s3://dst/a b",
        ),
        (completing_fails(400, "KMS.DisabledException", "No."), KmsDenied, "grant kms:Decrypt"),
    ] {
        let abort = aborting();
        let rules = [&listed(), &rule, &abort];

        let error = complete(&testing::multipart(25, 10).copy, vec![done(0)], &rules).await.unwrap_err();

        assert_eq!(error.name(), name, "{error}");
        assert_eq!(
            abort.num_calls(),
            usize::from(name == ChecksumMismatch),
            "only an upload that can never be completed is aborted"
        );
        assert!(report(&error).contains(advice), "{error}");
        assert!(CompleteMultipart::RAISES.contains(&name));
    }
}

/// AbortMultipartUpload of the copy's own upload.
fn aborting() -> Rule {
    mock!(Client::abort_multipart_upload)
        .match_requests(|request| {
            (request.bucket(), request.key(), request.upload_id()) == (Some("dst"), Some("a b"), Some("up"))
        })
        .then_output(|| AbortMultipartUploadOutput::builder().build())
}

#[tokio::test]
async fn an_upload_that_s3_refuses_is_aborted_or_the_abort_is_advised() {
    let forbidden =
        mock!(Client::abort_multipart_upload).then_http_response(|| testing::s3_error(403, "AccessDenied", "No."));
    for (abort, words) in [
        (aborting(), "The upload was aborted. Redrive to copy the object again."),
        (forbidden, "Abort the upload (aws s3api abort-multipart-upload). Then redrive"),
    ] {
        let rules = [&listed(), &completing_fails(400, "BadDigest", "No."), &abort];

        let error = complete(&testing::multipart(25, 10).copy, vec![done(0)], &rules).await.unwrap_err();

        assert_eq!((error.name(), abort.num_calls()), (ErrorName::ChecksumMismatch, 1));
        assert!(report(&error).contains("s3://dst/a b (upload up)"), "{error}");
        assert!(report(&error).contains(words), "{error}");
    }
}

#[tokio::test]
async fn an_upload_whose_copy_another_execution_published_is_aborted() {
    for (status, code, name) in [
        (404, "NoSuchUpload", None),
        (403, "AccessDenied", Some(ErrorName::DestinationDenied)),
        (503, "SlowDown", Some(ErrorName::S3Throttled)),
    ] {
        let rule = completing_fails(412, "PreconditionFailed", "No.");
        let abort =
            mock!(Client::abort_multipart_upload).then_http_response(move || testing::s3_error(status, code, "No."));
        let rules = [&listed(), &rule, &our_copy(), &abort];

        let completed = complete(&testing::multipart(25, 10).copy, vec![done(0)], &rules).await;

        assert_eq!(completed.as_ref().err().map(Fact::name), name, "{code}: {completed:?}");
        assert!(abort.num_calls() > 0, "{code}");
        if let Ok(stored) = completed {
            assert_eq!(stored.version_id.unwrap().as_str(), "w0");
        }
    }
}

#[tokio::test]
async fn only_a_published_copy_of_our_own_resolves_a_failed_completion() {
    let copy = testing::multipart(25, 10).copy;
    let abort = aborting();
    for (status, code, name) in [
        (404, "NoSuchUpload", ErrorName::UploadGone),
        (412, "PreconditionFailed", ErrorName::DestinationChanged),
        (409, "ConditionalRequestConflict", ErrorName::DestinationChanged),
    ] {
        let rule = completing_fails(status, code, "No.");

        let stored = complete(&copy, vec![done(0)], &[&listed(), &rule, &our_copy(), &abort]).await.unwrap();

        assert_eq!(stored.version_id.unwrap().as_str(), "w0", "{code}");

        let error = complete(&copy, vec![done(0)], &[&listed(), &rule, &other_copy()]).await.unwrap_err();

        assert_eq!(error.name(), name);
    }
    let missing = mock!(Client::list_parts).then_http_response(|| testing::s3_error(404, "NoSuchUpload", "No."));

    let stored = complete(&copy, vec![done(0)], &[&missing, &our_copy(), &abort]).await.unwrap();

    assert_eq!(stored.etag.as_str(), "whole-3");

    let stored = complete(&testing::multipart(45, 10).copy, vec![done(0)], &[&listed(), &our_copy(), &abort]).await;

    assert_eq!(stored.unwrap().etag.as_str(), "whole-3");
    assert_eq!(abort.num_calls(), 5, "the upload is aborted whatever S3 answered about it");
}
