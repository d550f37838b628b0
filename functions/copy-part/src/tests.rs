//! Tests of copy-part: the requests that it sends, and how it reads the answers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    operation::{
        copy_object::CopyObjectOutput,
        list_parts::ListPartsOutput,
        upload_part_copy::{UploadPartCopyInput, UploadPartCopyOutput},
    },
    types::{CopyObjectResult, CopyPartResult, Part},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use holdfast_core::{
    ErrorName, Fact,
    contract::{Copy, CopyInput, CopyOutput, SliceResult},
    failure::report,
    layout::{MIB, Slice},
    names::PartNumber,
};
use holdfast_lambda::{Aws, Deadline, Environment, Function};
use holdfast_s3::testing::{self, Sent};

use crate::{CopyPart, Error};

const PART: u64 = 5 * MIB;

fn function(environment: &[(&str, &str)], rules: &[&Rule]) -> CopyPart {
    let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, rules);
    CopyPart::new(&environment.iter().copied().collect::<Environment>(), Aws::with_s3(client)).unwrap()
}

async fn copy_slice(copy: &Copy, slice: Slice, rules: &[&Rule]) -> Result<SliceResult, Error> {
    let input = CopyInput { copy: copy.clone(), slice: Some(slice) };
    match function(&[], rules).call(input, Deadline::after(Duration::from_mins(15))).await? {
        CopyOutput::Slice(result) => Ok(result),
        CopyOutput::Stored(stored) => panic!("a slice was answered with {stored:?}"),
    }
}

fn part(number: u32) -> PartNumber {
    PartNumber::new(number).unwrap()
}

fn slice(first: u32, last: u32) -> Slice {
    Slice { index: 0, first_part: part(first), last_part: part(last) }
}

/// ListParts that answers these parts.
fn listed(parts: &'static [(i32, u64)]) -> Rule {
    mock!(Client::list_parts).then_output(move || {
        let part = |&(number, size): &(i32, u64)| {
            Part::builder().part_number(number).e_tag("\"e\"").size(i64::try_from(size).unwrap()).build()
        };
        ListPartsOutput::builder().set_parts(Some(parts.iter().map(part).collect())).build()
    })
}

fn copied() -> UploadPartCopyOutput {
    UploadPartCopyOutput::builder().copy_part_result(CopyPartResult::builder().e_tag("\"e\"").build()).build()
}

/// UploadPartCopy that succeeds, and its requests.
fn copying() -> (Rule, Sent<UploadPartCopyInput>) {
    let sent = Sent::default();
    let record = sent.clone();
    (mock!(Client::upload_part_copy).match_requests(move |request| record.note(request)).then_output(copied), sent)
}

fn copying_fails(status: u16, code: &'static str, message: &'static str) -> Rule {
    mock!(Client::upload_part_copy).then_http_response(move || testing::s3_error(status, code, message))
}

fn done(bytes: u64) -> SliceResult {
    SliceResult { index: 0, done: true, bytes, digest: None, resume: None }
}

#[tokio::test]
async fn a_small_object_is_copied_in_one_request_with_the_kms_key() {
    let rule = mock!(Client::copy_object)
        .match_requests(|request| request.ssekms_key_id() == Some("key-1") && request.if_none_match() == Some("*"))
        .then_output(|| {
            let result = CopyObjectResult::builder().e_tag("\"e\"").build();
            CopyObjectOutput::builder().version_id("w1").copy_object_result(result).build()
        });
    let input = CopyInput { copy: testing::single(3).copy, slice: None };
    let deadline = Deadline::after(Duration::from_mins(1));

    let output = function(&[("KMS_KEY_ID", "key-1")], &[&rule]).call(input, deadline).await.unwrap();

    assert!(matches!(output, CopyOutput::Stored(stored) if stored.etag.as_str() == "e"));
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn a_slice_copies_its_parts_pinned_to_the_source_and_by_range() {
    let copy = testing::multipart(2 * PART + 7, PART).copy;
    let (rule, sent) = copying();

    let result = copy_slice(&copy, slice(2, 3), &[&listed(&[]), &rule]).await.unwrap();

    assert_eq!(result, done(PART + 7));
    let expected = |number: i32, range: String| {
        UploadPartCopyInput::builder()
            .bucket("dst")
            .key("a b")
            .upload_id("up")
            .part_number(number)
            .copy_source("src/a%20b?versionId=v1")
            .copy_source_if_match("\"tag\"")
            .copy_source_range(range)
            .build()
            .unwrap()
    };
    let second = expected(2, format!("bytes={PART}-{}", 2 * PART - 1));
    assert_eq!(sent.all(), [second, expected(3, format!("bytes={}-{}", 2 * PART, 2 * PART + 6))]);
}

#[tokio::test]
async fn only_missing_parts_and_parts_of_a_wrong_size_are_copied() {
    let copy = testing::multipart(4 * PART, PART).copy;
    let (rule, sent) = copying();
    let stored = listed(&[(1, PART), (3, 1), (4, PART)]);

    let result = copy_slice(&copy, slice(1, 4), &[&stored, &rule]).await.unwrap();

    assert_eq!(result, done(4 * PART));
    let numbers: Vec<_> = sent.all().iter().map(|request| request.part_number().unwrap()).collect();
    assert_eq!(numbers, [2, 3]);
}

#[tokio::test]
async fn a_complete_slice_sends_only_the_listing() {
    let copy = testing::multipart(2 * PART, PART).copy;
    let stored = listed(&[(1, PART), (2, PART)]);
    assert_eq!(copy_slice(&copy, slice(1, 2), &[&stored]).await.unwrap(), done(2 * PART));
}

#[tokio::test]
async fn the_only_part_of_an_object_is_copied_without_a_range() {
    for size in [0, 1, PART] {
        let (rule, sent) = copying();

        let result = copy_slice(&testing::multipart(size, PART).copy, slice(1, 1), &[&listed(&[]), &rule]).await;

        assert_eq!(result.unwrap(), done(size));
        assert_eq!(sent.all()[0].copy_source_range(), None, "{size} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn without_time_for_one_part_the_call_fails() {
    let copy = testing::multipart(2 * PART, PART).copy;
    let input = CopyInput { copy, slice: Some(slice(1, 2)) };
    let deadline = Deadline::after(Duration::from_secs(2));

    let error = function(&[], &[&listed(&[])]).call(input, deadline).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::S3Unavailable);
    assert!(report(&error).contains("slice 0 of s3://dst/a b"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn near_the_deadline_a_slice_answers_the_stored_bytes() {
    let copy = testing::multipart(3 * PART, PART).copy;
    // The first part takes long, because S3 throttles its first request. No time is left for another one.
    let rule = mock!(Client::upload_part_copy)
        .sequence()
        .http_response(|| testing::s3_error(503, "SlowDown", "Please reduce your request rate."))
        .output(copied)
        .repeatedly()
        .build();
    let input = CopyInput { copy, slice: Some(slice(1, 3)) };
    let deadline = Deadline::after(Duration::from_millis(5_010));
    let sequential = function(&[("COPY_CONCURRENCY", "1")], &[&listed(&[]), &rule]);

    let CopyOutput::Slice(result) = sequential.call(input, deadline).await.unwrap() else { panic!("not a slice") };

    assert_eq!(result, SliceResult { done: false, ..done(PART) });
}

#[tokio::test(start_paused = true)]
async fn every_s3_error_has_its_name_and_says_what_to_do() {
    let copy = testing::multipart(PART, PART).copy;
    let denied = "User: u is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::src/a b\"";
    for (rule, name, advice) in [
        (copying_fails(503, "SlowDown", "Slow."), ErrorName::S3Throttled, "It is tried again"),
        (copying_fails(200, "InternalError", "Oh."), ErrorName::S3Unavailable, "It is tried again"),
        (copying_fails(404, "NoSuchKey", "Gone."), ErrorName::SourceGone, "A new plan is made."),
        (copying_fails(412, "PreconditionFailed", "Other."), ErrorName::SourceGone, "A new plan is made."),
        (
            copying_fails(403, "AccessDenied", "Access Denied"),
            ErrorName::DestinationDenied,
            "Grant s3:PutObject on s3://dst/a b",
        ),
        (
            copying_fails(403, "AccessDenied", denied),
            ErrorName::SourceDenied,
            "Grant s3:GetObject on arn:aws:s3:::src/a b to this function's role",
        ),
    ] {
        let error = copy_slice(&copy, slice(1, 1), &[&listed(&[]), &rule]).await.unwrap_err();

        assert_eq!(error.name(), name, "{error}");
        assert!(report(&error).contains(advice), "{error}");
        assert!(CopyPart::RAISES.contains(&name));
    }
}

/// HeadObject of the destination, which holds a copy with this stamp.
fn published(stamp: &'static str) -> Rule {
    mock!(Client::head_object)
        .then_output(move || testing::head_object().e_tag("\"e\"").metadata("holdfast-stamp", stamp).build())
}

#[tokio::test]
async fn a_slice_of_a_missing_upload_needs_our_published_copy() {
    let copy = testing::multipart(2 * PART, PART).copy;
    let missing = || mock!(Client::list_parts).then_http_response(|| testing::s3_error(404, "NoSuchUpload", "No"));
    let ours = || published(testing::STAMP);

    let result = copy_slice(&copy, slice(1, 2), &[&missing(), &ours()]).await.unwrap();

    assert_eq!(result, done(2 * PART), "an earlier call completed it");

    let vanished = copying_fails(404, "NoSuchUpload", "No");

    let result = copy_slice(&copy, slice(1, 2), &[&listed(&[]), &vanished, &ours()]).await.unwrap();

    assert_eq!(result, done(2 * PART), "another call completed it during this one");

    let other = published("v=v1 s=0B e=tag m=20261122T095959Z");

    let error = copy_slice(&copy, slice(1, 2), &[&missing(), &other]).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::UploadGone);
}

#[tokio::test]
async fn a_slice_of_another_layout_is_refused_before_anything_is_sent() {
    for (copy, slice, sentence) in [
        (testing::single(PART).copy, slice(1, 1), "copy.upload: it is missing"),
        (
            testing::multipart(PART, PART).copy,
            slice(1, 2),
            "slice: it has parts 1 to 2, but the object has parts 1 to 1",
        ),
        (testing::multipart(2 * PART, PART).copy, slice(2, 1), "slice: it has parts 2 to 1"),
    ] {
        let error = copy_slice(&copy, slice, &[]).await.unwrap_err();

        assert_eq!(error.name(), ErrorName::InputInvalid);
        assert!(report(&error).contains(sentence), "{error}");
    }
}

#[test]
fn a_concurrency_of_zero_is_refused_with_what_is_expected() {
    let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, &[] as &[&Rule]);
    let environment = [("COPY_CONCURRENCY", "0")].into_iter().collect();
    let error = holdfast_core::failure::report(&CopyPart::new(&environment, Aws::with_s3(client)).err().unwrap());
    let sentence = "The environment variable COPY_CONCURRENCY is \"0\": number would be zero for non-zero type. Set \
                    COPY_CONCURRENCY to how many parts to copy at the same time, at least 1, deploy, then redrive.";
    assert_eq!(error, sentence);
}
