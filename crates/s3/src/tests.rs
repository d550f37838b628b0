//! The requests of the S3 calls, and how the responses are read.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_sdk_s3::{
    Client,
    operation::{
        copy_object::{CopyObjectInput, CopyObjectOutput},
        create_multipart_upload::{CreateMultipartUploadInput, CreateMultipartUploadOutput},
        head_object::{HeadObjectInput, HeadObjectOutput},
        list_parts::{ListPartsInput, ListPartsOutput},
    },
    types::{
        AnnotationDirective, ChecksumAlgorithm, ChecksumMode, ChecksumType, CopyObjectResult, MetadataDirective, Part,
        ServerSideEncryption, StorageClass, TaggingDirective,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use holdfast_core::{
    ErrorName, Named,
    checksum::Crc64Nvme,
    contract::Precondition,
    names::{ETag, ObjectKey, PartNumber, VersionId},
};

use super::{ObjectRef, abort_upload, copy_object, head, list_parts, open_upload};
use crate::testing::{self, Sent};

fn client(rules: &[&Rule]) -> Client {
    mock_client!(aws_sdk_s3, RuleMode::MatchAny, rules)
}

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
async fn a_head_is_read_with_its_stamp() {
    let sent = Sent::<HeadObjectInput>::default();
    let note = sent.clone();
    let rule = mock!(Client::head_object).match_requests(move |request| note.note(request)).then_output(|| {
        testing::head_object()
            .version_id("v1")
            .e_tag("\"tag\"")
            .content_length(7)
            .checksum_crc64_nvme("AAAAAAAAAAA=")
            .checksum_type(ChecksumType::FullObject)
            .content_type("text/plain")
            .content_encoding("gzip")
            .expires_string("soon")
            .website_redirect_location("/x")
            .storage_class(StorageClass::DeepArchive)
            .restore("ongoing-request=\"true\"")
            .tag_count(2)
            .metadata("owner", "ann")
            .metadata("holdfast-stamp", "e=origin m=20261122T095959Z")
            .build()
    });
    let copy = testing::single(7).copy;
    let head = head(&client(&[&rule]), ObjectRef::source(&copy.source)).await.unwrap().unwrap();
    let expected =
        HeadObjectInput::builder().bucket("src").key("a b").version_id("v1").checksum_mode(ChecksumMode::Enabled);
    assert_eq!(sent.all(), [expected.build().unwrap()]);
    assert_eq!((head.size, head.etag.as_str(), head.crc64nvme), (7, "tag", Some(Crc64Nvme::EMPTY)));
    assert_eq!((head.tag_count, head.archived), (Some(2), true));
    let attributes = &head.attributes;
    assert_eq!(attributes.metadata.keys().collect::<Vec<_>>(), ["holdfast-stamp", "owner"]);
    assert_eq!(attributes.expires.as_deref(), Some("soon"));
    assert_eq!(attributes.storage_class.as_deref(), Some("DEEP_ARCHIVE"));
    assert_eq!(attributes.website_redirect_location.as_deref(), Some("/x"));
    assert_eq!(head.stamp.map(|stamp| stamp.etag), Some(ETag::new("origin").unwrap()));
}

#[tokio::test]
async fn a_composite_checksum_is_ignored_and_a_restored_archive_is_readable() {
    let rule = mock!(Client::head_object).then_output(|| {
        testing::head_object()
            .e_tag("\"tag\"")
            .content_length(0)
            .checksum_crc64_nvme("AAAAAAAAAAA=")
            .checksum_type(ChecksumType::Composite)
            .storage_class(StorageClass::Glacier)
            .restore("ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2027 00:00:00 GMT\"")
            .build()
    });
    let copy = testing::single(0).copy;
    let head = head(&client(&[&rule]), ObjectRef::source(&copy.source)).await.unwrap().unwrap();
    assert_eq!((head.crc64nvme, head.archived, head.version_id), (None, false, None));
}

#[tokio::test]
async fn a_missing_object_and_a_delete_marker_have_no_head() {
    let copy = testing::single(0).copy;
    for status in [404, 405] {
        let rule = mock!(Client::head_object).then_http_response(move || testing::bare(status));
        assert_eq!(head(&client(&[&rule]), ObjectRef::source(&copy.source)).await.unwrap(), None, "{status}");
    }
    let rule = mock!(Client::head_object).then_http_response(|| testing::bare(403));
    let failure = head(&client(&[&rule]), ObjectRef::source(&copy.source)).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::SourceDenied);
    assert!(failure.to_string().contains("Grant s3:GetObject, s3:GetObjectVersion and s3:ListBucket"), "{failure}");
}

fn page(numbers: std::ops::RangeInclusive<i32>, truncated: bool) -> ListPartsOutput {
    let part = |number| Part::builder().part_number(number).e_tag(format!("\"e{number}\"")).size(5).build();
    ListPartsOutput::builder().set_parts(Some(numbers.map(part).collect())).is_truncated(truncated).build()
}

#[tokio::test]
async fn parts_are_listed_page_by_page_within_the_range() {
    let sent = Sent::<ListPartsInput>::default();
    let noted = |marker: &'static str| {
        let note = sent.clone();
        mock!(Client::list_parts)
            .match_requests(move |request| request.part_number_marker() == Some(marker) && note.note(request))
    };
    let first = noted("499").then_output(|| page(500..=1499, true));
    // Part 1500 is missing, and the last page exceeds the requested range.
    let second = noted("1499").then_output(|| page(1501..=1700, true));
    let part = |number| PartNumber::new(number).unwrap();
    let copy = testing::multipart(5 * 2000, 5).copy;
    let parts = list_parts(&client(&[&first, &second]), &copy, "up", part(500)..=part(1600)).await.unwrap();
    assert_eq!(parts.len(), 1100);
    assert_eq!((parts[0].number, parts[1099].number), (part(500), part(1600)));
    assert_eq!((parts[0].etag.as_str(), parts[0].size), ("e500", 5));
    let max_parts: Vec<_> = sent.all().iter().map(|request| request.max_parts().unwrap()).collect();
    assert_eq!(max_parts, [1000, 101]);
    assert!(sent.all().iter().all(|request| request.upload_id() == Some("up") && request.key() == Some("a b")));
}

#[tokio::test]
async fn an_upload_without_parts_and_a_missing_upload_are_distinguished() {
    let part = PartNumber::FIRST;
    let copy = testing::multipart(5, 5).copy;
    let empty = mock!(Client::list_parts).then_output(|| ListPartsOutput::builder().is_truncated(false).build());
    assert_eq!(list_parts(&client(&[&empty]), &copy, "up", part..=part).await.unwrap(), []);
    let missing = mock!(Client::list_parts).then_http_response(|| testing::s3_error(404, "NoSuchUpload", "No"));
    let failure = list_parts(&client(&[&missing]), &copy, "up", part..=part).await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::UploadGone);
}

#[tokio::test]
async fn an_upload_is_opened_with_every_attribute_and_a_full_object_checksum() {
    let mut copy = testing::multipart(25, 10).copy;
    copy.attributes.storage_class = Some("STANDARD_IA".to_owned());
    let sent = Sent::<CreateMultipartUploadInput>::default();
    let note = sent.clone();
    let rule = mock!(Client::create_multipart_upload)
        .match_requests(move |request| note.note(request))
        .then_output(|| CreateMultipartUploadOutput::builder().upload_id("up-1").build());
    assert_eq!(open_upload(&client(&[&rule]), &copy, Some("key-1")).await.unwrap(), "up-1");
    let expected = CreateMultipartUploadInput::builder()
        .bucket("dst")
        .key("a b")
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .checksum_type(ChecksumType::FullObject)
        .metadata("owner", "ann")
        .metadata("holdfast-stamp", testing::STAMP)
        .tagging("team=blue")
        .content_type("text/plain")
        .storage_class(StorageClass::StandardIa)
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("key-1")
        .build()
        .unwrap();
    assert_eq!(sent.all(), [expected]);
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

#[tokio::test]
async fn aborting_a_missing_upload_is_not_an_error() {
    let copy = testing::multipart(25, 10).copy;
    let refuses = |status, code: &'static str| {
        mock!(Client::abort_multipart_upload).then_http_response(move || testing::s3_error(status, code, "No"))
    };
    assert!(abort_upload(&client(&[&refuses(404, "NoSuchUpload")]), &copy, "up").await.is_ok());
    let failure = abort_upload(&client(&[&refuses(403, "AccessDenied")]), &copy, "up").await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::DestinationDenied);
}
