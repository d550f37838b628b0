//! CopyObject, and the question whether a copy of ours stands already.

use aws_sdk_s3::{
    Client,
    types::{AnnotationDirective, ChecksumAlgorithm, MetadataDirective, TaggingDirective},
};
use holdfast_core::{
    ErrorName, Failure, Named,
    checksum::Crc64Nvme,
    contract::{Precondition, StampPlace, Stored, Transfer},
    encoding,
    names::{ETag, VersionId},
};

use super::{
    Head, ObjectRef,
    attributes::{expires, with_attributes},
    head,
};
use crate::failure::{Call, Side};

/// Copies a whole object and every attribute of it in one request, pinned to the source's version and entity tag, under
/// the plan's precondition.
///
/// Metadata is replaced, not copied, because the stamp is added; so every attribute is given again. When the
/// precondition fails because an earlier try, whose answer was lost, has published the copy, that is success. Where what
/// stood before has the bytes of the source, the precondition holds over that copy too, so that it is looked for first.
pub async fn copy_object(client: &Client, transfer: &Transfer, kms_key: Option<&str>) -> Result<Stored, Failure> {
    let source = &transfer.source;
    if matches!(&transfer.precondition, Precondition::IfMatch(etag) if *etag == source.etag)
        && let Some(stored) = own_copy(client, transfer).await?
    {
        return Ok(stored);
    }
    let request = client
        .copy_object()
        .bucket(transfer.destination.bucket.as_str())
        .key(transfer.destination.key.as_str())
        .copy_source(encoding::copy_source(&source.bucket, &source.key, source.version_id.as_ref()))
        .copy_source_if_match(source.etag.quoted())
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .metadata_directive(MetadataDirective::Replace)
        .tagging_directive(TaggingDirective::Replace)
        // Else a source with annotations is refused without permissions for them; a copy in parts has none either.
        .annotation_directive(AnnotationDirective::Exclude);
    let request = with_attributes!(request, transfer, kms_key);
    let request = match &transfer.precondition {
        Precondition::IfAbsent => request.if_none_match("*"),
        Precondition::IfMatch(etag) => request.if_match(etag.quoted()),
    };
    let destination = ObjectRef::current(&transfer.destination);
    match request.customize().mutate_request(expires(transfer)).send().await {
        Ok(output) => {
            let result = output.copy_object_result();
            stored(
                output.version_id(),
                result.and_then(|result| result.e_tag()),
                result.and_then(|result| result.checksum_crc64_nvme()),
            )
            .map_err(|problem| {
                // No answer that can be read is as good as none: the copy may stand, and the next try will find it.
                Failure::new(ErrorName::S3Unavailable, format!("CopyObject to {destination} answered {problem}"))
            })
        }
        Err(error) => {
            let grant = "s3:PutObject and s3:PutObjectTagging";
            let call = copy_call(transfer, "CopyObject", grant);
            let failure = call.s3_failure(error);
            published(client, transfer, failure).await
        }
    }
}

/// A call by which S3 itself copies the transfer's source, or a part of it. Its failures name both ends, because either
/// may be what S3 refuses.
pub fn copy_call(transfer: &Transfer, operation: &'static str, grant: &'static str) -> Call {
    let from = Some(ObjectRef::source(&transfer.source).to_string());
    Call { side: Side::Both, from, ..ObjectRef::current(&transfer.destination).call(operation, grant) }
}

/// Settles a failure to publish: when the destination carries the transfer's own stamp the copy stands, whoever made
/// it, and that is success; otherwise the failure is answered. Only failures that say that something stands there, or
/// that the upload is gone, are looked into.
pub async fn published(client: &Client, transfer: &Transfer, failure: Failure) -> Result<Stored, Failure> {
    let may_stand = matches!(failure.name(), ErrorName::DestinationChanged | ErrorName::UploadGone);
    let standing = if may_stand { own_copy(client, transfer).await? } else { None };
    standing.ok_or(failure)
}

/// The copy that stands at the destination with the transfer's own stamp, whoever made it.
async fn own_copy(client: &Client, transfer: &Transfer) -> Result<Option<Stored>, Failure> {
    if transfer.stamp_place == StampPlace::Receipt {
        return Ok(None);
    }
    let standing = head(client, ObjectRef::current(&transfer.destination)).await?;
    let is_bad = |head: &Head| head.version_id.as_ref().is_some_and(|version| transfer.bad_versions.contains(version));
    let standing = standing.filter(|standing| standing.stamp.as_ref() == Some(&transfer.stamp) && !is_bad(standing));
    Ok(standing.map(|standing| standing.stored()))
}

/// A published copy from the fields of S3's answer.
pub fn stored(version: Option<&str>, etag: Option<&str>, crc64nvme: Option<&str>) -> Result<Stored, String> {
    Ok(Stored {
        version_id: version.map(VersionId::new).transpose().map_err(|error| error.to_string())?,
        etag: ETag::new(etag.unwrap_or_default()).map_err(|error| error.to_string())?,
        crc64nvme: crc64nvme.map(Crc64Nvme::parse).transpose().map_err(|error| error.to_string())?,
    })
}
