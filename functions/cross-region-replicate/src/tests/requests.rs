//! The requests of the usual paths: a small backup, a large one, and one that is replicated already.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, MetadataDirective, TaggingDirective};
use holdfast_core::{ErrorName, layout::MIB};
use holdfast_s3::testing::single;

use super::*;

#[tokio::test]
async fn a_small_backup_is_copied_in_one_request_from_the_proven_version() {
    let copy = mock!(Client::copy_object)
        .match_requests(|request| {
            request.bucket() == Some("rep")
                && request.key() == Some("a b")
                && request.copy_source() == Some("dst/a%20b?versionId=b%2F1")
                && request.copy_source_if_match() == Some("\"backup-tag\"")
                && request.if_none_match() == Some("*")
                && request.if_match().is_none()
                && request.metadata_directive() == Some(&MetadataDirective::Replace)
                && request.tagging_directive() == Some(&TaggingDirective::Replace)
                && request.tagging() == Some("team=blue")
                && request.content_type() == Some("text/plain")
                && request.checksum_algorithm() == Some(&ChecksumAlgorithm::Crc64Nvme)
                && request.ssekms_key_id().is_none()
                && request.metadata().is_some_and(|metadata| {
                    metadata.get("owner").is_some_and(|owner| owner == "ann")
                        && metadata.get("holdfast-stamp").is_some_and(|stamp| stamp == testing::STAMP)
                })
        })
        .then_output(|| {
            let result = CopyObjectResult::builder().e_tag("\"copy\"").checksum_crc64_nvme("AAAAAAAAAAA=").build();
            CopyObjectOutput::builder().version_id("r2").copy_object_result(result).build()
        });
    let head = head("rep", "a b", None);

    let plan = call(&[&head, &copy], "10", input(&single(5))).await.unwrap();

    assert_eq!((head.num_calls(), copy.num_calls()), (1, 1));
    let stored = plan.stored.unwrap();
    assert_eq!((stored.etag.as_str(), plan.slices.len(), plan.attempt), ("copy", 0, 1));
    assert_eq!(plan.replica.copy.source.region, "eu-west-1");
    assert_eq!(plan.replica.copy.destination.region, "eu-north-1");
}

#[tokio::test]
async fn a_large_replica_has_the_parts_of_its_backup() {
    let open = mock!(Client::create_multipart_upload)
        .match_requests(|request| {
            request.bucket() == Some("rep")
                && request.key() == Some("a b")
                && request.tagging() == Some("team=blue")
                && request.content_type() == Some("text/plain")
                && request.checksum_type() == Some(&ChecksumType::FullObject)
                && request.ssekms_key_id().is_none()
                && request
                    .metadata()
                    .is_some_and(|metadata| metadata.get("holdfast-stamp").is_some_and(|stamp| stamp == testing::STAMP))
        })
        .then_output(|| CreateMultipartUploadOutput::builder().upload_id("up-1").build());

    let plan = call(&[&head("rep", "a b", None), &open], "10", input(&multipart(100 * MIB, 5 * MIB))).await.unwrap();

    let upload = plan.replica.copy.upload.unwrap();
    assert_eq!((upload.upload_id.as_str(), upload.part_size, upload.part_count), ("up-1", 5 * MIB, 20));
    assert_eq!((plan.slices.len(), plan.digest_slices, plan.stored), (3, false, None));
    assert_eq!(plan.replica.copy.crc64nvme.unwrap().to_string(), "AAAAAAAAAAA=");
}

#[tokio::test]
async fn the_parts_of_a_found_backup_are_read_from_the_backup() {
    let found = |etag: &str| {
        let mut backup = multipart(100 * MIB, 5 * MIB);
        backup.copy.upload = None;
        let mut input = input(&backup);
        input.proven.stored.etag = serde_json::from_value(json!(etag)).unwrap();
        input
    };
    let first = || {
        mock!(Client::head_object)
            .match_requests(|request| {
                request.part_number() == Some(1)
                    && request.version_id() == Some("b/1")
                    && request.if_match() == Some("\"backup-20\"")
            })
            .then_output(|| testing::head_object().parts_count(20).content_length(5 * 1_048_576).build())
    };
    for (etag, part_size, why) in
        [("backup-20", 5 * MIB, "the parts of its plan"), ("backup", 64 * MIB, "a copy in one request has no parts")]
    {
        let plan = call(&[&first(), &head("rep", "a b", None), &opened_upload()], "10", found(etag)).await.unwrap();

        assert_eq!(plan.replica.copy.upload.unwrap().part_size, part_size, "{why}");
    }
    let gone = mock!(Client::head_object)
        .match_requests(|request| request.bucket() == Some("dst"))
        .then_http_response(|| bare(404));

    let error = call(&[&gone, &head("rep", "a b", None)], "10", found("backup-20")).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::SourceGone, "{error}");
}

#[tokio::test]
async fn a_backup_without_a_stored_checksum_is_read() {
    let mut input = input(&multipart(100 * MIB, 5 * MIB));
    input.proven.stored.crc64nvme = None;

    let plan = call(&[&head("rep", "a b", None), &opened_upload()], "10", input).await.unwrap();

    assert!(plan.digest_slices && plan.replica.copy.crc64nvme.is_none());
}

#[tokio::test]
async fn a_published_replica_of_the_upload_is_not_copied_again() {
    for backup in [single(5), multipart(100 * MIB, 5 * MIB)] {
        let plan = call(&[&head("rep", "a b", Some(replica("v1", "0A")))], "10", input(&backup)).await.unwrap();

        assert_eq!(plan.stored.unwrap().etag.as_str(), "published");
        assert_eq!((plan.slices.len(), plan.replica.copy.upload), (0, None));
    }
}
