//! `UploadPartCopy`.

use std::sync::Arc;

use s3s::{S3Request, S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    checksum::Algorithm,
    convert::{part_number, set_checksum},
    copy::source::{Source, prove, source_conditions},
    model::{customer_key::customer_key, upload::Part},
    objects::corruption::Flip,
};

impl Backend {
    pub(crate) async fn upload_part_copy(
        &self,
        req: S3Request<dto::UploadPartCopyInput>,
    ) -> S3Result<S3Response<dto::UploadPartCopyOutput>> {
        let mut input = req.input;
        let number = part_number(input.part_number)?;
        let settings = Arc::clone(&self.state().upload(&input.bucket, &input.key, &input.upload_id)?.settings);
        let conditions = source_conditions!(input);
        let (key, range) = (customer_key!(source input)?, input.copy_source_range.as_deref());
        let Source { version, version_id, mut held, whole } =
            self.source(&input.copy_source, key.as_ref(), &conditions, range)?;
        let declared = settings.declared.map(|(algorithm, _)| algorithm);
        let known = version.object().and_then(|object| object.checksum.as_ref()).filter(|_| whole);
        let algorithm = declared.unwrap_or(Algorithm::Crc64Nvme);
        let proof = match req.extensions.get::<Flip>() {
            Some(flip) => self.prove_flipped(&mut held, *flip, algorithm).await?,
            None => prove(&mut held, algorithm, known).await?,
        };
        let checksum = declared.map(|_| proof.checksum);
        let etag = settings.attributes.encryption.etag(&proof.md5);

        let mut state = self.state();
        let uploaded = state.tick();
        let part = Part {
            number,
            etag: etag.clone(),
            crc64nvme: proof.crc64nvme,
            uploaded,
            checksum: checksum.clone(),
            extents: held.keep(),
        };
        state.put_part(&input.bucket, &input.key, &input.upload_id, part)?;
        drop(state);
        let mut result = dto::CopyPartResult {
            e_tag: Some(dto::ETag::Strong(etag)),
            last_modified: Some(uploaded.timestamp()),
            ..Default::default()
        };
        set_checksum!(result, &checksum);
        let encryption = &settings.attributes.encryption;
        Ok(S3Response::new(dto::UploadPartCopyOutput {
            bucket_key_enabled: encryption.bucket_key,
            copy_part_result: Some(result),
            copy_source_version_id: version_id,
            ssekms_key_id: encryption.kms_key_id.clone(),
            server_side_encryption: Some(encryption.algorithm.clone().into()),
            ..Default::default()
        }))
    }
}
