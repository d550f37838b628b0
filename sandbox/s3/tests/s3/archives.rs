//! Archived objects and their restored copies.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_s3::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextRef},
    error::BoxError,
    operation::head_object::HeadObjectOutput,
    primitives::ByteStream,
    types::{GlacierJobParameters, RestoreRequest, StorageClass, Tier},
};
use sandbox_s3::Versioning;
use serde_json::{Value, json};

use crate::harness::{Server, etag, failure, get, put};

const DAY: Duration = Duration::from_hours(24);

async fn archive(client: &Client, key: &str, class: StorageClass) {
    let put = client.put_object().bucket("bucket").key(key).body(ByteStream::from_static(b"cold"));
    put.storage_class(class).send().await.unwrap();
}

/// Requests a restore for one day. Returns the status and code of a rejected request.
async fn restore(client: &Client, key: &str, tier: Tier) -> Option<(u16, String)> {
    let tier = GlacierJobParameters::builder().tier(tier).build().unwrap();
    let request = RestoreRequest::builder().days(1).glacier_job_parameters(tier).build();
    let answer = client.restore_object().bucket("bucket").key(key).restore_request(request).send().await;
    answer.is_err().then(|| failure(answer))
}

async fn head(client: &Client, key: &str) -> HeadObjectOutput {
    client.head_object().bucket("bucket").key(key).send().await.unwrap()
}

#[tokio::test]
async fn an_archived_object_is_readable_until_its_restored_copy_expires() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    archive(&client, "a", StorageClass::Glacier).await;
    let read = || client.get_object().bucket("bucket").key("a").send();
    let copy = || client.copy_object().bucket("bucket").key("b").copy_source("bucket/a").send();
    assert_eq!(failure(read().await), (403, "InvalidObjectState".to_owned()));
    assert_eq!(failure(copy().await), (403, "InvalidObjectState".to_owned()));
    assert_eq!(head(&client, "a").await.restore(), None);

    assert_eq!(restore(&client, "a", Tier::Standard).await, None);
    assert_eq!(head(&client, "a").await.restore(), Some("ongoing-request=\"true\""));
    assert_eq!(failure(read().await), (403, "InvalidObjectState".to_owned()), "the restore is still under way");
    assert_eq!(restore(&client, "a", Tier::Bulk).await, Some((409, "RestoreAlreadyInProgress".to_owned())));
    server.s3.pass_time(Duration::from_hours(3));

    let restored = head(&client, "a").await;
    let shown = restored.restore().unwrap();
    assert!(shown.starts_with("ongoing-request=\"false\", expiry-date=\""), "{shown}");
    assert!(shown.ends_with(" 00:00:00 GMT\""), "a copy expires at midnight UTC: {shown}");
    assert_eq!(restored.storage_class(), Some(&StorageClass::Glacier));
    assert_eq!(get(&client, "bucket", "a").await, b"cold");
    copy().await.unwrap();
    assert_eq!(get(&client, "bucket", "b").await, b"cold", "the copy is in the class that was asked for");

    server.s3.pass_time(2 * DAY);
    assert_eq!(head(&client, "a").await.restore(), None);
    assert_eq!(failure(read().await), (403, "InvalidObjectState".to_owned()), "the copy has expired");
}

#[tokio::test]
async fn a_restore_can_get_a_faster_tier_and_a_longer_period() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    archive(&client, "a", StorageClass::Glacier).await;
    assert_eq!(restore(&client, "a", Tier::Bulk).await, None);
    assert_eq!(restore(&client, "a", Tier::Expedited).await, None);
    server.s3.pass_time(Duration::from_mins(1));
    let first = head(&client, "a").await.restore().unwrap().to_owned();
    server.s3.pass_time(DAY);
    assert_eq!(restore(&client, "a", Tier::Standard).await, None);
    let second = head(&client, "a").await.restore().unwrap().to_owned();
    assert_ne!(first, second, "its last day did not move");
}

#[tokio::test]
async fn only_archived_objects_can_be_restored_and_deep_archive_not_expedited() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "warm", *b"x").await;
    assert_eq!(restore(&client, "warm", Tier::Standard).await, Some((403, "InvalidObjectState".to_owned())));
    archive(&client, "deep", StorageClass::DeepArchive).await;
    assert_eq!(restore(&client, "deep", Tier::Expedited).await, Some((400, "InvalidArgument".to_owned())));
    assert_eq!(restore(&client, "deep", Tier::Bulk).await, None);
    assert_eq!(restore(&client, "gone", Tier::Bulk).await, Some((404, "NoSuchKey".to_owned())));
}

/// The status codes of all answers to a client.
#[derive(Debug, Clone, Default)]
struct Statuses(Arc<Mutex<Vec<u16>>>);

impl Intercept for Statuses {
    fn name(&self) -> &'static str {
        "statuses"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(context.response().status().as_u16());
        Ok(())
    }
}

/// The restore events: type and detail, without the request ID, which is checked here.
fn restore_events(server: &Server) -> Vec<(String, Value)> {
    let restores = server.recorder.events().into_iter().filter(|event| event["detail"]["reason"].is_null());
    let events = restores.map(|mut event| {
        let id = event["detail"]["request-id"].take();
        assert_eq!(id.as_str().map(str::len), Some(16), "{event}");
        (event["detail-type"].as_str().unwrap().to_owned(), event["detail"].take())
    });
    events.collect()
}

#[tokio::test]
async fn a_restore_returns_202_and_sends_one_event_per_phase() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    archive(&client, "a", StorageClass::Glacier).await;
    let version = head(&client, "a").await.version_id.unwrap();
    let statuses = Statuses::default();
    let counting = server.client_with("eu-west-1", |config| config.interceptor(statuses.clone()));
    assert_eq!(restore(&counting, "a", Tier::Standard).await, None);
    let mut begun = json!({
        "version": "0",
        "bucket": { "name": "bucket" },
        "object": { "key": "a", "size": 4, "etag": etag(b"cold").trim_matches('"'), "version-id": version },
        "request-id": null,
        "requester": "000000000000",
        "source-ip-address": "127.0.0.1",
        "source-storage-class": "GLACIER",
    });
    assert_eq!(restore_events(&server), [("Object Restore Initiated".to_owned(), begun.clone())]);
    server.s3.complete_restores().await.unwrap();
    assert_eq!(restore_events(&server).len(), 1, "it is under way");

    let server = server.restart().await;
    server.s3.pass_time(Duration::from_hours(3));
    server.s3.complete_restores().await.unwrap();
    server.s3.complete_restores().await.unwrap();
    let ended = restore_events(&server).pop().unwrap();
    let expires = ended.1["restore-expiry-time"].clone();
    assert!(expires.as_str().is_some_and(|time| time.ends_with("T00:00:00Z")), "{expires}");
    begun.as_object_mut().unwrap().remove("source-ip-address");
    begun["requester"] = json!("s3.amazonaws.com");
    begun["restore-expiry-time"] = expires;
    assert_eq!(ended, ("Object Restore Completed".to_owned(), begun));
    assert_eq!(restore_events(&server).len(), 1, "a restarted service does not repeat the completion event");

    let counting = server.client_with("eu-west-1", |config| config.interceptor(statuses.clone()));
    assert_eq!(restore(&counting, "a", Tier::Standard).await, None);
    server.s3.complete_restores().await.unwrap();
    assert_eq!(restore_events(&server).len(), 1, "an extension of the period sends no event");
    assert_eq!(*statuses.0.lock().unwrap(), [202, 200]);
}

#[tokio::test]
async fn a_restore_of_a_deleted_version_sends_no_completion_event() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    archive(&client, "a", StorageClass::Glacier).await;
    assert_eq!(restore(&client, "a", Tier::Expedited).await, None);
    client.delete_object().bucket("bucket").key("a").send().await.unwrap();
    server.s3.pass_time(Duration::from_mins(2));
    server.s3.complete_restores().await.unwrap();
    assert!(restore_events(&server).iter().all(|(kind, _)| kind != "Object Restore Completed"));
}
