//! Checksums that S3 computes and that callers send.

use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, ObjectAttributes},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sandbox_s3::Versioning;

use crate::harness::{Server, bytes, failure};

/// The full-object CRC64NVME of bytes, in S3's format.
pub(crate) fn crc64nvme(bytes: &[u8]) -> String {
    STANDARD.encode(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes())
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    STANDARD.encode(sha2::Sha256::digest(bytes))
}

async fn head(client: &Client, key: &str) -> aws_sdk_s3::operation::head_object::HeadObjectOutput {
    client.head_object().bucket("bucket").key(key).checksum_mode(ChecksumMode::Enabled).send().await.unwrap()
}

#[tokio::test]
async fn a_client_without_checksums_gets_a_full_object_crc64nvme() {
    let (server, _client) = Server::with_bucket(Versioning::Never).await;
    let client = server.plain_client();
    let body = bytes(1_500_000, 3);
    let put = client.put_object().bucket("bucket").key("a").body(ByteStream::from(body.clone())).send().await.unwrap();
    assert_eq!(put.checksum_crc64_nvme(), Some(crc64nvme(&body).as_str()));
    assert_eq!(put.checksum_type(), Some(&ChecksumType::FullObject));
    let found = head(&client, "a").await;
    assert_eq!(found.checksum_crc64_nvme(), Some(crc64nvme(&body).as_str()));
    assert_eq!(found.checksum_type(), Some(&ChecksumType::FullObject));
    let silent = client.head_object().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!(silent.checksum_crc64_nvme(), None, "only who asks is told");
}

#[tokio::test]
async fn the_clients_algorithm_is_kept() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let body = ByteStream::from_static(b"hello");
        let put = client.put_object().bucket("bucket").key("a").body(body).checksum_algorithm(algorithm.clone());
        put.send().await.unwrap();
        let found = head(&client, "a").await;
        let shown = [
            (ChecksumAlgorithm::Crc32, found.checksum_crc32()),
            (ChecksumAlgorithm::Crc32C, found.checksum_crc32_c()),
            (ChecksumAlgorithm::Crc64Nvme, found.checksum_crc64_nvme()),
            (ChecksumAlgorithm::Sha1, found.checksum_sha1()),
            (ChecksumAlgorithm::Sha256, found.checksum_sha256()),
        ];
        for (one, value) in shown {
            assert_eq!(value.is_some(), one == algorithm, "{one} for an object put with {algorithm}");
        }
        // The SDK verifies the content with the returned checksum.
        let got = client.get_object().bucket("bucket").key("a").checksum_mode(ChecksumMode::Enabled).send().await;
        assert_eq!(got.unwrap().body.collect().await.unwrap().to_vec(), b"hello", "{algorithm}");
    }
    assert_eq!(head(&client, "a").await.checksum_sha256(), Some(sha256(b"hello").as_str()));
}

#[tokio::test]
async fn a_wrong_checksum_is_rejected() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    let put = || client.put_object().bucket("bucket").key("a").body(ByteStream::from_static(b"hello"));
    let wrong = put().checksum_crc64_nvme(crc64nvme(b"other")).send().await;
    assert_eq!(failure(wrong), (400, "BadDigest".to_owned()));
    let wrong = put().checksum_sha256(sha256(b"other")).send().await;
    assert_eq!(failure(wrong), (400, "BadDigest".to_owned()));
    let short = put().checksum_crc32(STANDARD.encode([1, 2, 3])).send().await;
    assert_eq!(failure(short), (400, "InvalidRequest".to_owned()));
    let plain = server.plain_client();
    let put = || plain.put_object().bucket("bucket").key("a").body(ByteStream::from_static(b"hello"));
    let wrong = put().content_md5(STANDARD.encode([0; 16])).send().await;
    assert_eq!(failure(wrong), (400, "BadDigest".to_owned()));
    assert_eq!(failure(put().content_md5("nonsense").send().await), (400, "InvalidDigest".to_owned()));
    assert_eq!(failure(client.get_object().bucket("bucket").key("a").send().await).0, 404, "nothing was stored");
    assert!(server.blob_sizes().is_empty());
}

#[tokio::test]
async fn an_old_object_has_no_checksum() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    crate::harness::put(&client, "a", *b"old").await;
    server.s3.forget_checksum("bucket", "a", None).unwrap();
    let found = head(&client, "a").await;
    assert_eq!((found.checksum_crc32(), found.checksum_crc64_nvme(), found.checksum_type()), (None, None, None));
    assert_eq!(crate::harness::get(&client, "bucket", "a").await, b"old");
    let attributes = client.get_object_attributes().bucket("bucket").key("a");
    let attributes = attributes
        .object_attributes(ObjectAttributes::Checksum)
        .object_attributes(ObjectAttributes::ObjectSize)
        .send()
        .await
        .unwrap();
    assert!(attributes.checksum().is_none());
    assert_eq!(attributes.object_size(), Some(3));
    let request = client.get_object_attributes().bucket("bucket").key("a").object_attributes(ObjectAttributes::Etag);
    let header = |request: &mut aws_sdk_s3::config::http::HttpRequest| {
        request.headers_mut().insert("x-amz-object-attributes", "ETag,ObjectSize");
    };
    let together = request.customize().mutate_request(header).send().await.unwrap();
    assert!(together.e_tag().is_some());
    assert_eq!(together.object_size(), Some(3), "attributes separated by commas, as boto3 sends them");
    let error = server.s3.forget_checksum("bucket", "b", None).unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (404, "NoSuchKey"));
}

#[tokio::test]
async fn a_composite_upload_rejects_a_part_without_a_checksum() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    let plain = server.plain_client();
    for (algorithm, kind, named) in [
        (ChecksumAlgorithm::Sha256, None, "sha256"),
        (ChecksumAlgorithm::Crc32, Some(ChecksumType::Composite), "crc32"),
    ] {
        let create = client.create_multipart_upload().bucket("bucket").key("k").checksum_algorithm(algorithm);
        let id = create.set_checksum_type(kind).send().await.unwrap().upload_id.unwrap();
        let part = plain.upload_part().bucket("bucket").key("k").upload_id(&id).part_number(1);
        let error = part.body(ByteStream::from_static(b"part")).send().await.unwrap_err();
        let sentence =
            format!("Checksum Type mismatch occurred, expected checksum Type: {named}, actual checksum Type: null");
        assert_eq!((error.code(), error.message()), (Some("InvalidRequest"), Some(sentence.as_str())));
    }
}

#[tokio::test]
async fn a_full_object_upload_accepts_a_part_without_a_checksum() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    let plain = server.plain_client();
    for algorithm in [None, Some(ChecksumAlgorithm::Crc64Nvme), Some(ChecksumAlgorithm::Crc32C)] {
        let kind = algorithm.as_ref().map(|_| ChecksumType::FullObject);
        let create = client.create_multipart_upload().bucket("bucket").key("k");
        let create = create.set_checksum_algorithm(algorithm.clone()).set_checksum_type(kind);
        let id = create.send().await.unwrap().upload_id.unwrap();
        let part = plain.upload_part().bucket("bucket").key("k").upload_id(&id).part_number(1);
        let taken = part.body(ByteStream::from_static(b"part")).send().await;
        assert!(taken.is_ok(), "{algorithm:?}: {taken:?}");
    }
}
