//! Lifecycle rules that abort incomplete uploads.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    types::{
        AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleRule,
        LifecycleRuleFilter, Tag,
    },
};
use sandbox_s3::Versioning;

use crate::harness::{Server, failure};

fn rule(status: ExpirationStatus, prefix: &str, days: i32) -> LifecycleRule {
    let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
    let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build();
    LifecycleRule::builder().status(status).filter(filter).abort_incomplete_multipart_upload(abort).build().unwrap()
}

async fn open(client: &Client, key: &str) -> String {
    let create = client.create_multipart_upload().bucket("bucket").key(key).send().await.unwrap();
    create.upload_id().unwrap().to_owned()
}

#[tokio::test]
async fn an_upload_is_aborted_at_the_first_midnight_after_its_days() {
    let (server, client) = Server::with_bucket(Versioning::Enabled).await;
    let rules = BucketLifecycleConfiguration::builder();
    let rules = rules.rules(rule(ExpirationStatus::Enabled, "late/", 2)).rules(rule(ExpirationStatus::Disabled, "", 1));
    let put = client.put_bucket_lifecycle_configuration().bucket("bucket");
    put.lifecycle_configuration(rules.build().unwrap()).send().await.unwrap();
    let (late, other) = (open(&client, "late/a").await, open(&client, "other").await);
    server.s3.pass_time(Duration::from_hours(47));
    assert_eq!(server.s3.run_lifecycle().unwrap(), [], "its two days are not over");
    server.s3.pass_time(Duration::from_hours(48));
    let aborted = server.s3.run_lifecycle().unwrap();
    let aborted: Vec<_> = aborted.iter().map(|one| (one.bucket.as_str(), one.key.as_str(), &one.upload_id)).collect();
    assert_eq!(aborted, [("bucket", "late/a", &late)]);
    let parts = |key: &str, id: &str| client.list_parts().bucket("bucket").key(key).upload_id(id).send();
    assert_eq!(failure(parts("late/a", &late).await), (404, "NoSuchUpload".to_owned()));
    parts("other", &other).await.expect("no rule that is enabled is about it");
    let again = open(&client, "late/a").await;
    assert_eq!(server.s3.run_lifecycle().unwrap(), []);
    parts("late/a", &again).await.expect("it was initiated only now");
}

#[tokio::test]
async fn an_unsupported_lifecycle_rule_is_rejected() {
    let (_server, client) = Server::with_bucket(Versioning::Never).await;
    let put = |rule: LifecycleRule| {
        let rules = BucketLifecycleConfiguration::builder().rules(rule).build().unwrap();
        client.put_bucket_lifecycle_configuration().bucket("bucket").lifecycle_configuration(rules).send()
    };
    let never = put(rule(ExpirationStatus::Enabled, "", 0)).await;
    assert_eq!(failure(never), (400, "InvalidArgument".to_owned()));
    let tag = Tag::builder().key("a").value("b").build().unwrap();
    let mut tagged = rule(ExpirationStatus::Enabled, "", 1);
    tagged.filter = Some(LifecycleRuleFilter::builder().tag(tag).build());
    assert_eq!(failure(put(tagged).await), (400, "InvalidRequest".to_owned()));
}
