//! S3 ignores malformed ranges, for every caller and every kind of signature.

use aws_sdk_s3::{config::Credentials, presigning::PresigningConfig};
use sandbox_s3::Versioning;

use crate::harness::{Server, failure, get, put};

/// Headers that S3 does not accept as ranges.
const MALFORMED: [&str; 6] = ["bytes=from-to", "bytes=5-1", "bytes=0-1,3-4", "bytes=1", "bytes=--2", "lines=0-1"];

#[tokio::test]
async fn a_malformed_range_returns_the_complete_object() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a b+c", *b"0123456789").await;
    let before = server.s3.requests();
    for range in MALFORMED {
        let got = client.get_object().bucket("bucket").key("a b+c").range(range).send().await;
        let got = got.unwrap_or_else(|error| panic!("{range}: {error:?}"));
        assert_eq!((got.content_length(), got.content_range()), (Some(10), None), "{range}");
        assert_eq!(got.body.collect().await.unwrap().to_vec(), b"0123456789", "{range}");
        let head = client.head_object().bucket("bucket").key("a b+c").range(range).send().await;
        let head = head.unwrap_or_else(|error| panic!("HEAD {range}: {error:?}"));
        assert_eq!((head.content_length(), head.content_range()), (Some(10), None), "HEAD {range}");
    }
    let made = |name: &str| server.s3.requests()[name] - before.get(name).copied().unwrap_or_default();
    let count = MALFORMED.len() as u64;
    assert_eq!((made("GetObject"), made("HeadObject")), (count, count), "each is one request");
}

#[tokio::test]
async fn a_malformed_range_of_a_presigned_request_is_ignored() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"0123456789").await;
    let hour = PresigningConfig::expires_in(std::time::Duration::from_hours(1)).unwrap();
    let presigned = client.get_object().bucket("bucket").key("a").range("bytes=5-1").presigned(hour).await.unwrap();
    let signed: Vec<(&str, &str)> = presigned.headers().collect();
    assert!(signed.contains(&("range", "bytes=5-1")), "the range is signed: {signed:?}");
    let (status, body) = server.plain(presigned.uri(), &signed).await;
    assert_eq!((status, body.as_str()), (200, "0123456789"));
    let whole = client.get_object().bucket("bucket").key("a");
    let hour = PresigningConfig::expires_in(std::time::Duration::from_hours(1)).unwrap();
    let presigned = whole.presigned(hour).await.unwrap();
    let (status, body) = server.plain(presigned.uri(), &[("range", "bytes=5-1")]).await;
    assert_eq!((status, body.as_str()), (200, "0123456789"));
}

#[tokio::test]
async fn a_malformed_range_does_not_hide_another_error() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"0123456789").await;
    let gone = client.get_object().bucket("bucket").key("gone").range("bytes=5-1").send().await;
    assert_eq!(failure(gone), (404, "NoSuchKey".to_owned()));
    let wrong = |config: aws_sdk_s3::config::Builder| {
        config.credentials_provider(Credentials::new("AKIDTEST", "wrong", None, None, "test"))
    };
    let stranger = server.client_with("eu-west-1", wrong);
    let refused = stranger.get_object().bucket("bucket").key("a").range("bytes=5-1").send().await;
    assert_eq!(failure(refused), (403, "SignatureDoesNotMatch".to_owned()));
    assert_eq!(get(&client, "bucket", "a").await, b"0123456789");
}

#[tokio::test]
async fn head_and_get_of_a_part_return_206() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"0123456789").await;
    for (target, range, status, length) in [
        ("/bucket/a", Some(("range", "bytes=0-3")), 206, "4"),
        ("/bucket/a?partNumber=1", None, 206, "10"),
        ("/bucket/a", None, 200, "10"),
    ] {
        let headers: Vec<_> = range.into_iter().collect();
        for method in ["GET", "HEAD"] {
            let answer = crate::raw::send(&server, (method, target), &headers, "").await;
            assert_eq!(answer.status, status, "{method} {target} {range:?}: {answer:?}");
        }
        let head = crate::raw::send(&server, ("HEAD", target), &headers, "").await;
        assert_eq!(head.headers["content-length"], length, "{target} {range:?}");
    }
}
