//! Tests of validate: its decisions without any I/O, and the requests that it sends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod config;
mod failures;
mod order;
mod replan;
mod requests;
mod standing;

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::retry::RetryConfig,
    operation::{
        create_multipart_upload::CreateMultipartUploadOutput,
        get_object::GetObjectOutput,
        get_object_tagging::GetObjectTaggingOutput,
        head_object::{HeadObjectOutput, builders::HeadObjectOutputBuilder},
    },
    primitives::ByteStream,
    types::Tag,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use holdfast_core::Named;
use holdfast_core::contract::{Plan, SkipReason, Transfer, ValidateInput};
use holdfast_lambda::{Aws, Deadline, Function};
use holdfast_s3::testing::{self, bare, s3_error};
use serde_json::{Value, json};

use crate::{Refusal, Validate};

/// Where the receipt of a version is, and that of an upload without one.
const RECEIPTS: [&str; 2] = [".holdfast/receipts/src/a b/v1.json", ".holdfast/receipts/src/a b/null-0A.json"];
const HISTORY: &str = ".holdfast/late/a b/v1";

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

/// The same, asked for by an operator who names no more than this object.
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

/// A backup with the stamp of this version.
fn backup(version: &str, sequencer: Option<&str>) -> HeadObjectOutputBuilder {
    let head = testing::head_object()
        .version_id("b1")
        .e_tag("\"standing\"")
        .content_length(5)
        .metadata("holdfast-source-version", version)
        .metadata("holdfast-source-etag", "tag");
    match sequencer {
        Some(sequencer) => head.metadata("holdfast-sequencer", sequencer),
        None => head,
    }
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
fn listed(key: &'static str, versions: &'static [(&'static str, i64)]) -> Rule {
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

/// The receipt of the upload, if there is one: by an execution that made this version of this key the backup.
fn filed(names: Option<(&'static str, &'static str)>) -> Rule {
    filed_in("dst", names)
}

fn filed_in(bucket: &'static str, names: Option<(&'static str, &'static str)>) -> Rule {
    let rule =
        mock!(Client::get_object).match_requests(|request| request.key().is_some_and(|key| RECEIPTS.contains(&key)));
    let Some((key, version)) = names else { return rule.then_http_response(|| s3_error(404, "NoSuchKey", "none")) };
    let receipt = json!({
        "backup": {
            "destination": {"bucket": bucket, "key": key, "region": "eu-west-1"},
            "stored": {"versionId": version, "etag": "standing"}, "evidence": {}
        },
        "execution": {"arn": "arn"}, "receiptVersion": 9
    });
    rule.then_output(move || {
        let body = ByteStream::from(receipt.to_string().into_bytes());
        GetObjectOutput::builder().e_tag("\"receipt\"").body(body).build()
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

fn opened() -> Rule {
    mock!(Client::create_multipart_upload)
        .then_output(|| CreateMultipartUploadOutput::builder().upload_id("up-2").build())
}

fn function(rules: &[&Rule], environment: &[(&str, &str)]) -> Validate {
    let client =
        mock_client!(aws_sdk_s3, RuleMode::MatchAny, rules, |config| config.retry_config(RetryConfig::disabled()));
    let environment = [("BACKUP_BUCKET", "dst")].iter().chain(environment).copied().collect();
    Validate::new(&environment, Aws::with_s3(client)).unwrap()
}

async fn ask(rules: &[&Rule], environment: &[(&str, &str)], input: ValidateInput) -> Result<Plan, Refusal> {
    let outcome = function(rules, environment).call(input, Deadline::after(Duration::from_mins(1))).await;
    if let Err(refusal) = &outcome {
        assert!(Validate::RAISES.contains(&refusal.name()), "{} is not declared", refusal.name());
    }
    outcome
}

/// What is copied.
fn transfer(plan: &Plan) -> &Transfer {
    match plan {
        Plan::Copy { transfer, .. } => transfer,
        Plan::Skip { message, .. } => panic!("nothing is copied: {message}"),
    }
}

/// Why nothing is copied.
fn reason(plan: &Plan) -> Option<SkipReason> {
    match plan {
        Plan::Copy { .. } => None,
        Plan::Skip { reason, .. } => Some(*reason),
    }
}
