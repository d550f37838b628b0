//! The requests of the usual paths: a small object, a large one, and excluded keys.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, ServerSideEncryption, StorageClass};
use holdfast_core::{
    contract::{Method, Placement},
    layout::MIB,
};

use super::*;

#[tokio::test]
async fn a_small_object_costs_three_requests() {
    let source = mock!(Client::head_object)
        .match_requests(|request| {
            request.bucket() == Some("src")
                && request.key() == Some("a b")
                && request.version_id() == Some("v1")
                && request.checksum_mode() == Some(&ChecksumMode::Enabled)
        })
        .then_output(|| source().build());
    let (destination, tags) = (absent("dst"), tags(&[("team", "blue")]));
    let environment = [("REPLICA_BUCKET", "rep"), ("REPLICA_REGION", "eu-north-1"), ("STORAGE_CLASS", "GLACIER_IR")];
    let environment = [environment.as_slice(), &[("VERIFY_MODE", "streamed"), ("RECEIPT_BUCKET", "rec")]].concat();

    let plan = call(&[&source, &destination, &tags], &environment, input(event())).await.unwrap();

    assert_eq!([source.num_calls(), destination.num_calls(), tags.num_calls()], [1, 1, 1]);
    let expected = json!({
        "decision": "copy", "attempt": 1, "slices": [], "digestSlices": false,
        "replica": {"bucket": "rep", "region": "eu-north-1"},
        "backup": {
            "copy": {
                "source": {
                    "bucket": "src", "key": "a b", "versionId": "v1", "etag": "tag", "size": 5, "region": "eu-west-1"
                },
                "destination": {"bucket": "dst", "key": "a b", "region": "eu-west-1"},
                "precondition": "ifAbsent", "method": "copyObject", "crc64nvme": "AAAAAAAAAAA=",
                "attributes": {
                    "contentType": "text/plain", "metadata": {"owner": "ann", "holdfast-stamp": testing::STAMP},
                    "tags": {"team": "blue"}, "storageClass": "GLACIER_IR"
                }
            },
            "stamp": {"versionId": "v1", "sequencer": "0A", "etag": "tag", "lastModified": "2026-11-22T09:59:59Z"},
            "placement": "current",
            "event": {"id": "e-1", "time": "2026-11-22T10:00:00Z", "sequencer": "0A"}
        }
    });
    assert_eq!(serde_json::to_value(&plan).unwrap(), expected);
}

#[tokio::test]
async fn the_upload_of_a_large_object_has_the_sources_parts_and_attributes() {
    let whole = head("src", Some("v1"), source().content_length(20 * 8 * 1_048_576 - 5).set_checksum_crc64_nvme(None));
    let part = mock!(Client::head_object)
        .match_requests(|request| {
            request.part_number() == Some(1)
                && request.version_id() == Some("v1")
                && request.if_match() == Some("\"tag\"")
        })
        .then_output(|| testing::head_object().parts_count(20).content_length(8 * 1_048_576).build());
    let open = mock!(Client::create_multipart_upload)
        .match_requests(|request| {
            request.bucket() == Some("dst")
                && request.key() == Some("a b")
                && request.content_type() == Some("text/plain")
                && request.tagging() == Some("team=bl%20ue")
                && request.checksum_algorithm() == Some(&ChecksumAlgorithm::Crc64Nvme)
                && request.checksum_type() == Some(&ChecksumType::FullObject)
                && request.storage_class() == Some(&StorageClass::StandardIa)
                && request.server_side_encryption() == Some(&ServerSideEncryption::AwsKms)
                && request.ssekms_key_id() == Some("key-1")
                && request.metadata().is_some_and(|metadata| {
                    metadata.get("owner").is_some_and(|owner| owner == "ann")
                        && metadata.get("holdfast-stamp").is_some_and(|stamp| stamp == testing::STAMP)
                })
        })
        .then_output(|| CreateMultipartUploadOutput::builder().upload_id("up-1").build());
    let (destination, tags) = (absent("dst"), tags(&[("team", "bl ue")]));
    let environment = [("MULTIPART_THRESHOLD", "8388608"), ("STORAGE_CLASS", "STANDARD_IA"), ("KMS_KEY_ID", "key-1")];
    // The rule for the first part comes first, because the other one would match as well.
    let rules = [&part, &whole, &destination, &tags, &open];

    let plan = call(&rules, &environment, input(event())).await.unwrap();

    assert_eq!(rules.map(Rule::num_calls), [1; 5]);
    let Plan::Copy { backup, slices, digest_slices, .. } = &plan else { panic!("{plan:?}") };
    let upload = backup.copy.upload.as_ref().unwrap();
    assert_eq!((backup.copy.method, upload.upload_id.as_str()), (Method::Multipart, "up-1"));
    assert_eq!((upload.part_size, upload.part_count, slices.len()), (8 * MIB, 20, 3));
    assert!(*digest_slices, "the source has no checksum, so it has to be read");
}

/// The first part of an object of one part.
fn first_part() -> Rule {
    mock!(Client::head_object)
        .match_requests(|request| request.part_number() == Some(1))
        .then_output(|| testing::head_object().content_length(5).build())
}

#[tokio::test]
async fn slices_are_digested_without_a_source_checksum_or_in_mode_streamed() {
    for (crc, mode, digested) in
        [(Some("AAAAAAAAAAA="), "stored", false), (Some("AAAAAAAAAAA="), "streamed", true), (None, "stored", true)]
    {
        let source = head("src", Some("v1"), source().set_checksum_crc64_nvme(crc.map(str::to_owned)));
        let first = first_part();
        let rules = [&first, &source, &absent("dst"), &tags(&[]), &opened_upload()];
        let environment = [("MULTIPART_THRESHOLD", "5"), ("VERIFY_MODE", mode)];

        let plan = call(&rules, &environment, input(event())).await.unwrap();

        let Plan::Copy { digest_slices, .. } = plan else { panic!("{plan:?}") };
        assert_eq!(digest_slices, digested, "{crc:?} {mode}");
    }
}

#[tokio::test]
async fn a_large_copy_is_made_with_the_algorithm_and_the_parts_of_its_source() {
    for (source, algorithm, kind) in [
        (source().checksum_crc32("NSRBwg=="), ChecksumAlgorithm::Crc32, ChecksumType::FullObject),
        (
            source().checksum_sha256("c=-2").checksum_type(ChecksumType::Composite),
            ChecksumAlgorithm::Sha256,
            ChecksumType::Composite,
        ),
        (
            source().checksum_sha256("c=-3").checksum_type(ChecksumType::Composite),
            ChecksumAlgorithm::Crc64Nvme,
            ChecksumType::FullObject,
        ),
    ] {
        let part = mock!(Client::head_object)
            .match_requests(|request| request.part_number() == Some(1))
            .then_output(|| testing::head_object().parts_count(2).content_length(5 * 1_048_576).build());
        let source = source.content_length(8 * 1_048_576).set_checksum_crc64_nvme(None);
        let is_kept = algorithm != ChecksumAlgorithm::Crc64Nvme;
        let open = mock!(Client::create_multipart_upload)
            .match_requests(move |request| {
                request.checksum_algorithm() == Some(&algorithm) && request.checksum_type() == Some(&kind)
            })
            .then_output(|| CreateMultipartUploadOutput::builder().upload_id("up-1").build());
        let rules = [&part, &head("src", Some("v1"), source), &absent("dst"), &tags(&[]), &open];

        let plan = call(&rules, &[("MULTIPART_THRESHOLD", "5")], input(event())).await.unwrap();

        let Plan::Copy { digest_slices, .. } = &plan else { panic!("{plan:?}") };
        assert_eq!(*digest_slices, !is_kept, "a source whose parts differ is read");
        assert_eq!(planned(&plan).copy.upload.as_ref().unwrap().part_size, 5 * MIB);
    }
}

#[tokio::test]
async fn a_backup_inherits_an_archive_class_only_if_nothing_reads_it() {
    let replica = [("REPLICA_BUCKET", "rep"), ("REPLICA_REGION", "eu-north-1")];
    for (class, environment, expected, why) in [
        ("DEEP_ARCHIVE", &[][..], "DEEP_ARCHIVE", "nothing reads it"),
        ("GLACIER", &replica[..], "GLACIER_IR", "the replica is copied from it"),
        ("DEEP_ARCHIVE", &[("VERIFY_MODE", "streamed")][..], "GLACIER_IR", "its proof reads it"),
        ("STANDARD_IA", &replica[..], "STANDARD_IA", "it can be read"),
    ] {
        let restored = source().storage_class(class.into()).restore("ongoing-request=\"false\"");
        // The copy of an archived backup is made in parts, because it cannot be read back.
        let rules = [&first_part(), &head("src", Some("v1"), restored), &absent("dst"), &tags(&[]), &opened_upload()];

        let plan = call(&rules, environment, input(event())).await.unwrap();

        assert_eq!(planned(&plan).copy.attributes.storage_class.as_deref(), Some(expected), "{class}: {why}");
    }
}

#[tokio::test]
async fn an_excluded_key_costs_no_request() {
    for key in [".holdfast/late/a/v1", "tmp/x", "cache/x"] {
        let mut event = event();
        event["detail"]["object"]["key"] = json!(key);

        let plan = call(&[], &[("EXCLUDE_PREFIXES", "tmp/, cache/,")], input(event)).await.unwrap();

        assert_eq!(skip_reason(&plan), Some(SkipReason::Excluded), "{key}");
    }
}

#[tokio::test]
async fn a_deleted_or_replaced_source_is_skipped_with_the_reason() {
    let gone = |status| {
        mock!(Client::head_object)
            .match_requests(|request| request.bucket() == Some("src"))
            .then_http_response(move || bare(status))
    };
    let replaced = head("src", None, source().set_version_id(None).e_tag("\"other\""));
    for (event, source, reason, why) in [
        (event(), gone(404), SkipReason::SourceGone, "no such version"),
        (event(), gone(405), SkipReason::SourceGone, "a delete marker"),
        (unversioned_event(), gone(404), SkipReason::SourceGone, "no such object"),
        (unversioned_event(), replaced, SkipReason::Superseded, "another upload in an unversioned bucket"),
    ] {
        let plan = call(&[&source, &absent("dst"), &tags(&[])], &[], input(event)).await.unwrap();

        assert_eq!(skip_reason(&plan), Some(reason), "{why}: {plan:?}");
    }
}

#[tokio::test]
async fn a_source_without_versions_is_pinned_by_its_entity_tag() {
    let source = head("src", None, source().set_version_id(None));
    let tags = mock!(Client::get_object_tagging)
        .match_requests(|request| request.version_id().is_none())
        .then_output(|| GetObjectTaggingOutput::builder().set_tag_set(Some(Vec::new())).build().unwrap());

    let plan = call(&[&source, &absent("dst"), &tags], &[], input(unversioned_event())).await.unwrap();

    let backup = planned(&plan);
    assert_eq!((&backup.copy.source.version_id, backup.copy.source.etag.as_str()), (&None, "tag"));
    assert_eq!((&backup.stamp.version_id, backup.placement), (&None, Placement::Current));
}

#[tokio::test]
async fn full_metadata_displaces_its_largest_entry_for_the_stamp() {
    let notes = "n".repeat(2000);
    let rules = [&head("src", Some("v1"), source().metadata("notes", &notes)), &absent("dst"), &tags(&[])];

    let plan = call(&rules, &[], input(event())).await.unwrap();

    let Plan::Copy { backup, slices, stored: None, .. } = &plan else { panic!("{plan:?}") };
    let copy = &backup.copy;
    assert_eq!((copy.method, slices.len()), (Method::CopyObject, 0));
    let metadata: Vec<_> =
        copy.attributes.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(metadata, [("holdfast-stamp", testing::STAMP), ("owner", "ann")]);
    assert_eq!(copy.displaced_metadata, [("notes".to_owned(), notes)].into());
}
