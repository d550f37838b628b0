//! Copies: of an object, and of a range into a part. The bytes stay where they are; what costs time is a digest that
//! nobody has computed yet.

use std::sync::Arc;

use http::HeaderMap;
use s3s::{S3Request, S3Response, S3Result, dto, s3_error};

use super::{
    Backend,
    blobs::Held,
    body::MAX_BODY,
    checksum::{Algorithm, Checksum, Kind},
    conditions::{ReadConditions, Verdict, WriteConditions},
    convert::{attributes, lock, part_number, set_checksum, tags_of_header},
    customer_key::{CustomerKey, customer_key},
    errors,
    events::Cause,
    extents::{known_crc64nvme, known_md5, slice},
    flip::Flip,
    model::{Attributes, Object, Part, Tags, Tick, Version},
    publish::{Publication, shown},
    state::BucketRecord,
};

/// The version that a copy reads.
struct Source {
    version: Arc<Version>,
    /// As `x-amz-copy-source-version-id` shows it.
    version_id: Option<String>,
    /// The bytes to copy.
    held: Held,
    /// Whether these are all the bytes.
    whole: bool,
}

/// The digests of what is copied.
struct Proof {
    md5: String,
    crc64nvme: u64,
    checksum: Checksum,
}

/// Finds the digests without reading where all of them are known, and otherwise in one pass over the bytes.
async fn prove(held: &mut Held, algorithm: Algorithm, known: Option<&Checksum>) -> S3Result<Proof> {
    if let (Some(md5), Some(crc64nvme)) = (known_md5(held.extents()), known_crc64nvme(held.extents())) {
        let stored = known.filter(|known| known.algorithm == algorithm && known.kind == Kind::FullObject).cloned();
        let checksum = if algorithm == Algorithm::Crc64Nvme { Some(Checksum::crc64nvme(crc64nvme)) } else { stored };
        if let Some(checksum) = checksum {
            return Ok(Proof { md5, crc64nvme, checksum });
        }
    }
    let digests = held.digest(Some(algorithm)).await.map_err(errors::disk)?;
    held.learn(&digests);
    Ok(Proof { md5: digests.md5.clone(), crc64nvme: digests.crc64nvme, checksum: digests.checksum() })
}

/// The conditions on the source of a copy; both kinds of copy spell them alike.
macro_rules! source_conditions {
    ($input:expr) => {
        ReadConditions {
            if_match: $input.copy_source_if_match.take(),
            if_none_match: $input.copy_source_if_none_match.take(),
            if_modified_since: $input.copy_source_if_modified_since.take(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.take(),
        }
    };
}

/// The algorithm that a request names.
pub(super) fn algorithm_named(given: Option<&dto::ChecksumAlgorithm>) -> S3Result<Option<Algorithm>> {
    given
        .map(|given| {
            Algorithm::parse(given.as_str()).ok_or_else(|| {
                errors::invalid_request(
                    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, \
                     CRC32C, CRC64NVME, SHA1, SHA256]",
                )
            })
        })
        .transpose()
}

/// The bytes that `x-amz-copy-source-range` asks for, from first up to, not including, last.
fn source_range(given: &str, size: u64) -> S3Result<(u64, u64)> {
    let form = || {
        errors::invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
             zero-based offsets of the first and last bytes to copy",
        )
    };
    let (first, last) = given.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(form)?;
    let (first, last): (u64, u64) = (first.parse().map_err(|_| form())?, last.parse().map_err(|_| form())?);
    if first > last || last >= size {
        return Err(errors::invalid_argument(format!(
            "Range specified is not valid for source object of size: {size}"
        )));
    }
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html, x-amz-copy-source-range
    if size <= 5 << 20 {
        return Err(errors::invalid_request("You can copy a range only if the source object is greater than 5 MB."));
    }
    Ok((first, last + 1))
}

/// A condition on the destination of a copy, which s3s 0.14.1 leaves in the headers.
fn condition(headers: &HeaderMap, name: &str) -> S3Result<Option<dto::ETagCondition>> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    dto::ETagCondition::parse_http_header(value.as_bytes())
        .map(Some)
        .map_err(|_| errors::invalid_argument(format!("The {name} header is neither an ETag nor *")))
}

impl Backend {
    /// Makes what is copied differ in one byte from its source, and answers the digests of what it became.
    async fn prove_flipped(&self, held: &mut Held, flip: Flip, algorithm: Algorithm) -> S3Result<Proof> {
        let source = self.blobs.hold(held.extents().to_vec());
        let (flipped, digests) = self.flipped(source, flip, algorithm).await?;
        *held = flipped;
        Ok(Proof { md5: digests.md5.clone(), crc64nvme: digests.crc64nvme, checksum: digests.checksum() })
    }

    /// Finds the source of a copy, judges its conditions, and holds the bytes of the range, or all of them.
    fn source(
        &self,
        from: &dto::CopySource,
        customer_key: Option<&CustomerKey>,
        conditions: &ReadConditions,
        range: Option<&str>,
    ) -> S3Result<Source> {
        let dto::CopySource::Bucket { bucket, key, version_id } = from else {
            return Err(s3_error!(NotImplemented, "A copy source can only be a bucket and a key"));
        };
        let state = self.state();
        let version = state.find(bucket, key, version_id.as_deref()).map_err(|error| {
            if *error.code() == s3s::S3ErrorCode::MethodNotAllowed {
                errors::invalid_request(
                    "The source of a copy request may not specifically refer to a delete marker by version id.",
                )
            } else {
                error
            }
        })?;
        let shown = shown(state.bucket(bucket)?.record.versioning, &version.id);
        let object = version.object().ok_or_else(errors::no_such_key)?;
        CustomerKey::open(object.attributes.encryption.customer_key.as_ref(), customer_key)?;
        match conditions.judge(&object.etag, version.initiated.time()) {
            Verdict::Proceed => {}
            Verdict::NotModified => return Err(errors::precondition_failed("If-None-Match")),
            Verdict::Failed(name) => return Err(errors::precondition_failed(name)),
        }
        if object.is_out_of_reach(self.now()) {
            return Err(s3_error!(InvalidObjectState, "Operation is not valid for the source object's storage class"));
        }
        let size = object.size();
        let (start, end) = range.map_or(Ok((0, size)), |range| source_range(range, size))?;
        if end - start > MAX_BODY {
            return Err(errors::invalid_request(format!(
                "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_BODY}"
            )));
        }
        let held = self.blobs.hold(slice(&object.extents, start, end));
        Ok(Source { version_id: shown, held, whole: end - start == size, version })
    }

    pub(super) async fn copy_object(
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
            state.publish(Publication {
                bucket: &input.bucket,
                key: &input.key,
                object,
                initiated: None,
                completed: None,
                reason: "CopyObject",
                cause: &cause,
            })?
        };
        output.copy_object_result = Some(copy_result(etag, &proof.checksum, published.initiated));
        output.version_id = published.version_id;
        self.announce(published.event).await;
        Ok(S3Response::new(output))
    }

    pub(super) async fn upload_part_copy(
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

/// What the body of the answer to a copy says.
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

/// Where something of a copy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    /// The source.
    Copy,
    /// The request.
    Replace,
}

impl Directive {
    /// `what` it is about, as S3's refusal names it.
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

/// The attributes and tags of a copy, by the directives of its request.
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
        // Storage class, encryption and redirect are the destination's own, never the source's.
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

/// A copy of an object onto itself has to change something.
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_source_range_names_both_ends_and_lies_inside_the_source() {
        let size = 6 << 20;
        assert_eq!(source_range("bytes=0-9", size).unwrap(), (0, 10));
        assert_eq!(source_range(&format!("bytes=5-{}", size - 1), size).unwrap(), (5, size));
        for bad in ["0-9", "bytes=0-", "bytes=-5", "bytes=9-0", "bytes=a-b", &format!("bytes=0-{size}")] {
            assert!(source_range(bad, size).is_err(), "{bad} was accepted");
        }
        assert!(source_range("bytes=0-9", 5 << 20).is_err(), "a small source cannot be copied by ranges");
    }
}
