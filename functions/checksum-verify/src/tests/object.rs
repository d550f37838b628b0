//! Object mode.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    operation::{
        get_object_tagging::GetObjectTaggingOutput,
        head_object::{HeadObjectInput, HeadObjectOutput, builders::HeadObjectOutputBuilder},
        put_object_tagging::PutObjectTaggingInput,
        put_object_tagging::PutObjectTaggingOutput,
    },
    types::{ChecksumMode, StorageClass, Tag, Tagging},
};
use aws_smithy_mocks::{Rule, mock};
use holdfast_core::{
    ErrorName, Failure, Named,
    checksum::{Crc64Nvme, Sha256},
    contract::{
        Algorithm, Evidence, ProofMethod, SliceDigest, SliceResult, Stored, TagComparison, Transfer, Verification,
        VerifyInput, VerifyProgress,
    },
    names::{ETag, VersionId},
};
use holdfast_lambda::Function;
use holdfast_s3::testing::{self, Sent};

use super::{
    call, call_within, content, copy,
    reject::{removing, source_stands, written_down},
    source,
};
use crate::{ChecksumVerify, Verified};

pub(super) fn stored() -> Stored {
    // What it was sent, not what it stored: verification must not look at this value.
    let crc64nvme = Some(Crc64Nvme::of(b"sent"));
    Stored { version_id: Some(VersionId::new("w1").unwrap()), etag: ETag::new("copied").unwrap(), crc64nvme }
}

pub(super) fn input(transfer: &Transfer, slices: &[SliceResult], resume: Option<VerifyProgress>) -> VerifyInput {
    VerifyInput::Object { transfer: transfer.clone(), stored: stored(), slices: slices.to_vec(), resume }
}

fn object(answer: Result<Verified, Failure>) -> Verification {
    match answer.unwrap() {
        Verified::Object(verification) => verification,
        Verified::Slice(result) => panic!("an object was answered with {result:?}"),
    }
}

pub(super) fn proven(answer: Result<Verified, Failure>) -> Evidence {
    let verification = object(answer);
    assert!(verification.done && verification.resume.is_none());
    verification.evidence.unwrap()
}

/// What the copy's HEAD answers when everything is as planned.
pub(super) fn head(size: usize, crc: Option<Crc64Nvme>) -> HeadObjectOutputBuilder {
    testing::head_object()
        .version_id("w1")
        .e_tag("\"copied\"")
        .content_length(i64::try_from(size).unwrap())
        .set_checksum_crc64_nvme(crc.map(|crc| crc.to_string()))
        .content_type("text/plain")
        .metadata("owner", "ann")
        .metadata("holdfast-source-etag", "tag")
        .tag_count(1)
}

pub(super) fn heading(output: HeadObjectOutputBuilder) -> Rule {
    mock!(Client::head_object).then_output(move || output.clone().build())
}

/// GetObjectTagging that answers one tag `team`.
pub(super) fn tagged(team: &'static str) -> Rule {
    mock!(Client::get_object_tagging).match_requests(|request| request.version_id() == Some("w1")).then_output(
        move || {
            let tag = Tag::builder().key("team").value(team).build().unwrap();
            GetObjectTaggingOutput::builder().tag_set(tag).build().unwrap()
        },
    )
}

fn digested(bytes: &[u8], part: usize) -> SliceResult {
    let parts: Vec<_> = bytes.chunks(part).map(Sha256::of).collect();
    let digest = SliceDigest { crc64nvme: Crc64Nvme::of(bytes), sha256: Sha256::over_parts(&parts) };
    SliceResult { index: 0, done: true, bytes: bytes.len() as u64, digest: Some(digest), resume: None }
}

#[tokio::test]
async fn a_small_copy_is_proven_by_a_single_head_request() {
    let crc = Crc64Nvme::of(b"abc");
    let mut transfer = testing::single(3);
    transfer.crc64nvme = Some(crc);
    let sent = Sent::<HeadObjectInput>::default();
    let note = sent.clone();
    let rule = mock!(Client::head_object)
        .match_requests(move |request| note.note(request))
        .then_output(move || head(3, Some(crc)).build());
    let evidence = proven(call("stored", input(&transfer, &[], None), &[&rule]).await);
    let expected = Evidence {
        method: ProofMethod::StoredChecksums,
        algorithm: Algorithm::Crc64Nvme,
        source: crc.to_string(),
        copy: crc.to_string(),
        bytes_read: 0,
        etags_equal: false,
        tags_compared: TagComparison::Count,
        differences: Vec::new(),
        rejected_versions: Vec::new(),
    };
    assert_eq!(evidence, expected);
    let asked =
        HeadObjectInput::builder().bucket("dst").key("a b").version_id("w1").checksum_mode(ChecksumMode::Enabled);
    assert_eq!(sent.all(), [asked.build().unwrap()]);
}

#[tokio::test]
async fn an_empty_copy_is_proven_by_the_crc_of_nothing() {
    let transfer = testing::single(0);
    let evidence =
        proven(call("stored", input(&transfer, &[], None), &[&heading(head(0, Some(Crc64Nvme::EMPTY)))]).await);
    assert_eq!((evidence.method, evidence.source.as_str()), (ProofMethod::SourceStreamed, "AAAAAAAAAAA="));
    let evidence = proven(call("streamed", input(&transfer, &[], None), &[&heading(head(0, None))]).await);
    assert_eq!((evidence.method, evidence.source), (ProofMethod::BothStreamed, Sha256::of(b"").to_string()));
}

#[tokio::test]
async fn a_source_that_was_digested_on_the_way_is_compared_with_what_the_store_computed() {
    let bytes = content(90);
    let transfer = testing::multipart(90, 30);
    let crc = Crc64Nvme::of(&bytes);
    let rules = [heading(head(90, Some(crc))), tagged("blue")];
    let slices = [digested(&bytes, 30)];
    let evidence = proven(call("stored", input(&transfer, &slices, None), &rules.each_ref()).await);
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::SourceStreamed, 90));
    assert_eq!((evidence.source.as_str(), evidence.copy.as_str()), (&*crc.to_string(), &*crc.to_string()));
    assert_eq!((evidence.tags_compared, evidence.differences.len()), (TagComparison::Values, 0));
}

#[tokio::test]
async fn an_old_source_that_was_copied_at_once_is_read_now() {
    let bytes = content(90);
    let crc = Crc64Nvme::of(&bytes);
    let rules = [heading(head(90, Some(crc))), source(bytes)];
    let evidence = proven(call("stored", input(&testing::single(90), &[], None), &rules.each_ref()).await);
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::SourceStreamed, 90));
    assert_eq!(evidence.copy, crc.to_string());
}

#[tokio::test]
async fn a_store_without_checksums_or_the_mode_streamed_has_both_sides_read() {
    let bytes = content(90);
    let mut transfer = testing::single(90);
    transfer.crc64nvme = Some(Crc64Nvme::of(&bytes));
    for (mode, crc) in [("stored", None), ("streamed", transfer.crc64nvme)] {
        let rules = [heading(head(90, crc)), source(bytes.clone()), copy(bytes.clone())];
        let evidence = proven(call(mode, input(&transfer, &[], None), &rules.each_ref()).await);
        assert_eq!((evidence.method, evidence.algorithm), (ProofMethod::BothStreamed, Algorithm::Sha256));
        assert_eq!((evidence.source, evidence.bytes_read), (Sha256::of(&bytes).to_string(), 180));
    }
}

#[tokio::test]
async fn a_large_copy_is_read_back_against_the_digests_of_its_source() {
    let bytes = content(90);
    let transfer = testing::multipart(90, 30);
    let rules = [heading(head(90, None)), copy(bytes.clone()), tagged("blue")];
    let slices = [digested(&bytes, 30)];
    let evidence = proven(call("streamed", input(&transfer, &slices, None), &rules.each_ref()).await);
    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::BothStreamed, 180));
    assert_eq!(evidence.copy, slices[0].digest.unwrap().sha256.to_string());
    assert_eq!(rules[1].num_calls(), 3, "the source is not read again");
}

#[tokio::test]
async fn near_the_deadline_the_reading_stops_and_goes_on_to_the_same_evidence() {
    let bytes = content(18 * 10);
    let transfer = testing::multipart(180, 10);
    let rules = [heading(head(180, None)), source(bytes.clone()), copy(bytes), tagged("blue")];
    let rules = rules.each_ref();
    let whole = proven(call("streamed", input(&transfer, &[], None), &rules).await);
    // With less than the least margin left every call reads one part, of eighteen in three slices.
    let mut resume = None;
    for read in 1..18 {
        let soon = Duration::from_secs(4);
        let verification = object(call_within(soon, "streamed", input(&transfer, &[], resume), &rules).await);
        assert!(!verification.done && verification.evidence.is_none());
        let progress = verification.resume.unwrap();
        assert_eq!((progress.bytes_read, progress.slices.len()), (read * 20, usize::try_from(read / 6).unwrap()));
        resume = Some(progress);
    }
    let last = call_within(Duration::from_secs(4), "streamed", input(&transfer, &[], resume), &rules).await;
    assert_eq!(proven(last), whole);
    assert_eq!(whole.bytes_read, 360);
}

#[tokio::test]
async fn a_copy_that_is_not_its_source_is_named_with_both_values_and_its_version() {
    let (right, wrong) = (content(90), vec![7; 90]);
    let crcs = (Crc64Nvme::of(&right), Crc64Nvme::of(&wrong));
    let mut known = testing::single(90);
    known.crc64nvme = Some(crcs.0);
    let parts = testing::multipart(90, 30);
    let digests = [digested(&right, 30)];
    let of_slice = (digests[0].digest.unwrap().sha256, digested(&wrong, 30).digest.unwrap().sha256);
    let whole = (Sha256::of(&right), Sha256::of(&wrong));
    let crc = format!("the CRC64NVME of the source is {}, of the copy {}.", crcs.0, crcs.1);
    for (mode, asked, size, stored, sentence) in [
        ("stored", input(&known, &[], None), 90, Some(crcs.1), crc.clone()),
        ("stored", input(&parts, &digests, None), 90, Some(crcs.1), crc.clone()),
        ("stored", input(&testing::single(90), &[], None), 90, Some(crcs.1), crc),
        (
            "streamed",
            input(&parts, &digests, None),
            90,
            None,
            format!("the SHA-256 of parts 1 to 3 of the source is {}, of the copy {}.", of_slice.0, of_slice.1),
        ),
        (
            "streamed",
            input(&known, &[], None),
            90,
            None,
            format!("the SHA-256 of part 1 of the source is {}, of the copy {}.", whole.0, whole.1),
        ),
        (
            "stored",
            input(&known, &[], None),
            89,
            None,
            "the size in bytes of the source is 90, of the copy 89.".to_owned(),
        ),
    ] {
        let rules = [source_stands(), heading(head(size, stored)), source(right.clone()), copy(wrong.clone())];
        let rules: Vec<_> = rules.into_iter().chain([tagged("blue"), removing(), written_down()]).collect();
        let rules: Vec<_> = rules.iter().collect();
        let failure = call(mode, asked, &rules).await.unwrap_err();
        assert_eq!(failure.name(), ErrorName::ChecksumMismatch);
        let expected = format!(
            "The copy s3://dst/a b (version w1) is not its source s3://src/a b (version v1): {sentence} That version was \
             removed. Redrive: a new plan copies every byte again."
        );
        assert_eq!(failure.to_string(), expected);
    }
}

#[tokio::test]
async fn a_copy_that_was_deleted_or_replaced_is_a_change_of_the_destination() {
    let transfer = testing::single(3);
    let deleted = mock!(Client::head_object).then_http_response(|| testing::bare(404));
    let replaced = heading(head(3, None).e_tag("\"other\""));
    for (rule, sentence) in [
        (deleted, "Somebody deleted s3://dst/a b (version w1) since it was copied. A new plan is made."),
        (replaced, "Somebody replaced s3://dst/a b (version w1) since it was copied. A new plan is made."),
    ] {
        let failure = call("stored", input(&transfer, &[], None), &[&rule]).await.unwrap_err();
        assert_eq!((failure.name(), failure.to_string().as_str()), (ErrorName::DestinationChanged, sentence));
        assert!(ChecksumVerify::RAISES.contains(&failure.name()));
    }
}

#[tokio::test]
async fn tags_that_are_not_as_planned_are_put_and_reported() {
    let crc = Crc64Nvme::of(b"abc");
    let mut transfer = testing::single(3);
    transfer.crc64nvme = Some(crc);
    let sent = Sent::<PutObjectTaggingInput>::default();
    let note = sent.clone();
    let put = mock!(Client::put_object_tagging)
        .match_requests(move |request| note.note(request))
        .then_output(|| PutObjectTaggingOutput::builder().build());
    let rules = [heading(head(3, Some(crc)).tag_count(2)), tagged("red"), put];
    let evidence = proven(call("stored", input(&transfer, &[], None), &rules.each_ref()).await);
    let [difference] = &evidence.differences[..] else { panic!("{:?}", evidence.differences) };
    assert_eq!((difference.name.as_str(), difference.repaired), ("tags.team", true));
    assert_eq!((difference.expected.as_deref(), difference.found.as_deref()), (Some("blue"), Some("red")));
    let tag = Tag::builder().key("team").value("blue").build().unwrap();
    let tagging = Tagging::builder().tag_set(tag).build().unwrap();
    let expected = PutObjectTaggingInput::builder().bucket("dst").key("a b").version_id("w1").tagging(tagging);
    assert_eq!(sent.all(), [expected.build().unwrap()]);
}

#[tokio::test]
async fn attributes_that_differ_are_reported_and_the_storage_class_is_that_of_the_plan() {
    let crc = Crc64Nvme::of(b"abc");
    let mut transfer = testing::single(3);
    transfer.crc64nvme = Some(crc);
    transfer.attributes.storage_class = Some("STANDARD_IA".to_owned());
    let rule = heading(head(3, Some(crc)).content_type("text/html").metadata("owner", "bob"));
    let evidence = proven(call("stored", input(&transfer, &[], None), &[&rule]).await);
    let names: Vec<_> = evidence.differences.iter().map(|difference| difference.name.as_str()).collect();
    assert_eq!(names, ["contentType", "metadata.owner", "storageClass"]);
    assert!(evidence.differences.iter().all(|difference| !difference.repaired));
}

#[tokio::test]
async fn a_copy_in_an_archive_class_cannot_be_read_back_and_that_is_said_before_anything_is_read() {
    let rule = heading(head(3, None).storage_class(StorageClass::DeepArchive));
    let failure = call("streamed", input(&testing::single(3), &[], None), &[&rule]).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::ConfigInvalid);
    assert!(failure.to_string().contains("VERIFY_MODE to stored, or restore the copy"), "{failure}");
    assert!(!failure.to_string().contains("STORAGE_CLASS"), "the copy has its class already: {failure}");
}

#[tokio::test]
async fn a_refusal_says_what_to_grant() {
    let crc = Crc64Nvme::of(b"abc");
    let mut transfer = testing::multipart(3, 3);
    transfer.crc64nvme = Some(crc);
    let refused = || testing::s3_error(403, "AccessDenied", "not authorized to perform: s3:GetObjectTagging");
    let rules = [heading(head(3, Some(crc))), mock!(Client::get_object_tagging).then_http_response(refused)];
    let failure = call("stored", input(&transfer, &[], None), &rules.each_ref()).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::DestinationDenied);
    let advice = "Grant s3:GetObjectTagging and s3:GetObjectVersionTagging on s3://dst/a b (version w1)";
    assert!(failure.to_string().contains(advice), "{failure}");
}

#[tokio::test]
async fn a_source_that_is_gone_before_the_proof_fails_and_names_the_copy_that_stands_unproven() {
    for (status, code) in [(404, "NoSuchVersion"), (412, "PreconditionFailed")] {
        let gone =
            mock!(Client::get_object).then_http_response(move || testing::s3_error(status, code, "It is not there."));
        let rules = [&heading(head(3, Some(Crc64Nvme::of(b"abc")))), &gone];
        let failure = call("stored", input(&testing::single(3), &[], None), &rules).await.unwrap_err();
        assert_eq!(failure.name(), ErrorName::SourceGone);
        let sentence = "The source version s3://src/a b (version v1) was deleted before its copy could be proven. The \
                        copy stands at s3://dst/a b (version w1), unproven and without a receipt.";
        assert!(failure.to_string().starts_with(sentence), "{failure}");
    }
}
