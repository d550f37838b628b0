//! Objects that are larger than the allowed memory. A separate binary, because the test measures the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the other tests of S3 use the rest")]
#[path = "s3/harness.rs"]
mod harness;

use aws_sdk_s3::{primitives::ByteStream, types::ChecksumMode};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sandbox_s3::Versioning;

use harness::{REGION, Server};

const SIZE: u64 = 192 << 20;

/// The peak memory of this process in bytes, if the operating system reports it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// One small buffer, repeated.
fn zeros() -> ByteStream {
    let chunk = Bytes::from(vec![0; 1 << 16]);
    let count = SIZE / (1 << 16);
    let frames = (0..count).map(move |_| Ok::<_, std::io::Error>(http_body::Frame::data(chunk.clone())));
    let body = http_body_util::StreamBody::new(futures::stream::iter(frames));
    ByteStream::from_body_1_x(body)
}

#[tokio::test]
async fn large_objects_are_not_held_in_memory() {
    let (server, _client) = Server::with_bucket(Versioning::Enabled).await;
    let client = server.client_with(REGION, |config| {
        config.request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired)
    });
    let before = peak();
    let put = client.put_object().bucket("bucket").key("a").body(zeros()).content_length(SIZE.try_into().unwrap());
    put.customize().disable_payload_signing().send().await.unwrap();
    client.copy_object().bucket("bucket").key("b").copy_source("bucket/a").send().await.unwrap();
    let got = client.get_object().bucket("bucket").key("b").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    let stored = got.checksum_crc64_nvme().unwrap().to_owned();
    let (mut body, mut length) = (got.body, 0);
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.unwrap();
        length += chunk.len() as u64;
        digest.update(&chunk);
    }
    assert_eq!(length, SIZE);
    assert_eq!(STANDARD.encode(digest.finalize().to_be_bytes()), stored);
    if let (Some(before), Some(after)) = (before, peak()) {
        let grown = after - before;
        assert!(grown < SIZE / 2, "handling {SIZE} bytes took {grown} bytes of memory");
    }
}
