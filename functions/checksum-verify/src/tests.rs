//! Tests of checksum-verify: the requests that it sends, and how it reads the answers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attributes;
mod backup;
mod digest;
mod failures;
mod order;
mod reject;
mod withdraw;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_s3::{
    Client,
    operation::get_object::{GetObjectInput, GetObjectOutput},
    primitives::ByteStream,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use holdfast_core::{contract::VerifyInput, names::PartNumber};
use holdfast_lambda::{Aws, Deadline, Environment, Function};

use crate::{ChecksumVerify, Error, Verified};

/// Answers one call.
async fn call(mode: &str, input: VerifyInput, rules: &[&Rule]) -> Result<Verified, Error> {
    call_within(Duration::from_mins(15), mode, input, rules).await
}

async fn call_within(time: Duration, mode: &str, input: VerifyInput, rules: &[&Rule]) -> Result<Verified, Error> {
    // The bytes of the small copy, unless the test has others.
    let small = mock!(Client::get_object)
        .match_requests(|request| request.bucket() == Some("dst"))
        .then_compute_output(|request| body(requested(request, b"abc")));
    let rules: Vec<_> = rules.iter().copied().chain([&small]).collect();
    let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, &rules);
    let environment = [("VERIFY_MODE", mode)].into_iter().collect::<Environment>();
    let function = ChecksumVerify::new(&environment, Aws::with_s3(client)).unwrap();
    function.call(input, Deadline::after(time)).await
}

fn part(number: u32) -> PartNumber {
    PartNumber::new(number).unwrap()
}

/// Bytes that differ from offset to offset.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

/// The bytes of a request's range.
fn requested(request: &GetObjectInput, bytes: &[u8]) -> Vec<u8> {
    let (first, last) = request.range().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    bytes[first.parse::<usize>().unwrap()..=last.parse::<usize>().unwrap()].to_vec()
}

fn body(bytes: Vec<u8>) -> GetObjectOutput {
    GetObjectOutput::builder().body(ByteStream::from(bytes)).build()
}

/// GetObject of an object, pinned to its version and entity tag.
fn get_object(bucket: &'static str, version: &'static str, etag: &'static str, bytes: Vec<u8>) -> Rule {
    mock!(Client::get_object)
        .match_requests(move |request| {
            request.bucket() == Some(bucket)
                && request.key() == Some("a b")
                && request.version_id() == Some(version)
                && request.if_match().is_some_and(|pinned| pinned.starts_with(etag))
        })
        .then_compute_output(move |request| body(requested(request, &bytes)))
}

/// GetObject of the source.
fn read_source(bytes: Vec<u8>) -> Rule {
    get_object("src", "v1", "\"tag\"", bytes)
}

/// GetObject of the published copy.
fn read_copy(bytes: Vec<u8>) -> Rule {
    get_object("dst", "w1", "\"copied", bytes)
}

/// GetObject of the source that answers each of the first `times` reads with no more than `length` bytes.
fn truncated(bytes: Vec<u8>, times: usize, length: usize) -> Rule {
    let reads = Arc::new(AtomicUsize::new(0));
    mock!(Client::get_object).then_compute_output(move |request| {
        let mut answer = requested(request, &bytes);
        if reads.fetch_add(1, Ordering::SeqCst) < times {
            answer.truncate(length);
        }
        body(answer)
    })
}
