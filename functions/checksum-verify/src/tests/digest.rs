//! Digest mode.

use std::time::Duration;

use aws_sdk_s3::{Client, operation::get_object::GetObjectInput};
use aws_smithy_mocks::{Rule, mock};
use holdfast_core::{
    ErrorName, Fact,
    checksum::{Crc64Nvme, Sha256},
    contract::{Copy, DigestProgress, SliceDigest, SliceResult, VerifyInput},
    failure::report,
    layout::{MIB, Slice},
};
use holdfast_lambda::Function;
use holdfast_s3::testing::{self, Sent};

use super::{body, call, call_within, content, part, read_source, requested, truncated};
use crate::{ChecksumVerify, Error, Verified};

fn slice(first: u32, last: u32) -> Slice {
    Slice { index: 4, first_part: part(first), last_part: part(last) }
}

fn input(copy: &Copy, slice: Slice, resume: Option<DigestProgress>) -> VerifyInput {
    VerifyInput::Digest { copy: Box::new(copy.clone()), slice, resume }
}

fn slice_result(answer: Result<Verified, Error>) -> SliceResult {
    match answer.unwrap() {
        Verified::Slice(result) => result,
        Verified::Object(verification) => panic!("a slice was answered with {verification:?}"),
    }
}

/// The digest of these parts in order, as core defines it.
fn expected(parts: &[&[u8]]) -> SliceDigest {
    let sha: Vec<_> = parts.iter().map(|part| Sha256::of(part)).collect();
    SliceDigest { crc64nvme: Crc64Nvme::of(&parts.concat()), sha256: Sha256::over_parts(&sha) }
}

fn done(bytes: u64, digest: SliceDigest) -> SliceResult {
    SliceResult { index: 4, done: true, bytes, digest: Some(digest), resume: None }
}

#[tokio::test]
async fn a_slice_is_read_in_pinned_ranges_and_digested_part_by_part() {
    // Parts of 9 MiB are read in chunks of 8 and 1 MiB; the last part has 3 bytes.
    let size = 9 * 1024 * 1024;
    let bytes = content(2 * size + 3);
    let copy = testing::multipart(bytes.len() as u64, 9 * MIB).copy;
    let sent = Sent::<GetObjectInput>::default();
    let (record, served) = (sent.clone(), bytes.clone());
    let rule = mock!(Client::get_object)
        .match_requests(move |request| record.note(request))
        .then_compute_output(move |request| body(requested(request, &served)));

    let result = slice_result(call("stored", input(&copy, slice(2, 3), None), &[&rule]).await);

    assert_eq!(result, done(9 * MIB + 3, expected(&[&bytes[size..2 * size], &bytes[2 * size..]])));
    let request = |first: u64, last: u64| {
        let request = GetObjectInput::builder().bucket("src").key("a b").version_id("v1").if_match("\"tag\"");
        request.range(format!("bytes={first}-{last}")).build().unwrap()
    };
    let mut requests = sent.all();
    requests.sort_by_key(|request| request.range().map(str::len));
    let (a, b) = (9 * MIB, 18 * MIB);
    let ranges = [request(a, a + 8 * MIB - 1), request(a + 8 * MIB, b - 1), request(b, b + 2)];
    assert_eq!(requests.len(), 3);
    assert!(ranges.iter().all(|range| requests.contains(range)), "{requests:?}");
}

#[tokio::test]
async fn a_resumed_digest_equals_one_without_interruption() {
    let bytes = content(100);
    let copy = testing::multipart(100, 30).copy;
    let whole = slice_result(call("stored", input(&copy, slice(1, 4), None), &[&read_source(bytes.clone())]).await);
    let progress = DigestProgress {
        next_part: part(3),
        crc64nvme: Crc64Nvme::of(&bytes[..60]),
        part_sha256: vec![Sha256::of(&bytes[..30]), Sha256::of(&bytes[30..60])],
    };
    let rest = read_source(bytes);

    let resumed = slice_result(call("stored", input(&copy, slice(1, 4), Some(progress)), &[&rest]).await);

    assert_eq!(resumed, whole);
    assert_eq!(rest.num_calls(), 2, "parts 1 and 2 are not read again");
}

#[tokio::test]
async fn an_empty_object_is_digested_without_a_request() {
    let copy = testing::multipart(0, 30).copy;

    let result = slice_result(call("stored", input(&copy, slice(1, 1), None), &[]).await);

    assert_eq!(result, done(0, SliceDigest { crc64nvme: Crc64Nvme::EMPTY, ..expected(&[b""]) }));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_early_is_continued_at_its_end() {
    let bytes = content(100);
    let rule = truncated(bytes.clone(), 3, 20);
    let copy = testing::multipart(100, 100).copy;

    let result = slice_result(call("stored", input(&copy, slice(1, 1), None), &[&rule]).await);

    assert_eq!(result, done(100, expected(&[&bytes])));
    assert_eq!(rule.num_calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_is_an_error_after_five_tries() {
    let rule = truncated(content(100), usize::MAX, 0);

    let answer = call("stored", input(&testing::multipart(100, 100).copy, slice(1, 1), None), &[&rule]).await;

    let error = answer.unwrap_err();
    let sentence = "GetObject of s3://src/a b (version v1) returned an incomplete response: bytes=0-99 ended 100 bytes \
                    early. It is tried again automatically. If the execution still fails, redrive it when the service \
                    is available.";
    assert_eq!((error.name(), report(&error).as_str()), (ErrorName::S3Unavailable, sentence));
    assert_eq!(rule.num_calls(), 5);
}

#[tokio::test]
async fn near_the_deadline_a_slice_answers_where_to_continue() {
    let bytes = content(90);
    let copy = testing::multipart(90, 30).copy;
    // After the first part, less than the smallest margin is left.
    let soon = Duration::from_secs(4);

    let answer = call_within(soon, "stored", input(&copy, slice(1, 3), None), &[&read_source(bytes.clone())]).await;

    let progress = DigestProgress {
        next_part: part(2),
        crc64nvme: Crc64Nvme::of(&bytes[..30]),
        part_sha256: vec![Sha256::of(&bytes[..30])],
    };
    let expected = SliceResult { index: 4, done: false, bytes: 30, digest: None, resume: Some(progress) };
    assert_eq!(slice_result(answer), expected);
}

#[tokio::test]
async fn without_time_for_one_part_the_call_fails() {
    let rule = truncated(content(90), usize::MAX, 0);
    let copy = testing::multipart(90, 30).copy;
    let soon = Duration::from_millis(1_600);

    let error = call_within(soon, "stored", input(&copy, slice(1, 3), None), &[&rule]).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::S3Unavailable);
    assert!(report(&error).starts_with("Part 1 was not read in the time of one invocation."), "{error}");
}

#[tokio::test(start_paused = true)]
async fn every_s3_error_has_its_name_and_says_what_to_do() {
    let copy = testing::multipart(10, 10).copy;
    let fails = |status, code: &'static str| -> Rule {
        mock!(Client::get_object).then_http_response(move || testing::s3_error(status, code, "No"))
    };
    for (rule, name, advice) in [
        (fails(503, "SlowDown"), ErrorName::S3Throttled, "It is tried again"),
        (fails(404, "NoSuchVersion"), ErrorName::SourceGone, "A new plan is made."),
        (fails(412, "PreconditionFailed"), ErrorName::SourceGone, "A new plan is made."),
        (fails(403, "InvalidObjectState"), ErrorName::SourceArchived, "Restore s3://src/a b (version v1)"),
        (
            fails(403, "AccessDenied"),
            ErrorName::SourceDenied,
            "Grant s3:GetObject and s3:GetObjectVersion on s3://src/a b",
        ),
    ] {
        let error = call("stored", input(&copy, slice(1, 1), None), &[&rule]).await.unwrap_err();

        assert_eq!(error.name(), name, "{error}");
        assert!(report(&error).contains(advice), "{error}");
        assert!(ChecksumVerify::RAISES.contains(&name));
    }
}

#[tokio::test]
async fn a_slice_or_progress_of_another_layout_is_refused_before_reading() {
    let copy = testing::multipart(90, 30).copy;
    let resume = DigestProgress { next_part: part(3), crc64nvme: Crc64Nvme::EMPTY, part_sha256: Vec::new() };
    for (copy, slice, resume, sentence) in [
        (&testing::single(90).copy, slice(1, 1), None, "copy.upload: it is missing"),
        (&copy, slice(1, 4), None, "slice: it has parts 1 to 4, but the object has parts 1 to 3"),
        (&copy, slice(1, 3), Some(resume), "resume: it continues at part 3 after 0 digested parts"),
    ] {
        let error = call("stored", input(copy, slice, resume), &[]).await.unwrap_err();

        assert_eq!(error.name(), ErrorName::InputInvalid);
        assert!(report(&error).contains(sentence), "{error}");
    }
}
