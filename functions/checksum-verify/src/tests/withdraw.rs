//! A copy that replaced a newer one is withdrawn: kept among the late backups first, then removed from its key.

use aws_sdk_s3::{Client, operation::copy_object::CopyObjectOutput, types::CopyObjectResult};
use aws_smithy_mocks::{Rule, mock};
use holdfast_core::{ErrorName, Fact, checksum::Crc64Nvme, failure::report};
use holdfast_s3::testing;

use super::{
    backup::as_replica,
    order::{current_source, replacing, stamped, verify, versions},
    reject::{delete_copy, delete_locked, head_source},
};

fn copied(bytes: &[u8]) -> CopyObjectOutput {
    let result = CopyObjectResult::builder().e_tag("\"tag\"").checksum_crc64_nvme(Crc64Nvme::of(bytes).to_string());
    CopyObjectOutput::builder().version_id("late").copy_object_result(result.build()).build()
}

/// CopyObject of the published version to the late backups.
pub(super) fn copy_to_late() -> Rule {
    mock!(Client::copy_object)
        .match_requests(|request| {
            let destination = (request.bucket(), request.key(), request.if_none_match());
            destination == (Some("dst"), Some(".holdfast/late/a b/v1"), Some("*"))
                && request.copy_source() == Some("dst/a%20b?versionId=w1")
                && request.metadata().and_then(|metadata| metadata.get("holdfast-stamp")).is_some()
        })
        .then_output(|| copied(b"abc"))
}

/// A newer version `w2` below the copy, which the source has superseded.
fn above_a_newer_version() -> [Rule; 3] {
    [current_source("v9"), versions(&["w1", "w2", "w0"]), stamped("w2", "0B")]
}

#[tokio::test]
async fn a_copy_that_another_execution_withdrew_leads_to_a_new_plan() {
    let gone = mock!(Client::copy_object)
        .then_http_response(|| testing::s3_error(404, "NoSuchVersion", "The specified version does not exist."));
    let objects = above_a_newer_version();
    let rules: Vec<_> = objects.iter().chain([&gone]).collect();

    let error = verify(&replacing(), &rules).await.unwrap_err();

    assert_eq!((error.name(), gone.num_calls()), (ErrorName::DestinationChanged, 1), "{error}");
}

#[tokio::test]
async fn a_copy_that_cannot_be_removed_may_be_below_a_newer_one() {
    for (above, outcome) in [(stamped("w3", "0B"), Ok(())), (stamped("w3", "09"), Err(ErrorName::DestinationDenied))] {
        let rules = [
            current_source("v9"),
            versions(&["w3", "w1", "w2", "w0"]),
            stamped("w2", "0B"),
            above,
            copy_to_late(),
            delete_locked(),
        ];

        let answer = verify(&replacing(), &rules.each_ref()).await;

        assert_eq!(answer.map_err(|error| error.name()), outcome);
    }
}

#[tokio::test]
async fn a_copy_that_could_not_be_kept_is_not_removed() {
    let denied = mock!(Client::copy_object).then_http_response(|| testing::s3_error(403, "AccessDenied", "no"));
    let other_bytes = mock!(Client::copy_object).then_output(|| copied(b"abd"));
    for keep in [denied, other_bytes] {
        let delete = delete_copy();
        let objects = above_a_newer_version();
        let rules: Vec<_> = objects.iter().chain([&keep, &delete]).collect();

        let error = verify(&replacing(), &rules).await.unwrap_err();

        assert_eq!((error.name(), delete.num_calls()), (ErrorName::DestinationDenied, 0), "{error}");
    }
}

#[tokio::test]
async fn a_copy_that_cannot_be_withdrawn_is_reported_with_both_versions() {
    let backup_gone = mock!(Client::head_object)
        .match_requests(|request| request.version_id() == Some("v1"))
        .then_http_response(|| testing::bare(404));
    for (backup, rules, reason) in [
        (as_replica(replacing()), vec![backup_gone], "its backup is gone, and it is the only copy"),
        (replacing(), vec![copy_to_late(), delete_locked()], "protected by object lock"),
    ] {
        let objects = above_a_newer_version();
        let rules: Vec<_> = objects.iter().chain(&rules).collect();

        let error = verify(&backup, &rules).await.unwrap_err();

        assert_eq!(error.name(), ErrorName::DestinationDenied);
        for words in [reason, "s3://dst/a b (version w1) and version w2", "aws s3api copy-object", "Then redrive"] {
            assert!(report(&error).contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn a_replica_is_removed_at_once_because_its_backup_exists() {
    let delete = delete_copy();
    let objects = above_a_newer_version();
    let source = head_source();
    let rules: Vec<_> = objects.iter().chain([&source, &delete]).collect();

    let error = verify(&as_replica(replacing()), &rules).await.unwrap_err();

    assert_eq!((error.name(), delete.num_calls()), (ErrorName::DestinationChanged, 1), "{error}");
}
