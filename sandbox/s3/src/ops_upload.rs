//! Multipart uploads: opening, parts, completion.

use std::{collections::BTreeMap, sync::Arc};

use s3s::{S3Request, S3Response, S3Result, dto, s3_error};

use super::{
    Backend,
    body::{Claims, checksum_header},
    checksum::{Algorithm, Checksum, Kind, combine, multipart_etag},
    conditions::WriteConditions,
    convert::{attributes, lock, part_number, set_checksum, tags_of_header},
    errors,
    events::Cause,
    model::{Object, ObjectPart, Part, UploadSettings},
    ops_copy::algorithm_named,
    publish::{Publication, new_version_id},
    state::Completed,
};

/// Every part but the last holds at least this many bytes.
const MIN_PART: u64 = 5 << 20;

/// The checksum that an upload declares; nothing declared means a full-object CRC64NVME.
fn declaration(
    algorithm: Option<&dto::ChecksumAlgorithm>,
    kind: Option<&dto::ChecksumType>,
) -> S3Result<Option<(Algorithm, Kind)>> {
    let Some(algorithm) = algorithm_named(algorithm)? else {
        return if kind.is_some() {
            Err(errors::invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            ))
        } else {
            Ok(None)
        };
    };
    let kind = match kind {
        None => algorithm.default_kind(),
        Some(given) => Kind::parse(given.as_str())
            .ok_or_else(|| errors::invalid_request("Value for x-amz-checksum-type header is invalid."))?,
    };
    if !algorithm.allows(kind) {
        return Err(errors::invalid_request(format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind.name(),
            algorithm.name().to_lowercase()
        )));
    }
    Ok(Some((algorithm, kind)))
}

/// The parts that a completion names, checked against those that were uploaded.
fn chosen(
    requested: &[dto::CompletedPart],
    uploaded: &BTreeMap<u16, Arc<Part>>,
    declared: Option<(Algorithm, Kind)>,
) -> S3Result<Vec<Arc<Part>>> {
    let mut parts: Vec<Arc<Part>> = Vec::with_capacity(requested.len());
    for request in requested {
        let number = part_number(request.part_number.unwrap_or_default())?;
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let etag = request.e_tag.as_ref().map(dto::ETag::value);
        let part = uploaded.get(&number).filter(|part| etag == Some(part.etag.as_str())).ok_or_else(no_such_part)?;
        let given = given_checksums(request);
        for (algorithm, value) in &given {
            check_part(part, *algorithm, value)?;
        }
        if let Some((algorithm, Kind::Composite)) = declared {
            if given.is_empty() {
                return Err(errors::invalid_request(format!(
                    "The upload was created using a {} checksum. The complete request must include the checksum for \
                     each part. It was missing for part {number} in the request.",
                    algorithm.name().to_lowercase()
                )));
            }
            // Documented as an internal error: AWS asks for consecutive numbers from 1 with part-level checksums.
            if usize::from(number) != parts.len() + 1 {
                return Err(s3_error!(
                    InternalError,
                    "Part numbers must be consecutive and begin with 1 for a composite checksum; got {number}"
                ));
            }
        }
        parts.push(Arc::clone(part));
    }
    let small = parts.iter().rev().skip(1).find(|part| part.size() < MIN_PART);
    if let Some(part) = small {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size: part {} has {} bytes",
            part.number,
            part.size()
        ));
    }
    Ok(parts)
}

fn no_such_part() -> s3s::S3Error {
    s3_error!(
        InvalidPart,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified \
         entity tag may not match the part's entity tag."
    )
}

/// Compares what a completion claims of a part with what it is. Besides its own checksum every part has a CRC64NVME.
fn check_part(part: &Part, algorithm: Algorithm, value: &str) -> S3Result<()> {
    let own = part.checksum.as_ref().filter(|stored| stored.algorithm == algorithm).map(|stored| stored.value.clone());
    let is_default = part.checksum.is_none() && algorithm == Algorithm::Crc64Nvme;
    let stored = own.or_else(|| is_default.then(|| Checksum::crc64nvme(part.crc64nvme).value));
    match stored {
        Some(stored) if stored == value => Ok(()),
        Some(_) => Err(no_such_part()),
        None => Err(errors::invalid_request(format!(
            "The complete request has a {} checksum for part {}, which was uploaded with {}.",
            algorithm.name().to_lowercase(),
            part.number,
            part.checksum.as_ref().map_or("none".to_owned(), |stored| stored.algorithm.name().to_lowercase())
        ))),
    }
}

fn given_checksums(part: &dto::CompletedPart) -> Vec<(Algorithm, &String)> {
    let fields = [
        (Algorithm::Crc32, &part.checksum_crc32),
        (Algorithm::Crc32c, &part.checksum_crc32c),
        (Algorithm::Crc64Nvme, &part.checksum_crc64nvme),
        (Algorithm::Sha1, &part.checksum_sha1),
        (Algorithm::Sha256, &part.checksum_sha256),
    ];
    fields.into_iter().filter_map(|(algorithm, value)| value.as_ref().map(|value| (algorithm, value))).collect()
}

/// The checksum of the object that the parts make.
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

/// Compares what a completion claims of the whole object with what it is.
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
        // For a composite checksum the number of parts may be left out.
        Some((_, value)) if *value == checksum.value || checksum.value.split('-').next() == Some(value) => Ok(()),
        Some((algorithm, _)) => Err(errors::bad_digest(algorithm.name())),
    }
}

impl Backend {
    pub(super) fn create_multipart_upload(
        &self,
        req: S3Request<dto::CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::CreateMultipartUploadOutput>> {
        let mut input = req.input;
        let mut state = self.state();
        let record = state.bucket(&input.bucket)?.record.clone();
        let declared = declaration(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
        let settings = UploadSettings {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            initiated: state.tick(),
            attributes: attributes!(input, &record),
            tags: tags_of_header(input.tagging.as_deref())?,
            declared,
            key_was_deleted: false,
            lock: lock!(input, &record, self.now()),
        };
        let encryption = settings.attributes.encryption.clone();
        let id = format!("{}{}{}", new_version_id(), new_version_id(), new_version_id());
        state.open_upload(&id, settings)?;
        Ok(S3Response::new(dto::CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            bucket_key_enabled: encryption.bucket_key,
            checksum_algorithm: declared.map(|(algorithm, _)| dto::ChecksumAlgorithm::from_static(algorithm.name())),
            checksum_type: declared.map(|(_, kind)| dto::ChecksumType::from_static(kind.name())),
            key: Some(input.key),
            ssekms_key_id: encryption.kms_key_id,
            server_side_encryption: Some(encryption.algorithm.into()),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    pub(super) async fn upload_part(
        &self,
        req: S3Request<dto::UploadPartInput>,
    ) -> S3Result<S3Response<dto::UploadPartOutput>> {
        let claims = Claims::of(&req.headers)?;
        let mut input = req.input;
        let number = part_number(input.part_number)?;
        let settings = Arc::clone(&self.state().upload(&input.bucket, &input.key, &input.upload_id)?.settings);
        claims.suffice(&settings.lock, self.state().bucket(&input.bucket)?.record.object_lock, "Put Part")?;
        claims.fit(settings.declared)?;
        let declared = settings.declared.map(|(algorithm, _)| algorithm);
        let taken = self.take_body(&claims, input.body.take(), req.trailing_headers.as_ref(), declared).await?;
        let taken = self.flipped_body(taken, req.extensions.get()).await?;
        let checksum = (declared.is_some() || claims.algorithm.is_some()).then_some(taken.checksum);
        let etag = settings.attributes.encryption.etag(&taken.md5);
        let mut output = dto::UploadPartOutput {
            bucket_key_enabled: settings.attributes.encryption.bucket_key,
            e_tag: Some(dto::ETag::Strong(etag.clone())),
            ssekms_key_id: settings.attributes.encryption.kms_key_id.clone(),
            server_side_encryption: Some(settings.attributes.encryption.algorithm.clone().into()),
            ..Default::default()
        };
        set_checksum!(output, &checksum);
        let mut state = self.state();
        let part = Part {
            number,
            etag,
            crc64nvme: taken.crc64nvme,
            uploaded: state.tick(),
            checksum,
            extents: taken.held.keep(),
        };
        state.put_part(&input.bucket, &input.key, &input.upload_id, part)?;
        Ok(S3Response::new(output))
    }

    /// Makes the object of its parts, under one lock.
    pub(super) async fn complete_multipart_upload(
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

    pub(super) fn abort_multipart_upload(
        &self,
        input: &dto::AbortMultipartUploadInput,
    ) -> S3Result<S3Response<dto::AbortMultipartUploadOutput>> {
        let mut state = self.state();
        state.upload(&input.bucket, &input.key, &input.upload_id)?;
        state.abort_upload(&input.upload_id)?;
        let output = dto::AbortMultipartUploadOutput::default();
        Ok(S3Response::with_status(output, http::StatusCode::NO_CONTENT))
    }
}

/// The object that the parts make.
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_upload_may_declare_only_what_its_algorithm_allows() {
        let declare = |algorithm: Option<&'static str>, kind: Option<&'static str>| {
            declaration(
                algorithm.map(dto::ChecksumAlgorithm::from_static).as_ref(),
                kind.map(dto::ChecksumType::from_static).as_ref(),
            )
        };
        assert_eq!(declare(None, None).unwrap(), None);
        assert_eq!(declare(Some("CRC64NVME"), None).unwrap(), Some((Algorithm::Crc64Nvme, Kind::FullObject)));
        assert_eq!(declare(Some("SHA256"), None).unwrap(), Some((Algorithm::Sha256, Kind::Composite)));
        let full = declare(Some("CRC32C"), Some("FULL_OBJECT")).unwrap();
        assert_eq!(full, Some((Algorithm::Crc32c, Kind::FullObject)));
        for (algorithm, kind) in [
            (Some("SHA256"), Some("FULL_OBJECT")),
            (Some("CRC64NVME"), Some("COMPOSITE")),
            (None, Some("FULL_OBJECT")),
            (Some("MD5"), None),
        ] {
            assert!(declare(algorithm, kind).is_err(), "{algorithm:?} {kind:?} was accepted");
        }
    }
}
