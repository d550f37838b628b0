//! The check after publishing: which requests gather its facts. Its decisions have their table in `core::order`.

use aws_sdk_s3::{
    Client,
    operation::list_object_versions::{ListObjectVersionsOutput, builders::ListObjectVersionsOutputBuilder},
    types::ObjectVersion,
};
use aws_smithy_mocks::{Rule, mock};
use holdfast_core::{
    ErrorName, Fact,
    contract::{Backup, Placement, Precondition},
    failure::report,
    names::{ETag, VersionId},
};
use holdfast_s3::testing;

use crate::Error;

use super::{
    backup::{as_planned, head, input, input_with_version, small, tagged},
    call,
    reject::delete_copy,
    withdraw::copy_to_late,
};

/// A copy (version `w1`, of the upload with sequencer 0A) that was planned to replace `w0`.
pub(super) fn replacing() -> Backup {
    with_replacement(small(), "old", "w0")
}

/// The plan of a copy that was found already published.
fn found_published() -> Backup {
    with_replacement(small(), "copied", "w1")
}

fn with_replacement(mut backup: Backup, etag: &str, version: &str) -> Backup {
    backup.copy.precondition = Precondition::IfMatch(ETag::new(etag).unwrap());
    backup.copy.replaces = Some(VersionId::new(version).unwrap());
    backup
}

fn head_copy() -> Rule {
    mock!(Client::head_object)
        .match_requests(|request| (request.bucket(), request.version_id()) == (Some("dst"), Some("w1")))
        .then_output(|| as_planned(3, small().copy.crc64nvme).build())
}

/// HeadObject of the source's key, which has this current version.
pub(super) fn current_source(version: &'static str) -> Rule {
    mock!(Client::head_object)
        .match_requests(|request| request.bucket() == Some("src") && request.version_id().is_none())
        .then_output(move || testing::head_object().version_id(version).e_tag("\"tag\"").content_length(3).build())
}

/// ListObjectVersions of the copy's key.
pub(super) fn versions(versions: &'static [&'static str]) -> Rule {
    mock!(Client::list_object_versions).match_requests(|request| request.bucket() == Some("dst")).then_output(
        move || {
            let versions: Vec<_> = versions.iter().map(|id| (*id, 3)).collect();
            testing::versions("a b", &versions)
        },
    )
}

/// Another version of the copy's key that Holdfast did not write, with the entity tag that the plan expects.
fn foreign(version: &'static str) -> Rule {
    mock!(Client::head_object)
        .match_requests(move |request| (request.bucket(), request.version_id()) == (Some("dst"), Some(version)))
        .then_output(move || testing::head_object().version_id(version).e_tag("\"old\"").content_length(3).build())
}

/// Another version of the copy's key, of the upload with this sequencer.
pub(super) fn stamped(version: &'static str, sequencer: &'static str) -> Rule {
    mock!(Client::head_object)
        .match_requests(move |request| (request.bucket(), request.version_id()) == (Some("dst"), Some(version)))
        .then_output(move || {
            let stamp = format!("v={sequencer} s={sequencer} e=other m=20261122T095959Z");
            let head = testing::head_object().version_id(version).e_tag("\"old\"").content_length(3);
            head.metadata("holdfast-stamp", stamp).build()
        })
}

/// Verifies a copy that is as planned.
pub(super) async fn verify(backup: &Backup, rules: &[&Rule]) -> Result<(), Error> {
    let (copy, tags) = (head_copy(), tagged("blue"));
    let rules: Vec<_> = [&copy, &tags].into_iter().chain(rules.iter().copied()).collect();
    call("stored", input(backup, &[], None), &rules).await.map(drop)
}

/// The expected outcome of a verification.
fn outcome(is_withdrawn: bool) -> Result<(), ErrorName> {
    if is_withdrawn { Err(ErrorName::DestinationChanged) } else { Ok(()) }
}

#[tokio::test]
async fn a_copy_that_replaced_nothing_is_not_checked() {
    let mut first = small();
    first.copy.precondition = Precondition::IfAbsent;
    let late = Backup { placement: Placement::Late, ..replacing() };
    for backup in [first, late] {
        verify(&backup, &[]).await.unwrap();
    }
}

#[tokio::test]
async fn the_copy_of_the_newest_source_version_costs_one_request() {
    for backup in [replacing(), found_published()] {
        let newest = current_source("v1");

        verify(&backup, &[&newest]).await.unwrap();

        assert_eq!(newest.num_calls(), 1);
    }
}

#[tokio::test]
async fn a_copy_in_a_bucket_without_versions_is_not_checked() {
    let input = input_with_version(&replacing(), None);

    let answer = call("stored", input, &[&head(as_planned(3, small().copy.crc64nvme))]).await;

    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test]
async fn versions_are_described_down_to_the_one_that_the_plan_knew() {
    for (listed, others, is_withdrawn, why) in [
        (&["w1", "w0"][..], vec![], false, "it replaced what the plan knew"),
        (&["w1", "w2", "w0"], vec![stamped("w2", "0B")], true, "a newer one is between"),
        (
            &["w1", "w2", "w3", "w0"],
            vec![stamped("w2", "09"), stamped("w3", "0B")],
            true,
            "a newer one is further below",
        ),
        (&["w2", "w1", "w3", "w0"], vec![stamped("w2", "09"), stamped("w3", "0B")], true, "one is above"),
        (&["w2"], vec![], false, "the copy was deleted"),
    ] {
        let (source, list) = (current_source("v9"), versions(listed));
        let (keep, delete) = (copy_to_late(), delete_copy());
        let rules: Vec<_> = [&source, &list, &keep, &delete].into_iter().chain(&others).collect();

        let answer = verify(&replacing(), &rules).await;

        assert_eq!(answer.map_err(|error| error.name()), outcome(is_withdrawn), "{why}");
        let withdrawn = usize::from(is_withdrawn);
        assert_eq!((keep.num_calls(), delete.num_calls()), (withdrawn, withdrawn), "{why}");
        assert!(others.iter().all(|other| other.num_calls() == 1), "{why}");
    }
}

#[tokio::test]
async fn the_listing_continues_until_the_version_that_the_plan_knew() {
    let page = |ids: Vec<String>, next: Option<&'static str>| {
        let version = |id: &String| ObjectVersion::builder().key("a b").version_id(id).size(3).build();
        let versions = ids.iter().map(version).collect();
        let page = ListObjectVersionsOutput::builder().set_versions(Some(versions)).is_truncated(next.is_some());
        page.set_next_key_marker(next.map(|_| "a b".to_owned())).set_next_version_id_marker(next.map(str::to_owned))
    };
    let after = |marker: Option<&'static str>, page: ListObjectVersionsOutputBuilder| {
        mock!(Client::list_object_versions)
            .match_requests(move |request| {
                request.version_id_marker() == marker && request.key_marker() == marker.map(|_| "a b")
            })
            .then_output(move || page.clone().build())
    };
    let above = (0..50).map(|number| format!("n{number}")).collect::<Vec<_>>();
    let pages = [
        after(None, page(above, Some("n49"))),
        after(Some("n49"), page(vec!["w1".to_owned(), "w2".to_owned()], Some("w2"))),
        after(Some("w2"), page(vec!["w0".to_owned(), "w9".to_owned()], None)),
    ];
    let others = [current_source("v9"), stamped("n0", "0C"), stamped("w2", "0B"), copy_to_late(), delete_copy()];
    let rules: Vec<_> = pages.iter().chain(&others).collect();

    let error = verify(&replacing(), &rules).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::DestinationChanged, "{error}");
    assert_eq!(pages.each_ref().map(Rule::num_calls), [1, 1, 1]);
    assert_eq!(others.each_ref().map(Rule::num_calls), [1; 5]);
}

#[tokio::test]
async fn a_found_copy_is_checked_by_the_stamps_below_it() {
    let mut requested = found_published();
    requested.stamp.sequencer = None;
    for (backup, others, is_withdrawn, why) in [
        (found_published(), [stamped("w2", "0B"), stamped("w0", "09")], true, "an earlier call replaced a newer one"),
        (found_published(), [foreign("w2"), stamped("w0", "08")], false, "what it replaced is unknown"),
        (
            requested,
            [stamped("w2", "0B"), stamped("w0", "09")],
            true,
            "the copy has the sequencer that the request lacks",
        ),
    ] {
        let (source, list) = (current_source("v9"), versions(&["w1", "w2", "w0"]));
        let (keep, delete) = (copy_to_late(), delete_copy());
        let rules: Vec<_> = [&source, &list, &keep, &delete].into_iter().chain(&others).collect();

        let answer = verify(&backup, &rules).await;

        assert_eq!(answer.map_err(|error| error.name()), outcome(is_withdrawn), "{why}");
        assert_eq!(delete.num_calls(), usize::from(is_withdrawn), "{why}");
    }
}

#[tokio::test]
async fn the_newest_version_of_a_deleted_source_key_is_listed() {
    for (newest, is_withdrawn, why) in
        [("v1", false, "no source version is newer"), ("v9", true, "the version below may be the backup of v9")]
    {
        let deleted = mock!(Client::head_object)
            .match_requests(|request| request.bucket() == Some("src") && request.version_id().is_none())
            .then_http_response(|| testing::bare(404));
        let source_versions = mock!(Client::list_object_versions)
            .match_requests(|request| request.bucket() == Some("src"))
            .then_output(move || testing::versions("a b", &[(newest, 3), ("v0", 3)]));
        let (list, below) = (versions(&["w1", "w2", "w0"]), foreign("w2"));
        let (keep, delete) = (copy_to_late(), delete_copy());
        let rules = [&deleted, &source_versions, &list, &below, &keep, &delete];

        let answer = verify(&replacing(), &rules).await;

        assert_eq!(answer.map_err(|error| error.name()), outcome(is_withdrawn), "{why}");
        let withdrawn = usize::from(is_withdrawn);
        assert_eq!(
            (list.num_calls(), keep.num_calls(), delete.num_calls()),
            (withdrawn, withdrawn, withdrawn),
            "{why}"
        );
    }
}

#[tokio::test]
async fn a_multipart_copy_is_checked_even_if_its_source_is_the_newest() {
    let mut backup = testing::multipart(3, 3);
    backup.copy.crc64nvme = small().copy.crc64nvme;
    let backup = with_replacement(backup, "old", "w0");

    let error = verify(&backup, &[&current_source("v1"), &versions(&["w2", "w1", "w0"]), &stamped("w2", "09")]).await;

    let error = error.unwrap_err();
    assert_eq!(error.name(), ErrorName::DestinationDenied, "{error}");
    let words = "left s3://dst/a b (version w1) and version w2 of its key in the wrong order";
    assert!(report(&error).contains(words), "{error}");
    let rules = [&current_source("v1"), &versions(&["w1", "w2", "w0"]), &foreign("w2")];
    verify(&backup, &rules).await.unwrap();
}
