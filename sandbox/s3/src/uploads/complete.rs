//! `CompleteMultipartUpload`.

use std::sync::Arc;

use s3s::{S3Request, S3Response, S3Result, dto, s3_error};

use crate::{
    backend::Backend,
    checksum::{Algorithm, Checksum, Kind, combine, digest::multipart_etag},
    convert::set_checksum,
    errors,
    model::{
        object::{Object, ObjectPart},
        upload::{Part, UploadSettings},
    },
    objects::{body::checksum_header, conditions::WriteConditions, publish::Publication},
    request::Cause,
    state::uploads::Completed,
    uploads::parts::chosen,
};

/// The checksum of the object that consists of the parts.
fn whole_checksum(parts: &[Arc<Part>], declared: Option<(Algorithm, Kind)>) -> S3Result<Checksum> {
    let stored = |part: &'_ Arc<Part>| part.checksum.as_ref().map(|checksum| checksum.value.clone());
    let (algorithm, kind) = declared.unwrap_or((Algorithm::Crc64Nvme, Kind::FullObject));
    let found = if algorithm == Algorithm::Crc64Nvme {
        let whole = parts.iter().try_fold(0, |whole, part| combine(algorithm, whole, part.crc64nvme, part.size()));
        whole.map(Checksum::crc64nvme)
    } else {
        let values: Option<Vec<String>> = parts.iter().map(stored).collect();
        values.and_then(|values| match kind {
            Kind::Composite => Checksum::composite(algorithm, values.iter().map(String::as_str)),
            Kind::FullObject => {
                let sizes = parts.iter().map(|part| part.size());
                Checksum::combined(algorithm, values.iter().map(String::as_str).zip(sizes))
            }
        })
    };
    found.ok_or_else(|| s3_error!(InternalError, "A part lacks the {} of its upload", algorithm.name()))
}

/// Compares what a completion claims about the whole object with the object.
fn verify_whole(
    input: &dto::CompleteMultipartUploadInput,
    claimed: Option<&(Algorithm, String)>,
    size: u64,
    checksum: &Checksum,
) -> S3Result<()> {
    if let Some(claimed) = input.mpu_object_size
        && u64::try_from(claimed) != Ok(size)
    {
        return Err(errors::invalid_request(format!(
            "The provided 'x-amz-mp-object-size' header value {claimed} does not match what was computed: {size}"
        )));
    }
    if let Some(kind) = &input.checksum_type
        && kind.as_str() != checksum.kind.name()
    {
        return Err(errors::invalid_request(format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            checksum.kind.name()
        )));
    }
    match claimed {
        None => Ok(()),
        Some((algorithm, _)) if *algorithm != checksum.algorithm => Err(errors::invalid_request(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            checksum.algorithm.name().to_lowercase(),
            algorithm.name().to_lowercase()
        ))),
        // The number of parts is optional in a composite checksum.
        Some((_, value)) if *value == checksum.value || checksum.value.split('-').next() == Some(value) => Ok(()),
        Some((algorithm, _)) => Err(errors::bad_digest(algorithm.name())),
    }
}

impl Backend {
    /// Creates the object from its parts, under one lock.
    pub(crate) async fn complete_multipart_upload(
        &self,
        req: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::CompleteMultipartUploadOutput>> {
        let claimed = checksum_header(&req.headers)?;
        let cause = Cause::of(&req.extensions);
        let host = req.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let location = format!("http://{host}/{}/{}", req.input.bucket, req.input.key);
        let mut input = req.input;
        let conditions = WriteConditions::new(input.if_match.take(), input.if_none_match.as_ref())?;
        let requested = input.multipart_upload.take().and_then(|upload| upload.parts).unwrap_or_default();
        if requested.is_empty() {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our published schema: it names no part"
            ));
        }
        let (published, etag, checksum, encryption) = {
            let mut state = self.state();
            let upload = state.upload(&input.bucket, &input.key, &input.upload_id)?;
            let settings = Arc::clone(&upload.settings);
            let parts = chosen(&requested, &upload.parts, settings.declared)?;
            let checksum = whole_checksum(&parts, settings.declared)?;
            verify_whole(&input, claimed.as_ref(), parts.iter().map(|part| part.size()).sum(), &checksum)?;
            let current = state.current(&input.bucket, &input.key)?;
            conditions.check_completion(current.map(AsRef::as_ref), &settings)?;
            let etag = multipart_etag(parts.iter().map(|part| part.etag.as_str()));
            let object = object_of(&parts, &settings, &etag, &checksum);
            let kept: Vec<u16> = parts.iter().map(|part| part.number).collect();
            let published = state.publish(Publication {
                bucket: &input.bucket,
                key: &input.key,
                object,
                initiated: Some(settings.initiated),
                completed: Some(Completed { upload: &input.upload_id, kept: &kept }),
                reason: "CompleteMultipartUpload",
                cause: &cause,
            })?;
            (published, etag, checksum, settings.attributes.encryption.clone())
        };
        self.announce(published.event).await;
        let mut output = dto::CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            bucket_key_enabled: encryption.bucket_key,
            checksum_type: Some(dto::ChecksumType::from_static(checksum.kind.name())),
            e_tag: Some(dto::ETag::Strong(etag)),
            key: Some(input.key),
            location: Some(location),
            ssekms_key_id: encryption.kms_key_id,
            server_side_encryption: Some(encryption.algorithm.into()),
            version_id: published.version_id,
            ..Default::default()
        };
        set_checksum!(output, &Some(checksum));
        Ok(S3Response::new(output))
    }
}

/// The object that consists of the parts.
fn object_of(parts: &[Arc<Part>], settings: &UploadSettings, etag: &str, checksum: &Checksum) -> Object {
    Object {
        etag: etag.to_owned(),
        attributes: settings.attributes.clone(),
        tags: settings.tags.clone(),
        checksum: Some(checksum.clone()),
        parts: parts
            .iter()
            .map(|part| ObjectPart {
                number: part.number,
                size: part.size(),
                checksum: part.checksum.clone().filter(|stored| stored.algorithm == checksum.algorithm),
            })
            .collect(),
        extents: parts.iter().flat_map(|part| part.extents.iter().cloned()).collect(),
        lock: settings.lock,
        restore: None,
    }
}
