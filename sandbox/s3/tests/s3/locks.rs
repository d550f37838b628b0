//! Object Lock: retention, legal holds and protected versions.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata},
    primitives::{ByteStream, DateTime},
    types::{
        BucketVersioningStatus, CompletedMultipartUpload, CompletedPart, DefaultRetention, Delete, ObjectIdentifier,
        ObjectLockConfiguration, ObjectLockEnabled, ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode,
        ObjectLockRetention, ObjectLockRetentionMode, ObjectLockRule, VersioningConfiguration,
    },
};
use sandbox_s3::Versioning;

use crate::harness::{Server, failure, get, put};

const DAY: u64 = 86_400;

/// A server whose bucket has Object Lock.
async fn locked() -> (Server, Client) {
    let server = Server::start().await;
    let client = server.client("us-east-1");
    client.create_bucket().bucket("bucket").object_lock_enabled_for_bucket(true).send().await.unwrap();
    (server, client)
}

/// The time after a number of days.
fn in_days(days: u64) -> DateTime {
    DateTime::from(std::time::SystemTime::now() + Duration::from_secs(days * DAY))
}

fn configuration(mode: ObjectLockRetentionMode, days: i32) -> ObjectLockConfiguration {
    let default = DefaultRetention::builder().mode(mode).days(days).build();
    let rule = ObjectLockRule::builder().default_retention(default).build();
    ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).rule(rule).build()
}

async fn configure(client: &Client, configuration: ObjectLockConfiguration) {
    let put = client.put_object_lock_configuration().bucket("bucket");
    put.object_lock_configuration(configuration).send().await.unwrap();
}

/// Puts an object with a retention. Returns its version ID.
async fn put_retained(client: &Client, key: &str, mode: ObjectLockMode, days: u64) -> String {
    let put = client.put_object().bucket("bucket").key(key).body(ByteStream::from_static(b"kept"));
    let put = put.object_lock_mode(mode).object_lock_retain_until_date(in_days(days)).send().await.unwrap();
    put.version_id().unwrap().to_owned()
}

fn retention(mode: ObjectLockRetentionMode, days: u64) -> ObjectLockRetention {
    ObjectLockRetention::builder().mode(mode).retain_until_date(in_days(days)).build()
}

async fn hold(client: &Client, key: &str, status: ObjectLockLegalHoldStatus) {
    let hold = ObjectLockLegalHold::builder().status(status).build();
    client.put_object_legal_hold().bucket("bucket").key(key).legal_hold(hold).send().await.unwrap();
}

#[tokio::test]
async fn versioning_of_a_bucket_with_object_lock_cannot_be_suspended() {
    let (_server, client) = locked().await;
    let versioning = client.get_bucket_versioning().bucket("bucket").send().await.unwrap();
    assert_eq!(versioning.status(), Some(&BucketVersioningStatus::Enabled));
    let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    let suspend = client.put_bucket_versioning().bucket("bucket").versioning_configuration(suspended).send().await;
    assert_eq!(failure(suspend), (409, "InvalidBucketState".to_owned()));
    let got = client.get_object_lock_configuration().bucket("bucket").send().await.unwrap();
    let got = got.object_lock_configuration().unwrap();
    assert_eq!((got.object_lock_enabled(), got.rule()), (Some(&ObjectLockEnabled::Enabled), None));
}

#[tokio::test]
async fn object_lock_requires_a_versioned_bucket_and_is_returned_unchanged() {
    let (server, client) = Server::with_bucket(Versioning::Never).await;
    let get = || client.get_object_lock_configuration().bucket("bucket").send();
    assert_eq!(failure(get().await), (404, "ObjectLockConfigurationNotFoundError".to_owned()));
    let wanted = configuration(ObjectLockRetentionMode::Compliance, 3);
    let put = |wanted: ObjectLockConfiguration| {
        client.put_object_lock_configuration().bucket("bucket").object_lock_configuration(wanted).send()
    };
    assert_eq!(failure(put(wanted.clone()).await), (409, "InvalidBucketState".to_owned()));
    server.bucket("bucket", crate::harness::REGION, Versioning::Enabled);
    put(wanted.clone()).await.unwrap();
    assert_eq!(get().await.unwrap().object_lock_configuration(), Some(&wanted));
    let no_period = DefaultRetention::builder().mode(ObjectLockRetentionMode::Governance).build();
    let rule = ObjectLockRule::builder().default_retention(no_period).build();
    let malformed =
        ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).rule(rule).build();
    assert_eq!(failure(put(malformed).await), (400, "MalformedXML".to_owned()));
    let none = put(configuration(ObjectLockRetentionMode::Governance, 0)).await;
    assert_eq!(failure(none), (400, "InvalidArgument".to_owned()));
}

#[tokio::test]
async fn a_retained_version_can_only_be_hidden_by_a_delete_marker() {
    let (server, client) = locked().await;
    let version = put_retained(&client, "a", ObjectLockMode::Compliance, 2).await;
    let delete = || client.delete_object().bucket("bucket").key("a").version_id(&version);
    let refused = delete().send().await;
    let message = ProvideErrorMetadata::message(refused.as_ref().unwrap_err()).map(str::to_owned);
    assert_eq!(message.as_deref(), Some("Access Denied because object protected by object lock."));
    assert_eq!(failure(refused), (403, "AccessDenied".to_owned()));
    let bypassing = delete().bypass_governance_retention(true).send().await;
    assert_eq!(failure(bypassing), (403, "AccessDenied".to_owned()), "compliance cannot be bypassed");

    let marker = client.delete_object().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!(marker.delete_marker(), Some(true));
    let unhide = client.delete_object().bucket("bucket").key("a").version_id(marker.version_id().unwrap());
    unhide.send().await.expect("a delete marker has no lock");
    assert_eq!(get(&client, "bucket", "a").await, b"kept");

    put(&client, "a", *b"newer").await.unwrap();
    server.s3.pass_time(Duration::from_secs(3 * DAY));
    delete().send().await.expect("the retention has ended");
}

#[tokio::test]
async fn governance_is_bypassed_only_on_request() {
    let (_server, client) = locked().await;
    let version = put_retained(&client, "a", ObjectLockMode::Governance, 2).await;
    let delete = || client.delete_object().bucket("bucket").key("a").version_id(&version);
    assert_eq!(failure(delete().send().await), (403, "AccessDenied".to_owned()));
    delete().bypass_governance_retention(true).send().await.unwrap();
    let gone = client.head_object().bucket("bucket").key("a").version_id(&version).send().await;
    assert_eq!(failure(gone).0, 404);
}

#[tokio::test]
async fn delete_objects_deletes_only_versions_without_a_lock() {
    let (_server, client) = locked().await;
    let kept = put_retained(&client, "kept", ObjectLockMode::Governance, 2).await;
    let free = put(&client, "free", *b"x").await.unwrap();
    let object = |key: &str, version: &str| ObjectIdentifier::builder().key(key).version_id(version).build().unwrap();
    let both = Delete::builder().objects(object("kept", &kept)).objects(object("free", &free)).build().unwrap();
    let answer = client.delete_objects().bucket("bucket").delete(both.clone()).send().await.unwrap();
    let deleted: Vec<_> = answer.deleted().iter().filter_map(|one| one.key()).collect();
    let failed: Vec<_> = answer.errors().iter().map(|one| (one.key().unwrap(), one.code().unwrap())).collect();
    assert_eq!((deleted, failed), (vec!["free"], vec![("kept", "AccessDenied")]));
    let answer = client.delete_objects().bucket("bucket").delete(both).bypass_governance_retention(true);
    assert!(answer.send().await.unwrap().errors().is_empty());
}

#[tokio::test]
async fn a_bucket_without_object_lock_rejects_locks_and_bypasses() {
    let (_server, client) = Server::with_bucket(Versioning::Enabled).await;
    let version = put(&client, "a", *b"x").await.unwrap();
    let delete = client.delete_object().bucket("bucket").key("a").version_id(version).bypass_governance_retention(true);
    assert_eq!(failure(delete.send().await), (400, "InvalidArgument".to_owned()));
    let held =
        client.put_object().bucket("bucket").key("b").object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On);
    assert_eq!(failure(held.send().await), (400, "InvalidRequest".to_owned()));
    let retention = client.get_object_retention().bucket("bucket").key("a").send().await;
    assert_eq!(failure(retention), (400, "InvalidRequest".to_owned()));
}

#[tokio::test]
async fn a_legal_hold_protects_a_version_until_its_removal() {
    let (_server, client) = locked().await;
    let version = put(&client, "a", *b"x").await.unwrap();
    let asked = || client.get_object_legal_hold().bucket("bucket").key("a").send();
    assert_eq!(failure(asked().await), (404, "NoSuchObjectLockConfiguration".to_owned()));
    hold(&client, "a", ObjectLockLegalHoldStatus::On).await;
    let head = client.head_object().bucket("bucket").key("a").send().await.unwrap();
    assert_eq!(head.object_lock_legal_hold_status(), Some(&ObjectLockLegalHoldStatus::On));
    let delete = || client.delete_object().bucket("bucket").key("a").version_id(&version);
    let refused = delete().bypass_governance_retention(true).send().await;
    assert_eq!(failure(refused), (403, "AccessDenied".to_owned()));
    hold(&client, "a", ObjectLockLegalHoldStatus::Off).await;
    assert_eq!(asked().await.unwrap().legal_hold().unwrap().status(), Some(&ObjectLockLegalHoldStatus::Off));
    delete().send().await.unwrap();
}

#[tokio::test]
async fn a_default_retention_applies_to_every_kind_of_creation() {
    let (_server, client) = locked().await;
    configure(&client, configuration(ObjectLockRetentionMode::Governance, 2)).await;
    put(&client, "put", *b"x").await;
    client.copy_object().bucket("bucket").key("copy").copy_source("bucket/put").send().await.unwrap();
    let create = client.create_multipart_upload().bucket("bucket").key("parts").send().await.unwrap();
    let id = create.upload_id().unwrap();
    let part = client.upload_part().bucket("bucket").key("parts").upload_id(id).part_number(1);
    let part = part.body(ByteStream::from_static(b"x")).send().await.unwrap();
    let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag().map(str::to_owned)).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = client.complete_multipart_upload().bucket("bucket").key("parts").upload_id(id);
    complete.multipart_upload(parts).send().await.unwrap();
    for key in ["put", "copy", "parts"] {
        let head = client.head_object().bucket("bucket").key(key).send().await.unwrap();
        assert_eq!(head.object_lock_mode(), Some(&ObjectLockMode::Governance), "{key}");
        let left = head.object_lock_retain_until_date().unwrap().secs() - in_days(2).secs();
        assert!(left.abs() < 600, "{key} is retained until {left} s around two days from now");
    }
}

#[tokio::test]
async fn copies_and_uploads_have_the_requested_lock_not_the_sources() {
    let (_server, client) = locked().await;
    put_retained(&client, "source", ObjectLockMode::Compliance, 2).await;
    client.copy_object().bucket("bucket").key("plain").copy_source("bucket/source").send().await.unwrap();
    let plain = client.head_object().bucket("bucket").key("plain").send().await.unwrap();
    assert_eq!(plain.object_lock_mode(), None, "a copy does not inherit the lock");
    let copy = client.copy_object().bucket("bucket").key("copy").copy_source("bucket/source");
    let copy = copy.object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On);
    copy.object_lock_mode(ObjectLockMode::Governance).object_lock_retain_until_date(in_days(1)).send().await.unwrap();
    let copied = client.get_object().bucket("bucket").key("copy").send().await.unwrap();
    assert_eq!(copied.object_lock_mode(), Some(&ObjectLockMode::Governance));
    assert_eq!(copied.object_lock_legal_hold_status(), Some(&ObjectLockLegalHoldStatus::On));
    let half =
        client.create_multipart_upload().bucket("bucket").key("half").object_lock_mode(ObjectLockMode::Governance);
    assert_eq!(failure(half.send().await), (400, "InvalidArgument".to_owned()));
    let past = client.put_object().bucket("bucket").key("past").object_lock_mode(ObjectLockMode::Governance);
    let past = past.object_lock_retain_until_date(DateTime::from_secs(1)).send().await;
    assert_eq!(failure(past), (400, "InvalidArgument".to_owned()));
}

#[tokio::test]
async fn retention_can_be_extended_and_shortened_only_with_a_bypass() {
    let (_server, client) = locked().await;
    put(&client, "a", *b"x").await;
    let asked = || client.get_object_retention().bucket("bucket").key("a").send();
    assert_eq!(failure(asked().await), (404, "NoSuchObjectLockConfiguration".to_owned()));
    let retain =
        |retention: ObjectLockRetention| client.put_object_retention().bucket("bucket").key("a").retention(retention);
    retain(retention(ObjectLockRetentionMode::Governance, 2)).send().await.unwrap();
    retain(retention(ObjectLockRetentionMode::Governance, 3)).send().await.unwrap();
    let shorter = || retain(retention(ObjectLockRetentionMode::Governance, 1));
    let refused = shorter().send().await;
    assert!(format!("{}", DisplayErrorContext(refused.as_ref().unwrap_err())).contains("protected by object lock"));
    assert_eq!(failure(refused), (403, "AccessDenied".to_owned()));
    shorter().bypass_governance_retention(true).send().await.unwrap();
    let until = asked().await.unwrap().retention().unwrap().retain_until_date().unwrap().secs();
    assert!((until - in_days(1).secs()).abs() < 600, "retained until {until}");
    retain(retention(ObjectLockRetentionMode::Compliance, 2)).send().await.unwrap();
    let weaker = retain(retention(ObjectLockRetentionMode::Governance, 5)).bypass_governance_retention(true);
    assert_eq!(failure(weaker.send().await), (403, "AccessDenied".to_owned()));
}

#[tokio::test]
async fn an_upload_with_object_lock_needs_a_checksum() {
    let (server, client) = locked().await;
    let plain = server.client_with("us-east-1", |config| {
        config.request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired)
    });
    let put = || plain.put_object().bucket("bucket").key("a").body(ByteStream::from_static(b"x"));
    put().send().await.expect("without a lock nothing has to be said");
    configure(&client, configuration(ObjectLockRetentionMode::Governance, 2)).await;
    assert_eq!(failure(put().send().await), (400, "InvalidRequest".to_owned()));
    put().content_md5("ndTkYSaMgDT1yFZOFVxnpg==").send().await.expect("its MD5 is enough");
}

#[tokio::test]
async fn locks_survive_a_restart() {
    let (server, client) = locked().await;
    let version = put_retained(&client, "a", ObjectLockMode::Compliance, 2).await;
    let server = server.restart().await;
    let client = server.client("us-east-1");
    let delete = client.delete_object().bucket("bucket").key("a").version_id(version).send().await;
    assert_eq!(failure(delete), (403, "AccessDenied".to_owned()));
    let again = client.get_object_lock_configuration().bucket("bucket").send().await.unwrap();
    assert!(again.object_lock_configuration().is_some());
}
