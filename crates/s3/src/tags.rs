//! Object tags.

use std::collections::BTreeMap;

use aws_sdk_s3::{
    Client,
    types::{Tag, Tagging},
};
use holdfast_core::{contract::Copy, encoding};

use super::{ObjectRef, S3Error};

/// The most bytes of headers that S3 accepts in one request
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>).
const MAX_HEADER_BYTES: usize = 8 * 1024;
/// The estimated bytes of the headers in every request: the session token of the role, the signature, conditions,
/// dates.
const COMMON_HEADER_BYTES: usize = 3 * 1024;

/// The value of the header `x-amz-tagging`; `None` without tags, or if the other headers leave no room. Ten encoded
/// tags may take 46 KB. Without the header, the verification finds that the copy lacks its tags, and sets them.
pub(super) fn header(copy: &Copy) -> Option<String> {
    let Copy { source, attributes, .. } = copy;
    let copied_from = encoding::copy_source(&source.bucket, &source.key, source.version_id.as_ref()).len();
    // Each name appears a second time in the list of signed headers.
    let metadata: usize = attributes.metadata.iter().map(|(name, value)| 2 * name.len() + value.len() + 24).sum();
    let text = [
        &attributes.content_type,
        &attributes.cache_control,
        &attributes.content_disposition,
        &attributes.content_encoding,
        &attributes.content_language,
        &attributes.expires,
        &attributes.website_redirect_location,
    ];
    let content: usize = text.into_iter().flatten().map(String::len).sum();
    let room = MAX_HEADER_BYTES.saturating_sub(COMMON_HEADER_BYTES + copied_from + metadata + content);
    Some(encoding::tagging(&attributes.tags)).filter(|text| !text.is_empty() && text.len() <= room)
}

/// The tags of an object version.
pub async fn read_tags(client: &Client, object: ObjectRef<'_>) -> Result<BTreeMap<String, String>, S3Error> {
    let request = client
        .get_object_tagging()
        .bucket(object.bucket.as_str())
        .key(object.key.as_str())
        .set_version_id(object.version());
    let output = request.send().await.map_err(|error| {
        object.call("GetObjectTagging", "s3:GetObjectTagging and s3:GetObjectVersionTagging").s3_failure(error)
    })?;
    Ok(output.tag_set().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
}

/// Sets the tags of an object version, all at once.
pub async fn put_tags(client: &Client, object: ObjectRef<'_>, tags: &BTreeMap<String, String>) -> Result<(), S3Error> {
    let invalid = |problem| S3Error::Tags { object: object.to_string(), problem };
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let tags = tags.collect::<Result<Vec<_>, _>>().map_err(invalid)?;
    let tagging = Tagging::builder().set_tag_set(Some(tags)).build().map_err(invalid)?;
    let request = client
        .put_object_tagging()
        .bucket(object.bucket.as_str())
        .key(object.key.as_str())
        .set_version_id(object.version())
        .tagging(tagging);
    request.send().await.map_err(|error| {
        object.call("PutObjectTagging", "s3:PutObjectTagging and s3:PutObjectVersionTagging").s3_failure(error)
    })?;
    Ok(())
}
