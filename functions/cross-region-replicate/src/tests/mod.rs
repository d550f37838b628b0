//! Tests of cross-region-replicate: the requests that it sends, and what it makes of the answers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod failures;
mod placement;
mod rejected;
mod replan;
mod requests;

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::retry::RetryConfig,
    operation::{
        copy_object::CopyObjectOutput, create_multipart_upload::CreateMultipartUploadOutput,
        head_object::builders::HeadObjectOutputBuilder,
    },
    types::CopyObjectResult,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use holdfast_core::{
    Fact,
    contract::{Backup, Replan, ReplicaPlan, ReplicateInput},
    failure::report,
};
use holdfast_lambda::{Aws, Deadline, Function};
use holdfast_s3::testing::{self, bare, multipart};
use serde_json::json;

use crate::{CrossRegionReplicate, Error};

/// The late backup of the samples' upload, and its replica.
const LATE: &str = ".holdfast/late/a b/v1";

/// A backup of the samples, which goes from `src` to `dst`, proven and to be replicated to `rep`.
fn input(backup: &Backup) -> ReplicateInput {
    let destination = serde_json::to_value(&backup.copy.destination).unwrap();
    serde_json::from_value(json!({
        "backup": backup,
        "proven": {
            "destination": destination,
            "stored": {"versionId": "b/1", "etag": "backup-tag", "crc64nvme": "AAAAAAAAAAA="},
            "evidence": {
                "method": "s3Checksum", "algorithm": "CRC64NVME", "source": "AAAAAAAAAAA=", "copy": "AAAAAAAAAAA=",
                "bytesRead": 0, "etagsEqual": true, "tagsCompared": "count", "differences": []
            }
        },
        "replica": {"bucket": "rep", "region": "eu-north-1"}
    }))
    .unwrap()
}

/// The input of a later plan of the replica leg. The plan that was given up opened an upload.
fn replanned(attempt: u32, redrives: u32) -> ReplicateInput {
    let backup = multipart(100, 50);
    let mut given_up = backup.clone();
    given_up.copy.source.bucket = serde_json::from_value(json!("dst")).unwrap();
    given_up.copy.destination.bucket = serde_json::from_value(json!("rep")).unwrap();
    given_up.copy.destination.region = "eu-north-1".to_owned();
    let replan = Replan { attempt, error: "Upload.Gone".to_owned(), given_up, rejected: None, unproven: None };
    ReplicateInput { replan: Some(replan), redrives, ..input(&backup) }
}

/// A replica of the upload with this version and sequencer.
fn replica(version: &str, sequencer: &str) -> HeadObjectOutputBuilder {
    testing::head_object()
        .version_id("r1")
        .e_tag("\"published\"")
        .content_length(5)
        .checksum_crc64_nvme("AAAAAAAAAAA=")
        .metadata("holdfast-stamp", format!("v={version} s={sequencer} e=tag m=20261122T095959Z"))
}

fn head(bucket: &'static str, key: &'static str, answer: Option<HeadObjectOutputBuilder>) -> Rule {
    let rule = mock!(Client::head_object).match_requests(move |request| {
        request.bucket() == Some(bucket) && request.key() == Some(key) && request.version_id().is_none()
    });
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

/// HeadObject of one version.
fn head_version(version: &'static str, answer: Option<HeadObjectOutputBuilder>) -> Rule {
    let rule = mock!(Client::head_object).match_requests(move |request| request.version_id() == Some(version));
    match answer {
        Some(answer) => rule.then_output(move || answer.clone().build()),
        None => rule.then_http_response(|| bare(404)),
    }
}

/// CopyObject that publishes version `r2`.
fn copied() -> Rule {
    mock!(Client::copy_object).then_output(|| {
        let result = CopyObjectResult::builder().e_tag("\"copy\"").checksum_crc64_nvme("AAAAAAAAAAA=").build();
        CopyObjectOutput::builder().version_id("r2").copy_object_result(result).build()
    })
}

fn opened_upload() -> Rule {
    mock!(Client::create_multipart_upload)
        .then_output(|| CreateMultipartUploadOutput::builder().upload_id("up-2").build())
}

/// Calls the function, and checks that it declares the error that it answers.
async fn call(rules: &[&Rule], threshold: &str, input: ReplicateInput) -> Result<ReplicaPlan, Error> {
    let client =
        mock_client!(aws_sdk_s3, RuleMode::MatchAny, rules, |config| config.retry_config(RetryConfig::disabled()));
    let environment = [("MULTIPART_THRESHOLD", threshold)].into_iter().collect();
    let function = CrossRegionReplicate::new(&environment, Aws::with_s3(client)).unwrap();
    let outcome = function.call(input, Deadline::after(Duration::from_mins(1))).await;
    if let Err(error) = &outcome {
        assert!(CrossRegionReplicate::RAISES.contains(&error.name()), "{} is not declared", error.name());
    }
    outcome
}
