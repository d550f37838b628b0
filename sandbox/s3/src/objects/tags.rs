//! The tags of an object.

use s3s::{S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    convert::tags::{tag_set, tags_of_set},
    errors,
    model::{object::Tags, version::shown},
};

impl Backend {
    pub(crate) fn get_object_tagging(
        &self,
        input: &dto::GetObjectTaggingInput,
    ) -> S3Result<S3Response<dto::GetObjectTaggingOutput>> {
        let state = self.state();
        let version = state.find_named(&input.bucket, &input.key, input.version_id.as_deref())?;
        let object = version.object().ok_or_else(errors::no_such_key)?;
        Ok(S3Response::new(dto::GetObjectTaggingOutput {
            tag_set: tag_set(&object.tags),
            version_id: shown(state.bucket(&input.bucket)?.record.versioning, &version.id),
        }))
    }

    /// Replaces the tags of a version; returns the version.
    fn retag(&self, bucket: &str, key: &str, id: Option<&str>, tags: Tags) -> S3Result<Option<String>> {
        let mut state = self.state();
        let version = state.change_object(bucket, key, id, |object| object.tags = tags)?;
        Ok(shown(state.bucket(bucket)?.record.versioning, &version.id))
    }

    pub(crate) fn put_object_tagging(
        &self,
        input: dto::PutObjectTaggingInput,
    ) -> S3Result<S3Response<dto::PutObjectTaggingOutput>> {
        let tags = tags_of_set(input.tagging.tag_set)?;
        let version_id = self.retag(&input.bucket, &input.key, input.version_id.as_deref(), tags)?;
        Ok(S3Response::new(dto::PutObjectTaggingOutput { version_id }))
    }

    pub(crate) fn delete_object_tagging(
        &self,
        input: &dto::DeleteObjectTaggingInput,
    ) -> S3Result<S3Response<dto::DeleteObjectTaggingOutput>> {
        let version_id = self.retag(&input.bucket, &input.key, input.version_id.as_deref(), Vec::new())?;
        let output = dto::DeleteObjectTaggingOutput { version_id };
        Ok(S3Response::with_status(output, http::StatusCode::NO_CONTENT))
    }
}
