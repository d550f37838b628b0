//! A copy whose precondition held for the wrong reason: versions of equal bytes have equal entity tags.

use aws_sdk_s3::{
    Client,
    operation::{
        copy_object::CopyObjectOutput, head_object::HeadObjectOutput, list_object_versions::ListObjectVersionsOutput,
    },
    types::{CopyObjectResult, ObjectVersion},
};
use aws_smithy_mocks::{Rule, mock};
use holdfast_core::{
    ErrorName, Failure, Named,
    checksum::Crc64Nvme,
    contract::{Method, Placement, Precondition, Transfer},
    names::{ETag, VersionId},
};
use holdfast_s3::testing;

use super::{
    call,
    object::{head, heading, input, tagged},
    reject::{removing, source_stands},
};

/// A copy (version `w1`, of the upload with sequencer 0A) that was planned to replace `w0`.
fn replacing() -> Transfer {
    let mut transfer = testing::single(3);
    transfer.crc64nvme = Some(Crc64Nvme::of(b"abc"));
    transfer.precondition = Precondition::IfMatch(ETag::new("old").unwrap());
    transfer.replaces = Some(VersionId::new("w0").unwrap());
    transfer
}

fn proving() -> Rule {
    mock!(Client::head_object)
        .match_requests(|request| (request.bucket(), request.version_id()) == (Some("dst"), Some("w1")))
        .then_output(|| head(3, Some(Crc64Nvme::of(b"abc"))).build())
}

/// HeadObject of the source without a version.
fn source_now(version: &'static str) -> Rule {
    mock!(Client::head_object)
        .match_requests(|request| request.bucket() == Some("src") && request.version_id().is_none())
        .then_output(move || testing::head_object().version_id(version).e_tag("\"tag\"").content_length(3).build())
}

fn listed(versions: &'static [&'static str]) -> Rule {
    mock!(Client::list_object_versions).then_output(move || {
        let versions: Vec<_> = versions.iter().map(|id| (*id, 3)).collect();
        testing::versions("a b", &versions)
    })
}

/// Another version of the copy's key without a stamp, and with the entity tag that the plan expects.
fn unstamped(version: &'static str) -> Rule {
    unstamped_with(version, "\"old\"")
}

fn unstamped_with(version: &'static str, etag: &'static str) -> Rule {
    mock!(Client::head_object)
        .match_requests(move |request| (request.bucket(), request.version_id()) == (Some("dst"), Some(version)))
        .then_output(move || testing::head_object().e_tag(etag).content_length(3).build())
}

/// Another version of the copy's key, of the upload with this sequencer.
fn other(version: &'static str, sequencer: &'static str) -> Rule {
    mock!(Client::head_object)
        .match_requests(move |request| (request.bucket(), request.version_id()) == (Some("dst"), Some(version)))
        .then_output(move || {
            let head = testing::head_object().version_id(version).e_tag("\"old\"").content_length(3);
            let head = head.metadata("holdfast-source-version", sequencer).metadata("holdfast-sequencer", sequencer);
            head.metadata("holdfast-source-etag", "other").build()
        })
}

fn copied(bytes: &[u8]) -> CopyObjectOutput {
    let result = CopyObjectResult::builder().e_tag("\"tag\"").checksum_crc64_nvme(Crc64Nvme::of(bytes).to_string());
    CopyObjectOutput::builder().version_id("late").copy_object_result(result.build()).build()
}

/// CopyObject of the very version to its place among the late ones.
fn keeping() -> Rule {
    mock!(Client::copy_object)
        .match_requests(|request| {
            let to = (request.bucket(), request.key(), request.if_none_match());
            to == (Some("dst"), Some(".holdfast/late/a b/v1"), Some("*"))
                && request.copy_source() == Some("dst/a%20b?versionId=w1")
        })
        .then_output(|| copied(b"abc"))
}

async fn verified(transfer: &Transfer, rules: &[&Rule]) -> Result<(), Failure> {
    let (proving, tags) = (proving(), tagged("blue"));
    let rules: Vec<_> = [&proving, &tags].into_iter().chain(rules.iter().copied()).collect();
    call("stored", input(transfer, &[], None), &rules).await.map(drop)
}

#[tokio::test]
async fn a_copy_that_replaced_nothing_or_is_the_newest_of_its_source_costs_one_request_at_most() {
    let absent = Transfer { precondition: Precondition::IfAbsent, replaces: None, ..replacing() };
    let late = Transfer { placement: Placement::Late, ..replacing() };
    for transfer in [absent, late] {
        verified(&transfer, &[]).await.unwrap();
    }
    for transfer in [replacing(), found_standing()] {
        let newest = source_now("v1");
        verified(&transfer, &[&newest]).await.unwrap();
        assert_eq!(newest.num_calls(), 1);
    }
}

/// The plan of a copy that stood already.
fn found_standing() -> Transfer {
    let etag = ETag::new("copied").unwrap();
    let replaces = Some(VersionId::new("w1").unwrap());
    Transfer { precondition: Precondition::IfMatch(etag), replaces, ..replacing() }
}

#[tokio::test]
async fn a_copy_that_was_found_where_it_stood_is_taken_back_from_over_what_is_newer_by_its_stamp() {
    let mut asked_for = found_standing();
    asked_for.stamp.sequencer = None;
    for (transfer, others, taken_back, why) in [
        (found_standing(), vec![other("w2", "0B"), other("w0", "09")], true, "an earlier try had covered a newer one"),
        (found_standing(), vec![other("w2", "09"), other("w0", "08")], false, "only older ones lie beneath"),
        (found_standing(), vec![unstamped("w2"), other("w0", "08")], false, "it may have been there before all others"),
        (
            asked_for,
            vec![other("w2", "0B"), other("w0", "09")],
            true,
            "the copy tells the order that the request does not",
        ),
    ] {
        let (now, list, kept, remove) = (source_now("v9"), listed(&["w1", "w2", "w0"]), keeping(), removing());
        let tags = tagged("blue");
        let stamped = mock!(Client::head_object)
            .match_requests(|request| (request.bucket(), request.version_id()) == (Some("dst"), Some("w1")))
            .then_output(|| {
                let head = head(3, Some(Crc64Nvme::of(b"abc"))).metadata("holdfast-source-version", "v1");
                head.metadata("holdfast-sequencer", "0A").metadata("holdfast-source-etag", "tag").build()
            });
        let rules: Vec<_> = [&stamped, &tags, &now, &list, &kept, &remove].into_iter().chain(&others).collect();
        let outcome = call("stored", input(&transfer, &[], None), &rules).await.map_err(|failure| failure.name());
        assert_eq!(outcome.err(), taken_back.then_some(ErrorName::DestinationChanged), "{why}");
        assert_eq!(remove.num_calls(), usize::from(taken_back), "{why}");
    }
}

#[tokio::test]
async fn the_listing_goes_on_until_the_copy_and_what_its_plan_knew_are_met() {
    let page = |ids: Vec<String>, next: Option<&'static str>| {
        let version = |id: &String| ObjectVersion::builder().key("a b").version_id(id).size(3).build();
        let versions = ids.iter().map(version).collect();
        let page = ListObjectVersionsOutput::builder().set_versions(Some(versions)).is_truncated(next.is_some());
        page.set_next_key_marker(next.map(|_| "a b".to_owned())).set_next_version_id_marker(next.map(str::to_owned))
    };
    let newer = (0..50).map(|number| format!("n{number}")).collect::<Vec<_>>();
    let first = page(newer, Some("n49"));
    let second = page(vec!["w1".to_owned(), "w2".to_owned()], Some("w2"));
    let third = page(vec!["w0".to_owned(), "w9".to_owned()], None);
    let at =
        |marker: Option<&'static str>,
         page: aws_sdk_s3::operation::list_object_versions::builders::ListObjectVersionsOutputBuilder| {
            mock!(Client::list_object_versions)
                .match_requests(move |request| {
                    request.version_id_marker() == marker && request.key_marker() == marker.map(|_| "a b")
                })
                .then_output(move || page.clone().build())
        };
    let pages = [at(None, first), at(Some("n49"), second), at(Some("w2"), third)];
    let (now, newer, kept, remove) = (source_now("v9"), other("w2", "0B"), keeping(), removing());
    let rules: Vec<_> = pages.iter().chain([&now, &newer, &kept, &remove]).collect();
    let failure = verified(&replacing(), &rules).await.unwrap_err();
    assert_eq!((failure.name(), remove.num_calls()), (ErrorName::DestinationChanged, 1), "{failure}");
    assert_eq!(pages.each_ref().map(Rule::num_calls), [1, 1, 1]);
}

#[tokio::test]
async fn what_another_execution_of_the_event_has_taken_back_leads_to_a_new_plan() {
    let gone = mock!(Client::copy_object)
        .then_http_response(|| testing::s3_error(404, "NoSuchVersion", "The specified version does not exist."));
    let (now, list, newer) = (source_now("v9"), listed(&["w1", "w2", "w0"]), other("w2", "0B"));
    let failure = verified(&replacing(), &[&now, &list, &newer, &gone]).await.unwrap_err();
    assert_eq!((failure.name(), gone.num_calls()), (ErrorName::DestinationChanged, 1), "{failure}");
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_settled_by_the_newer_one_that_a_person_has_put_on_top() {
    let locked =
        || mock!(Client::delete_object).then_http_response(|| testing::s3_error(403, "AccessDenied", "locked"));
    for (on_top, settled) in [(other("w3", "0B"), true), (other("w3", "0C"), true), (other("w3", "09"), false)] {
        let others = [source_now("v9"), listed(&["w3", "w1", "w2", "w0"]), other("w2", "0B"), keeping(), locked()];
        let rules: Vec<_> = others.iter().chain([&on_top]).collect();
        let outcome = verified(&replacing(), &rules).await.map_err(|failure| failure.name());
        assert_eq!(outcome.err(), (!settled).then_some(ErrorName::DestinationDenied));
    }
}

#[tokio::test]
async fn a_copy_that_covers_a_newer_one_is_taken_back_and_planned_anew() {
    for (versions, others, taken_back, why) in [
        (&["w1", "w0"][..], vec![], false, "it replaced what the plan knew"),
        (&["w1", "w2", "w0"], vec![other("w2", "0B")], true, "a newer one of the same bytes came between"),
        (&["w1", "w2", "w0"], vec![other("w2", "09")], false, "an older one came between"),
        (&["w1", "w2", "w3", "w0"], vec![other("w2", "09"), other("w3", "0B")], true, "the newer one lies deeper"),
        (
            &["w1", "w2", "w0"],
            vec![unstamped("w2")],
            true,
            "nothing says its order, and the source has a newer version",
        ),
        (
            &["w1", "w2", "w0"],
            vec![unstamped_with("w2", "\"another\"")],
            false,
            "this plan cannot have been published over it, so another execution has made the copy, and knew of it",
        ),
        (&["w1", "w2", "w0"], vec![unstamped_with("w2", "\"another-2\"")], true, "one in parts may have come later"),
        (&["w2", "w1", "w3", "w0"], vec![other("w3", "0B")], true, "what is on top may be taken back as well"),
        (&["w2", "w1", "w0"], vec![], false, "what came on top came later, and its own execution looks"),
        (&["w2"], vec![], false, "it is gone by now"),
    ] {
        let (now, list, kept, remove) = (source_now("v9"), listed(versions), keeping(), removing());
        let rules: Vec<_> = [&now, &list, &kept, &remove].into_iter().chain(&others).collect();
        let outcome = verified(&replacing(), &rules).await.map_err(|failure| failure.name());
        assert_eq!(outcome, if taken_back { Err(ErrorName::DestinationChanged) } else { Ok(()) }, "{why}");
        assert_eq!(remove.num_calls(), usize::from(taken_back), "{why}");
        assert_eq!(kept.num_calls(), usize::from(taken_back), "nothing is removed that is not kept: {why}");
    }
}

/// The source's key was deleted; beneath the delete marker this version is the newest.
fn deleted_over(newest: &'static str) -> [Rule; 2] {
    let of_source = mock!(Client::list_object_versions).match_requests(|request| request.bucket() == Some("src"));
    [
        mock!(Client::head_object)
            .match_requests(|request| request.bucket() == Some("src") && request.version_id().is_none())
            .then_http_response(|| testing::bare(404)),
        of_source.then_output(move || testing::versions("a b", &[(newest, 3), ("v0", 3)])),
    ]
}

#[tokio::test]
async fn where_the_key_was_deleted_the_newest_version_beneath_tells_what_a_stamp_does_not() {
    for (newest, others, taken_back, why) in [
        ("v1", unstamped("w2"), false, "nothing is newer than the newest"),
        ("v9", unstamped("w2"), true, "it may be the backup of the newer one"),
        ("v1", other("w2", "0B"), true, "its source may have been removed for good"),
    ] {
        let (deleted, list, kept, remove) = (deleted_over(newest), listed(&["w1", "w2", "w0"]), keeping(), removing());
        let rules: Vec<_> = deleted.iter().chain([&list, &others, &kept, &remove]).collect();
        let outcome = verified(&replacing(), &rules).await.map_err(|failure| failure.name());
        assert_eq!(outcome, if taken_back { Err(ErrorName::DestinationChanged) } else { Ok(()) }, "{why}");
        assert_eq!((kept.num_calls(), remove.num_calls()), (usize::from(taken_back), usize::from(taken_back)), "{why}");
    }
}

#[tokio::test]
async fn a_copy_that_could_not_be_kept_is_not_taken_back() {
    let refused = || testing::s3_error(403, "AccessDenied", "no");
    let worse = mock!(Client::copy_object).then_output(|| copied(b"abd"));
    for (keeping, name) in [
        (mock!(Client::copy_object).then_http_response(refused), ErrorName::DestinationDenied),
        (worse, ErrorName::DestinationDenied),
    ] {
        let (now, list, newer, remove) = (source_now("v9"), listed(&["w1", "w2", "w0"]), other("w2", "0B"), removing());
        let failure = verified(&replacing(), &[&now, &list, &newer, &keeping, &remove]).await.unwrap_err();
        assert_eq!((failure.name(), remove.num_calls()), (name, 0), "{failure}");
    }
}

#[tokio::test]
async fn a_copy_in_parts_is_always_looked_at_because_its_place_is_from_when_its_upload_was_opened() {
    let mut transfer = testing::multipart(3, 3);
    transfer.crc64nvme = replacing().crc64nvme;
    transfer.precondition = replacing().precondition;
    transfer.replaces = replacing().replaces;
    assert_eq!(transfer.method, Method::Multipart);
    let (list, older) = (listed(&["w2", "w1", "w0"]), other("w2", "09"));
    let failure = verified(&transfer, &[&source_now("v1"), &list, &older]).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::DestinationDenied, "{failure}");
    assert!(failure.to_string().contains("(version w1) and version w2 of its key change places"), "{failure}");
    let beneath = [&source_now("v1"), &listed(&["w1", "w2", "w0"]), &unstamped("w2")];
    verified(&transfer, &beneath).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_taken_back_fails_and_says_which_versions_changed_places() {
    let gone = mock!(Client::head_object)
        .match_requests(|request| request.version_id() == Some("v1"))
        .then_http_response(|| testing::bare(404));
    let locked = mock!(Client::delete_object).then_http_response(|| {
        testing::s3_error(403, "AccessDenied", "Access Denied because object protected by object lock.")
    });
    let mut replica = replacing();
    replica.stamp.version_id = Some(VersionId::new("v0").unwrap());
    for (transfer, rules, words) in [
        (replica, vec![gone], "its backup is gone, and it is the only copy"),
        (replacing(), vec![keeping(), locked], "protected by object lock"),
    ] {
        let others = [source_now("v9"), listed(&["w1", "w2", "w0"]), other("w2", "0B")];
        let rules: Vec<_> = others.iter().chain(&rules).collect();
        let failure = verified(&transfer, &rules).await.unwrap_err();
        assert_eq!(failure.name(), ErrorName::DestinationDenied);
        for words in [words, "s3://dst/a b (version w1) and version w2", "aws s3api copy-object", "then redrive"] {
            assert!(failure.to_string().contains(words), "{failure}");
        }
    }
}

#[tokio::test]
async fn a_replica_has_its_backup_and_is_taken_back_at_once() {
    let mut replica = replacing();
    replica.stamp.version_id = Some(VersionId::new("v0").unwrap());
    let (now, list, newer) = (source_now("v9"), listed(&["w1", "w2", "w0"]), other("w2", "0B"));
    let (stands, remove) = (source_stands(), removing());
    let failure = verified(&replica, &[&now, &list, &newer, &stands, &remove]).await.unwrap_err();
    assert_eq!((failure.name(), remove.num_calls()), (ErrorName::DestinationChanged, 1), "{failure}");
}

#[tokio::test]
async fn without_versions_there_is_nothing_to_look_at() {
    let mut asked = input(&replacing(), &[], None);
    if let holdfast_core::contract::VerifyInput::Object { stored, .. } = &mut asked {
        stored.version_id = None;
    }
    let right = heading(head(3, Some(Crc64Nvme::of(b"abc"))));
    assert!(call("stored", asked, &[&right]).await.is_ok());
}
