//! CopyObject.

use aws_sdk_s3::{
    Client,
    operation::{
        copy_object::{CopyObjectInput, CopyObjectOutput},
        create_multipart_upload::{CreateMultipartUploadInput, CreateMultipartUploadOutput},
        head_object::HeadObjectOutput,
    },
    types::{
        AnnotationDirective, ChecksumAlgorithm, CopyObjectResult, MetadataDirective, ServerSideEncryption,
        StorageClass, TaggingDirective,
    },
};
use aws_smithy_mocks::mock;
use holdfast_core::{
    ErrorName, Fact,
    checksum::Crc64Nvme,
    contract::Precondition,
    names::{ETag, ObjectKey, VersionId},
};

use super::client;
use crate::{
    copy_object, open_upload,
    testing::{self, Sent},
};

fn copied() -> CopyObjectOutput {
    let result = CopyObjectResult::builder().e_tag("\"copied\"").checksum_crc64_nvme("AAAAAAAAAAA=").build();
    CopyObjectOutput::builder().version_id("w1").copy_object_result(result).build()
}

/// The object at the destination, with the stamp of the same upload or of another one.
fn published(sequencer: &str) -> HeadObjectOutput {
    let stamp = if sequencer == "0A" {
        testing::STAMP.to_owned()
    } else {
        format!("v=v2 s={sequencer} e=tag m=20261122T095959Z")
    };
    testing::head_object()
        .version_id("w1")
        .e_tag("\"copied\"")
        .content_length(3)
        .metadata("holdfast-stamp", stamp)
        .build()
}

#[tokio::test]
async fn a_single_copy_is_pinned_conditional_and_has_every_attribute() {
    let mut copy = testing::single(3).copy;
    copy.attributes.cache_control = Some("no-cache".to_owned());
    copy.attributes.storage_class = Some("STANDARD_IA".to_owned());
    let sent = Sent::<CopyObjectInput>::default();
    let note = sent.clone();
    let rule = mock!(Client::copy_object).match_requests(move |request| note.note(request)).then_output(copied);
    let stored = copy_object(&client(&[&rule]), &copy, Some("key-1")).await.unwrap();
    assert_eq!(stored.version_id.unwrap().as_str(), "w1");
    assert_eq!((stored.etag, stored.crc64nvme), (ETag::new("copied").unwrap(), Some(Crc64Nvme::EMPTY)));
    let expected = CopyObjectInput::builder()
        .bucket("dst")
        .key("a b")
        .copy_source("src/a%20b?versionId=v1")
        .copy_source_if_match("\"tag\"")
        .if_none_match("*")
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .metadata_directive(MetadataDirective::Replace)
        .metadata("owner", "ann")
        .metadata("holdfast-stamp", testing::STAMP)
        .tagging_directive(TaggingDirective::Replace)
        .annotation_directive(AnnotationDirective::Exclude)
        .tagging("team=blue")
        .content_type("text/plain")
        .cache_control("no-cache")
        .storage_class(StorageClass::StandardIa)
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("key-1")
        .build()
        .unwrap();
    assert_eq!(sent.all(), [expected]);
}

#[tokio::test]
async fn a_copy_over_a_known_object_is_conditional_on_that_object() {
    let mut copy = testing::single(3).copy;
    copy.precondition = Precondition::IfMatch(ETag::new("old").unwrap());
    let rule = mock!(Client::copy_object)
        .match_requests(|request| request.if_match() == Some("\"old\"") && request.if_none_match().is_none())
        .then_output(copied);
    assert!(copy_object(&client(&[&rule]), &copy, None).await.is_ok());
}

#[tokio::test]
async fn a_retry_does_not_repeat_a_copy_over_equal_bytes() {
    let mut copy = testing::single(3).copy;
    copy.precondition = Precondition::IfMatch(copy.source.etag.clone());
    for (sequencer, copies) in [("0A", 0), ("09", 1)] {
        let (head, made) = (
            mock!(Client::head_object).then_output(move || published(sequencer)),
            mock!(Client::copy_object).then_output(copied),
        );
        assert!(copy_object(&client(&[&head, &made]), &copy, None).await.is_ok());
        assert_eq!((head.num_calls(), made.num_calls()), (1, copies), "the object has the sequencer {sequencer}");
    }
}

#[tokio::test]
async fn a_failed_precondition_is_success_if_the_same_copy_is_published() {
    let refused = || {
        mock!(Client::copy_object)
            .then_http_response(|| testing::s3_error(412, "PreconditionFailed", "It did not hold"))
    };
    let copy = testing::single(3).copy;
    let same_stamp = mock!(Client::head_object).then_output(|| published("0A"));
    let stored = copy_object(&client(&[&refused(), &same_stamp]), &copy, None).await.unwrap();
    assert_eq!(stored.version_id.unwrap().as_str(), "w1");

    let other_stamp = mock!(Client::head_object).then_output(|| published("0B"));
    let failure = copy_object(&client(&[&refused(), &other_stamp]), &copy, None).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::DestinationChanged);

    let nothing = mock!(Client::head_object).then_http_response(|| testing::bare(404));
    let failure = copy_object(&client(&[&refused(), &nothing]), &copy, None).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::DestinationChanged);
}

#[tokio::test]
async fn a_rejected_version_is_not_used_as_the_copy() {
    let mut copy = testing::single(3).copy;
    copy.rejected_versions = vec![VersionId::new("w1").unwrap()];
    let refused = mock!(Client::copy_object)
        .then_http_response(|| testing::s3_error(409, "ConditionalRequestConflict", "Another one is under way"));
    let bad = mock!(Client::head_object).then_output(|| published("0A"));
    let failure = copy_object(&client(&[&refused, &bad]), &copy, None).await.unwrap_err();
    assert_eq!((failure.name(), bad.num_calls()), (ErrorName::DestinationChanged, 1));
}

#[tokio::test]
async fn a_failed_precondition_is_always_a_change_if_the_copy_has_no_stamp() {
    let mut copy = testing::single(3).copy;
    copy.attributes.metadata.clear();
    let refused = mock!(Client::copy_object)
        .then_http_response(|| testing::s3_error(412, "PreconditionFailed", "It did not hold"));
    let failure = copy_object(&client(&[&refused]), &copy, None).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::DestinationChanged);
    assert_eq!(refused.num_calls(), 1, "there is no other request");
}

#[tokio::test]
async fn an_unreadable_copy_response_is_retried() {
    let rule = mock!(Client::copy_object).then_output(|| CopyObjectOutput::builder().build());
    let failure = copy_object(&client(&[&rule]), &testing::single(3).copy, None).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::S3Unavailable);
}

#[tokio::test]
async fn tags_without_room_in_the_headers_are_not_sent() {
    // In a header a space is three bytes, and the ü of a key is six.
    for (spaces, umlauts, metadata, is_sent) in [
        (1_400, 0, 0, true),
        (1_700, 0, 0, false),
        (400, 511, 0, true),
        (700, 511, 0, false),
        (400, 0, 1_900, true),
        (400, 511, 1_900, false),
    ] {
        let mut copy = testing::multipart(25, 10).copy;
        copy.attributes.tags = [("key-1".to_owned(), " ".repeat(spaces))].into();
        copy.attributes.metadata = [("m".to_owned(), "v".repeat(metadata))].into();
        copy.source.key = ObjectKey::new(format!("k{}", "ü".repeat(umlauts))).unwrap();
        let (copies, uploads) = (Sent::<CopyObjectInput>::default(), Sent::<CreateMultipartUploadInput>::default());
        let (copy_note, upload_note) = (copies.clone(), uploads.clone());
        let made =
            mock!(Client::copy_object).match_requests(move |request| copy_note.note(request)).then_output(copied);
        let open = mock!(Client::create_multipart_upload)
            .match_requests(move |request| upload_note.note(request))
            .then_output(|| CreateMultipartUploadOutput::builder().upload_id("up-1").build());
        copy_object(&client(&[&made]), &copy, None).await.unwrap();
        open_upload(&client(&[&open]), &copy, None).await.unwrap();
        assert_eq!(copies.all()[0].tagging_directive(), Some(&TaggingDirective::Replace));
        assert_eq!(copies.all()[0].tagging().is_some(), is_sent, "{spaces}");
        assert_eq!(uploads.all()[0].tagging().is_some(), is_sent, "{spaces}");
    }
}
