//! `UploadPart`.

use std::sync::Arc;

use s3s::{S3Request, S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    convert::{part_number, set_checksum},
    model::upload::Part,
    objects::body::Claims,
};

impl Backend {
    pub(crate) async fn upload_part(
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
}
