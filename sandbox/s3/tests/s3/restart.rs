//! All data survives a restart on the same folder.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use sandbox_s3::Versioning;

use crate::harness::{PART, REGION, Server, bytes, get, put};

#[tokio::test]
async fn objects_versions_tags_and_open_uploads_survive_a_restart() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    let first = put(&client, "a", *b"one").await.unwrap();
    let tagged = client.put_object().bucket("bucket").key("a").body(ByteStream::from_static(b"two"));
    tagged.tagging("t=1").metadata("k", "v").send().await.unwrap();
    let id = client.create_multipart_upload().bucket("bucket").key("big").send().await.unwrap();
    let id = id.upload_id().unwrap().to_owned();
    let (begin, end) = (bytes(PART, 1), bytes(10, 2));
    let send = |client: &aws_sdk_s3::Client, number: i32, body: &[u8]| {
        let part = client.upload_part().bucket("bucket").key("big").upload_id(&id).part_number(number);
        part.body(ByteStream::from(body.to_vec())).send()
    };
    let one = send(&client, 1, &begin).await.unwrap();
    let before = server.recorder.events();
    drop(client);

    let server = server.restart().await;
    let client = server.client(REGION);
    assert_eq!(get(&client, "bucket", "a").await, b"two");
    let head = client.head_object().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!((head.tag_count(), head.metadata().unwrap()["k"].as_str()), (Some(1), "v"));
    let old = client.get_object().bucket("bucket").key("a").version_id(&first).send().await.unwrap();
    assert_eq!(old.body.collect().await.unwrap().to_vec(), b"one");
    let two = send(&client, 2, &end).await.unwrap();
    let parts = [(1, one.e_tag()), (2, two.e_tag())]
        .map(|(number, tag)| CompletedPart::builder().part_number(number).set_e_tag(tag.map(str::to_owned)).build());
    let upload = CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec())).build();
    let complete = client.complete_multipart_upload().bucket("bucket").key("big").upload_id(&id);
    complete.multipart_upload(upload).send().await.unwrap();
    assert!(get(&client, "bucket", "big").await == [begin, end].concat(), "the bytes differ");

    put(&client, "a", *b"three").await;
    let sequencer = |event: &serde_json::Value| event["detail"]["object"]["sequencer"].as_str().unwrap().to_owned();
    let after = server.recorder.events();
    assert!(sequencer(after.last().unwrap()) > sequencer(before.last().unwrap()), "sequencers grow across restarts");
    drop(client);

    let server = server.restart().await;
    let client = server.client(REGION);
    let open = client.list_multipart_uploads().bucket("bucket").send().await.unwrap();
    assert!(open.uploads().is_empty(), "a completed upload is open again: {open:?}");
    assert_eq!(get(&client, "bucket", "big").await.len(), PART + 10);
    for version in client.list_object_versions().bucket("bucket").send().await.unwrap().versions() {
        let delete = client.delete_object().bucket("bucket").key(version.key().unwrap());
        delete.version_id(version.version_id().unwrap()).send().await.unwrap();
    }
    assert!(server.blob_sizes().is_empty(), "references were counted again: {:?}", server.blob_sizes());
}
