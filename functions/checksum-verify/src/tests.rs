//! The requests that checksum-verify sends, and what it makes of the answers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod digest;
mod object;
mod order;
mod reject;

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
use holdfast_core::{Failure, contract::VerifyInput, names::PartNumber};
use holdfast_lambda::{Aws, Deadline, Environment, Function};

use crate::{ChecksumVerify, Verified};

/// Answers one call.
async fn call(mode: &str, input: VerifyInput, rules: &[&Rule]) -> Result<Verified, Failure> {
    call_within(Duration::from_mins(15), mode, input, rules).await
}

async fn call_within(time: Duration, mode: &str, input: VerifyInput, rules: &[&Rule]) -> Result<Verified, Failure> {
    let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, rules);
    let environment = [("VERIFY_MODE", mode)].into_iter().collect::<Environment>();
    let function = ChecksumVerify::new(&environment, Aws::with_s3(client)).unwrap();
    function.call(input, Deadline::after(time)).await
}

fn part(number: u32) -> PartNumber {
    PartNumber::new(number).unwrap()
}

/// Bytes that differ from place to place.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

/// The bytes that a request asks for.
fn asked(request: &GetObjectInput, bytes: &[u8]) -> Vec<u8> {
    let (first, last) = request.range().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    bytes[first.parse::<usize>().unwrap()..=last.parse::<usize>().unwrap()].to_vec()
}

fn body(bytes: Vec<u8>) -> GetObjectOutput {
    GetObjectOutput::builder().body(ByteStream::from(bytes)).build()
}

/// GetObject of a bucket's object, pinned to version and entity tag; and how many reads there were.
fn serving(bucket: &'static str, version: &'static str, etag: &'static str, bytes: Vec<u8>) -> Rule {
    mock!(Client::get_object)
        .match_requests(move |request| {
            request.bucket() == Some(bucket)
                && request.key() == Some("a b")
                && request.version_id() == Some(version)
                && request.if_match() == Some(etag)
        })
        .then_compute_output(move |request| body(asked(request, &bytes)))
}

fn source(bytes: Vec<u8>) -> Rule {
    serving("src", "v1", "\"tag\"", bytes)
}

fn copy(bytes: Vec<u8>) -> Rule {
    serving("dst", "w1", "\"copied\"", bytes)
}

/// GetObject of the source that answers each of the first `times` reads with no more than `length` bytes.
fn breaking_off(bytes: Vec<u8>, times: usize, length: usize) -> Rule {
    let reads = Arc::new(AtomicUsize::new(0));
    mock!(Client::get_object).then_compute_output(move |request| {
        let mut answer = asked(request, &bytes);
        if reads.fetch_add(1, Ordering::SeqCst) < times {
            answer.truncate(length);
        }
        body(answer)
    })
}
