//! Versions, delete markers, and buckets that began or stopped keeping them.

use aws_sdk_s3::{
    Client,
    types::{BucketVersioningStatus, Delete, ObjectIdentifier, VersioningConfiguration},
};
use holdfast_sandbox::s3::Versioning;

use crate::harness::{Server, failure, get, put};

async fn set_versioning(client: &Client, status: BucketVersioningStatus) {
    let configuration = VersioningConfiguration::builder().status(status).build();
    client.put_bucket_versioning().bucket("bucket").versioning_configuration(configuration).send().await.unwrap();
}

#[tokio::test]
async fn every_version_can_be_read_until_it_is_deleted_for_good() {
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
    assert_eq!(failure(read(marker).await), (405, "MethodNotAllowed".to_owned()));
    assert_eq!(failure(read("nope").await), (404, "NoSuchVersion".to_owned()));

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
async fn a_null_version_is_replaced_and_the_others_stay() {
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
