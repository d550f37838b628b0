//! Backup mode: copies that cannot be proven. Every error has its name and says what to do.

use aws_sdk_s3::{Client, types::StorageClass};
use aws_smithy_mocks::mock;
use holdfast_core::{
    ErrorName, Fact,
    checksum::{Crc64Nvme, Sha256},
    failure::report,
};
use holdfast_lambda::Function;
use holdfast_s3::testing;

use super::{
    backup::{as_planned, digested, head, in_parts, input, small, tagged},
    call, content, read_copy, read_source,
    reject::{delete_copy, head_source, write_record},
};
use crate::ChecksumVerify;

#[tokio::test]
async fn a_copy_that_does_not_match_is_named_with_both_values() {
    let (right, wrong) = (content(90), vec![7; 90]);
    let crcs = (Crc64Nvme::of(&right), Crc64Nvme::of(&wrong));
    let single = testing::single(90);
    let mut known = single.clone();
    known.copy.crc64nvme = Some(crcs.0);
    let parts = testing::multipart(90, 30);
    let digests = [digested(&right, 30)];
    let of_slice = (digests[0].digest.unwrap().sha256, digested(&wrong, 30).digest.unwrap().sha256);
    let of_part = (Sha256::of(&right), Sha256::of(&wrong));
    let crc = format!("the CRC64NVME of the source is {}, of the copy {}.", crcs.0, crcs.1);
    let slice = format!("the SHA-256 of parts 1 to 3 of the source is {}, of the copy {}.", of_slice.0, of_slice.1);
    let part = format!("the SHA-256 of part 1 of the source is {}, of the copy {}.", of_part.0, of_part.1);
    let size = "the size in bytes of the source is 90, of the copy 89.".to_owned();
    for (mode, input, object, sentence) in [
        ("stored", input(&known, &[], None), as_planned(90, Some(crcs.0)), crc.clone()),
        ("stored", input(&parts, &digests, None), in_parts(90, Some(crcs.1)), crc.clone()),
        ("stored", input(&parts, &[], None), in_parts(90, Some(crcs.1)), crc),
        ("stored", input(&single, &[], None), as_planned(90, Some(crcs.0)), part.clone()),
        ("streamed", input(&parts, &digests, None), in_parts(90, None), slice),
        ("streamed", input(&known, &[], None), as_planned(90, None), part),
        ("stored", input(&known, &[], None), as_planned(89, None), size),
    ] {
        let rules = [
            head_source(),
            head(object),
            read_source(right.clone()),
            read_copy(wrong.clone()),
            tagged("blue"),
            delete_copy(),
            write_record(),
        ];

        let error = call(mode, input, &rules.each_ref()).await.unwrap_err();

        let expected = format!(
            "The copy s3://dst/a b (version w1) does not match its source s3://src/a b (version v1): {sentence} That \
             version was removed. Redrive to copy the object again. If the error repeats, keep this message and check the \
             bucket policies and gateways between the two buckets."
        );
        assert_eq!((error.name(), report(&error)), (ErrorName::ChecksumMismatch, expected));
    }
}

#[tokio::test]
async fn a_deleted_or_replaced_copy_is_a_changed_destination() {
    let deleted = mock!(Client::head_object).then_http_response(|| testing::bare(404));
    let replaced = head(as_planned(3, None).e_tag("\"other\""));
    for (rule, sentence) in [
        (deleted, "The copy s3://dst/a b (version w1) was deleted after it was published. A new plan is made."),
        (replaced, "The copy s3://dst/a b (version w1) was replaced after it was published. A new plan is made."),
    ] {
        let error = call("stored", input(&testing::single(3), &[], None), &[&rule]).await.unwrap_err();

        assert_eq!((error.name(), report(&error).as_str()), (ErrorName::DestinationChanged, sentence));
        assert!(ChecksumVerify::RAISES.contains(&error.name()));
    }
}

#[tokio::test]
async fn an_archived_copy_is_refused_before_anything_is_read() {
    let rule = head(as_planned(3, None).storage_class(StorageClass::DeepArchive));

    let error = call("streamed", input(&testing::single(3), &[], None), &[&rule]).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::ConfigInvalid);
    assert!(report(&error).contains("VERIFY_MODE to stored, or restore the copy"), "{error}");
    assert!(!report(&error).contains("STORAGE_CLASS"), "the copy has its class already: {error}");
}

#[tokio::test]
async fn a_denied_request_names_the_missing_permission() {
    let mut backup = testing::multipart(3, 3);
    backup.copy.crc64nvme = small().copy.crc64nvme;
    let denied = || testing::s3_error(403, "AccessDenied", "not authorized to perform: s3:GetObjectTagging");
    let rules =
        [head(as_planned(3, backup.copy.crc64nvme)), mock!(Client::get_object_tagging).then_http_response(denied)];

    let error = call("stored", input(&backup, &[], None), &rules.each_ref()).await.unwrap_err();

    assert_eq!(error.name(), ErrorName::DestinationDenied);
    let advice = "Grant s3:GetObjectTagging and s3:GetObjectVersionTagging on s3://dst/a b (version w1)";
    assert!(report(&error).contains(advice), "{error}");
}

#[tokio::test]
async fn a_deleted_source_without_a_checksum_leaves_the_copy_unproven() {
    for (status, code) in [(404, "NoSuchVersion"), (412, "PreconditionFailed")] {
        let gone = mock!(Client::get_object)
            .match_requests(|request| request.bucket() == Some("src"))
            .then_http_response(move || testing::s3_error(status, code, "Gone."));
        let rules = [&head(as_planned(3, Some(Crc64Nvme::of(b"abc")))), &gone];

        let error = call("stored", input(&testing::single(3), &[], None), &rules).await.unwrap_err();

        assert_eq!(error.name(), ErrorName::SourceGone);
        let sentence = "The source version s3://src/a b (version v1) was deleted before its copy could be proven. The \
                        copy s3://dst/a b (version w1) exists without a receipt.";
        assert!(report(&error).starts_with(sentence), "{error}");
    }
}
