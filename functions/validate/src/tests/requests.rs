//! The requests of the usual paths: a small object, a large one, and what is left out.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, ServerSideEncryption, StorageClass};
use holdfast_core::{
    contract::{Method, Placement, Precondition, StampPlace},
    layout::MIB,
};

use super::*;

#[tokio::test]
async fn a_small_object_costs_three_requests_each_pinned() {
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
    let plan = ask(&[&source, &destination, &tags], &environment, input(event())).await.unwrap();

    assert_eq!([source.num_calls(), destination.num_calls(), tags.num_calls()], [1, 1, 1]);
    let expected = json!({
        "decision": "copy", "attempt": 1, "slices": [], "digestSlices": false,
        "replica": {"bucket": "rep", "region": "eu-north-1"},
        "transfer": {
            "source": {
                "bucket": "src", "key": "a b", "versionId": "v1", "etag": "tag", "size": 5, "region": "eu-west-1"
            },
            "destination": {"bucket": "dst", "key": "a b", "region": "eu-west-1"},
            "precondition": "ifAbsent", "method": "copyObject", "crc64nvme": "AAAAAAAAAAA=",
            "attributes": {
                "contentType": "text/plain", "metadata": {"owner": "ann"}, "tags": {"team": "blue"},
                "storageClass": "GLACIER_IR"
            },
            "stamp": {"versionId": "v1", "sequencer": "0A", "etag": "tag"}, "stampPlace": "metadata",
            "placement": "current",
            "event": {"id": "e-1", "time": "2026-11-22T10:00:00Z", "sequencer": "0A"}
        }
    });
    assert_eq!(serde_json::to_value(&plan).unwrap(), expected);
}

#[tokio::test]
async fn a_large_object_keeps_the_parts_of_the_source_and_its_upload_carries_every_attribute() {
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
                        && metadata.get("holdfast-source-version").is_some_and(|version| version == "v1")
                        && metadata.get("holdfast-sequencer").is_some_and(|sequencer| sequencer == "0A")
                        && metadata.get("holdfast-source-etag").is_some_and(|etag| etag == "tag")
                })
        })
        .then_output(|| CreateMultipartUploadOutput::builder().upload_id("up-1").build());
    let (destination, tags) = (absent("dst"), tags(&[("team", "bl ue")]));
    let environment = [("MULTIPART_THRESHOLD", "8388608"), ("STORAGE_CLASS", "STANDARD_IA"), ("KMS_KEY_ID", "key-1")];
    // The rule for the first part has to be asked first: the other one would match as well.
    let rules = [&part, &whole, &destination, &tags, &open];
    let plan = ask(&rules, &environment, input(event())).await.unwrap();

    assert_eq!(rules.map(Rule::num_calls), [1; 5]);
    let Plan::Copy { transfer, slices, digest_slices, .. } = &plan else { panic!("{plan:?}") };
    let upload = transfer.upload.as_ref().unwrap();
    assert_eq!((transfer.method, upload.upload_id.as_str()), (Method::Multipart, "up-1"));
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
async fn slices_are_digested_only_where_the_source_has_no_checksum_or_the_mode_asks_for_it() {
    for (crc, mode, digested) in
        [(Some("AAAAAAAAAAA="), "stored", false), (Some("AAAAAAAAAAA="), "streamed", true), (None, "stored", true)]
    {
        let source = head("src", Some("v1"), source().set_checksum_crc64_nvme(crc.map(str::to_owned)));
        let first = first_part();
        let rules = [&first, &source, &absent("dst"), &tags(&[]), &opened()];
        let environment = [("MULTIPART_THRESHOLD", "5"), ("VERIFY_MODE", mode)];
        let plan = ask(&rules, &environment, input(event())).await.unwrap();
        let Plan::Copy { digest_slices, .. } = plan else { panic!("{plan:?}") };
        assert_eq!(digest_slices, digested, "{crc:?} {mode}");
    }
}

#[tokio::test]
async fn a_backup_inherits_an_archive_class_only_where_nothing_has_to_read_it() {
    let replica = [("REPLICA_BUCKET", "rep"), ("REPLICA_REGION", "eu-north-1")];
    for (class, environment, expected, why) in [
        ("DEEP_ARCHIVE", &[][..], "DEEP_ARCHIVE", "nothing reads it"),
        ("GLACIER", &replica[..], "GLACIER_IR", "the replica is copied from it"),
        ("DEEP_ARCHIVE", &[("VERIFY_MODE", "streamed")][..], "GLACIER_IR", "its proof reads it"),
        ("STANDARD_IA", &replica[..], "STANDARD_IA", "it can be read"),
    ] {
        let restored = source().storage_class(class.into()).restore("ongoing-request=\"false\"");
        let rules = [&head("src", Some("v1"), restored), &absent("dst"), &tags(&[])];
        let plan = ask(&rules, environment, input(event())).await.unwrap();
        assert_eq!(transfer(&plan).attributes.storage_class.as_deref(), Some(expected), "{class}: {why}");
    }
}

#[tokio::test]
async fn what_the_configuration_leaves_out_costs_no_request() {
    for key in [".holdfast/late/a/v1", "tmp/x", "cache/x"] {
        let mut event = event();
        event["detail"]["object"]["key"] = json!(key);
        let plan = ask(&[], &[("EXCLUDE_PREFIXES", "tmp/, cache/,")], input(event)).await.unwrap();
        assert_eq!(reason(&plan), Some(SkipReason::Excluded), "{key}");
    }
}

#[tokio::test]
async fn a_source_that_is_gone_or_replaced_is_skipped_and_said_why() {
    let mut unversioned = event();
    unversioned["detail"]["object"].as_object_mut().unwrap().remove("version-id");
    let gone = |status| {
        mock!(Client::head_object)
            .match_requests(|request| request.bucket() == Some("src"))
            .then_http_response(move || bare(status))
    };
    let replaced = head("src", None, source().set_version_id(None).e_tag("\"other\""));
    for (event, source, reason, why) in [
        (event(), gone(404), SkipReason::SourceGone, "no such version"),
        (event(), gone(405), SkipReason::SourceGone, "a delete marker"),
        (unversioned.clone(), gone(404), SkipReason::SourceGone, "no such object"),
        (unversioned, replaced, SkipReason::Superseded, "another upload in an unversioned bucket"),
    ] {
        let plan = ask(&[&source, &absent("dst"), &tags(&[])], &[], input(event)).await.unwrap();
        assert_eq!(super::reason(&plan), Some(reason), "{why}: {plan:?}");
    }
}

#[tokio::test]
async fn an_unversioned_source_is_pinned_by_its_entity_tag_alone() {
    let mut event = event();
    event["detail"]["object"].as_object_mut().unwrap().remove("version-id");
    let source = head("src", None, source().set_version_id(None));
    let tags = mock!(Client::get_object_tagging)
        .match_requests(|request| request.version_id().is_none())
        .then_output(|| GetObjectTaggingOutput::builder().set_tag_set(Some(Vec::new())).build().unwrap());
    let plan = ask(&[&source, &absent("dst"), &tags], &[], input(event)).await.unwrap();
    let transfer = transfer(&plan);
    assert_eq!((&transfer.source.version_id, transfer.source.etag.as_str()), (&None, "tag"));
    assert_eq!((&transfer.stamp.version_id, transfer.placement), (&None, Placement::Current));
}

#[tokio::test]
async fn metadata_without_room_for_the_stamp_leaves_it_to_the_receipt() {
    let full = || source().metadata("notes", "n".repeat(1950));
    let standing = || head_key("dst", "a b", Some(testing::head_object().e_tag("\"theirs\"").content_length(1)));

    let written = filed(Some(("a b", "b1")));
    let rules = [&head("src", Some("v1"), full()), &written, &standing(), &tags(&[])];
    let plan = ask(&rules, &[], input(event())).await.unwrap();
    assert_eq!(reason(&plan), Some(SkipReason::AlreadyBackedUp), "the receipt says so");

    // Nothing says whether what stands is newer; the source says that its own current version is this one.
    let unwritten = filed(None);
    let (current, first) = (head("src", None, source()), first_part());
    let rules = [&first, &head("src", Some("v1"), full()), &unwritten, &standing(), &tags(&[]), &current, &opened()];
    let plan = ask(&rules, &[], input(event())).await.unwrap();
    let transfer = transfer(&plan);
    assert_eq!(
        transfer.upload.as_ref().map(|upload| upload.part_count),
        Some(1),
        "a wrong byte never becomes an object"
    );
    assert_eq!((transfer.stamp_place, unwritten.num_calls()), (StampPlace::Receipt, 1));
    assert!(matches!(&transfer.precondition, Precondition::IfMatch(etag) if etag.as_str() == "theirs"));
    assert_eq!((transfer.placement, current.num_calls()), (Placement::Current, 1));
    assert_eq!(transfer.metadata().len(), 2, "owner and notes, and no stamp");
}
