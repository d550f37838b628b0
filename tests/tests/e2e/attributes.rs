//! Copies keep the attributes of their source, in one request and in parts.

use aws_sdk_s3::{primitives::ByteStream, types::StorageClass};
use holdfast_tests::{
    TestResult,
    fixture::{Fixture, Setup},
};

async fn upload_with_everything(fixture: &Fixture, key: &str, bytes: Vec<u8>) -> TestResult {
    let request = fixture
        .s3
        .put_object()
        .bucket(&fixture.outputs.source_bucket)
        .key(key)
        .body(ByteStream::from(bytes))
        .content_type("text/plain; charset=utf-8")
        .cache_control("max-age=60")
        .content_disposition("attachment; filename=\"a b.txt\"")
        .content_encoding("identity")
        .content_language("de-CH")
        .website_redirect_location("/elsewhere")
        .expires(aws_sdk_s3::primitives::DateTime::from_secs(2_000_000_000))
        .storage_class(StorageClass::StandardIa)
        .metadata("owner", "ann")
        .metadata("case-number", "1=2&3")
        .tagging("team=blue%20green&empty=&sum=1%2B1");
    request.send().await?;
    Ok(())
}

async fn assert_same_attributes(fixture: &Fixture, s3: &aws_sdk_s3::Client, bucket: &str, key: &str) -> TestResult {
    let source = fixture.s3.head_object().bucket(&fixture.outputs.source_bucket).key(key).send().await?;
    let copy = s3.head_object().bucket(bucket).key(key).send().await?;
    assert_eq!(copy.content_type(), source.content_type(), "{bucket}");
    assert_eq!(copy.cache_control(), source.cache_control(), "{bucket}");
    assert_eq!(copy.content_disposition(), source.content_disposition(), "{bucket}");
    assert_eq!(copy.content_encoding(), source.content_encoding(), "{bucket}");
    assert_eq!(copy.content_language(), source.content_language(), "{bucket}");
    assert_eq!(copy.website_redirect_location(), source.website_redirect_location(), "{bucket}");
    assert_eq!(copy.expires_string(), source.expires_string(), "{bucket}");
    assert_eq!(copy.storage_class(), source.storage_class(), "{bucket}");
    for (name, value) in source.metadata().into_iter().flatten() {
        assert_eq!(copy.metadata().and_then(|metadata| metadata.get(name)), Some(value), "{bucket}: {name}");
    }
    let tags = |mut tags: Vec<aws_sdk_s3::types::Tag>| {
        tags.sort_by(|one, other| one.key().cmp(other.key()));
        tags
    };
    let expected =
        fixture.s3.get_object_tagging().bucket(&fixture.outputs.source_bucket).key(key).send().await?.tag_set;
    let found = s3.get_object_tagging().bucket(bucket).key(key).send().await?.tag_set;
    assert_eq!(expected.len(), 3);
    assert_eq!(tags(found), tags(expected), "{bucket}");
    Ok(())
}

#[tokio::test]
async fn single_and_multipart_copies_keep_all_attributes() -> TestResult {
    let fixture = Fixture::start(Setup::default().with_parameter("MultipartThreshold", "8388608")).await?;

    for (key, size) in [("small.txt", 100), ("large.txt", 9 << 20)] {
        upload_with_everything(&fixture, key, vec![b'x'; size]).await?;
    }
    fixture.wait_for_executions(2).await?;

    for key in ["small.txt", "large.txt"] {
        for (s3, bucket) in fixture.destinations() {
            assert_same_attributes(&fixture, s3, bucket, key).await?;
        }
    }
    let differences: Vec<_> =
        fixture.receipts().await?.into_iter().flat_map(|receipt| receipt.backup.evidence.differences).collect();
    assert_eq!(differences, [], "nothing had to be repaired");
    Ok(())
}

#[tokio::test]
async fn metadata_without_room_for_the_stamp_is_recorded_in_the_receipt() -> TestResult {
    let fixture = Fixture::start(Setup::default()).await?;

    let request =
        fixture.s3.put_object().bucket(&fixture.outputs.source_bucket).key("k").body(ByteStream::from_static(b"x"));
    let notes = "n".repeat(1900);

    request.metadata("notes", &notes).metadata("owner", "ann").send().await?;
    fixture.wait_for_success().await?;

    let copy = fixture.s3.head_object().bucket(&fixture.outputs.backup_bucket).key("k").send().await?;
    let mut names: Vec<_> = copy.metadata().ok_or("the copy has no metadata")?.keys().map(String::as_str).collect();
    names.sort_unstable();

    assert_eq!(names, ["holdfast-stamp", "owner"]);
    let receipt = fixture.only_receipt().await?;
    let [difference] = receipt.backup.evidence.differences.as_slice() else {
        return Err(format!("{receipt:?}").into());
    };
    assert_eq!((difference.name.as_str(), difference.expected.as_ref()), ("metadata.notes", Some(&notes)));
    Ok(())
}
