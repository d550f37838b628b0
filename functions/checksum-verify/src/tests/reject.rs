//! A copy that is not its source: removed, or marked where that is forbidden, and left alone where it is all there is.

use aws_sdk_s3::{
    Client,
    operation::{
        delete_object::DeleteObjectOutput,
        head_object::HeadObjectOutput,
        put_object::PutObjectOutput,
        put_object_tagging::{PutObjectTaggingInput, PutObjectTaggingOutput},
    },
    types::{ServerSideEncryption, Tag},
};
use aws_smithy_mocks::{Rule, mock};
use holdfast_core::{
    ErrorName, Failure, Named,
    checksum::Crc64Nvme,
    contract::{Evidence, ProofMethod, Transfer},
    names::VersionId,
    stamp::Stamp,
};
use holdfast_s3::testing::{self, Sent};

use super::{
    call, copy,
    object::{head, heading, input, proven, tagged},
};

/// HeadObject of the source, which is still there.
pub(super) fn source_stands() -> Rule {
    mock!(Client::head_object)
        .match_requests(|request| (request.bucket(), request.version_id()) == (Some("src"), Some("v1")))
        .then_output(|| testing::head_object().version_id("v1").e_tag("\"tag\"").content_length(3).build())
}

fn source_gone() -> Rule {
    mock!(Client::head_object)
        .match_requests(|request| request.bucket() == Some("src"))
        .then_http_response(|| testing::bare(404))
}

/// DeleteObject of the copy's version.
pub(super) fn removing() -> Rule {
    mock!(Client::delete_object)
        .match_requests(|request| {
            (request.bucket(), request.key(), request.version_id()) == (Some("dst"), Some("a b"), Some("w1"))
        })
        .then_output(|| DeleteObjectOutput::builder().build())
}

fn removing_fails(status: u16, code: &'static str, message: &'static str) -> Rule {
    mock!(Client::delete_object).then_http_response(move || testing::s3_error(status, code, message))
}

/// GetObjectTagging of a copy that carries the mark, or none.
fn marked(with: bool) -> Rule {
    use aws_sdk_s3::operation::get_object_tagging::GetObjectTaggingOutput;
    mock!(Client::get_object_tagging).then_output(move || {
        let mark = Tag::builder().key("holdfast-proof").value("failed").build().unwrap();
        GetObjectTaggingOutput::builder().set_tag_set(Some(Vec::from_iter(with.then_some(mark)))).build().unwrap()
    })
}

fn marking() -> (Rule, Sent<PutObjectTaggingInput>) {
    let sent = Sent::default();
    let note = sent.clone();
    let rule = mock!(Client::put_object_tagging)
        .match_requests(move |request| note.note(request))
        .then_output(|| PutObjectTaggingOutput::builder().build());
    (rule, sent)
}

/// A small copy whose stored checksum is not its source's.
fn known() -> Transfer {
    let mut transfer = testing::single(3);
    transfer.crc64nvme = Some(Crc64Nvme::of(b"abc"));
    transfer
}

fn wrong() -> Rule {
    heading(head(3, Some(Crc64Nvme::of(b"abx"))))
}

/// PutObject of what is known about the bad version.
pub(super) fn written_down() -> Rule {
    mock!(Client::put_object)
        .match_requests(|request| {
            (request.bucket(), request.key()) == (Some("dst"), Some(".holdfast/rejected/a b/w1"))
                && request.server_side_encryption() == Some(&ServerSideEncryption::Aes256)
        })
        .then_output(|| PutObjectOutput::builder().build())
}

async fn refused(rules: &[&Rule]) -> Failure {
    let note = written_down();
    let rules: Vec<_> = rules.iter().copied().chain([&note]).collect();
    Box::pin(call("stored", input(&known(), &[], None), &rules)).await.unwrap_err()
}

#[tokio::test]
async fn nothing_is_removed_that_is_not_written_down() {
    for (denied, removed) in [(false, 1), (true, 0)] {
        let note = if denied {
            mock!(Client::put_object).then_http_response(|| testing::s3_error(403, "AccessDenied", "no"))
        } else {
            written_down()
        };
        let rules = [&source_stands(), &wrong(), &marked(false), &removing(), &note];
        let failure = call("stored", input(&known(), &[], None), &rules).await.unwrap_err();
        assert_eq!((failure.name(), rules[3].num_calls()), (ErrorName::ChecksumMismatch, removed), "{failure}");
        assert_eq!(failure.to_string().contains("Nothing could be done about that version: PutObject"), denied);
    }
}

const LOCKED: &str = "Access Denied because object protected by object lock.";

#[tokio::test]
async fn a_bad_version_that_may_not_be_removed_is_marked_and_named_with_the_reason() {
    let (mark, sent) = marking();
    let locked = removing_fails(403, "AccessDenied", LOCKED);
    let failure = refused(&[&source_stands(), &wrong(), &marked(false), &locked, &mark]).await;
    assert_eq!(failure.name(), ErrorName::ChecksumMismatch);
    for words in [
        "The copy s3://dst/a b (version w1) is not its source",
        "That version is bad and no backup, but it stays",
        "object protected by object lock",
        "the receipt will name the bad version",
    ] {
        assert!(failure.to_string().contains(words), "{failure}");
    }
    let [put] = sent.all().try_into().unwrap();
    assert_eq!((put.bucket(), put.key(), put.version_id()), (Some("dst"), Some("a b"), Some("w1")));
    let tags: Vec<_> = put.tagging().unwrap().tag_set().iter().map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(tags, [("holdfast-proof", "failed")]);
}

#[tokio::test]
async fn a_bad_version_that_was_told_before_leads_to_a_new_plan_whether_it_can_be_removed_by_now_or_not() {
    for removal in [removing_fails(403, "AccessDenied", LOCKED), removing()] {
        let failure = refused(&[&source_stands(), &wrong(), &marked(true), &removal]).await;
        assert_eq!((failure.name(), removal.num_calls()), (ErrorName::DestinationChanged, 1), "{failure}");
    }
}

/// The second leg of an upload whose version is `v0`: what the samples call the source is its backup.
pub(super) fn of_a_backup(transfer: Transfer) -> Transfer {
    let stamp = Stamp { version_id: Some(VersionId::new("v0").unwrap()), ..transfer.stamp };
    Transfer { stamp, ..transfer }
}

/// What a person is told in either leg when the source of the copy is gone: what helps, and not what helps in the other leg.
const WITHOUT_SOURCE: [(bool, &str, &str); 2] =
    [(false, "redrive, which then ends as skipped", "Backup Requested"), (true, "Backup Requested", "ends as skipped")];

#[tokio::test]
async fn nothing_is_removed_while_the_source_is_gone_and_the_advice_is_that_of_the_leg() {
    for (is_replica, helps, misleads) in WITHOUT_SOURCE {
        let transfer = if is_replica { of_a_backup(known()) } else { known() };
        let rules = [&source_gone(), &wrong()];
        let failure = call("stored", input(&transfer, &[], None), &rules).await.unwrap_err();
        assert_eq!(failure.name(), ErrorName::ChecksumMismatch);
        let gone = if is_replica { "The backup is gone by now" } else { "The source is gone by now" };
        let sentence = failure.to_string();
        assert!(sentence.contains(gone) && sentence.contains("so the copy was left as it is."), "{sentence}");
        assert!(sentence.contains(helps) && !sentence.contains(misleads), "{sentence}");
    }
}

#[tokio::test]
async fn a_copy_that_cannot_be_proven_any_more_is_told_with_what_is_gone_and_what_comes_next_in_the_leg() {
    for (is_replica, helps, misleads) in
        [(false, "A new plan asks whether another execution has proven it.", "delete that version"), WITHOUT_SOURCE[1]]
    {
        let transfer = Transfer { crc64nvme: None, ..known() };
        let transfer = if is_replica { of_a_backup(transfer) } else { transfer };
        let gone = mock!(Client::get_object).then_http_response(|| testing::s3_error(404, "NoSuchVersion", "Gone."));
        let failure = call("stored", input(&transfer, &[], None), &[&gone, &wrong()]).await.unwrap_err();
        assert_eq!(failure.name(), ErrorName::SourceGone);
        let what = if is_replica { "backup" } else { "source" };
        let told = format!("The {what} version s3://src/a b (version v1) was deleted before its ");
        let sentence = failure.to_string();
        assert!(sentence.starts_with(&told), "{sentence}");
        assert!(sentence.contains(helps) && !sentence.contains(misleads), "{sentence}");
    }
}

#[tokio::test]
async fn without_versions_nothing_is_removed_because_the_object_may_be_another_by_then() {
    let (mark, sent) = marking();
    for version in [None, Some("null")] {
        let mut asked = input(&known(), &[], None);
        if let holdfast_core::contract::VerifyInput::Object { stored, .. } = &mut asked {
            stored.version_id = version.map(|id| VersionId::new(id).unwrap());
        }
        let failure = call("stored", asked, &[&source_stands(), &wrong(), &marked(false), &mark]).await.unwrap_err();
        assert_eq!(failure.name(), ErrorName::ChecksumMismatch);
        assert!(failure.to_string().contains("the bucket keeps no versions"), "{failure}");
    }
    assert_eq!(sent.all().len(), 2, "they are marked");
}

#[tokio::test]
async fn without_versions_an_object_that_replaced_the_bad_copy_is_not_marked() {
    let mut asked = input(&known(), &[], None);
    if let holdfast_core::contract::VerifyInput::Object { stored, .. } = &mut asked {
        stored.version_id = None;
    }
    let (bad, good) = (head(3, Some(Crc64Nvme::of(b"abx"))), head(3, Some(Crc64Nvme::of(b"abc"))).e_tag("\"good\""));
    let replaced = mock!(Client::head_object)
        .match_requests(|request| request.bucket() == Some("dst"))
        .sequence()
        .output(move || bad.clone().build())
        .output(move || good.clone().build())
        .build();
    let (mark, sent) = marking();
    let failure = call("stored", asked, &[&source_stands(), &replaced, &marked(false), &mark]).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::DestinationChanged, "{failure}");
    assert_eq!(sent.all().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_in_passing_is_tried_again_by_the_state() {
    for (status, code, name) in
        [(503, "SlowDown", ErrorName::S3Throttled), (500, "InternalError", ErrorName::S3Unavailable)]
    {
        let failure = refused(&[&source_stands(), &wrong(), &marked(false), &removing_fails(status, code, "No")]).await;
        assert_eq!(failure.name(), name, "{failure}");
    }
}

async fn evidence(mode: &str, transfer: &Transfer, rules: &[&Rule]) -> Evidence {
    proven(call(mode, input(transfer, &[], None), rules).await)
}

#[tokio::test]
async fn a_copy_whose_source_is_gone_is_proven_by_the_checksum_that_the_plan_has_of_it() {
    let right = heading(head(3, Some(Crc64Nvme::of(b"abc"))));
    let gone = || {
        mock!(Client::get_object)
            .match_requests(|request| request.bucket() == Some("src"))
            .then_http_response(|| testing::s3_error(404, "NoSuchVersion", "It is not there."))
    };
    let copy = || copy(b"abc".to_vec());
    for mode in ["stored", "streamed"] {
        let evidence = evidence(mode, &known(), &[&right, &gone(), &copy()]).await;
        assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::StoredChecksums, 0), "{mode}");
    }
    let rules = [&source_gone(), &wrong(), &gone(), &copy()];
    let failure = call("streamed", input(&known(), &[], None), &rules).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::ChecksumMismatch, "{failure}");
}

#[tokio::test]
async fn the_evidence_names_rejected_versions_that_could_not_be_removed() {
    let mut transfer = known();
    transfer.rejected_versions = vec![VersionId::new("w0").unwrap()];
    let right = heading(head(3, transfer.crc64nvme));
    assert_eq!(
        evidence("stored", &transfer, &[&right, &tagged("blue")]).await.rejected_versions,
        transfer.rejected_versions
    );
}
