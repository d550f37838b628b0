//! Listings over HTTP. The unit tests of `listing` test the limits of pages.

use aws_sdk_s3::Client;
use sandbox_s3::Versioning;

use crate::harness::{Server, failure, put};

async fn with_objects() -> (Server, Client) {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    for key in ["a", "b/1", "b/2", "c/1", "d"] {
        put(&client, key, *b"x").await;
    }
    put(&client, "gone", *b"x").await;
    client.delete_object().bucket("bucket").key("gone").send().await.unwrap();
    (server, client)
}

#[tokio::test]
async fn objects_are_listed_by_pages_with_common_prefixes() {
    let (_server, client) = with_objects().await;
    let (mut token, mut seen) = (None, Vec::new());
    loop {
        let list = client.list_objects_v2().bucket("bucket").delimiter("/").max_keys(1);
        let page = list.set_continuation_token(token).send().await.unwrap();
        assert_eq!(page.key_count(), Some(1));
        seen.extend(page.contents().iter().filter_map(|object| object.key()).map(str::to_owned));
        seen.extend(page.common_prefixes().iter().filter_map(|prefix| prefix.prefix()).map(str::to_owned));
        token = page.next_continuation_token().map(str::to_owned);
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    assert_eq!(seen, ["a", "b/", "c/", "d"], "a key behind a delete marker is not listed");
    let after = client.list_objects_v2().bucket("bucket").start_after("b/1").send().await.unwrap();
    let after: Vec<_> = after.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(after, ["b/2", "c/1", "d"]);
    let inside = client.list_objects_v2().bucket("bucket").prefix("b/").send().await.unwrap();
    assert_eq!(inside.contents().len(), 2);
    let old = client.list_objects().bucket("bucket").delimiter("/").max_keys(2).send().await.unwrap();
    assert_eq!((old.next_marker(), old.is_truncated()), (Some("b/"), Some(true)));
    let old = client.list_objects().bucket("bucket").delimiter("/").marker("b/").send().await.unwrap();
    assert_eq!((old.common_prefixes().len(), old.contents().len()), (1, 1));
    let bad = client.list_objects_v2().bucket("bucket").continuation_token("!").send().await;
    assert_eq!(failure(bad), (400, "InvalidArgument".to_owned()));
}

#[tokio::test]
async fn versions_are_listed_by_pages_newest_first() {
    let (_server, client) = with_objects().await;
    put(&client, "a", *b"newer").await;
    let (mut key, mut version, mut seen) = (None, None, Vec::new());
    loop {
        let list = client.list_object_versions().bucket("bucket").max_keys(1);
        let page = list.set_key_marker(key).set_version_id_marker(version).send().await.unwrap();
        let row = |key: Option<&str>, latest: Option<bool>, what: &str| {
            format!("{} {} {what}", key.unwrap(), if latest.unwrap() { "latest" } else { "old" })
        };
        seen.extend(page.versions().iter().map(|one| row(one.key(), one.is_latest(), "object")));
        seen.extend(page.delete_markers().iter().map(|one| row(one.key(), one.is_latest(), "marker")));
        key = page.next_key_marker().map(str::to_owned);
        version = page.next_version_id_marker().map(str::to_owned);
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    assert_eq!(
        seen,
        [
            "a latest object",
            "a old object",
            "b/1 latest object",
            "b/2 latest object",
            "c/1 latest object",
            "d latest object",
            "gone latest marker",
            "gone old object",
        ]
    );
}

#[tokio::test]
async fn a_folder_key_is_listed_before_its_contents_for_any_page_size() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    let keys = ["f/", "f/1", "f/2"];
    for key in keys {
        put(&client, key, *b"x").await;
        client.create_multipart_upload().bucket("bucket").key(key).send().await.unwrap();
    }
    let (mut key, mut version, mut versions) = (None, None, Vec::new());
    loop {
        let list = client.list_object_versions().bucket("bucket").prefix("f/").delimiter("/").max_keys(1);
        let page = list.set_key_marker(key).set_version_id_marker(version).send().await.unwrap();
        versions.extend(page.versions().iter().filter_map(|one| one.key()).map(str::to_owned));
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
        if key.is_none() {
            break;
        }
    }
    let (mut key, mut upload, mut uploads) = (None, None, Vec::new());
    loop {
        let list = client.list_multipart_uploads().bucket("bucket").prefix("f/").delimiter("/").max_uploads(1);
        let page = list.set_key_marker(key).set_upload_id_marker(upload).send().await.unwrap();
        uploads.extend(page.uploads().iter().filter_map(|one| one.key()).map(str::to_owned));
        (key, upload) = (page.next_key_marker, page.next_upload_id_marker);
        if key.is_none() {
            break;
        }
    }
    let (mut marker, mut objects) = (None, Vec::new());
    loop {
        let list = client.list_objects().bucket("bucket").prefix("f/").delimiter("/").max_keys(1);
        let page = list.set_marker(marker).send().await.unwrap();
        objects.extend(page.contents().iter().filter_map(|one| one.key()).map(str::to_owned));
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(
        (versions, uploads, objects),
        (keys.map(str::to_owned).to_vec(), keys.map(str::to_owned).to_vec(), keys.map(str::to_owned).to_vec())
    );
}

#[tokio::test]
async fn uploads_are_listed_by_pages() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let mut opened = Vec::new();
    for key in ["a", "a", "b"] {
        let create = client.create_multipart_upload().bucket("bucket").key(key).send().await.unwrap();
        opened.push((key.to_owned(), create.upload_id().unwrap().to_owned()));
    }
    let (mut key, mut upload, mut seen) = (None, None, Vec::new());
    loop {
        let list = client.list_multipart_uploads().bucket("bucket").max_uploads(1);
        let page = list.set_key_marker(key).set_upload_id_marker(upload).send().await.unwrap();
        let row = |one: &aws_sdk_s3::types::MultipartUpload| {
            (one.key().unwrap().to_owned(), one.upload_id().unwrap().to_owned())
        };
        seen.extend(page.uploads().iter().map(row));
        key = page.next_key_marker().map(str::to_owned);
        upload = page.next_upload_id_marker().map(str::to_owned);
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    assert_eq!(seen, opened);
}
