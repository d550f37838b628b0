//! Copies of objects: attributes, rejections, and shared bytes.

use aws_sdk_s3::{
    Client,
    operation::copy_object::builders::CopyObjectFluentBuilder,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode, MetadataDirective, StorageClass, TaggingDirective},
};
use sandbox_s3::Versioning;

use crate::{
    checksums::{crc64nvme, sha256},
    harness::{PART, Server, bytes, etag, failure, get, put},
};

fn copy(client: &Client, source: &str) -> CopyObjectFluentBuilder {
    client.copy_object().bucket("bucket").key("copy").copy_source(source)
}

#[tokio::test]
async fn a_copy_shares_the_bytes_of_its_source_and_outlives_it() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    server.bucket("elsewhere", "us-west-2", Versioning::Enabled);
    let body = bytes(2_000_000, 4);
    let version = put(&client, "a", body.clone()).await.unwrap();
    let far = server.client("us-west-2");
    let copied = far.copy_object().bucket("elsewhere").key("b").copy_source(format!("bucket/a?versionId={version}"));
    let copied = copied.send().await.unwrap();
    assert_eq!(copied.copy_source_version_id(), Some(version.as_str()));
    assert!(copied.version_id().is_some());
    assert_eq!(copied.copy_object_result().unwrap().e_tag(), Some(etag(&body).as_str()));
    assert_eq!(server.blob_sizes(), [2_000_000], "one file for both");
    client.delete_object().bucket("bucket").key("a").version_id(&version).send().await.unwrap();
    assert!(get(&far, "elsewhere", "b").await == body, "the copy does not need its source");
    let delete = far.delete_object().bucket("elsewhere").key("b").version_id(copied.version_id().unwrap());
    delete.send().await.unwrap();
    assert!(server.blob_sizes().is_empty(), "and the last reference takes the file with it");
}

#[tokio::test]
async fn directives_determine_the_attributes_of_a_copy() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    let source = client.put_object().bucket("bucket").key("a").body(ByteStream::from_static(b"x"));
    let source =
        source.content_type("text/x").metadata("k", "v").tagging("t=1").storage_class(StorageClass::StandardIa);
    source.send().await.unwrap();
    copy(&client, "bucket/a").send().await.unwrap();
    let kept = client.head_object().bucket("bucket").key("copy").send().await.unwrap();
    assert_eq!(kept.content_type(), Some("text/x"));
    assert_eq!(kept.metadata().unwrap()["k"], "v");
    assert_eq!(kept.tag_count(), Some(1));
    assert_eq!(kept.storage_class(), None, "the storage class is the copy's own");
    let replaced = copy(&client, "bucket/a").metadata_directive(MetadataDirective::Replace).metadata("n", "w");
    let replaced = replaced.tagging_directive(TaggingDirective::Replace).tagging("u=2&w=3");
    replaced.storage_class(StorageClass::GlacierIr).send().await.unwrap();
    let head = client.head_object().bucket("bucket").key("copy").send().await.unwrap();
    assert_eq!(head.content_type(), Some("binary/octet-stream"));
    assert_eq!(head.metadata().unwrap().get("k"), None);
    assert_eq!((head.tag_count(), head.storage_class()), (Some(2), Some(&StorageClass::GlacierIr)));
}

#[tokio::test]
async fn a_copy_checks_conditions_on_source_and_destination() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"x").await;
    let failed = (412, "PreconditionFailed".to_owned());
    let wrong = copy(&client, "bucket/a").copy_source_if_match(etag(b"y")).send().await;
    assert_eq!(failure(wrong), failed);
    let wrong = copy(&client, "bucket/a").copy_source_if_none_match(etag(b"x")).send().await;
    assert_eq!(failure(wrong), failed);
    copy(&client, "bucket/a").copy_source_if_match(etag(b"x")).if_none_match("*").send().await.unwrap();
    assert_eq!(failure(copy(&client, "bucket/a").if_none_match("*").send().await), failed);
    assert_eq!(failure(copy(&client, "bucket/a").if_match(etag(b"y")).send().await), failed);
    copy(&client, "bucket/a").if_match(etag(b"x")).send().await.unwrap();
    assert_eq!(failure(copy(&client, "bucket/none").send().await), (404, "NoSuchKey".to_owned()));
    assert_eq!(failure(copy(&client, "nowhere/a").send().await), (404, "NoSuchBucket".to_owned()));
}

#[tokio::test]
async fn a_copy_that_is_not_possible_names_its_obstacle() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"x").await;
    let itself = client.copy_object().bucket("bucket").key("a").copy_source("bucket/a").send().await;
    assert_eq!(failure(itself), (400, "InvalidRequest".to_owned()));
    let marker = client.delete_object().bucket("bucket").key("a").send().await.unwrap();
    let source = format!("bucket/a?versionId={}", marker.version_id().unwrap());
    assert_eq!(failure(copy(&client, &source).send().await), (400, "InvalidRequest".to_owned()));
    let archived = client.put_object().bucket("bucket").key("cold").body(ByteStream::from_static(b"x"));
    archived.storage_class(StorageClass::DeepArchive).send().await.unwrap();
    assert_eq!(failure(copy(&client, "bucket/cold").send().await), (403, "InvalidObjectState".to_owned()));
    let read = client.get_object().bucket("bucket").key("cold").send().await;
    assert_eq!(failure(read), (403, "InvalidObjectState".to_owned()));
}

#[tokio::test]
async fn a_copy_has_a_full_object_checksum_of_the_requested_or_source_algorithm() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    let (first, second) = (bytes(PART, 5), bytes(1000, 6));
    let whole = [first.clone(), second.clone()].concat();
    let parts = [ByteStream::from(first), ByteStream::from(second)];
    crate::multipart::upload(&client, "a", Some(ChecksumAlgorithm::Sha256), parts).await;
    let result = copy(&client, "bucket/a").send().await.unwrap();
    let result = result.copy_object_result().unwrap();
    assert_eq!(result.checksum_sha256(), Some(sha256(&whole).as_str()), "the composite value is gone");
    assert_eq!(result.e_tag(), Some(etag(&whole).as_str()), "and so is the ETag of parts");
    let asked = copy(&client, "bucket/a").checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).send().await.unwrap();
    let asked = asked.copy_object_result().unwrap();
    assert_eq!((asked.checksum_sha256(), asked.checksum_crc64_nvme()), (None, Some(crc64nvme(&whole).as_str())));
    server.s3.forget_checksum("bucket", "a", None).unwrap();
    copy(&client, "bucket/a").send().await.unwrap();
    let head = client.head_object().bucket("bucket").key("copy").checksum_mode(ChecksumMode::Enabled).send().await;
    let head = head.unwrap();
    assert_eq!(head.checksum_crc64_nvme(), Some(crc64nvme(&whole).as_str()), "a copy of an old object gets one");
    assert_eq!(head.parts_count(), None);
}

#[tokio::test]
async fn an_invalid_directive_is_rejected() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"x").await;
    let metadata = copy(&client, "bucket/a").metadata_directive("replace".into()).send().await;
    assert_eq!(failure(metadata), (400, "InvalidArgument".to_owned()));
    let tagging = copy(&client, "bucket/a").tagging_directive("KEEP".into()).send().await;
    assert_eq!(failure(tagging), (400, "InvalidArgument".to_owned()));
    let both = copy(&client, "bucket/a").metadata_directive(MetadataDirective::Copy);
    both.tagging_directive(TaggingDirective::Copy).send().await.unwrap();
}
