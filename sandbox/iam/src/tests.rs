//! Policies are evaluated by AWS's documentation, and refusals have AWS's messages.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking, and reads easily")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    CopiedObject, Iam, Permission, PolicyError, Read, S3Request, cloudformation_permissions, events_permission,
    sns_permission, states_permission,
};
use sandbox_core::{identity::Identity, keys};

const KEY: &str = "arn:aws:s3:::b/k";

fn caller() -> Identity {
    keys::assumed_role("arn:aws:iam::000000000000:role/copier", "one")
}

fn root() -> Identity {
    Identity { arn: "arn:aws:iam::000000000000:root".to_owned(), ..caller() }
}

fn with_statements(statements: Value) -> Result<Iam, PolicyError> {
    let mut iam = Iam::default();
    iam.add_role("copier", &[json!({ "Version": "2012-10-17", "Statement": statements })], &[])?;
    Ok(iam)
}

fn may(statements: Value, action: &str) -> Result<(), String> {
    let iam = with_statements(statements).unwrap();
    iam.authorize(&caller(), Permission::new(action, KEY)).map_err(|refusal| refusal.to_string())
}

#[test]
fn a_request_without_an_allow_is_denied_with_awss_message() {
    let statements = json!([{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*" }]);
    assert_eq!(may(statements.clone(), "s3:GetObject"), Ok(()));
    assert_eq!(
        may(statements, "s3:PutObject").unwrap_err(),
        "User: arn:aws:sts::000000000000:assumed-role/copier/one is not authorized to perform: s3:PutObject on resource: \
         \"arn:aws:s3:::b/k\" because no identity-based policy allows the s3:PutObject action"
    );
    let elsewhere =
        json!({ "Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::c/*", "arn:aws:s3:::b"] });
    assert!(may(elsewhere, "s3:GetObject").is_err());
}

#[test]
fn an_allow_is_needed_if_it_alone_allowed_a_request() {
    let statements = json!([
        { "Sid": "Write", "Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "arn:aws:s3:::b/*" },
        { "Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/k" },
        { "Sid": "Keep", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*" },
    ]);
    let iam = with_statements(statements).unwrap();
    let needed = || -> Vec<String> {
        let grants = iam.grants().into_iter().filter(|grant| grant.needed);
        grants.map(|grant| format!("{} {}", grant.statement, grant.action)).collect()
    };
    assert_eq!(iam.grants().len(), 3, "what is denied is no grant");
    iam.authorize(&caller(), Permission::new("s3:GetObject", KEY)).unwrap();
    assert!(iam.allows(&caller(), Permission::new("s3:PutObject", KEY)));
    assert_eq!(needed(), [""; 0], "two allow it, and a question is no request");
    iam.authorize(&caller(), Permission::new("s3:PutObject", KEY)).unwrap();
    iam.authorize(&caller(), Permission::new("s3:GetObjectVersion", KEY)).unwrap();
    assert_eq!(needed(), ["Write s3:PutObject", "Read s3:Get*"]);
    assert_eq!(iam.refused(), BTreeSet::new());
    let refusals: Vec<_> =
        (0..2).map(|_| iam.authorize(&caller(), Permission::new("sns:Publish", "t")).is_err()).collect();
    assert!(refusals == [true, true] && !iam.allows(&caller(), Permission::new("sns:Unsubscribe", "t")));
    let actions: Vec<_> = iam.refused().into_iter().map(|(_, action)| action).collect();
    assert_eq!(actions, ["sns:Publish"]);
}

#[test]
fn a_deny_is_needed_if_it_alone_denied_an_allowed_request() {
    let allow = json!({ "Effect": "Allow", "Action": "s3:Delete*", "Resource": "arn:aws:s3:::b/*" });
    let deny = |sid: &str, action: &str| json!({ "Sid": sid, "Effect": "Deny", "Action": action, "Resource": KEY });
    let needed = |statements: Value| -> Vec<String> {
        let iam = with_statements(statements).unwrap();
        for action in ["s3:DeleteObject", "s3:GetObject"] {
            assert!(iam.authorize(&caller(), Permission::new(action, KEY)).is_err());
        }
        let denials = iam.denials();
        assert!(!denials.is_empty() && iam.grants().iter().all(|grant| !grant.needed), "it allows nothing here");
        denials.into_iter().filter(|denial| denial.needed).map(|denial| denial.statement).collect()
    };
    assert_eq!(needed(json!([allow, deny("Keep", "s3:DeleteObject")])), ["Keep"]);
    assert_eq!(needed(json!([allow, deny("Keep", "s3:DeleteObject"), deny("Twice", "s3:Delete*")])), [""; 0]);
    assert_eq!(needed(json!([allow, deny("Idle", "s3:GetObject"), deny("Keep", "s3:Delete*")])), ["Keep"]);
    assert_eq!(needed(json!([deny("Idle", "s3:Delete*")])), [""; 0], "nothing allows it anyway");
}

#[test]
fn a_deny_overrides_every_allow() {
    let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let deny = json!({ "Effect": "Deny", "Action": "s3:Delete*", "Resource": "arn:aws:s3:::b/*" });
    for statements in [json!([allow, deny]), json!([deny, allow])] {
        assert_eq!(may(statements.clone(), "s3:PutObject"), Ok(()));
        let refusal = may(statements, "s3:DeleteObject").unwrap_err();
        assert!(refusal.ends_with("with an explicit deny in an identity-based policy"), "{refusal}");
    }
}

#[test]
fn a_statement_with_a_false_condition_has_no_effect() {
    let on = |value: &str| {
        let condition = json!({ "Bool": { "aws:SecureTransport": value } });
        json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition })
    };
    assert_eq!(may(on("true"), "s3:GetObject"), Ok(()));
    assert!(may(on("false"), "s3:GetObject").is_err());
}

#[test]
fn a_bucket_policy_denies_everyone_and_loopback_counts_as_tls() {
    let denying = |action: &str, transport: &str| {
        json!({ "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": action, "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
            "Condition": { "Bool": { "aws:SecureTransport": transport } },
        }] })
    };
    let mut iam = with_statements(json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }])).unwrap();
    for policy in [denying("s3:*", "false"), denying("s3:DeleteObject*", "true")] {
        iam.add_bucket_policy("b", &policy).unwrap();
    }

    for caller in [caller(), root()] {
        assert_eq!(iam.authorize(&caller, Permission::new("s3:PutObject", KEY)), Ok(()));
        let refusal = iam.authorize(&caller, Permission::new("s3:DeleteObjectVersion", KEY)).unwrap_err().to_string();
        assert!(refusal.ends_with("with an explicit deny in a resource-based policy"), "{refusal}");
        assert_eq!(iam.authorize(&caller, Permission::new("s3:DeleteObject", "arn:aws:s3:::bc/k")), Ok(()));
    }
}

/// A role may do what the union of its policies allows
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).
#[test]
fn all_policies_and_statements_of_a_role_and_bucket_apply() {
    let allow = |action: &str| json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
    let deny = |action: &str| json!({ "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": action, "Resource": "*" });
    let mut iam = with_statements(json!([allow("s3:GetObject")])).unwrap();
    let second = json!({ "Statement": [allow("s3:PutObject"), allow("s3:Delete*")] });
    iam.add_role("copier", &[second], &[]).unwrap();
    let document = json!({ "Statement": [deny("s3:DeleteObject"), deny("s3:DeleteBucket")] });
    iam.add_bucket_policy("b", &document).unwrap();

    for (action, allowed) in [
        ("s3:GetObject", true),
        ("s3:PutObject", true),
        ("s3:DeleteObjectVersion", true),
        ("s3:DeleteObject", false),
        ("s3:DeleteBucket", false),
    ] {
        assert_eq!(iam.allows(&caller(), Permission::new(action, KEY)), allowed, "{action}");
    }
}

#[test]
fn an_unsupported_bucket_policy_is_rejected_at_the_start() {
    let refused = |document: Value| Iam::default().add_bucket_policy("b", &document).unwrap_err().to_string();
    let with = |effect: &str, principal: Value| json!({ "Statement": [{ "Effect": effect, "Principal": principal, "Action": "s3:*", "Resource": "*" }] });
    assert!(refused(json!({})).ends_with("the policy has no Statement"));
    assert!(refused(with("Allow", json!("*"))).ends_with("what a bucket's policy denies, not what it allows"));
    for principal in [
        json!("arn:aws:iam::000000000000:root"),
        json!({ "AWS": "arn:aws:iam::000000000000:root" }),
        json!({ "Service": "*" }),
        json!({ "AWS": "*", "Service": "*" }),
    ] {
        let error = refused(with("Deny", principal.clone()));
        assert!(error.ends_with("the sandbox evaluates statements whose Principal is \"*\""), "{principal}: {error}");
    }
}

#[test]
fn the_account_root_may_do_everything_and_an_unknown_role_nothing() {
    let iam = Iam::default();
    assert_eq!(iam.authorize(&root(), Permission::new("s3:DeleteBucket", "arn:aws:s3:::b")), Ok(()));
    assert!(iam.authorize(&caller(), Permission::new("s3:GetObject", KEY)).is_err());
}

#[test]
fn only_s3_quotes_resources_and_only_sns_capitalizes_its_name() {
    let topic = "arn:aws:sns:eu-west-1:000000000000:t";
    let refusal = Iam::default().authorize(&caller(), Permission::new("sns:Publish", topic)).unwrap_err();
    assert_eq!(
        refusal.answer("AuthorizationError", 403).message,
        format!(
            "User: arn:aws:sts::000000000000:assumed-role/copier/one is not authorized to perform: SNS:Publish on \
             resource: {topic} because no identity-based policy allows the SNS:Publish action"
        )
    );
}

#[test]
fn an_unsupported_element_is_rejected_by_name_at_the_start() {
    let statement = |more: Value| {
        let mut statement = json!({ "Sid": "One", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
        statement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with_statements(json!([statement]))
    };
    for (more, expected) in [
        (json!({ "NotAction": "s3:*" }), "the sandbox does not evaluate NotAction"),
        (json!({ "NotResource": "*" }), "the sandbox does not evaluate NotResource"),
        (json!({ "Principal": "*" }), "the sandbox does not evaluate Principal"),
        (
            json!({ "Condition": { "DateLessThan": {} } }),
            "the sandbox does not evaluate the condition operator DateLessThan",
        ),
        (json!({ "Resource": "arn:aws:s3:::b/${aws:username}" }), "policy variable in arn:aws:s3:::b/${aws:username}"),
        (json!({ "Action": "GetObject" }), "the action \"GetObject\" should be a service and an operation"),
        (json!({ "Action": [] }), "Action should be a text or a list of them"),
        (json!({ "Effect": "allow" }), "Effect should be Allow or Deny"),
    ] {
        let error = statement(more).unwrap_err().to_string();
        assert!(error.starts_with("the policies of role copier: statement One: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let managed = [
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole".to_owned(),
        "AmazonS3FullAccess".to_owned(),
    ];
    let error = Iam::default().add_role("copier", &[], &managed).unwrap_err().to_string();
    assert!(error.ends_with("the sandbox does not know what AWS's policy AmazonS3FullAccess allows"), "{error}");
}

fn permissions(request: &S3Request<'_>) -> Vec<String> {
    let short = |arn: &str| arn.trim_start_matches("arn:aws:s3:::").to_owned();
    let permissions = request.permissions().unwrap();
    let shown = |one: &Permission| format!("{} {}", one.action.trim_start_matches("s3:"), short(&one.resource));
    permissions.iter().map(shown).collect()
}

#[test]
fn every_object_operation_needs_its_documented_permissions() {
    let request = |operation| S3Request { operation, bucket: "b", key: "k", ..S3Request::default() };
    let version = |operation| S3Request { versioned: true, ..request(operation) };
    for (request, expected) in [
        (request("GetObject"), &["GetObject b/k"][..]),
        (version("GetObject"), &["GetObjectVersion b/k"]),
        (version("HeadObject"), &["GetObjectVersion b/k"]),
        (request("GetObjectAttributes"), &["GetObject b/k", "GetObjectAttributes b/k"]),
        (request("GetObjectTagging"), &["GetObjectTagging b/k"]),
        (version("GetObjectTagging"), &["GetObjectTagging b/k", "GetObjectVersionTagging b/k"]),
        (version("PutObjectTagging"), &["PutObjectTagging b/k", "PutObjectVersionTagging b/k"]),
        (version("DeleteObject"), &["DeleteObjectVersion b/k"]),
        (request("PutObject"), &["PutObject b/k"]),
        (S3Request { if_match: true, ..request("PutObject") }, &["PutObject b/k", "GetObject b/k"]),
        (S3Request { sets_tags: true, ..request("PutObject") }, &["PutObject b/k", "PutObjectTagging b/k"]),
        (request("CreateMultipartUpload"), &["PutObject b/k"]),
        (request("UploadPart"), &["PutObject b/k"]),
        (request("CompleteMultipartUpload"), &["PutObject b/k"]),
        (
            S3Request { lock: &["s3:PutObjectRetention", "s3:PutObjectLegalHold"], ..request("CopyObject") },
            &["PutObject b/k", "PutObjectRetention b/k", "PutObjectLegalHold b/k"],
        ),
        (
            S3Request { lock: &["s3:BypassGovernanceRetention"], ..version("DeleteObject") },
            &["DeleteObjectVersion b/k", "BypassGovernanceRetention b/k"],
        ),
        (version("GetObjectRetention"), &["GetObjectRetention b/k"]),
        (request("PutObjectLegalHold"), &["PutObjectLegalHold b/k"]),
        (request("ListParts"), &["ListMultipartUploadParts b/k"]),
        (request("AbortMultipartUpload"), &["AbortMultipartUpload b/k"]),
        (S3Request { key: "", ..request("ListObjectsV2") }, &["ListBucket b"]),
    ] {
        assert_eq!(permissions(&request), expected, "{request:?}");
    }
    assert!(request("SelectObjectContent").permissions().is_none());
}

#[test]
fn a_copy_needs_permission_to_read_its_source_and_copied_tags() {
    let copy = |version_id, with_tags| S3Request {
        operation: "CopyObject",
        bucket: "b",
        key: "k",
        source: Some(CopiedObject { read: Read { bucket: "s", key: "o", version_id }, with_tags }),
        ..S3Request::default()
    };
    assert_eq!(permissions(&copy(None, false)), ["GetObject s/o", "PutObject b/k"]);
    assert_eq!(
        permissions(&copy(Some("v"), true)),
        [
            "GetObjectVersion s/o",
            "PutObject b/k",
            "GetObjectTagging s/o",
            "GetObjectVersionTagging s/o",
            "PutObjectTagging b/k"
        ]
    );
    let part = S3Request { operation: "UploadPartCopy", ..copy(Some("v"), false) };
    assert_eq!(permissions(&part), ["GetObjectVersion s/o", "PutObject b/k"]);
}

#[test]
fn operations_of_other_services_need_permission_on_the_named_resource() {
    let permission = |permission: Permission| (permission.action, permission.resource);
    let pair = |action: &str, resource: &str| (action.to_owned(), resource.to_owned());
    let region = "eu-west-1";
    let execution = "arn:aws:states:eu-west-1:000000000000:execution:m:e";
    assert_eq!(
        permission(states_permission("GetExecutionHistory", &json!({ "executionArn": execution }), region)),
        pair("states:GetExecutionHistory", execution)
    );
    assert_eq!(
        permission(states_permission("ListStateMachines", &json!({}), region)),
        pair("states:ListStateMachines", "*")
    );
    assert_eq!(
        permission(states_permission("CreateStateMachine", &json!({ "name": "m" }), region)),
        pair("states:CreateStateMachine", "arn:aws:states:eu-west-1:000000000000:stateMachine:m")
    );
    assert_eq!(
        permission(events_permission("PutEvents", &json!({ "Entries": [] }), region)),
        pair("events:PutEvents", "arn:aws:events:eu-west-1:000000000000:event-bus/default")
    );
    let topic = "arn:aws:sns:eu-west-1:000000000000:t";
    let form = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    assert_eq!(
        permission(sns_permission("PublishBatch", &form("TopicArn", topic), region)),
        pair("sns:Publish", topic)
    );
    assert_eq!(
        permission(sns_permission("Unsubscribe", &form("SubscriptionArn", &format!("{topic}:id")), region)),
        pair("sns:Unsubscribe", topic)
    );
    assert_eq!(permission(sns_permission("CreateTopic", &form("Name", "t"), region)), pair("sns:CreateTopic", topic));
}

#[test]
fn describing_all_stacks_needs_permission_to_list_them() {
    let permissions = |form: &[(&str, &str)]| -> Vec<String> {
        let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let permissions = cloudformation_permissions("DescribeStacks", &form, "eu-west-1");
        permissions.into_iter().map(|permission| format!("{} {}", permission.action, permission.resource)).collect()
    };
    let id = "arn:aws:cloudformation:eu-west-1:000000000000:stack/demo/1";

    assert_eq!(
        permissions(&[("StackName", "demo")]),
        ["cloudformation:DescribeStacks arn:aws:cloudformation:eu-west-1:000000000000:stack/demo/*"]
    );
    assert_eq!(permissions(&[("StackName", id)]), [format!("cloudformation:DescribeStacks {id}")]);
    assert_eq!(permissions(&[]), ["cloudformation:DescribeStacks *", "cloudformation:ListStacks *"]);
}
