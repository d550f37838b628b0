//! Length and checksum of a request are compared with its body or rejected: nothing is stored without verification.

use base64::{Engine, engine::general_purpose::STANDARD};
use sandbox_s3::Versioning;

use crate::{
    checksums::{crc64nvme, sha256},
    harness::Server,
    raw::{self, Answer},
};

async fn put(server: &Server, headers: &[(&str, &str)], body: &str) -> Answer {
    raw::send(server, ("PUT", "/bucket/k"), headers, body.to_owned()).await
}

/// An upload of `hello` in unsigned chunks.
async fn chunked(server: &Server, length: &str, trailer: &str) -> Answer {
    let headers = [
        ("x-amz-decoded-content-length", length),
        ("content-encoding", "aws-chunked"),
        ("x-amz-trailer", "x-amz-checksum-crc64nvme"),
    ];
    put(server, &headers, &format!("5\r\nhello\r\n0\r\n{trailer}\r\n")).await
}

#[tokio::test]
async fn an_unsupported_checksum_is_rejected() {
    let (server, _client) = Server::with_bucket(Versioning::Enabled).await;
    for name in ["sha512", "md5", "xxhash64", "xxhash3", "xxhash128"] {
        let header = format!("x-amz-checksum-{name}");
        for headers in [
            vec![(header.as_str(), "AAAAAAAAAAA=")],
            vec![("x-amz-trailer", header.as_str())],
            vec![("x-amz-sdk-checksum-algorithm", name)],
        ] {
            let refused = put(&server, &headers, "hello").await;
            assert_eq!(refused.failure(), (501, "NotImplemented"), "{headers:?}");
            let part = raw::send(&server, ("PUT", "/bucket/k?partNumber=1&uploadId=u"), &headers, "hello").await;
            assert_eq!(part.failure(), (501, "NotImplemented"), "a part with {headers:?}");
        }
    }
    for headers in
        [("x-amz-checksum-sha256a", "AAAA"), ("x-amz-trailer", "x-amz-checksum-crc"), ("x-amz-trailer", "x-a")]
    {
        assert_eq!(put(&server, &[headers], "hello").await.failure(), (400, "InvalidRequest"), "{headers:?}");
    }
    assert!(server.blob_sizes().is_empty(), "nothing was stored");
}

#[tokio::test]
async fn the_named_algorithm_must_match_the_sent_checksum() {
    let (server, _client) = Server::with_bucket(Versioning::Enabled).await;
    let value = sha256(b"hello");
    let sent = ("x-amz-checksum-sha256", value.as_str());
    let said = |name: &'static str| ("x-amz-sdk-checksum-algorithm", name);
    for (headers, expected) in [
        (vec![sent, said("SHA256")], (200, "")),
        (vec![sent, said("CRC32")], (400, "InvalidRequest")),
        (vec![sent, said("nonsense")], (400, "InvalidRequest")),
        (vec![said("CRC32")], (400, "InvalidRequest")),
        (vec![sent, ("x-amz-trailer", "x-amz-checksum-sha256")], (400, "InvalidRequest")),
    ] {
        let answer = put(&server, &headers, "hello").await;
        assert_eq!(answer.failure(), expected, "{headers:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_chunked_body_must_have_its_declared_length() {
    let (server, _client) = Server::with_bucket(Versioning::Enabled).await;
    let trailer = format!("x-amz-checksum-crc64nvme:{}\r\n", crc64nvme(b"hello"));
    for (length, expected) in [("5", (200, "")), ("4", (400, "IncompleteBody")), ("6", (400, "IncompleteBody"))] {
        let answer = chunked(&server, length, &trailer).await;
        assert_eq!(answer.failure(), expected, "{length}: {answer:?}");
    }
    assert_eq!(server.blob_sizes(), [5]);
}

#[tokio::test]
async fn an_announced_trailer_must_arrive_and_match_the_bytes() {
    let (server, _client) = Server::with_bucket(Versioning::Enabled).await;
    let name = "x-amz-checksum-crc64nvme";
    let (right, wrong) = (crc64nvme(b"hello"), crc64nvme(b"other"));
    for (trailer, expected) in [
        (format!("{name}:{right}\r\n"), (200, "")),
        (format!("{name}:{wrong}\r\n"), (400, "BadDigest")),
        (format!("{name}:{}\r\n", STANDARD.encode([1])), (400, "InvalidRequest")),
        (format!("x-amz-checksum-sha256:{}\r\n", sha256(b"hello")), (400, "MalformedTrailerError")),
        (String::new(), (400, "MalformedTrailerError")),
    ] {
        let answer = chunked(&server, "5", &trailer).await;
        assert_eq!(answer.failure(), expected, "{trailer:?}: {answer:?}");
    }
}
