//! Conditional writes that race with another write during the transfer of their body.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::RequestChecksumCalculation,
    operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use sandbox_s3::Versioning;
use tokio::sync::mpsc;

use crate::{
    harness::{REGION, Server, etag, failure, put},
    sizes::put_zeros,
};

/// Puts `hello` with a condition; `meanwhile` runs between its first and its last byte. Returns status and body.
async fn put_slowly(server: &Server, condition: (&str, &str), meanwhile: impl Future<Output = ()>) -> (u16, String) {
    let client = server
        .client_with(REGION, |config| config.request_checksum_calculation(RequestChecksumCalculation::WhenRequired));
    let put = client.put_object().bucket("bucket").key("a");
    let put = if condition.0 == "if-match" { put.if_match(condition.1) } else { put.if_none_match(condition.1) };
    let hour = PresigningConfig::expires_in(Duration::from_hours(1)).unwrap();
    let signed = Box::pin(put.presigned(hour)).await.unwrap();
    let uri: http::Uri = signed.uri().parse().unwrap();
    let mut request = http::Request::put(uri.path_and_query().unwrap().as_str()).header("content-length", 5);
    request = request.header("host", uri.authority().unwrap().as_str());
    for (name, value) in signed.headers() {
        request = request.header(name, value);
    }
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let chunks = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (Ok::<_, std::io::Error>(http_body::Frame::data(chunk)), receiver))
    });
    let body = s3s::Body::http_body_unsync(StreamBody::new(Box::pin(chunks)));
    let service = server.s3.service();
    let answer = tokio::spawn(async move { service.call(request.body(body).unwrap()).await });
    sender.send(Bytes::from_static(b"he")).await.unwrap();
    // If there is room for the second chunk, the service has read the first one, so the request has started.
    sender.send(Bytes::from_static(b"ll")).await.unwrap();
    Box::pin(meanwhile).await;
    sender.send(Bytes::from_static(b"o")).await.unwrap();
    drop(sender);
    let response = answer.await.unwrap();
    let status = response.status().as_u16();
    let body = BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn delete(client: &Client) {
    client.delete_object().bucket("bucket").key("a").send().await.unwrap();
}

/// An upload of `a` with one part, and its completion.
async fn upload(client: &Client) -> CompleteMultipartUploadFluentBuilder {
    let create = client.create_multipart_upload().bucket("bucket").key("a").send().await.unwrap();
    let id = create.upload_id().unwrap();
    let part = client.upload_part().bucket("bucket").key("a").upload_id(id).part_number(1);
    let part = part.body(ByteStream::from_static(b"parts")).send().await.unwrap();
    let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag().map(str::to_owned)).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    client.complete_multipart_upload().bucket("bucket").key("a").upload_id(id).multipart_upload(parts)
}

#[tokio::test]
async fn a_conditional_completion_conflicts_with_a_deletion_since_initiation() {
    for versioning in [Versioning::Enabled, Versioning::Never] {
        let (server, client) = Server::with_bucket(versioning).await;
        put(&client, "a", *b"x").await;
        let complete = upload(&client).await.if_none_match("*");
        assert_eq!(failure(complete.clone().send().await), (412, "PreconditionFailed".to_owned()));
        delete(&client).await;
        assert_eq!(failure(complete.clone().send().await), (409, "ConditionalRequestConflict".to_owned()));
        let expecting = upload(&client).await.if_match(etag(b"x")).send().await;
        assert_eq!(failure(expecting), (404, "NoSuchKey".to_owned()));
        upload(&client).await.if_none_match("*").send().await.expect("a deletion before the upload does not conflict");
        let server = server.restart().await;
        let client = server.client(REGION);
        delete(&client).await;
        let moved = aws_sdk_s3::Config::builder().endpoint_url(format!("http://{}", server.address));
        let again = complete.customize().config_override(moved).send().await;
        assert_eq!(failure(again), (409, "ConditionalRequestConflict".to_owned()), "it was forgotten in a restart");
    }
}

#[tokio::test]
async fn a_conditional_completion_fails_after_a_write_since_initiation() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"x").await;
    let same = upload(&client).await.if_match(etag(b"x"));
    put(&client, "a", *b"x").await;
    assert_eq!(
        failure(same.send().await),
        (409, "ConditionalRequestConflict".to_owned()),
        "the same bytes, written since"
    );
    let other = upload(&client).await.if_match(etag(b"x"));
    put(&client, "a", *b"y").await;
    assert_eq!(failure(other.send().await), (412, "PreconditionFailed".to_owned()));
    upload(&client).await.if_match(etag(b"y")).send().await.unwrap();
}

#[tokio::test]
async fn a_conditional_put_conflicts_with_a_concurrent_deletion() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"x").await;
    let (status, body) = put_slowly(&server, ("if-match", &etag(b"x")), Box::pin(delete(&client))).await;
    assert_eq!(status, 409, "{body}");
    assert!(body.contains("<Code>ConditionalRequestConflict</Code>"), "{body}");
}

#[tokio::test]
async fn a_put_if_none_match_conflicts_with_a_deletion_and_fails_after_a_write() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    let (status, body) = put_slowly(&server, ("if-none-match", "*"), Box::pin(delete(&client))).await;
    assert_eq!(status, 409, "{body}");
    let write = Box::pin(async { drop(put(&client, "a", *b"first").await) });
    let (status, body) = put_slowly(&server, ("if-none-match", "*"), write).await;
    assert_eq!(status, 412, "{body}");
    assert_eq!(crate::harness::get(&client, "bucket", "a").await, b"first", "the first to finish wins");
    let (status, body) = put_slowly(&server, ("if-match", &etag(b"first")), async {}).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn a_conditional_copy_conflicts_with_a_concurrent_deletion() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    // The object is large, so computing the SHA-1 of its copy takes some time.
    put_zeros(&server, &client, "source", &[512 << 20]).await;
    let mut answers = Vec::new();
    // There is no race if the deletion happens before the start or after the end of the copy.
    for head_start in [50, 100, 200, 400, 800] {
        put(&client, "a", *b"x").await;
        let copy = client.copy_object().bucket("bucket").key("a").copy_source("bucket/source");
        let copy = copy.checksum_algorithm(ChecksumAlgorithm::Sha1).if_match(etag(b"x"));
        let copied = tokio::spawn(copy.send());
        tokio::time::sleep(Duration::from_millis(head_start)).await;
        delete(&client).await;
        answers.push(copied.await.unwrap().map_or_else(|error| failure::<(), _>(Err(error)), |_| (200, String::new())));
        if answers.last().is_some_and(|answer| answer.0 == 409) {
            break;
        }
    }
    let conflict = (409, "ConditionalRequestConflict".to_owned());
    assert_eq!(answers.last(), Some(&conflict), "{answers:?}");
}
