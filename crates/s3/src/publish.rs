//! CopyObject, and the check whether a copy with the same stamp is already published.

use aws_sdk_s3::{
    Client,
    types::{AnnotationDirective, ChecksumAlgorithm, MetadataDirective, TaggingDirective},
};
use holdfast_core::{
    ErrorName, Fact,
    checksum::Crc64Nvme,
    contract::{Copy, Precondition, Stored},
    encoding,
    names::{ETag, VersionId},
    source_checksum::Algorithm,
};

use super::{
    Head, ObjectRef,
    attributes::{expires, with_attributes},
    head,
};
use crate::{
    S3Error,
    failure::{Call, Side},
    upload::checksum_algorithm,
};

/// Copies a whole object with its attributes in one request. The request is pinned to the source's version and entity
/// tag and has the precondition of the plan.
///
/// The request replaces the metadata to add the stamp, so it sets every attribute again.
///
/// An earlier call may have published the copy although its response was lost. Then the precondition fails, and the
/// call succeeds with the published copy. If the replaced object has the entity tag of the source, the precondition
/// would not fail, so the published copy is searched for before the request.
pub async fn copy_object(client: &Client, copy: &Copy, kms_key: Option<&str>) -> Result<Stored, S3Error> {
    let source = &copy.source;
    if matches!(&copy.precondition, Precondition::IfMatch(etag) if *etag == source.etag)
        && let Some(stored) = find_published(client, copy).await?
    {
        return Ok(stored);
    }
    let request = client
        .copy_object()
        .bucket(copy.destination.bucket.as_str())
        .key(copy.destination.key.as_str())
        .copy_source(encoding::copy_source(&source.bucket, &source.key, source.version_id.as_ref()))
        .copy_source_if_match(source.etag.quoted())
        .checksum_algorithm(copy_algorithm(copy))
        .metadata_directive(MetadataDirective::Replace)
        .tagging_directive(TaggingDirective::Replace)
        // Without this directive, S3 refuses a source with annotations if the role may not read them. Multipart copies
        // have no annotations either.
        .annotation_directive(AnnotationDirective::Exclude);
    let request = with_attributes!(request, copy, kms_key);
    let request = match &copy.precondition {
        Precondition::IfAbsent => request.if_none_match("*"),
        Precondition::IfMatch(etag) => request.if_match(etag.quoted()),
    };
    let destination = ObjectRef::current(&copy.destination);
    match request.customize().mutate_request(expires(copy)).send().await {
        Ok(output) => {
            let result = output.copy_object_result();
            stored(
                output.version_id(),
                result.and_then(|result| result.e_tag()),
                result.and_then(|result| result.checksum_crc64_nvme()),
            )
            // The copy may be published. The next attempt finds it.
            .map_err(|problem| S3Error::Incomplete {
                operation: "CopyObject",
                resource: destination.to_string(),
                problem,
            })
        }
        Err(error) => {
            let grant = "s3:PutObject and s3:PutObjectTagging";
            let call = copy_call(copy, "CopyObject", grant);
            recover_published(client, copy, call.s3_failure(error)).await
        }
    }
}

/// The algorithm of the copy's stored checksum: that of the source, or CRC64NVME.
fn copy_algorithm(copy: &Copy) -> ChecksumAlgorithm {
    // The MD5 of a source may come from its entity tag. Then the source stores no checksum.
    let algorithm = copy.checksum().map(|checksum| checksum.algorithm).filter(|algorithm| *algorithm != Algorithm::Md5);
    checksum_algorithm(algorithm.unwrap_or(Algorithm::Crc64Nvme))
}

/// A call that makes S3 copy the source, or a part of it. Its failures name both sides, because S3 may refuse either.
pub fn copy_call(copy: &Copy, operation: &'static str, grant: &'static str) -> Call {
    let from = Some(ObjectRef::source(&copy.source).to_string());
    Call { side: Side::Both, from, ..ObjectRef::current(&copy.destination).call(operation, grant) }
}

/// Resolves a changed destination or a missing upload: if the destination has a copy with the same stamp, that copy is
/// the result, even if another execution made it. Returns any other error unchanged.
pub async fn recover_published(client: &Client, copy: &Copy, error: S3Error) -> Result<Stored, S3Error> {
    let may_be_published = matches!(error.name(), ErrorName::DestinationChanged | ErrorName::UploadGone);
    let found = if may_be_published { find_published(client, copy).await? } else { None };
    found.ok_or(error)
}

/// The copy at the destination with the same stamp, even if another execution made it.
pub async fn find_published(client: &Client, copy: &Copy) -> Result<Option<Stored>, S3Error> {
    let Some(stamp) = copy.stamp() else { return Ok(None) };
    let current = head(client, ObjectRef::current(&copy.destination)).await?;
    let is_rejected =
        |head: &Head| head.version_id.as_ref().is_some_and(|version| copy.rejected_versions.contains(version));
    let published = current.filter(|head| head.stamp.as_ref() == Some(&stamp) && !is_rejected(head));
    Ok(published.map(|head| head.stored()))
}

/// A published copy from the fields of S3's response.
pub fn stored(version: Option<&str>, etag: Option<&str>, crc64nvme: Option<&str>) -> Result<Stored, String> {
    Ok(Stored {
        version_id: version.map(VersionId::new).transpose().map_err(|error| error.to_string())?,
        etag: ETag::new(etag.unwrap_or_default()).map_err(|error| error.to_string())?,
        crc64nvme: crc64nvme.map(Crc64Nvme::parse).transpose().map_err(|error| error.to_string())?,
    })
}
