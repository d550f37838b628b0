//! Object tags.

use std::collections::BTreeMap;

use aws_sdk_s3::{
    Client,
    types::{Tag, Tagging},
};
use holdfast_core::{ErrorName, encoding};

use super::ObjectRef;
use crate::Failure;

/// The most bytes of tags that are sent in a header. S3 takes 8 KB of headers in all
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>), and ten tags of 128 and 256 characters,
/// encoded, may be 46 KB long.
const HEADER_LIMIT: usize = 2 * 1024;

/// The tags as the header `x-amz-tagging` has them; none where there are none, or too many to send. Those are put by the
/// verification, which finds that the copy lacks them.
pub(super) fn header(tags: &BTreeMap<String, String>) -> Option<String> {
    Some(encoding::tagging(tags)).filter(|text| !text.is_empty() && text.len() <= HEADER_LIMIT)
}

/// The tags of an object version.
pub async fn read_tags(client: &Client, object: ObjectRef<'_>) -> Result<BTreeMap<String, String>, Failure> {
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
pub async fn put_tags(client: &Client, object: ObjectRef<'_>, tags: &BTreeMap<String, String>) -> Result<(), Failure> {
    let malformed =
        |error| Failure::new(ErrorName::Internal, format!("the tags of {object} cannot be written: {error}"));
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let tags = tags.collect::<Result<Vec<_>, _>>().map_err(malformed)?;
    let tagging = Tagging::builder().set_tag_set(Some(tags)).build().map_err(malformed)?;
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
