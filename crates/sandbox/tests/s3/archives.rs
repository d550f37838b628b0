//! Archived objects, and their copies that can be read for a while.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    operation::head_object::HeadObjectOutput,
    primitives::ByteStream,
    types::{GlacierJobParameters, RestoreRequest, StorageClass, Tier},
};
use holdfast_sandbox::s3::Versioning;

use crate::harness::{Server, failure, get, put};

const DAY: Duration = Duration::from_hours(24);

async fn archive(client: &Client, key: &str, class: StorageClass) {
    let put = client.put_object().bucket("bucket").key(key).body(ByteStream::from_static(b"cold"));
    put.storage_class(class).send().await.unwrap();
}

/// Asks for a copy that is kept for a day; answers the refusal's status and code, if it is refused.
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
async fn an_archived_object_is_read_and_copied_while_its_restored_copy_lasts() {
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
async fn a_faster_tier_takes_over_and_a_restored_copy_is_kept_for_longer() {
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
async fn only_an_archive_is_restored_and_deep_archive_not_at_once() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    put(&client, "warm", *b"x").await;
    assert_eq!(restore(&client, "warm", Tier::Standard).await, Some((403, "InvalidObjectState".to_owned())));
    archive(&client, "deep", StorageClass::DeepArchive).await;
    assert_eq!(restore(&client, "deep", Tier::Expedited).await, Some((400, "InvalidArgument".to_owned())));
    assert_eq!(restore(&client, "deep", Tier::Bulk).await, None);
    assert_eq!(restore(&client, "gone", Tier::Bulk).await, Some((404, "NoSuchKey".to_owned())));
}
