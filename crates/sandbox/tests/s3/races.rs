//! Conditional writes that meet another write while their body is on its way.

use std::time::Duration;

use aws_sdk_s3::{Client, config::RequestChecksumCalculation, presigning::PresigningConfig};
use bytes::Bytes;
use holdfast_sandbox::s3::Versioning;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;

use crate::harness::{REGION, Server, etag, put};

/// Puts `hello` under a condition; between its first and its last byte `meanwhile` happens. Answers status and body.
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
    // Once there is room for the second chunk, the first was taken: the request has begun.
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

#[tokio::test]
async fn a_put_that_expects_an_object_conflicts_with_its_deletion() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"x").await;
    let (status, body) = put_slowly(&server, ("if-match", &etag(b"x")), Box::pin(delete(&client))).await;
    assert_eq!(status, 409, "{body}");
    assert!(body.contains("<Code>ConditionalRequestConflict</Code>"), "{body}");
}

#[tokio::test]
async fn a_put_that_expects_nothing_conflicts_with_a_deletion_and_fails_after_another_write() {
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
