//! The maximum size of an object in one request: 5 GiB, uploaded or copied
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::RequestChecksumCalculation,
    presigning::PresigningConfig,
    types::{CompletedMultipartUpload, CompletedPart},
};
use http_body_util::BodyExt;
use sandbox_s3::Versioning;

use crate::harness::{REGION, Server, failure};

const FIVE_GIB: u64 = 5 << 30;

/// Uploads an object of zeros in parts of these lengths, without sending them.
pub(crate) async fn put_zeros(server: &Server, client: &Client, key: &str, lengths: &[u64]) {
    let create = client.create_multipart_upload().bucket("bucket").key(key).send().await.unwrap();
    let id = create.upload_id().unwrap();
    let etags = server.s3.put_sparse_parts("bucket", key, id, lengths).unwrap();
    let part = |(number, etag)| CompletedPart::builder().part_number(number).e_tag(etag).build();
    let parts = (1..).zip(etags).map(part).collect();
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client.complete_multipart_upload().bucket("bucket").key(key).upload_id(id);
    complete.multipart_upload(parts).send().await.unwrap();
}

#[tokio::test]
async fn a_single_copy_is_limited_to_five_gibibytes() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    put_zeros(&server, &client, "most", &[FIVE_GIB]).await;
    put_zeros(&server, &client, "more", &[FIVE_GIB, 1]).await;
    let copy = |source: &str| client.copy_object().bucket("bucket").key("copy").copy_source(source).send();
    copy("bucket/most").await.unwrap();
    assert_eq!(failure(copy("bucket/more").await), (400, "InvalidRequest".to_owned()));

    let create = client.create_multipart_upload().bucket("bucket").key("parts").send().await.unwrap();
    let part = |last: u64| {
        let part = client.upload_part_copy().bucket("bucket").key("parts").upload_id(create.upload_id().unwrap());
        part.part_number(1).copy_source("bucket/more").copy_source_range(format!("bytes=0-{last}")).send()
    };
    part(FIVE_GIB - 1).await.unwrap();
    assert_eq!(failure(part(FIVE_GIB).await), (400, "InvalidRequest".to_owned()));
}

/// The answer to a request that announces this number of bytes, before any of them arrives.
async fn announced(server: &Server, request: http::request::Builder, length: u64) -> (u16, String) {
    let request = request.header("content-length", length).body(s3s::Body::empty()).unwrap();
    let response = server.s3.service().call(request).await;
    let status = response.status().as_u16();
    let body = BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_single_upload_is_limited_to_five_gibibytes() {
    let (server, _client) = Server::with_bucket(Versioning::Never).await;
    let client = server
        .client_with(REGION, |config| config.request_checksum_calculation(RequestChecksumCalculation::WhenRequired));
    let create = client.create_multipart_upload().bucket("bucket").key("parts").send().await.unwrap();
    let hour = || PresigningConfig::expires_in(Duration::from_hours(1)).unwrap();
    let part = client.upload_part().bucket("bucket").key("parts").upload_id(create.upload_id().unwrap()).part_number(1);
    let put = client.put_object().bucket("bucket").key("a");
    for signed in [put.presigned(hour()).await.unwrap(), part.presigned(hour()).await.unwrap()] {
        let uri: http::Uri = signed.uri().parse().unwrap();
        let mut request = http::Request::put(uri.path_and_query().unwrap().as_str());
        request = request.header("host", uri.authority().unwrap().as_str());
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        let (status, body) = announced(&server, request, FIVE_GIB + 1).await;
        assert_eq!(status, 400, "{uri}: {body}");
        assert!(body.contains("<Code>EntityTooLarge</Code>"), "{uri}: {body}");
    }
}
