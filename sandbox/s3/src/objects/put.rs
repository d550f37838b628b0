//! `PutObject` and `POST Object`.

use s3s::{S3Request, S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    convert::{
        attributes::{attributes, lock},
        set_checksum,
        tags::tags_of_header,
    },
    errors,
    model::{
        customer_key::customer_key,
        object::{Encryption, Object},
    },
    objects::{body::Claims, conditions::WriteConditions, publish::Publication},
    request::{Cause, Reason},
};

impl Backend {
    pub(crate) async fn put_object(
        &self,
        req: S3Request<dto::PutObjectInput>,
    ) -> S3Result<S3Response<dto::PutObjectOutput>> {
        let claims = Claims::of(&req.headers)?;
        let cause = Cause::of(&req.extensions);
        let mut input = req.input;
        if input.write_offset_bytes.is_some() {
            return Err(errors::header_not_implemented("x-amz-write-offset-bytes"));
        }
        let conditions = WriteConditions::new(input.if_match.take(), input.if_none_match.as_ref())?;
        let record = self.state().bucket(&input.bucket)?.record.clone();
        let customer_key = customer_key!(input)?;
        (input.sse_customer_algorithm, input.sse_customer_key) = (None, None);
        let mut attributes = attributes!(input, &record);
        if let Some(key) = customer_key {
            attributes.encryption = Encryption::by_customer(key);
        }
        let tags = tags_of_header(input.tagging.as_deref())?;
        let lock = lock!(input, &record, self.now());
        claims.suffice(&lock, record.object_lock, "Put Object")?;
        let began = self.begin(&input.bucket, &input.key, &conditions)?;
        let taken = self.take_body(&claims, input.body.take(), req.trailing_headers.as_ref(), None).await?;
        let taken = self.flipped_body(taken, req.extensions.get()).await?;

        let etag = attributes.encryption.etag(&taken.md5);
        let mut output = dto::PutObjectOutput {
            bucket_key_enabled: attributes.encryption.bucket_key,
            checksum_type: Some(dto::ChecksumType::from_static(taken.checksum.kind.name())),
            e_tag: Some(dto::ETag::Strong(etag.clone())),
            ssekms_key_id: attributes.encryption.kms_key_id.clone(),
            server_side_encryption: attributes.encryption.shown(),
            sse_customer_algorithm: attributes.encryption.shown_customer_algorithm(),
            sse_customer_key_md5: attributes.encryption.shown_customer_key_md5(),
            ..Default::default()
        };
        set_checksum!(output, &Some(taken.checksum.clone()));
        let published = {
            let mut state = self.state();
            state.recheck(&input.bucket, &input.key, &conditions, &began)?;
            let object = Object {
                etag,
                attributes,
                tags,
                checksum: Some(taken.checksum),
                parts: Vec::new(),
                extents: taken.held.keep(),
                lock,
                restore: None,
            };
            let reason = req.extensions.get().map_or("PutObject", |Reason(reason)| *reason);
            state.publish(Publication::of_one_request(&input.bucket, &input.key, object, reason, &cause))?
        };
        output.version_id = published.version_id;
        self.announce(published.event).await;
        Ok(S3Response::new(output))
    }
}
