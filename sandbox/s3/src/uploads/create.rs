//! Starts and aborts multipart uploads.

use s3s::{S3Request, S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    checksum::{Algorithm, Kind},
    convert::{
        algorithm_named,
        attributes::{attributes, lock},
        tags::tags_of_header,
    },
    errors,
    model::{upload::UploadSettings, version::new_version_id},
};

/// The checksum that an upload declares; a full-object CRC64NVME by default.
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

impl Backend {
    pub(crate) fn create_multipart_upload(
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

    pub(crate) fn abort_multipart_upload(
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
