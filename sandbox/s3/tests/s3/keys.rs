//! Keys are any text of up to 1,024 bytes, and never paths.

use std::time::Duration;

use aws_sdk_s3::{
    config::RequestChecksumCalculation,
    presigning::{PresignedRequest, PresigningConfig},
};
use http_body_util::BodyExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sandbox_s3::Versioning;

use crate::harness::{Server, get, put};

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

fn odd_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "plain.txt",
        "/leading/slash",
        "double//slash",
        "trailing/",
        "//",
        "../up",
        "a/../../b",
        "./.",
        "with space and  two",
        "plus+plus",
        "100%",
        "%2F%20literal",
        "question?versionId=abc",
        "hash#tag&amp=1;x",
        "quote'\"<>&",
        "日本語/Zürich/😀",
        "back\\slash|pipe^caret`tick{brace}[bracket]",
        "star*excl!paren()at@colon:comma,dollar$eq=",
        "tilde~",
    ]
    .map(str::to_owned)
    .to_vec();
    keys.push("é".repeat(512));
    keys
}

#[tokio::test]
async fn odd_keys_survive_put_head_get_copy_list_and_delete() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    let mut keys = odd_keys();
    for key in &keys {
        let version = put(&client, key, key.as_bytes()).await.unwrap();
        let head = client.head_object().bucket("bucket").key(key).version_id(&version).send().await;
        assert_eq!(head.unwrap().content_length(), i64::try_from(key.len()).ok(), "{key:?}");
        assert_eq!(get(&client, "bucket", key).await, key.as_bytes(), "{key:?}");
        let source = format!("bucket/{}?versionId={version}", utf8_percent_encode(key, SEGMENT));
        let copied = client.copy_object().bucket("bucket").key("copy").copy_source(source).send().await;
        assert!(copied.is_ok(), "{key:?}: {copied:?}");
        assert_eq!(get(&client, "bucket", "copy").await, key.as_bytes(), "{key:?}");
    }
    client.delete_object().bucket("bucket").key("copy").send().await.unwrap();
    keys.sort();
    let listed = client.list_objects_v2().bucket("bucket").send().await.unwrap();
    let listed: Vec<&str> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(listed, keys);
    let encoded = client.list_objects_v2().bucket("bucket").prefix("with space");
    let encoded = encoded.encoding_type(aws_sdk_s3::types::EncodingType::Url).send().await.unwrap();
    assert_eq!(encoded.contents()[0].key(), Some("with%20space%20and%20%20two"));
    for key in &keys {
        client.delete_object().bucket("bucket").key(key).send().await.unwrap();
    }
    assert!(client.list_objects_v2().bucket("bucket").send().await.unwrap().contents().is_empty());
}

/// Sends a presigned request to the service without DNS.
async fn send(server: &Server, request: &PresignedRequest, body: &'static [u8]) -> (u16, Vec<u8>) {
    let uri: http::Uri = request.uri().parse().unwrap();
    let mut sent = http::Request::builder().method(request.method()).uri(uri.path_and_query().unwrap().as_str());
    sent = sent.header("host", uri.authority().unwrap().as_str()).header("content-length", body.len());
    let body = s3s::Body::from(bytes::Bytes::from_static(body));
    let response = server.s3.service().call(sent.body(body).unwrap()).await;
    let status = response.status().as_u16();
    (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn a_virtual_host_names_the_bucket_and_a_presigned_request_needs_no_header() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    let hosted = server.client_with(crate::harness::REGION, |config| {
        config
            .force_path_style(false)
            .endpoint_url("http://localhost:4566")
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
    });
    let hour = || PresigningConfig::expires_in(Duration::from_hours(1)).unwrap();
    let write = hosted.put_object().bucket("bucket").key("a b/ü+").presigned(hour()).await.unwrap();
    assert!(write.uri().starts_with("http://bucket.localhost:4566/a%20b/"), "{}", write.uri());
    assert_eq!(send(&server, &write, b"hello").await, (200, Vec::new()));
    assert_eq!(get(&client, "bucket", "a b/ü+").await, b"hello");
    let read = hosted.get_object().bucket("bucket").key("a b/ü+").presigned(hour()).await.unwrap();
    assert_eq!(send(&server, &read, b"").await, (200, b"hello".to_vec()));
}
