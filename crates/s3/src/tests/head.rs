//! HeadObject.

use aws_sdk_s3::{
    Client,
    operation::head_object::HeadObjectInput,
    types::{ChecksumMode, ChecksumType, StorageClass},
};
use aws_smithy_mocks::mock;
use holdfast_core::{ErrorName, Fact, checksum::Crc64Nvme, failure::report, names::ETag};

use super::client;
use crate::{
    ObjectRef, head,
    testing::{self, Sent},
};

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
    assert!(report(&failure).contains("Grant s3:GetObject, s3:GetObjectVersion and s3:ListBucket"), "{failure}");
}
