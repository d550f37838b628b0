//! The configuration of buckets is returned as it was set.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{
        AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleRule,
        LifecycleRuleFilter, PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
        ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging,
    },
};
use sandbox_s3::Versioning;

use crate::{
    harness::{Server, etag, failure},
    raw,
};

#[tokio::test]
async fn the_default_encryption_of_a_bucket_becomes_that_of_its_objects() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let put = |key: &str| client.put_object().bucket("bucket").key(key).body(ByteStream::from_static(b"x")).send();
    let plain = put("a").await.unwrap();
    assert_eq!(plain.server_side_encryption(), Some(&ServerSideEncryption::Aes256));
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms);
    let default = default.kms_master_key_id("alias/backup").build().unwrap();
    let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
    let configuration = ServerSideEncryptionConfiguration::builder().rules(rule).build().unwrap();
    let set = client.put_bucket_encryption().bucket("bucket");
    set.server_side_encryption_configuration(configuration.clone()).send().await.unwrap();
    let shown = client.get_bucket_encryption().bucket("bucket").send().await.unwrap();
    assert_eq!(shown.server_side_encryption_configuration(), Some(&configuration));
    let encrypted = put("b").await.unwrap();
    assert_eq!(encrypted.server_side_encryption(), Some(&ServerSideEncryption::AwsKms));
    assert_eq!(encrypted.ssekms_key_id(), Some("alias/backup"));
    assert_ne!(encrypted.e_tag(), Some(etag(b"x").as_str()), "under KMS the ETag is no MD5");
    let head = client.head_object().bucket("bucket").key("b").send().await.unwrap();
    assert_eq!(head.e_tag(), encrypted.e_tag());
}

#[tokio::test]
async fn public_access_tags_and_lifecycle_are_kept() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let missing = client.get_bucket_lifecycle_configuration().bucket("bucket").send().await;
    assert_eq!(failure(missing), (404, "NoSuchLifecycleConfiguration".to_owned()));
    let missing = client.get_public_access_block().bucket("bucket").send().await;
    assert_eq!(failure(missing), (404, "NoSuchPublicAccessBlockConfiguration".to_owned()));
    let missing = client.get_bucket_tagging().bucket("bucket").send().await;
    assert_eq!(failure(missing), (404, "NoSuchTagSet".to_owned()));

    let block = PublicAccessBlockConfiguration::builder().block_public_acls(true).restrict_public_buckets(true).build();
    let set = client.put_public_access_block().bucket("bucket").public_access_block_configuration(block.clone());
    set.send().await.unwrap();
    let shown = client.get_public_access_block().bucket("bucket").send().await.unwrap();
    let shown = shown.public_access_block_configuration().unwrap();
    assert_eq!((shown.block_public_acls(), shown.restrict_public_buckets()), (Some(true), Some(true)));

    let tagging =
        Tagging::builder().tag_set(Tag::builder().key("team").value("data").build().unwrap()).build().unwrap();
    client.put_bucket_tagging().bucket("bucket").tagging(tagging.clone()).send().await.unwrap();
    assert_eq!(client.get_bucket_tagging().bucket("bucket").send().await.unwrap().tag_set(), tagging.tag_set());

    let rule = LifecycleRule::builder()
        .id("incomplete")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .abort_incomplete_multipart_upload(AbortIncompleteMultipartUpload::builder().days_after_initiation(21).build())
        .build()
        .unwrap();
    let lifecycle = BucketLifecycleConfiguration::builder().rules(rule.clone()).build().unwrap();
    let set = client.put_bucket_lifecycle_configuration().bucket("bucket").lifecycle_configuration(lifecycle);
    set.send().await.unwrap();
    let shown = client.get_bucket_lifecycle_configuration().bucket("bucket").send().await.unwrap();
    assert_eq!(shown.rules(), [rule]);
}

#[tokio::test]
async fn unsupported_bucket_configuration_is_rejected_by_name() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let policy = client.get_bucket_policy().bucket("bucket").send().await;
    assert_eq!(failure(policy), (501, "NotImplemented".to_owned()));
}

#[tokio::test]
async fn unsupported_object_settings_are_rejected() {
    const SSE: &str = "x-amz-server-side-encryption";
    const KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    client.put_object().bucket("bucket").key("source").body(ByteStream::from_static(b"x")).send().await.unwrap();
    let (argument, no_acl) = ((400, "InvalidArgument"), (400, "AccessControlListNotSupported"));
    for (headers, expected) in [
        (vec![(SSE, "foo")], argument),
        (vec![(SSE, "AES256"), (KEY, "k")], argument),
        (vec![(KEY, "k")], argument),
        (vec![("x-amz-acl", "public-read")], no_acl),
        (vec![("x-amz-acl", "nonsense")], no_acl),
        (vec![("x-amz-grant-read", "id=\"1\"")], no_acl),
        (vec![(SSE, "aws:kms"), (KEY, "k")], (200, "")),
        (vec![(SSE, "aws:kms:dsse")], (200, "")),
        (vec![(SSE, "AES256"), ("x-amz-acl", "private")], (200, "")),
        (vec![("x-amz-acl", "bucket-owner-full-control")], (200, "")),
    ] {
        let put = raw::send(&server, ("PUT", "/bucket/k"), &headers, "x").await;
        assert_eq!(put.failure(), expected, "{headers:?}: {put:?}");
        let create = raw::send(&server, ("POST", "/bucket/k?uploads"), &headers, "").await;
        assert_eq!(create.failure(), expected, "an upload with {headers:?}: {create:?}");
        let headers = [headers, vec![("x-amz-copy-source", "bucket/source")]].concat();
        let copy = raw::send(&server, ("PUT", "/bucket/k"), &headers, "").await;
        assert_eq!(copy.failure(), expected, "a copy with {headers:?}: {copy:?}");
    }
    let appended = raw::send(&server, ("PUT", "/bucket/k"), &[("x-amz-write-offset-bytes", "1")], "x").await;
    assert_eq!(appended.failure(), (501, "NotImplemented"));
}
