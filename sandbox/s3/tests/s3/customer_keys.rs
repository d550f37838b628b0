//! Objects with customer-provided keys (SSE-C).

use aws_sdk_s3::{Client, primitives::ByteStream, types::ObjectAttributes};
use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use sandbox_s3::Versioning;

use crate::harness::{Server, etag, failure, get, put};

const INVALID: (u16, &str) = (400, "InvalidRequest");

/// A key of 32 bytes and its MD5.
fn key(byte: u8) -> (String, String) {
    let key = [byte; 32];
    (STANDARD.encode(key), STANDARD.encode(Md5::digest(key)))
}

async fn put_secret(client: &Client, name: &str) {
    let (key, md5) = key(1);
    let put = client.put_object().bucket("bucket").key(name).body(ByteStream::from_static(b"secret"));
    let put =
        put.sse_customer_algorithm("AES256").sse_customer_key(key).sse_customer_key_md5(&md5).send().await.unwrap();
    assert_eq!((put.sse_customer_algorithm(), put.sse_customer_key_md5()), (Some("AES256"), Some(md5.as_str())));
    assert_eq!(put.server_side_encryption(), None);
    assert_ne!(put.e_tag(), Some(etag(b"secret").as_str()), "its entity tag is no MD5");
}

#[tokio::test]
async fn without_its_customer_key_an_object_cannot_be_read_or_copied() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    put_secret(&client, "a").await;
    let invalid = (INVALID.0, INVALID.1.to_owned());
    assert_eq!(failure(client.get_object().bucket("bucket").key("a").send().await), invalid);
    assert_eq!(failure(client.head_object().bucket("bucket").key("a").send().await).0, 400);
    let attributes = client.get_object_attributes().bucket("bucket").key("a");
    assert_eq!(failure(attributes.object_attributes(ObjectAttributes::Etag).send().await), invalid);
    let copy = || client.copy_object().bucket("bucket").key("b").copy_source("bucket/a");
    assert_eq!(failure(copy().send().await), invalid);
    let (key, md5) = key(1);
    let copy = copy().copy_source_sse_customer_algorithm("AES256").copy_source_sse_customer_key(key);
    copy.copy_source_sse_customer_key_md5(md5).send().await.unwrap();
    assert_eq!(get(&client, "bucket", "b").await, b"secret");
    client.get_object_tagging().bucket("bucket").key("a").send().await.expect("tags are not encrypted");
    client.delete_object().bucket("bucket").key("a").send().await.expect("deleting needs no key");
}

#[tokio::test]
async fn an_object_is_readable_only_with_its_customer_key() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    put_secret(&client, "a").await;
    put(&client, "plain", *b"x").await;
    let server = server.restart().await;
    let client = server.client(crate::harness::REGION);
    let read = |name: &str, (key, md5): (String, String)| {
        let get = client.get_object().bucket("bucket").key(name).sse_customer_algorithm("AES256");
        get.sse_customer_key(key).sse_customer_key_md5(md5).send()
    };
    let got = read("a", key(1)).await.unwrap();
    assert_eq!(got.sse_customer_algorithm(), Some("AES256"));
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"secret");
    assert_eq!(failure(read("a", key(2)).await), (403, "AccessDenied".to_owned()));
    assert_eq!(failure(read("a", (key(1).0, key(2).1)).await), (400, "InvalidArgument".to_owned()));
    assert_eq!(failure(read("plain", key(1)).await), (INVALID.0, INVALID.1.to_owned()));
}

#[tokio::test]
async fn an_incomplete_or_unsupported_customer_key_is_rejected() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let (key, md5) = key(1);
    let put = client.put_object().bucket("bucket").key("a").sse_customer_key(&key).sse_customer_key_md5(&md5);
    assert_eq!(failure(put.send().await), (400, "InvalidArgument".to_owned()), "without the algorithm");
    let create = client.create_multipart_upload().bucket("bucket").key("a").sse_customer_algorithm("AES256");
    let create = create.sse_customer_key(&key).sse_customer_key_md5(&md5);
    assert_eq!(failure(create.send().await), (501, "NotImplemented".to_owned()));
}
