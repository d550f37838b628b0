//! Deletions: of a version, permanently, or of a key, with a delete marker
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html>).

use s3s::{S3Request, S3Response, S3Result, dto, s3_error};
use serde_json::Value;

use crate::{
    backend::Backend,
    errors,
    events::{Happening, envelope},
    model::{
        bucket::Versioning,
        lock::Governance,
        version::{NULL_VERSION, Version, VersionContent, is_version_id, new_version_id},
    },
    objects::conditions::{Seen, WriteConditions},
    permissions::Deleter,
    request::Cause,
    state::State,
};

/// The result of a deletion.
#[derive(Default)]
struct Deletion {
    /// The version that was deleted, or the marker that was created.
    version_id: Option<String>,
    /// Whether it is a delete marker.
    marker: bool,
    event: Option<Value>,
}

impl State {
    /// Deletes a version by its ID, unless its lock protects it.
    fn delete_version(
        &mut self,
        cause: &Cause,
        bucket: &str,
        key: &str,
        id: &str,
        governance: Governance,
    ) -> S3Result<Deletion> {
        if !is_version_id(id) {
            return Err(errors::invalid_version_id(id));
        }
        let now = self.tick().time();
        if let Some(object) = self.version(bucket, key, id)?.and_then(|version| version.object()) {
            object.lock.permits_deletion(governance, now)?;
        }
        let removed = self.remove(bucket, key, id)?;
        let at = self.tick();
        let record = &self.bucket(bucket)?.record;
        let event = removed
            .as_ref()
            .and_then(|_| envelope(cause, record, key, Some(id), at, &Happening::Deleted { marker: false }));
        let marker = removed.is_some_and(|version| version.object().is_none());
        Ok(Deletion { version_id: Some(id.to_owned()), marker, event })
    }

    /// Deletes a key, as the bucket's versioning requires.
    fn delete_key(&mut self, cause: &Cause, bucket: &str, key: &str) -> S3Result<Deletion> {
        let record = self.bucket(bucket)?.record.clone();
        let id = match record.versioning {
            Versioning::Never => {
                let removed = self.remove(bucket, key, NULL_VERSION)?;
                let at = self.tick();
                let what = Happening::Deleted { marker: false };
                let event = removed.and_then(|_| envelope(cause, &record, key, None, at, &what));
                return Ok(Deletion { event, ..Default::default() });
            }
            Versioning::Enabled => new_version_id(),
            Versioning::Suspended => NULL_VERSION.to_owned(),
        };
        let at = self.tick();
        let marker = Version { id: id.clone(), initiated: at, created: at, content: VersionContent::DeleteMarker };
        self.insert(bucket, key, marker, None)?;
        let event = envelope(cause, &record, key, Some(&id), at, &Happening::Deleted { marker: true });
        Ok(Deletion { version_id: Some(id), marker: true, event })
    }
}

/// Whether an XML 1.0 document may contain this character (<https://www.w3.org/TR/xml/#charsets>).
fn is_of_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

impl Backend {
    /// The value of `x-amz-bypass-governance-retention`. A bucket without Object Lock rejects the header.
    fn governance(&self, bucket: &str, header: Option<bool>) -> S3Result<Governance> {
        if self.state().bucket(bucket)?.record.object_lock.is_none() && header.is_some() {
            return Err(errors::invalid_argument(
                "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
            ));
        }
        Ok(Governance::of(header))
    }

    fn delete(
        &self,
        cause: &Cause,
        bucket: &str,
        key: &str,
        id: Option<&str>,
        conditions: &WriteConditions,
        governance: Governance,
    ) -> S3Result<Deletion> {
        let mut state = self.state();
        conditions.check(&Seen::of(state.current(bucket, key)?.map(AsRef::as_ref)))?;
        match id {
            Some(id) => state.delete_version(cause, bucket, key, id, governance),
            None => state.delete_key(cause, bucket, key),
        }
    }

    pub(crate) async fn delete_object(
        &self,
        req: S3Request<dto::DeleteObjectInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
        let cause = Cause::of(&req.extensions);
        let input = req.input;
        let governance = self.governance(&input.bucket, input.bypass_governance_retention)?;
        let conditions = WriteConditions::new(input.if_match, None)?;
        let id = input.version_id.as_deref();
        let deletion = self.delete(&cause, &input.bucket, &input.key, id, &conditions, governance)?;
        self.announce(deletion.event).await;
        let output = dto::DeleteObjectOutput {
            delete_marker: deletion.marker.then_some(true),
            version_id: deletion.version_id,
            ..Default::default()
        };
        Ok(S3Response::with_status(output, http::StatusCode::NO_CONTENT))
    }

    pub(crate) async fn delete_objects(
        &self,
        req: S3Request<dto::DeleteObjectsInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectsOutput>> {
        let cause = Cause::of(&req.extensions);
        let judge = req.extensions.get::<Deleter>().cloned();
        let dto::DeleteObjectsInput { bucket, delete, bypass_governance_retention, .. } = req.input;
        if delete.objects.is_empty() || delete.objects.len() > 1000 {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema: it has to name \
                 between 1 and 1,000 objects"
            ));
        }
        if delete.objects.iter().any(|object| !object.key.chars().all(is_of_xml)) {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed: a key contains a character that is invalid in XML"
            ));
        }
        let governance = self.governance(&bucket, bypass_governance_retention)?;
        let (mut deleted, mut failed) = (Vec::new(), Vec::new());
        for object in delete.objects {
            let dto::ObjectIdentifier { key, version_id, e_tag, .. } = object;
            let conditions = WriteConditions::new(e_tag.map(dto::ETagCondition::ETag), None)?;
            let id = version_id.as_deref();
            let permitted = judge.as_ref().map_or(Ok(()), |one| one.may_delete(&bucket, &key, id, governance));
            match permitted.and_then(|()| self.delete(&cause, &bucket, &key, id, &conditions, governance)) {
                Ok(deletion) => {
                    self.announce(deletion.event).await;
                    deleted.push(dto::DeletedObject {
                        delete_marker: deletion.marker.then_some(true),
                        delete_marker_version_id: deletion.version_id.filter(|_| deletion.marker),
                        key: Some(key),
                        version_id,
                    });
                }
                Err(error) => failed.push(dto::Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(key),
                    message: error.message().map(str::to_owned),
                    version_id,
                }),
            }
        }
        let quiet = delete.quiet == Some(true);
        Ok(S3Response::new(dto::DeleteObjectsOutput {
            deleted: (!quiet).then_some(deleted),
            errors: (!failed.is_empty()).then_some(failed),
            ..Default::default()
        }))
    }
}
