//! Bucket policies: denials for every caller.

use std::sync::Arc;

use aws_sdk_s3::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::{Delete, ObjectIdentifier},
};
use sandbox_iam::Iam;
use sandbox_s3::Versioning;
use serde_json::{Value, json};

use crate::harness::{REGION, Server, failure, get, put};

/// A server whose bucket has a policy that denies an action to everyone.
async fn denied(action: &str, condition: &Value) -> (Server, Client) {
    let statement = json!({
        "Sid": "Denied",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
        "Condition": condition,
    });
    let mut iam = Iam::default();
    iam.add_bucket_policy("bucket", &json!({ "Version": "2012-10-17", "Statement": [statement] })).unwrap();
    let server = Server::under(Arc::new(iam)).await;
    server.bucket("bucket", REGION, Versioning::Enabled);
    let client = server.client(REGION);
    (server, client)
}

#[tokio::test]
async fn a_bucket_policy_can_deny_every_deletion_of_versions() {
    let (_server, client) = denied("s3:DeleteObjectVersion", &json!({})).await;
    let version = put(&client, "a", *b"kept").await.unwrap();
    let refused = client.delete_object().bucket("bucket").key("a").version_id(&version).send().await;
    let message = ProvideErrorMetadata::message(refused.as_ref().unwrap_err()).unwrap_or_default().to_owned();
    assert!(
        message.contains("is not authorized to perform: s3:DeleteObjectVersion on resource: \"arn:aws:s3:::bucket/a\"")
            && message.ends_with("with an explicit deny in a resource-based policy"),
        "{message}"
    );
    assert_eq!(failure(refused), (403, "AccessDenied".to_owned()));
    let object = |key: &str| ObjectIdentifier::builder().key(key);
    let both = [object("a").version_id(&version), object("b")].map(|one| one.build().unwrap());
    let many = Delete::builder().set_objects(Some(both.into())).build().unwrap();
    let answer = client.delete_objects().bucket("bucket").delete(many).send().await.unwrap();
    let failed: Vec<_> = answer.errors().iter().map(|one| (one.key(), one.code())).collect();
    assert_eq!(failed, [(Some("a"), Some("AccessDenied"))]);
    assert_eq!(answer.deleted().len(), 1, "a delete marker deletes no version");
    client.delete_object().bucket("bucket").key("a").send().await.expect("nor does this one");
    let kept = client.get_object().bucket("bucket").key("a").version_id(&version).send().await.unwrap();
    assert_eq!(kept.body.collect().await.unwrap().to_vec(), b"kept");
}

#[tokio::test]
async fn a_denied_bypass_also_applies_to_the_account_root() {
    let (_server, client) = denied("s3:BypassGovernanceRetention", &json!({})).await;
    let version = put(&client, "a", *b"x").await.unwrap();
    let delete = || client.delete_object().bucket("bucket").key("a").version_id(&version);
    let refused = delete().bypass_governance_retention(true).send().await;
    let message = DisplayErrorContext(refused.as_ref().unwrap_err()).to_string();
    assert!(message.contains("s3:BypassGovernanceRetention"), "{message}");
    delete().send().await.unwrap();
}

#[tokio::test]
async fn loopback_satisfies_a_policy_that_requires_tls() {
    let transport = |secure: &str| json!({ "Bool": { "aws:SecureTransport": secure } });
    let (_server, client) = denied("s3:*", &transport("false")).await;
    put(&client, "a", *b"x").await;
    assert_eq!(get(&client, "bucket", "a").await, b"x");
    let (_server, client) = denied("s3:*", &transport("true")).await;
    assert_eq!(failure(client.list_objects_v2().bucket("bucket").send().await), (403, "AccessDenied".to_owned()));
}
