//! `CopyObject`.

use http::HeaderMap;
use s3s::{S3Request, S3Response, S3Result, dto};

use crate::{
    backend::Backend,
    checksum::{Algorithm, Checksum},
    convert::{
        algorithm_named,
        attributes::{attributes, lock},
        set_checksum,
        tags::tags_of_header,
    },
    copy::source::{Source, prove, source_conditions},
    errors,
    model::{
        bucket::BucketRecord,
        customer_key::customer_key,
        object::{Attributes, Object, Tags},
        tick::Tick,
    },
    objects::{conditions::WriteConditions, corruption::Flip, publish::Publication},
    request::Cause,
};

/// A condition on the destination of a copy. s3s 0.14.1 does not parse it, so it is read from the headers.
fn condition(headers: &HeaderMap, name: &str) -> S3Result<Option<dto::ETagCondition>> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    dto::ETagCondition::parse_http_header(value.as_bytes())
        .map(Some)
        .map_err(|_| errors::invalid_argument(format!("The {name} header is neither an ETag nor *")))
}

impl Backend {
    pub(crate) async fn copy_object(
        &self,
        req: S3Request<dto::CopyObjectInput>,
    ) -> S3Result<S3Response<dto::CopyObjectOutput>> {
        let cause = Cause::of(&req.extensions);
        let conditions = WriteConditions::new(
            condition(&req.headers, "if-match")?,
            condition(&req.headers, "if-none-match")?.as_ref(),
        )?;
        let mut input = req.input;
        let directives = Directives::of(&input)?;
        let record = self.state().bucket(&input.bucket)?.record.clone();
        let began = self.begin(&input.bucket, &input.key, &conditions)?;
        let source_conditions = source_conditions!(input);
        let Source { version, version_id: source_version_id, mut held, .. } =
            self.source(&input.copy_source, customer_key!(source input)?.as_ref(), &source_conditions, None)?;
        let source = version.object().ok_or_else(errors::no_such_key)?;
        let named = algorithm_named(input.checksum_algorithm.as_ref())?;
        refuse_copy_to_itself(&input, directives)?;
        let lock = lock!(input, &record, self.now());
        let (attributes, tags) = what_the_copy_gets(&mut input, directives, source, &record)?;
        let algorithm =
            named.or(source.checksum.as_ref().map(|stored| stored.algorithm)).unwrap_or(Algorithm::Crc64Nvme);
        let proof = match req.extensions.get::<Flip>() {
            Some(flip) => self.prove_flipped(&mut held, *flip, algorithm).await?,
            None => prove(&mut held, algorithm, source.checksum.as_ref()).await?,
        };

        let etag = attributes.encryption.etag(&proof.md5);
        let mut output = dto::CopyObjectOutput {
            bucket_key_enabled: attributes.encryption.bucket_key,
            copy_source_version_id: source_version_id,
            ssekms_key_id: attributes.encryption.kms_key_id.clone(),
            server_side_encryption: Some(attributes.encryption.algorithm.clone().into()),
            ..Default::default()
        };
        let published = {
            let mut state = self.state();
            state.recheck(&input.bucket, &input.key, &conditions, &began)?;
            let object = Object {
                etag: etag.clone(),
                attributes,
                tags,
                checksum: Some(proof.checksum.clone()),
                parts: Vec::new(),
                extents: held.keep(),
                lock,
                restore: None,
            };
            state.publish(Publication::of_one_request(&input.bucket, &input.key, object, "CopyObject", &cause))?
        };
        output.copy_object_result = Some(copy_result(etag, &proof.checksum, published.initiated));
        output.version_id = published.version_id;
        self.announce(published.event).await;
        Ok(S3Response::new(output))
    }
}

/// The body of the answer to a copy.
fn copy_result(etag: String, checksum: &Checksum, initiated: Tick) -> dto::CopyObjectResult {
    let mut result = dto::CopyObjectResult {
        checksum_type: Some(dto::ChecksumType::from_static(checksum.kind.name())),
        e_tag: Some(dto::ETag::Strong(etag)),
        last_modified: Some(initiated.timestamp()),
        ..Default::default()
    };
    set_checksum!(result, &Some(checksum));
    result
}

/// The origin of a copy's metadata or tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    /// The source.
    Copy,
    /// The request.
    Replace,
}

impl Directive {
    /// `what` names the directive in S3's error message.
    fn parse(given: Option<&str>, what: &str) -> S3Result<Self> {
        match given {
            None | Some("COPY") => Ok(Self::Copy),
            Some("REPLACE") => Ok(Self::Replace),
            Some(_) => Err(errors::invalid_argument(format!("Unknown {what} directive."))),
        }
    }
}

/// The directives of a copy (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
#[derive(Debug, Clone, Copy)]
struct Directives {
    metadata: Directive,
    tagging: Directive,
}

impl Directives {
    fn of(input: &dto::CopyObjectInput) -> S3Result<Self> {
        let metadata = input.metadata_directive.as_ref().map(dto::MetadataDirective::as_str);
        let tagging = input.tagging_directive.as_ref().map(dto::TaggingDirective::as_str);
        Ok(Self { metadata: Directive::parse(metadata, "metadata")?, tagging: Directive::parse(tagging, "tagging")? })
    }
}

/// The attributes and tags of a copy, by the directives of the request.
fn what_the_copy_gets(
    input: &mut dto::CopyObjectInput,
    directives: Directives,
    source: &Object,
    bucket: &BucketRecord,
) -> S3Result<(Attributes, Tags)> {
    let given = attributes!(input, bucket);
    let attributes = if directives.metadata == Directive::Replace {
        given
    } else {
        // Storage class, encryption and redirect always come from the request, never from the source.
        Attributes {
            storage_class: given.storage_class,
            encryption: given.encryption,
            website_redirect_location: given.website_redirect_location,
            ..source.attributes.clone()
        }
    };
    let tags = if directives.tagging == Directive::Replace {
        tags_of_header(input.tagging.as_deref())?
    } else {
        source.tags.clone()
    };
    Ok((attributes, tags))
}

/// Rejects a copy of an object onto itself that changes nothing.
fn refuse_copy_to_itself(input: &dto::CopyObjectInput, directives: Directives) -> S3Result<()> {
    let itself = matches!(&input.copy_source, dto::CopySource::Bucket { bucket, key, version_id: None }
        if **bucket == *input.bucket && **key == *input.key);
    let changes = directives.metadata == Directive::Replace
        || input.storage_class.is_some()
        || input.website_redirect_location.is_some()
        || input.server_side_encryption.is_some();
    if itself && !changes {
        return Err(errors::invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    Ok(())
}
