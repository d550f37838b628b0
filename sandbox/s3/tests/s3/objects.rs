//! Objects that are written and read in one request each.

use aws_sdk_s3::{
    Client,
    primitives::{ByteStream, DateTime},
    types::{MetadataDirective, StorageClass, Tag, Tagging, TaggingDirective},
};
use sandbox_s3::Versioning;

use crate::harness::{Server, bytes, etag, failure, get, put};

#[tokio::test]
async fn an_object_is_returned_with_all_its_attributes() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let body = bytes(3_000_000, 1);
    let put = client
        .put_object()
        .bucket("bucket")
        .key("a")
        .body(ByteStream::from(body.clone()))
        .content_type("text/x-test")
        .cache_control("no-cache")
        .content_disposition("attachment")
        .content_encoding("gzip")
        .content_language("de")
        .metadata("city", "Zürich")
        .metadata("plain", "value with spaces")
        .tagging("team=data%20%2B&empty=")
        .storage_class(StorageClass::StandardIa);
    let put = put.send().await.unwrap();
    assert_eq!(put.e_tag(), Some(etag(&body).as_str()));
    assert_eq!(put.version_id(), None, "an unversioned bucket names no version");

    let head = client.head_object().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!(head.content_length(), Some(3_000_000));
    assert_eq!(head.content_type(), Some("text/x-test"));
    assert_eq!(head.cache_control(), Some("no-cache"));
    assert_eq!(head.content_disposition(), Some("attachment"));
    assert_eq!(head.content_encoding(), Some("gzip"), "aws-chunked is not the object's encoding");
    assert_eq!(head.content_language(), Some("de"));
    assert_eq!(head.storage_class(), Some(&StorageClass::StandardIa));
    assert_eq!(head.tag_count(), Some(2));
    assert_eq!(head.parts_count(), None);
    let metadata = head.metadata().unwrap();
    assert_eq!(metadata["plain"], "value with spaces");
    // S3 returns non-ASCII characters in the encoding of RFC 2047.
    assert_eq!(metadata["city"], "=?UTF-8?B?WsO8cmljaA==?=");

    let got = client.get_object().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!((got.tag_count(), got.e_tag()), (Some(2), Some(etag(&body).as_str())));
    assert!(got.body.collect().await.unwrap().to_vec() == body, "the bytes differ");
    let tags = client.get_object_tagging().bucket("bucket").key("a").send().await.unwrap();
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    assert_eq!(tags.tag_set(), [tag("team", "data +"), tag("empty", "")]);
}

#[tokio::test]
async fn an_empty_object_can_be_stored_and_read() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "empty", []).await;
    let got = client.get_object().bucket("bucket").key("empty").send().await.unwrap();
    assert_eq!(got.content_length(), Some(0));
    assert!(got.body.collect().await.unwrap().to_vec().is_empty());
    assert!(server.blob_sizes().is_empty(), "nothing is stored for no bytes");
    let range = client.get_object().bucket("bucket").key("empty").range("bytes=0-").send().await;
    assert_eq!(failure(range), (416, "InvalidRange".to_owned()));
}

#[tokio::test]
async fn a_range_is_returned_with_its_content_range() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let body = bytes(2_500_000, 2);
    put(&client, "a", body.clone()).await;
    for (range, first, last) in [
        ("bytes=0-9", 0, 9),
        ("bytes=1048570-1048590", 1_048_570, 1_048_590),
        ("bytes=2499999-", 2_499_999, 2_499_999),
        ("bytes=-5", 2_499_995, 2_499_999),
        ("bytes=100-99999999", 100, 2_499_999),
    ] {
        let got = client.get_object().bucket("bucket").key("a").range(range).send().await.unwrap();
        assert_eq!(got.content_range(), Some(format!("bytes {first}-{last}/2500000").as_str()), "{range}");
        assert!(got.body.collect().await.unwrap().to_vec() == body[first..=last], "{range}: the bytes differ");
    }
    let beyond = client.get_object().bucket("bucket").key("a").range("bytes=2500000-").send().await;
    assert_eq!(failure(beyond), (416, "InvalidRange".to_owned()));
    let head = client.head_object().bucket("bucket").key("a").part_number(1).send().await.unwrap();
    assert_eq!((head.content_length(), head.parts_count()), (Some(2_500_000), None), "one part, and not of an upload");
    assert_eq!(failure(client.get_object().bucket("bucket").key("a").part_number(2).send().await).0, 416);
}

#[tokio::test]
async fn reads_check_their_conditions() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "a", *b"hello").await;
    let (right, wrong) = (etag(b"hello"), etag(b"other"));
    let read = || client.get_object().bucket("bucket").key("a");
    assert!(read().if_match(&right).send().await.is_ok());
    assert_eq!(failure(read().if_match(&wrong).send().await), (412, "PreconditionFailed".to_owned()));
    assert_eq!(failure(read().if_none_match(&right).send().await).0, 304);
    assert!(read().if_none_match(&wrong).send().await.is_ok());
    let past = DateTime::from_secs(1_000_000_000);
    assert_eq!(failure(read().if_unmodified_since(past).send().await).0, 412);
    assert!(read().if_modified_since(past).send().await.is_ok());
    let head = client.head_object().bucket("bucket").key("a").if_none_match(&right).send().await;
    assert_eq!(failure(head).0, 304);
}

#[tokio::test]
async fn writes_check_their_conditions() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    let write = |key: &str| client.put_object().bucket("bucket").key(key).body(ByteStream::from_static(b"x"));
    assert!(write("a").if_none_match("*").send().await.is_ok());
    assert_eq!(failure(write("a").if_none_match("*").send().await), (412, "PreconditionFailed".to_owned()));
    assert!(write("a").if_match(etag(b"x")).send().await.is_ok());
    assert_eq!(failure(write("a").if_match(etag(b"y")).send().await), (412, "PreconditionFailed".to_owned()));
    assert_eq!(failure(write("new").if_match(etag(b"x")).send().await), (404, "NoSuchKey".to_owned()));
    client.delete_object().bucket("bucket").key("a").send().await.unwrap();
    assert!(write("a").if_none_match("*").send().await.is_ok(), "a delete marker counts as absent");
}

#[tokio::test]
async fn limits_are_those_of_s3() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let write = || client.put_object().bucket("bucket").key("a").body(ByteStream::from_static(b"x"));
    let big = write().metadata("a", "v".repeat(2048)).send().await;
    assert_eq!(failure(big), (400, "MetadataTooLarge".to_owned()));
    assert!(write().metadata("a", "v".repeat(2047)).send().await.is_ok());
    let many: Vec<String> = (0..11).map(|number| format!("k{number}=v")).collect();
    assert_eq!(failure(write().tagging(many.join("&")).send().await), (400, "BadRequest".to_owned()));
    let long = client.put_object().bucket("bucket").key("k".repeat(1025)).send().await;
    assert_eq!(failure(long), (400, "KeyTooLongError".to_owned()));
    let missing = client.put_object().bucket("nowhere").key("a").send().await;
    assert_eq!(failure(missing), (404, "NoSuchBucket".to_owned()));
    assert_eq!(failure(client.get_object().bucket("bucket").key("b").send().await), (404, "NoSuchKey".to_owned()));
    assert_eq!(failure(client.head_object().bucket("bucket").key("b").send().await).0, 404);
    let lock = write().object_lock_legal_hold_status(aws_sdk_s3::types::ObjectLockLegalHoldStatus::On).send().await;
    assert_eq!(failure(lock), (400, "InvalidRequest".to_owned()));
}

#[tokio::test]
async fn tags_are_replaced_and_removed() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    let version = put(&client, "a", *b"x").await.unwrap();
    let tags = |pairs: &[(&str, &str)]| {
        let tags = pairs.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build().unwrap());
        Tagging::builder().set_tag_set(Some(tags.collect())).build().unwrap()
    };
    let write = |tagging| client.put_object_tagging().bucket("bucket").key("a").tagging(tagging);
    let answer = write(tags(&[("a", "1"), ("b", "2")])).send().await.unwrap();
    assert_eq!(answer.version_id(), Some(version.as_str()));
    write(tags(&[("c", "3")])).version_id(&version).send().await.unwrap();
    assert_eq!(tag_keys(&client).await, ["c"]);
    assert_eq!(failure(write(tags(&[("a", "1"), ("a", "2")])).send().await), (400, "InvalidTag".to_owned()));
    client.delete_object_tagging().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!(tag_keys(&client).await, Vec::<String>::new());
}

async fn tag_keys(client: &Client) -> Vec<String> {
    let tags = client.get_object_tagging().bucket("bucket").key("a").send().await.unwrap();
    tags.tag_set().iter().map(|tag| tag.key().to_owned()).collect()
}

#[tokio::test]
async fn many_concurrent_requests_are_answered() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    let work = (0..40_u32).map(|number| {
        let client = client.clone();
        async move {
            let (key, body) = (format!("k{number}"), bytes(100_000, number));
            put(&client, &key, body.clone()).await;
            get(&client, "bucket", &key).await == body
        }
    });
    assert!(futures::future::join_all(work).await.into_iter().all(|same| same), "some bytes differ");
}

#[tokio::test]
async fn tags_and_metadata_are_limited_in_every_operation() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "a", *b"x").await;
    let query: Vec<String> = (0..11).map(|number| format!("k{number}=v")).collect();
    let (ten, eleven) = (query[..10].join("&"), query.join("&"));
    let refused = (400, "BadRequest".to_owned());
    let puts = |tags: &str| client.put_object().bucket("bucket").key("b").tagging(tags).send();
    let creates = |tags: &str| client.create_multipart_upload().bucket("bucket").key("b").tagging(tags).send();
    let copies = |tags: &str| {
        let copy = client.copy_object().bucket("bucket").key("b").copy_source("bucket/a").tagging(tags);
        copy.tagging_directive(TaggingDirective::Replace).send()
    };
    puts(&ten).await.unwrap();
    creates(&ten).await.unwrap();
    copies(&ten).await.unwrap();
    assert_eq!(failure(puts(&eleven).await), refused);
    assert_eq!(failure(creates(&eleven).await), refused);
    assert_eq!(failure(copies(&eleven).await), refused);
    let tags = (0..11).map(|number| Tag::builder().key(format!("k{number}")).value("v").build().unwrap()).collect();
    let tags = Tagging::builder().set_tag_set(Some(tags)).build().unwrap();
    assert_eq!(failure(client.put_object_tagging().bucket("bucket").key("a").tagging(tags).send().await), refused);

    let refused = (400, "MetadataTooLarge".to_owned());
    let much = "v".repeat(2048);
    let put = client.put_object().bucket("bucket").key("b").metadata("n", &much).send().await;
    assert_eq!(failure(put), refused);
    let create = client.create_multipart_upload().bucket("bucket").key("b").metadata("n", &much).send().await;
    assert_eq!(failure(create), refused);
    let copy = client.copy_object().bucket("bucket").key("b").copy_source("bucket/a").metadata("n", &much);
    assert_eq!(failure(copy.metadata_directive(MetadataDirective::Replace).send().await), refused);
}
