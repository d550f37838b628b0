//! Events for `EventBridge`.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{EventBridgeConfiguration, NotificationConfiguration},
};
use sandbox_s3::Versioning;
use serde_json::{Value, json};

use crate::harness::{REGION, Server, etag, put};

#[tokio::test]
async fn the_event_of_a_created_object_has_the_documented_format() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    let version = put(&client, "a key+ü", *b"hello").await.unwrap();
    let [event] = server.recorder.events().try_into().unwrap();
    let mut event: Value = event;
    assert_eq!(event["resources"], json!(["arn:aws:s3:::bucket"]));
    for field in ["id", "time"] {
        assert!(event[field].as_str().is_some_and(|text| !text.is_empty()), "{field} is missing: {event}");
    }
    let detail = event["detail"].take();
    assert_eq!(
        (event["version"].as_str(), event["source"].as_str(), event["detail-type"].as_str()),
        (Some("0"), Some("aws.s3"), Some("Object Created"))
    );
    assert_eq!((event["account"].as_str(), event["region"].as_str()), (Some("000000000000"), Some(REGION)));
    let sequencer = detail["object"]["sequencer"].as_str().unwrap();
    assert!(sequencer.bytes().all(|byte| byte.is_ascii_hexdigit()), "{sequencer}");
    assert!(detail["request-id"].as_str().is_some_and(|id| id.len() == 16), "{detail}");
    let expected = json!({
        "version": "0",
        "bucket": { "name": "bucket" },
        "object": {
            "key": "a key+ü",
            "size": 5,
            "etag": etag(b"hello").trim_matches('"'),
            "version-id": version,
            "sequencer": sequencer,
        },
        "request-id": detail["request-id"],
        "requester": "000000000000",
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    });
    assert_eq!(detail, expected);
}

#[tokio::test]
async fn each_kind_of_creation_has_its_reason_and_a_later_sequencer() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "a", *b"x").await;
    client.copy_object().bucket("bucket").key("b").copy_source("bucket/a").send().await.unwrap();
    crate::multipart::upload(&client, "a", None, [ByteStream::from_static(b"y")]).await;
    client.delete_object().bucket("bucket").key("b").send().await.unwrap();
    let events = server.recorder.events();
    let reasons: Vec<_> = events.iter().map(|event| event["detail"]["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject"]);
    assert_eq!(events[3]["detail-type"], "Object Deleted");
    assert_eq!(events[3]["detail"]["deletion-type"], "Permanently Deleted");
    let sequencers: Vec<_> =
        events.iter().map(|event| event["detail"]["object"]["sequencer"].as_str().unwrap()).collect();
    assert!(sequencers.is_sorted_by(|one, next| one < next), "{sequencers:?}");
    for event in &events {
        assert_eq!(event["detail"]["object"].get("version-id"), None, "an unversioned bucket names no version");
    }
}

#[tokio::test]
async fn a_bucket_without_notifications_sends_no_events() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    let set = |configuration| {
        client.put_bucket_notification_configuration().bucket("bucket").notification_configuration(configuration).send()
    };
    let shown = || client.get_bucket_notification_configuration().bucket("bucket").send();
    assert!(shown().await.unwrap().event_bridge_configuration().is_some());
    set(NotificationConfiguration::builder().build()).await.unwrap();
    assert!(shown().await.unwrap().event_bridge_configuration().is_none());
    put(&client, "a", *b"x").await;
    assert!(server.recorder.events().is_empty());
    let on = NotificationConfiguration::builder();
    set(on.event_bridge_configuration(EventBridgeConfiguration::builder().build()).build()).await.unwrap();
    put(&client, "a", *b"x").await;
    assert_eq!(server.recorder.events().len(), 1);
}
