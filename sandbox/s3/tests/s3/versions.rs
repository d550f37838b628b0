//! Versions, delete markers, and buckets that enable or suspend versioning.

use aws_sdk_s3::{
    Client,
    types::{BucketVersioningStatus, Delete, ObjectIdentifier, VersioningConfiguration},
};
use sandbox_s3::Versioning;

use crate::harness::{Server, failure, get, put};

/// A valid version ID that no version has.
const UNKNOWN: &str = "wBYbHcg9Zy3PpT1sQk7uRVdLm0xEaN4f";

async fn set_versioning(client: &Client, status: BucketVersioningStatus) {
    let configuration = VersioningConfiguration::builder().status(status).build();
    client.put_bucket_versioning().bucket("bucket").versioning_configuration(configuration).send().await.unwrap();
}

#[tokio::test]
async fn every_version_is_readable_until_its_permanent_deletion() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    let first = put(&client, "a", *b"one").await.unwrap();
    let second = put(&client, "a", *b"two").await.unwrap();
    assert_eq!(get(&client, "bucket", "a").await, b"two");
    let read = |version: &str| client.get_object().bucket("bucket").key("a").version_id(version).send();
    let old = read(&first).await.unwrap();
    assert_eq!(old.version_id(), Some(first.as_str()));
    assert_eq!(old.body.collect().await.unwrap().to_vec(), b"one");

    let marker = client.delete_object().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!(marker.delete_marker(), Some(true));
    let marker = marker.version_id().unwrap();
    assert_eq!(failure(client.get_object().bucket("bucket").key("a").send().await), (404, "NoSuchKey".to_owned()));
    let refused = read(marker).await.unwrap_err();
    let header = |name: &str| refused.raw_response().unwrap().headers().get(name).map(str::to_owned);
    assert_eq!(header("x-amz-delete-marker").as_deref(), Some("true"));
    let made = header("last-modified").expect("a delete marker that is named tells when it was made");
    assert!(made.ends_with(" GMT"), "{made}");
    assert_eq!(failure::<(), _>(Err(refused)), (405, "MethodNotAllowed".to_owned()));
    assert_eq!(failure(read(UNKNOWN).await), (404, "NoSuchVersion".to_owned()));

    let delete = |version: &str| client.delete_object().bucket("bucket").key("a").version_id(version).send();
    assert_eq!(delete(marker).await.unwrap().delete_marker(), Some(true));
    assert_eq!(get(&client, "bucket", "a").await, b"two", "without the marker the object is back");
    delete(&second).await.unwrap();
    assert_eq!(get(&client, "bucket", "a").await, b"one");
    assert_eq!(server.blob_sizes(), [3], "the bytes of a deleted version are gone");
    delete(&first).await.unwrap();
    assert!(server.blob_sizes().is_empty());
    client.delete_bucket().bucket("bucket").send().await.unwrap();
}

#[tokio::test]
async fn an_invalid_version_id_is_rejected_and_an_unknown_one_not_found() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"x").await;
    let invalid = (400, "InvalidArgument".to_owned());
    for id in ["garbage", "wBYbHcg9Zy3PpT1sQk7uRVdLm0xEaN4/", "wBYbHcg9Zy3PpT1sQk7uRVdLm0xEaN4", "NULL"] {
        let get = client.get_object().bucket("bucket").key("a").version_id(id).send().await;
        assert_eq!(failure(get), invalid, "GET {id}");
        let head = client.head_object().bucket("bucket").key("a").version_id(id).send().await;
        assert_eq!(failure(head).0, 400, "HEAD {id}");
        let delete = client.delete_object().bucket("bucket").key("a").version_id(id).send().await;
        assert_eq!(failure(delete), invalid, "DELETE {id}");
        let copy = client.copy_object().bucket("bucket").key("b").copy_source(format!("bucket/a?versionId={id}"));
        assert_eq!(failure(copy.send().await), invalid, "a copy of {id}");
        let many = Delete::builder().objects(ObjectIdentifier::builder().key("a").version_id(id).build().unwrap());
        let many = client.delete_objects().bucket("bucket").delete(many.build().unwrap()).send().await.unwrap();
        let error = &many.errors()[0];
        assert_eq!((error.code(), error.version_id()), (Some("InvalidArgument"), Some(id)), "DeleteObjects {id}");
        let list = client.list_object_versions().bucket("bucket").key_marker("a").version_id_marker(id).send().await;
        assert_eq!(failure(list), invalid, "a list after {id}");
    }
    for id in [UNKNOWN, "null"] {
        let delete = client.delete_object().bucket("bucket").key("a").version_id(id).send().await;
        assert_eq!(delete.unwrap().version_id(), Some(id), "what is not there is gone already");
        let get = client.get_object().bucket("bucket").key("a").version_id(id).send().await;
        assert_eq!(failure(get), (404, "NoSuchVersion".to_owned()), "{id}");
    }
    let alone = client.list_object_versions().bucket("bucket").version_id_marker(UNKNOWN).send().await;
    assert_eq!(failure(alone), invalid, "a version goes with a key");
}

#[tokio::test]
async fn a_key_that_xml_cannot_contain_is_a_malformed_request() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    put(&client, "a", *b"x").await;
    for key in ["\u{1}", "&#1;", "\u{FFFE}"] {
        let document = format!("<Delete><Object><Key>a</Key></Object><Object><Key>{key}</Key></Object></Delete>");
        let answer = crate::raw::send(&server, ("POST", "/bucket?delete"), &[], document).await;
        assert_eq!(answer.failure(), (400, "MalformedXML"), "{key:?}: {answer:?}");
    }
    assert_eq!(get(&client, "bucket", "a").await, b"x", "no other key of the request is deleted either");
}

#[tokio::test]
async fn only_the_null_version_is_replaced() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    assert_eq!(put(&client, "a", *b"before").await, None);
    set_versioning(&client, BucketVersioningStatus::Enabled).await;
    let kept = put(&client, "a", *b"kept").await.unwrap();
    set_versioning(&client, BucketVersioningStatus::Suspended).await;
    assert_eq!(put(&client, "a", *b"after").await.as_deref(), Some("null"));
    let listed = client.list_object_versions().bucket("bucket").send().await.unwrap();
    let ids: Vec<&str> = listed.versions().iter().filter_map(|version| version.version_id()).collect();
    assert_eq!(ids, ["null", kept.as_str()], "the null version from before is replaced");
    let marker = client.delete_object().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!((marker.version_id(), marker.delete_marker()), (Some("null"), Some(true)));
    let old = client.get_object().bucket("bucket").key("a").version_id(&kept).send().await.unwrap();
    assert_eq!(old.body.collect().await.unwrap().to_vec(), b"kept");
    let gone = client.get_object().bucket("bucket").key("a").version_id("null").send().await;
    assert_eq!(failure(gone), (405, "MethodNotAllowed".to_owned()), "the marker took the null version's place");
}

#[tokio::test]
async fn an_unversioned_bucket_keeps_one_object_per_key() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "a", *b"one").await;
    put(&client, "a", *b"three").await;
    assert_eq!(server.blob_sizes(), [5]);
    assert_eq!(failure(client.delete_bucket().bucket("bucket").send().await), (409, "BucketNotEmpty".to_owned()));
    let deleted = client.delete_object().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!((deleted.version_id(), deleted.delete_marker()), (None, None));
    assert!(server.blob_sizes().is_empty());
}

#[tokio::test]
async fn many_objects_are_deleted_in_one_request() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    let version = put(&client, "a", *b"x").await.unwrap();
    put(&client, "b", *b"x").await;
    let object = |key: &str, version: Option<&str>| {
        ObjectIdentifier::builder().key(key).set_version_id(version.map(str::to_owned)).build().unwrap()
    };
    let delete = Delete::builder()
        .objects(object("a", Some(&version)))
        .objects(object("b", None))
        .objects(object("never there", None))
        .build()
        .unwrap();
    let answer = client.delete_objects().bucket("bucket").delete(delete).send().await.unwrap();
    let deleted: Vec<(&str, bool)> = answer
        .deleted()
        .iter()
        .map(|deleted| (deleted.key().unwrap(), deleted.delete_marker_version_id().is_some()))
        .collect();
    assert_eq!(deleted, [("a", false), ("b", true), ("never there", true)]);
    assert!(answer.errors().is_empty());
    let listed = client.list_object_versions().bucket("bucket").send().await.unwrap();
    assert_eq!((listed.versions().len(), listed.delete_markers().len()), (1, 2));
}
