//! A copy that does not match its source: removed, marked if it cannot be removed, left alone if its source is gone.

use aws_sdk_s3::{
    Client,
    operation::{
        delete_object::DeleteObjectOutput,
        get_object_tagging::GetObjectTaggingOutput,
        put_object::PutObjectOutput,
        put_object_tagging::{PutObjectTaggingInput, PutObjectTaggingOutput},
    },
    types::{ServerSideEncryption, Tag},
};
use aws_smithy_mocks::{Rule, mock};
use holdfast_core::{
    ErrorName, Fact,
    contract::{Backup, VerifyInput},
    failure::report,
};
use holdfast_s3::testing::{self, Sent};

use crate::{Error, Verified};
use holdfast_core::checksum::Crc64Nvme;

use super::{
    backup::{as_planned, as_replica, head, input, input_with_version, small},
    body,
};

/// HeadObject of the source, which exists.
pub(super) fn head_source() -> Rule {
    mock!(Client::head_object)
        .match_requests(|request| (request.bucket(), request.version_id()) == (Some("src"), Some("v1")))
        .then_output(|| testing::head_object().version_id("v1").e_tag("\"tag\"").content_length(3).build())
}

/// HeadObject of a source that was deleted.
fn head_deleted_source() -> Rule {
    mock!(Client::head_object)
        .match_requests(|request| request.bucket() == Some("src"))
        .then_http_response(|| testing::bare(404))
}

/// DeleteObject of the copy's version.
pub(super) fn delete_copy() -> Rule {
    mock!(Client::delete_object)
        .match_requests(|request| {
            (request.bucket(), request.key(), request.version_id()) == (Some("dst"), Some("a b"), Some("w1"))
        })
        .then_output(|| DeleteObjectOutput::builder().build())
}

fn delete_fails(status: u16, code: &'static str, message: &'static str) -> Rule {
    mock!(Client::delete_object).then_http_response(move || testing::s3_error(status, code, message))
}

/// DeleteObject of a copy that object lock protects.
pub(super) fn delete_locked() -> Rule {
    delete_fails(403, "AccessDenied", "Access Denied because object protected by object lock.")
}

fn read_tags(tags: Vec<Tag>) -> Rule {
    mock!(Client::get_object_tagging)
        .then_output(move || GetObjectTaggingOutput::builder().set_tag_set(Some(tags.clone())).build().unwrap())
}

/// GetObjectTagging of a copy that was not rejected before.
fn unmarked() -> Rule {
    read_tags(Vec::new())
}

/// GetObjectTagging of a copy that was rejected before.
fn marked() -> Rule {
    read_tags(vec![Tag::builder().key("holdfast-proof").value("failed").build().unwrap()])
}

/// PutObjectTagging that marks the copy.
fn mark() -> (Rule, Sent<PutObjectTaggingInput>) {
    let sent = Sent::default();
    let record = sent.clone();
    let rule = mock!(Client::put_object_tagging)
        .match_requests(move |request| record.note(request))
        .then_output(|| PutObjectTaggingOutput::builder().build());
    (rule, sent)
}

/// HeadObject of a copy with other bytes than its source. S3 carried the checksum of the source over.
fn mismatched() -> Rule {
    head(as_planned(3, small().copy.crc64nvme))
}

/// PutObject of the record of the rejected version.
pub(super) fn write_record() -> Rule {
    mock!(Client::put_object)
        .match_requests(|request| {
            (request.bucket(), request.key()) == (Some("dst"), Some(".holdfast/rejected/a b/w1"))
                && request.server_side_encryption() == Some(&ServerSideEncryption::Aes256)
        })
        .then_output(|| PutObjectOutput::builder().build())
}

/// Answers one call. The copy has other bytes than its source.
async fn call(mode: &str, input: VerifyInput, rules: &[&Rule]) -> Result<Verified, Error> {
    let other = mock!(Client::get_object)
        .match_requests(|request| request.bucket() == Some("dst"))
        .then_output(|| body(b"abx".to_vec()));
    let rules: Vec<_> = rules.iter().copied().chain([&other]).collect();
    super::call(mode, input, &rules).await
}

async fn rejected(rules: &[&Rule]) -> Error {
    let record = write_record();
    let rules: Vec<_> = rules.iter().copied().chain([&record]).collect();
    Box::pin(call("stored", input(&small(), &[], None), &rules)).await.unwrap_err()
}

#[tokio::test]
async fn nothing_is_removed_without_a_record() {
    let denied = mock!(Client::put_object).then_http_response(|| testing::s3_error(403, "AccessDenied", "no"));
    for (record, removed) in [(write_record(), 1), (denied, 0)] {
        let delete = delete_copy();
        let rules = [&head_source(), &mismatched(), &unmarked(), &delete, &record];

        let error = call("stored", input(&small(), &[], None), &rules).await.unwrap_err();

        assert_eq!((error.name(), delete.num_calls()), (ErrorName::ChecksumMismatch, removed), "{error}");
        let words = "That version could not be removed or marked: PutObject";
        assert_eq!(report(&error).contains(words), removed == 0, "{error}");
    }
}

#[tokio::test]
async fn a_rejected_version_that_cannot_be_removed_is_marked_and_named() {
    let (mark, sent) = mark();

    let error = rejected(&[&head_source(), &mismatched(), &unmarked(), &delete_locked(), &mark]).await;

    assert_eq!(error.name(), ErrorName::ChecksumMismatch);
    for words in [
        "The copy s3://dst/a b (version w1) does not match its source",
        "That version is not a backup, but it could not be removed",
        "object protected by object lock",
        "It now has the tag holdfast-proof=failed, and the receipt will name it.",
    ] {
        assert!(report(&error).contains(words), "{error}");
    }
    let [put] = sent.all().try_into().unwrap();
    assert_eq!((put.bucket(), put.key(), put.version_id()), (Some("dst"), Some("a b"), Some("w1")));
    let tags: Vec<_> = put.tagging().unwrap().tag_set().iter().map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(tags, [("holdfast-proof", "failed")]);
}

#[tokio::test]
async fn a_version_that_was_marked_before_leads_to_a_new_plan() {
    for delete in [delete_locked(), delete_copy()] {
        let error = rejected(&[&head_source(), &mismatched(), &marked(), &delete]).await;

        assert_eq!((error.name(), delete.num_calls()), (ErrorName::DestinationChanged, 1), "{error}");
    }
}

/// A copy without its source: the words that help in its leg, and those that help only in the other one.
struct Advice {
    backup: Backup,
    gone: &'static str,
    helps: &'static str,
    misleads: &'static str,
}

#[tokio::test]
async fn nothing_is_removed_without_its_source_and_the_advice_fits_the_leg() {
    let (compare, request) = ("compare the copy by other means", "request a new backup");
    for Advice { backup, gone, helps, misleads } in [
        Advice { backup: small(), gone: "The source is gone, so the copy", helps: compare, misleads: request },
        Advice {
            backup: as_replica(small()),
            gone: "The backup is gone, so the replica",
            helps: request,
            misleads: compare,
        },
    ] {
        let rules = [&head_deleted_source(), &mismatched()];

        let error = call("stored", input(&backup, &[], None), &rules).await.unwrap_err();

        assert_eq!(error.name(), ErrorName::ChecksumMismatch);
        let sentence = report(&error);
        assert!(sentence.contains(&format!("{gone} was not removed.")), "{sentence}");
        assert!(sentence.contains(helps) && !sentence.contains(misleads), "{sentence}");
    }
}

#[tokio::test]
async fn a_copy_that_cannot_be_proven_without_its_source_is_reported() {
    let (replan, request) = ("A new plan is made.", "request a new backup");
    let mut unknown = small();
    unknown.copy.crc64nvme = None;
    let replica = as_replica(unknown.clone());
    for Advice { backup, gone, helps, misleads } in [
        Advice { backup: unknown, gone: "The source version", helps: replan, misleads: "compare" },
        Advice { backup: replica, gone: "The backup version", helps: request, misleads: replan },
    ] {
        let deleted = mock!(Client::get_object)
            .match_requests(|request| request.bucket() == Some("src"))
            .then_http_response(|| testing::s3_error(404, "NoSuchVersion", "Gone."));

        let error = call("stored", input(&backup, &[], None), &[&deleted, &mismatched()]).await.unwrap_err();

        assert_eq!(error.name(), ErrorName::SourceGone);
        let sentence = report(&error);
        let start = format!("{gone} s3://src/a b (version v1) was deleted before its ");
        assert!(sentence.starts_with(&start), "{sentence}");
        assert!(sentence.contains(helps) && !sentence.contains(misleads), "{sentence}");
    }
}

#[tokio::test]
async fn the_planned_checksum_rejects_a_copy_without_its_source() {
    let deleted = mock!(Client::get_object)
        .match_requests(|request| request.bucket() == Some("src"))
        .then_http_response(|| testing::s3_error(404, "NoSuchVersion", "Gone."));
    let rules = [&head_deleted_source(), &mismatched(), &deleted];

    let error = call("streamed", input(&small(), &[], None), &rules).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::ChecksumMismatch, "{error}");
}

#[tokio::test]
async fn without_versions_a_rejected_copy_is_marked_and_not_removed() {
    let (mark, sent) = mark();
    for version in [None, Some("null")] {
        let input = input_with_version(&small(), version);

        let error = call("stored", input, &[&head_source(), &mismatched(), &unmarked(), &mark]).await.unwrap_err();

        assert_eq!(error.name(), ErrorName::ChecksumMismatch);
        assert!(report(&error).contains("the bucket has no versions"), "{error}");
    }
    assert_eq!(sent.all().len(), 2);
}

#[tokio::test]
async fn without_versions_an_object_that_replaced_the_copy_is_not_marked() {
    let rejected = as_planned(3, Some(Crc64Nvme::of(b"abx")));
    let valid = as_planned(3, Some(Crc64Nvme::of(b"abc"))).e_tag("\"valid\"");
    let replaced = mock!(Client::head_object)
        .match_requests(|request| request.bucket() == Some("dst"))
        .sequence()
        .output(move || rejected.clone().build())
        .output(move || valid.clone().build())
        .build();
    let (mark, sent) = mark();
    let input = input_with_version(&small(), None);

    let error = call("stored", input, &[&head_source(), &replaced, &unmarked(), &mark]).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::DestinationChanged, "{error}");
    assert_eq!(sent.all().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_of_the_removal_is_retried_by_the_state() {
    for (status, code, name) in
        [(503, "SlowDown", ErrorName::S3Throttled), (500, "InternalError", ErrorName::S3Unavailable)]
    {
        let delete = delete_fails(status, code, "No");

        let error = rejected(&[&head_source(), &mismatched(), &unmarked(), &delete]).await;

        assert_eq!(error.name(), name, "{error}");
    }
}
