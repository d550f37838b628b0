//! Tests of validate: its decisions without any I/O, and the requests that it sends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod config;
mod failures;
mod order;
mod published;
mod rejected;
mod replan;
mod requests;
mod source_gone;

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::retry::RetryConfig,
    operation::{
        create_multipart_upload::CreateMultipartUploadOutput, get_object::GetObjectOutput,
        get_object_tagging::GetObjectTaggingOutput, head_object::builders::HeadObjectOutputBuilder,
        list_objects_v2::ListObjectsV2Output,
    },
    primitives::ByteStream,
    types::{Object, Tag},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use holdfast_core::{
    Fact,
    contract::{Backup, Plan, Replan, SkipReason, Stored, ValidateInput},
    failure::report,
};
use holdfast_lambda::{Aws, Deadline, Function};
use holdfast_s3::testing::{self, bare, s3_error};
use serde_json::{Value, json};

use crate::{Error, Validate};

/// The folder of the receipts of the event's key.
const RECEIPT_FOLDER: &str = ".holdfast/receipts/src/a b/";
/// The receipt of the event's upload, and that of the same upload to a bucket without versions, which has the time of
/// the event.
const RECEIPTS: [&str; 2] =
    [".holdfast/receipts/src/a b/20261122T095959Z.v1.json", ".holdfast/receipts/src/a b/20261122T100000Z.null-0A.json"];
/// The late backup of the event's upload.
const LATE: &str = ".holdfast/late/a b/v1";

/// An upload of `s3://src/a b`, version `v1`, as the samples of `holdfast_s3::testing` have it.
fn event() -> Value {
    json!({
        "version": "0", "id": "e-1", "detail-type": "Object Created", "source": "aws.s3", "account": "000000000000",
        "time": "2026-11-22T10:00:00Z", "region": "eu-west-1", "resources": [],
        "detail": {
            "version": "0", "bucket": {"name": "src"},
            "object": {"key": "a b", "size": 5, "etag": "tag", "version-id": "v1", "sequencer": "0A"}
        }
    })
}

/// The same upload to a bucket without versions.
fn unversioned_event() -> Value {
    let mut event = event();
    event["detail"]["object"].as_object_mut().unwrap().remove("version-id");
    event
}

/// An operator's request that has no more than this about the object.
fn request(object: Value) -> Value {
    let mut event = event();
    event["detail-type"] = json!("Backup Requested");
    event["source"] = json!("ops");
    event["detail"]["object"] = object;
    event
}

fn input(event: Value) -> ValidateInput {
    ValidateInput { event, replan: None, redrives: 0 }
}

/// The input of the second plan, after this one was given up.
fn second_plan(given_up: Backup, rejected: Option<Stored>) -> ValidateInput {
    let replan = Replan { attempt: 2, error: "Source.Gone".to_owned(), given_up, rejected, unproven: None };
    ValidateInput { event: event(), replan: Some(replan), redrives: 0 }
}

/// The source as HeadObject describes it.
fn source() -> HeadObjectOutputBuilder {
    testing::head_object()
        .version_id("v1")
        .e_tag("\"tag\"")
        .content_length(5)
        .content_type("text/plain")
        .metadata("owner", "ann")
        .checksum_crc64_nvme("AAAAAAAAAAA=")
}

/// A published backup of the upload with this version and sequencer.
fn published(version: &str, sequencer: &str) -> HeadObjectOutputBuilder {
    testing::head_object()
        .version_id("b1")
        .e_tag("\"published\"")
        .content_length(5)
        .metadata("holdfast-stamp", format!("v={version} s={sequencer} e=tag m=20261122T095959Z"))
}

fn head(bucket: &'static str, version: Option<&'static str>, answer: HeadObjectOutputBuilder) -> Rule {
    mock!(Client::head_object)
        .match_requests(move |request| {
            request.bucket() == Some(bucket) && request.version_id() == version && request.part_number().is_none()
        })
        .then_output(move || answer.clone().build())
}

fn head_key(bucket: &'static str, key: &'static str, answer: Option<HeadObjectOutputBuilder>) -> Rule {
    let rule = mock!(Client::head_object)
        .match_requests(move |request| request.bucket() == Some(bucket) && request.key() == Some(key));
    match answer {
        Some(answer) => rule.then_output(move || answer.clone().build()),
        None => rule.then_http_response(|| bare(404)),
    }
}

/// ListObjectVersions of a key.
fn versions(key: &'static str, versions: &'static [(&'static str, i64)]) -> Rule {
    mock!(Client::list_object_versions)
        .match_requests(move |request| request.prefix() == Some(key))
        .then_output(move || testing::versions(key, versions))
}

/// HeadObject of one version of the backup bucket.
fn head_version(version: &'static str, answer: Option<HeadObjectOutputBuilder>) -> Rule {
    let rule = mock!(Client::head_object)
        .match_requests(move |request| request.bucket() == Some("dst") && request.version_id() == Some(version));
    match answer {
        Some(answer) => rule.then_output(move || answer.clone().build()),
        None => rule.then_http_response(|| bare(404)),
    }
}

/// GetObject of the upload's receipt, which names this key and version as the backup; `None` if there is no receipt.
fn existing_receipt(backup: Option<(&'static str, &'static str)>) -> Rule {
    receipt_of_bucket("dst", backup)
}

fn receipt_of_bucket(bucket: &'static str, backup: Option<(&'static str, &'static str)>) -> Rule {
    let rule =
        mock!(Client::get_object).match_requests(|request| request.key().is_some_and(|key| RECEIPTS.contains(&key)));
    let Some((key, version)) = backup else { return rule.then_http_response(|| s3_error(404, "NoSuchKey", "none")) };
    let receipt = json!({
        "backup": {
            "destination": {"bucket": bucket, "key": key, "region": "eu-west-1"},
            "stored": {"versionId": version, "etag": "published"}, "evidence": {}
        },
        "execution": {"arn": "arn"}, "receiptVersion": 9
    });
    rule.then_output(move || {
        let body = ByteStream::from(receipt.to_string().into_bytes());
        GetObjectOutput::builder().e_tag("\"receipt\"").body(body).build()
    })
}

/// ListObjectsV2 of the receipts of the event's key.
fn listed_receipts(keys: &'static [&'static str]) -> Rule {
    mock!(Client::list_objects_v2)
        .match_requests(|request| (request.prefix(), request.delimiter()) == (Some(RECEIPT_FOLDER), Some("/")))
        .then_output(move || {
            let objects = keys.iter().map(|key| Object::builder().key(*key).build()).collect();
            ListObjectsV2Output::builder().set_contents(Some(objects)).build()
        })
}

fn absent(bucket: &'static str) -> Rule {
    mock!(Client::head_object)
        .match_requests(move |request| request.bucket() == Some(bucket) && request.part_number().is_none())
        .then_http_response(|| bare(404))
}

fn tags(pairs: &'static [(&'static str, &'static str)]) -> Rule {
    let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build().unwrap();
    mock!(Client::get_object_tagging)
        .match_requests(|request| request.bucket() == Some("src") && request.version_id() == Some("v1"))
        .then_output(move || {
            let tags = pairs.iter().map(tag).collect();
            GetObjectTaggingOutput::builder().set_tag_set(Some(tags)).build().unwrap()
        })
}

fn opened_upload() -> Rule {
    mock!(Client::create_multipart_upload)
        .then_output(|| CreateMultipartUploadOutput::builder().upload_id("up-2").build())
}

fn function(rules: &[&Rule], environment: &[(&str, &str)]) -> Validate {
    let client =
        mock_client!(aws_sdk_s3, RuleMode::MatchAny, rules, |config| config.retry_config(RetryConfig::disabled()));
    let environment = [("BACKUP_BUCKET", "dst")].iter().chain(environment).copied().collect();
    Validate::new(&environment, Aws::with_s3(client)).unwrap()
}

/// Calls the function, and checks that it declares the error that it answers.
async fn call(rules: &[&Rule], environment: &[(&str, &str)], input: ValidateInput) -> Result<Plan, Error> {
    let outcome = function(rules, environment).call(input, Deadline::after(Duration::from_mins(1))).await;
    if let Err(error) = &outcome {
        assert!(Validate::RAISES.contains(&error.name()), "{} is not declared", error.name());
    }
    outcome
}

/// The backup of a plan to copy.
fn planned(plan: &Plan) -> &Backup {
    match plan {
        Plan::Copy { backup, .. } => backup,
        Plan::Skip { message, .. } => panic!("nothing is copied: {message}"),
    }
}

/// The reason of a plan to skip.
fn skip_reason(plan: &Plan) -> Option<SkipReason> {
    match plan {
        Plan::Copy { .. } => None,
        Plan::Skip { reason, .. } => Some(*reason),
    }
}

/// The backup and the published copy of a plan to prove.
fn copy_to_prove(plan: &Plan) -> (&Backup, &Stored) {
    match plan {
        Plan::Copy { backup, stored: Some(stored), slices, .. } if slices.is_empty() => (backup, stored),
        other => panic!("this is not a plan to prove: {other:?}"),
    }
}
