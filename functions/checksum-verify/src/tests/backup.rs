//! Backup mode: how a copy is proven.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    operation::{
        get_object_tagging::GetObjectTaggingOutput,
        head_object::{HeadObjectInput, builders::HeadObjectOutputBuilder},
    },
    types::{ChecksumMode, ChecksumType, Tag},
};
use aws_smithy_mocks::{Rule, mock};
use holdfast_core::{
    checksum::{Crc64Nvme, Sha256},
    contract::{
        Algorithm, Backup, Evidence, ProofMethod, SliceDigest, SliceResult, Stored, TagComparison, Verification,
        VerifyInput, VerifyProgress,
    },
    names::{ETag, VersionId},
    source_checksum::{Composite, SourceChecksum},
};
use holdfast_s3::testing::{self, Sent};

use super::{call, call_within, content, read_copy, read_source};
use crate::{Error, Verified};

pub(super) fn stored() -> Stored {
    // The value that was sent, not the stored one: the proof must not use it.
    let crc64nvme = Some(Crc64Nvme::of(b"sent"));
    Stored { version_id: Some(VersionId::new("w1").unwrap()), etag: ETag::new("copied").unwrap(), crc64nvme }
}

pub(super) fn input(backup: &Backup, slices: &[SliceResult], resume: Option<VerifyProgress>) -> VerifyInput {
    let has_three_parts = backup.copy.upload.as_ref().is_some_and(|upload| upload.part_count == 3);
    let etag = if has_three_parts { "copied-3" } else { "copied" };
    let stored = Stored { etag: ETag::new(etag).unwrap(), ..stored() };
    VerifyInput::Backup { backup: Box::new(backup.clone()), stored, slices: slices.to_vec(), resume }
}

/// The same for a copy that was published with this version.
pub(super) fn input_with_version(backup: &Backup, version: Option<&str>) -> VerifyInput {
    let stored = Stored { version_id: version.map(|id| VersionId::new(id).unwrap()), ..stored() };
    VerifyInput::Backup { backup: Box::new(backup.clone()), stored, slices: Vec::new(), resume: None }
}

/// A small copy of the bytes `abc`, whose source has a stored checksum.
pub(super) fn small() -> Backup {
    let mut backup = testing::single(3);
    backup.copy.crc64nvme = Some(Crc64Nvme::of(b"abc"));
    backup
}

/// The same as a replica: the source of its copy is the backup of version `v0`.
pub(super) fn as_replica(mut backup: Backup) -> Backup {
    backup.stamp.version_id = Some(VersionId::new("v0").unwrap());
    backup.copy.attributes.metadata = backup.stamp.add_to(&backup.copy.attributes.metadata).metadata;
    backup
}

fn verification(answer: Result<Verified, Error>) -> Verification {
    match answer.unwrap() {
        Verified::Object(verification) => verification,
        Verified::Slice(result) => panic!("an object was answered with {result:?}"),
    }
}

/// The evidence of a finished verification.
pub(super) fn proven(answer: Result<Verified, Error>) -> Evidence {
    let verification = verification(answer);
    assert!(verification.done && verification.resume.is_none());
    verification.evidence.unwrap()
}

/// A copy that is as planned.
pub(super) fn as_planned(size: usize, crc: Option<Crc64Nvme>) -> HeadObjectOutputBuilder {
    testing::head_object()
        .version_id("w1")
        .e_tag("\"copied\"")
        .content_length(i64::try_from(size).unwrap())
        .set_checksum_crc64_nvme(crc.map(|crc| crc.to_string()))
        .content_type("text/plain")
        .metadata("owner", "ann")
        .metadata("holdfast-stamp", testing::STAMP)
        .tag_count(1)
}

/// The same for a copy in three parts.
pub(super) fn in_parts(size: usize, crc: Option<Crc64Nvme>) -> HeadObjectOutputBuilder {
    as_planned(size, crc).e_tag("\"copied-3\"")
}

/// HeadObject of any object.
pub(super) fn head(output: HeadObjectOutputBuilder) -> Rule {
    mock!(Client::head_object).then_output(move || output.clone().build())
}

/// GetObjectTagging of the copy, which has one tag `team`.
pub(super) fn tagged(team: &'static str) -> Rule {
    mock!(Client::get_object_tagging).match_requests(|request| request.version_id() == Some("w1")).then_output(
        move || {
            let tag = Tag::builder().key("team").value(team).build().unwrap();
            GetObjectTaggingOutput::builder().tag_set(tag).build().unwrap()
        },
    )
}

/// The result of a digested slice with parts of this size.
pub(super) fn digested(bytes: &[u8], part: usize) -> SliceResult {
    let parts: Vec<_> = bytes.chunks(part).map(Sha256::of).collect();
    let digest = SliceDigest { crc64nvme: Crc64Nvme::of(bytes), sha256: Sha256::over_parts(&parts) };
    SliceResult { index: 0, done: true, bytes: bytes.len() as u64, digest: Some(digest), resume: None }
}

#[tokio::test]
async fn a_small_copy_is_read_back() {
    let crc = Crc64Nvme::of(b"abc");
    let sent = Sent::<HeadObjectInput>::default();
    let record = sent.clone();
    let rule = mock!(Client::head_object)
        .match_requests(move |request| record.note(request))
        // S3 may have carried this value over, so it is not compared.
        .then_output(move || as_planned(3, Some(Crc64Nvme::of(b"carried over"))).build());
    let read = read_copy(b"abc".to_vec());

    let evidence = proven(call("stored", input(&small(), &[], None), &[&rule, &read]).await);

    let expected = Evidence {
        method: ProofMethod::ReadBack,
        algorithm: Algorithm::Crc64Nvme,
        source: crc.to_string(),
        copy: crc.to_string(),
        bytes_read: 3,
        etags_equal: false,
        tags_compared: TagComparison::Count,
        differences: Vec::new(),
        rejected_versions: Vec::new(),
    };
    assert_eq!(evidence, expected);
    let request =
        HeadObjectInput::builder().bucket("dst").key("a b").version_id("w1").checksum_mode(ChecksumMode::Enabled);
    assert_eq!(sent.all(), [request.build().unwrap()]);
    assert_eq!(read.num_calls(), 1);
}

#[tokio::test]
async fn an_empty_copy_is_proven_by_the_checksum_of_no_bytes() {
    let backup = testing::single(0);
    for (mode, crc, method, value) in [
        ("stored", Some(Crc64Nvme::EMPTY), ProofMethod::BothRead, Sha256::of(b"").to_string()),
        ("streamed", None, ProofMethod::BothRead, Sha256::of(b"").to_string()),
    ] {
        let evidence = proven(call(mode, input(&backup, &[], None), &[&head(as_planned(0, crc))]).await);

        assert_eq!((evidence.method, evidence.source), (method, value));
    }
}

#[tokio::test]
async fn the_digest_of_a_source_is_compared_with_the_stored_checksum() {
    let bytes = content(90);
    let backup = testing::multipart(90, 30);
    let crc = Crc64Nvme::of(&bytes);
    let rules = [head(in_parts(90, Some(crc))), tagged("blue")];
    let slices = [digested(&bytes, 30)];

    let evidence = proven(call("stored", input(&backup, &slices, None), &rules.each_ref()).await);

    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::SourceRead, 90));
    assert_eq!((evidence.source.as_str(), evidence.copy.as_str()), (&*crc.to_string(), &*crc.to_string()));
    assert_eq!((evidence.tags_compared, evidence.differences.len()), (TagComparison::Values, 0));
}

#[tokio::test]
async fn a_source_without_a_checksum_is_read_to_prove_a_copy_in_parts_that_was_found() {
    let bytes = content(90);
    let crc = Crc64Nvme::of(&bytes);
    let rules = [head(in_parts(90, Some(crc))), read_source(bytes), tagged("blue")];

    let evidence = proven(call("stored", input(&testing::multipart(90, 30), &[], None), &rules.each_ref()).await);

    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::SourceRead, 90));
    assert_eq!(evidence.copy, crc.to_string());
}

#[tokio::test]
async fn both_sides_are_read_without_checksums_or_in_mode_streamed() {
    let bytes = content(90);
    let without = testing::single(90);
    let mut with = without.clone();
    with.copy.crc64nvme = Some(Crc64Nvme::of(&bytes));
    for (mode, backup) in [("stored", without), ("streamed", with)] {
        let rules =
            [head(as_planned(90, Some(Crc64Nvme::of(&bytes)))), read_source(bytes.clone()), read_copy(bytes.clone())];

        let evidence = proven(call(mode, input(&backup, &[], None), &rules.each_ref()).await);

        assert_eq!((evidence.method, evidence.algorithm), (ProofMethod::BothRead, Algorithm::Sha256));
        assert_eq!((evidence.source, evidence.bytes_read), (Sha256::of(&bytes).to_string(), 180));
    }
}

#[tokio::test]
async fn a_large_copy_is_compared_with_the_digests_of_its_source() {
    let bytes = content(90);
    let backup = testing::multipart(90, 30);
    let rules = [head(in_parts(90, None)), read_copy(bytes.clone()), tagged("blue")];
    let slices = [digested(&bytes, 30)];

    let evidence = proven(call("streamed", input(&backup, &slices, None), &rules.each_ref()).await);

    assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::BothRead, 180));
    assert_eq!(evidence.copy, slices[0].digest.unwrap().sha256.to_string());
    assert_eq!(rules[1].num_calls(), 3, "the source is not read again");
}

#[tokio::test]
async fn a_proof_that_stops_near_the_deadline_resumes_to_the_same_evidence() {
    let bytes = content(18 * 10);
    let backup = testing::multipart(180, 10);
    let rules = [head(as_planned(180, None)), read_source(bytes.clone()), read_copy(bytes), tagged("blue")];
    let rules = rules.each_ref();
    let whole = proven(call("streamed", input(&backup, &[], None), &rules).await);
    // With less than the smallest margin left, every call reads one part, of eighteen in three slices.
    let soon = Duration::from_secs(4);

    let mut resume = None;
    for read in 1..18 {
        let verification = verification(call_within(soon, "streamed", input(&backup, &[], resume), &rules).await);
        assert!(!verification.done && verification.evidence.is_none());
        let progress = verification.resume.unwrap();
        assert_eq!((progress.bytes_read, progress.slices.len()), (read * 20, usize::try_from(read / 6).unwrap()));
        resume = Some(progress);
    }
    let last = call_within(soon, "streamed", input(&backup, &[], resume), &rules).await;

    assert_eq!(proven(last), whole);
    assert_eq!(whole.bytes_read, 360);
}

/// GetObject of a source that was deleted.
fn read_deleted_source() -> Rule {
    mock!(Client::get_object)
        .match_requests(|request| request.bucket() == Some("src"))
        .then_http_response(|| testing::s3_error(404, "NoSuchVersion", "The specified version does not exist."))
}

#[tokio::test]
async fn without_its_source_a_copy_is_proven_by_the_planned_checksum() {
    for mode in ["stored", "streamed"] {
        let object = head(as_planned(3, Some(Crc64Nvme::of(b"abc"))));
        let rules = [&object, &read_deleted_source(), &read_copy(b"abc".to_vec())];

        let evidence = proven(call(mode, input(&small(), &[], None), &rules).await);

        assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::ReadBack, 3), "{mode}");
    }
}

#[tokio::test]
async fn a_copy_in_parts_is_proven_by_the_checksum_of_s3_without_a_read() {
    let crc = Crc64Nvme::of(b"abc");
    let mut backup = testing::multipart(90, 30);
    backup.copy.crc64nvme = Some(crc);
    let mut composite = testing::multipart(90, 30);
    composite.copy.other_checksum = Some(SourceChecksum {
        algorithm: Algorithm::Sha1,
        value: "c=-3".to_owned(),
        composite: Some(Composite { part_size: 30 }),
    });
    let of_composite = in_parts(90, None).checksum_sha1("c=-3").checksum_type(ChecksumType::Composite);
    for (backup, object, value) in
        [(backup, in_parts(90, Some(crc)), crc.to_string()), (composite, of_composite, "c=-3".to_owned())]
    {
        let rules = [head(object), tagged("blue")];

        let evidence = proven(call("stored", input(&backup, &[], None), &rules.each_ref()).await);

        assert_eq!((evidence.method, evidence.bytes_read), (ProofMethod::S3Checksum, 0));
        assert_eq!((evidence.source, evidence.copy), (value.clone(), value));
    }
}

#[tokio::test]
async fn a_copy_is_read_back_with_the_algorithm_and_the_parts_of_its_source() {
    for (algorithm, value, composite) in [
        (Algorithm::Md5, "kAFQmDzST7DWlj99KOF/cg==", None),
        (Algorithm::Sha1, "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", None),
        (Algorithm::Crc32, "NSRBwg==", None),
        (Algorithm::Crc32, "UDaNYg==-2", Some(Composite { part_size: 2 })),
    ] {
        let mut backup = testing::single(3);
        backup.copy.other_checksum = Some(SourceChecksum { algorithm, value: value.to_owned(), composite });
        let rules = [head(as_planned(3, None)), read_copy(b"abc".to_vec())];

        let evidence = proven(call("stored", input(&backup, &[], None), &rules.each_ref()).await);

        assert_eq!((evidence.method, evidence.algorithm), (ProofMethod::ReadBack, algorithm));
        assert_eq!((evidence.source.as_str(), evidence.copy.as_str()), (value, value));
    }
}

#[tokio::test]
async fn the_evidence_names_the_rejected_versions_of_the_plan() {
    let mut backup = small();
    backup.copy.rejected_versions = vec![VersionId::new("w0").unwrap()];
    let rules = [&head(as_planned(3, backup.copy.crc64nvme)), &tagged("blue")];

    let evidence = proven(call("stored", input(&backup, &[], None), &rules).await);

    assert_eq!(evidence.rejected_versions, backup.copy.rejected_versions);
}
