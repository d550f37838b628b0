//! Multipart uploads.

use aws_sdk_s3::{
    Client,
    operation::{
        create_multipart_upload::{CreateMultipartUploadInput, CreateMultipartUploadOutput},
        list_parts::{ListPartsInput, ListPartsOutput},
    },
    types::{ChecksumAlgorithm, ChecksumType, Part, ServerSideEncryption, StorageClass},
};
use aws_smithy_mocks::mock;
use holdfast_core::{ErrorName, Fact, names::PartNumber};

use super::client;
use crate::{
    abort_upload, list_parts, open_upload,
    testing::{self, Sent},
};

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
async fn aborting_a_missing_upload_is_not_an_error() {
    let copy = testing::multipart(25, 10).copy;
    let refuses = |status, code: &'static str| {
        mock!(Client::abort_multipart_upload).then_http_response(move || testing::s3_error(status, code, "No"))
    };
    assert!(abort_upload(&client(&[&refuses(404, "NoSuchUpload")]), &copy, "up").await.is_ok());
    let failure = abort_upload(&client(&[&refuses(403, "AccessDenied")]), &copy, "up").await.unwrap_err();
    assert_eq!(failure.name(), ErrorName::DestinationDenied);
}
