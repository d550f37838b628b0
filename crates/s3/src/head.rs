//! HeadObject: everything about an object except its bytes and tags.

use std::{collections::BTreeMap, fmt};

use aws_sdk_s3::{
    Client,
    operation::head_object::HeadObjectOutput,
    types::{ArchiveStatus, ChecksumMode, ChecksumType, ServerSideEncryption, StorageClass},
};
use holdfast_core::{
    attributes::Attributes,
    checksum::Crc64Nvme,
    contract::{Destination, Source, Stored},
    layout::SourceParts,
    names::{BucketName, ETag, ObjectKey, VersionId},
    object::Head,
    order::Stamp,
    source_checksum::{Algorithm, HeadChecksum, HeadFacts},
};
use time::OffsetDateTime;

use crate::{
    S3Error,
    failure::{Call, Side},
};

/// An object, or one version of it.
#[derive(Debug, Clone, Copy)]
pub struct ObjectRef<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// The version; absent for the current one.
    pub version_id: Option<&'a VersionId>,
    /// The side of the copy.
    pub side: Side,
}

impl<'a> ObjectRef<'a> {
    /// The source of a copy.
    pub fn source(source: &'a Source) -> Self {
        let version_id = source.version_id.as_ref();
        Self { bucket: &source.bucket, key: &source.key, version_id, side: Side::Source }
    }

    /// The current object at a destination.
    pub fn current(destination: &'a Destination) -> Self {
        Self { bucket: &destination.bucket, key: &destination.key, version_id: None, side: Side::Destination }
    }

    /// A published copy.
    pub fn stored(destination: &'a Destination, stored: &'a Stored) -> Self {
        Self { version_id: stored.version_id.as_ref(), ..Self::current(destination) }
    }

    pub(super) fn version(&self) -> Option<String> {
        self.version_id.map(ToString::to_string)
    }

    /// A call to this object, for the messages of its failures.
    pub fn call(&self, operation: &'static str, grant: &'static str) -> Call {
        Call { operation, side: self.side, resource: self.to_string(), from: None, grant }
    }
}

impl fmt::Display for ObjectRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.key)?;
        self.version_id.map_or(Ok(()), |version| write!(formatter, " (version {version})"))
    }
}

/// Describes an object with HeadObject; `None` if it does not exist or is a delete marker.
pub async fn head(client: &Client, object: ObjectRef<'_>) -> Result<Option<Head>, S3Error> {
    let request = client
        .head_object()
        .bucket(object.bucket.as_str())
        .key(object.key.as_str())
        .set_version_id(object.version())
        .checksum_mode(ChecksumMode::Enabled);
    match request.send().await {
        Ok(output) => read(&output).map(Some).map_err(|problem| S3Error::Invalid {
            operation: "HeadObject",
            resource: object.to_string(),
            problem,
        }),
        Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
            // S3 returns 405 for a version that is a delete marker.
            Some(404 | 405) => Ok(None),
            _ => {
                Err(object.call("HeadObject", "s3:GetObject, s3:GetObjectVersion and s3:ListBucket").s3_failure(error))
            }
        },
    }
}

/// The parts that an object was uploaded in; `None` if it was uploaded in one request.
pub async fn source_parts(client: &Client, object: ObjectRef<'_>, etag: &ETag) -> Result<Option<SourceParts>, S3Error> {
    let request = client
        .head_object()
        .bucket(object.bucket.as_str())
        .key(object.key.as_str())
        .set_version_id(object.version())
        .if_match(etag.quoted())
        .part_number(1);
    // S3 refuses the request if the entity tag differs. The described object then does not exist any more.
    let call = object.call("HeadObject", "s3:GetObject and s3:GetObjectVersion");
    let output = request.send().await.map_err(|error| call.s3_failure(error))?;
    let count = output.parts_count().and_then(|count| u64::try_from(count).ok());
    let first_size = output.content_length().and_then(|length| u64::try_from(length).ok());
    Ok(count.zip(first_size).map(|(count, first_size)| SourceParts { count, first_size }))
}

fn read(output: &HeadObjectOutput) -> Result<Head, String> {
    let text = |error: &dyn fmt::Display| error.to_string();
    let metadata: BTreeMap<_, _> = output.metadata().cloned().unwrap_or_default().into_iter().collect();
    // S3 never returns a composite CRC64NVME, but other servers may. It does not cover the whole object.
    let full_object = output.checksum_type() != Some(&ChecksumType::Composite);
    let crc64nvme = output.checksum_crc64_nvme().filter(|_| full_object);
    let stamp = Stamp::read(&metadata);
    let etag = ETag::new(output.e_tag().unwrap_or_default()).map_err(|error| text(&error))?;
    let checksum = checksum(output, &etag);
    let last_modified = output.last_modified().and_then(|time| OffsetDateTime::from_unix_timestamp(time.secs()).ok());
    Ok(Head {
        version_id: output.version_id().map(VersionId::new).transpose().map_err(|error| text(&error))?,
        etag,
        size: u64::try_from(output.content_length().unwrap_or_default()).map_err(|error| text(&error))?,
        last_modified: last_modified.ok_or("no Last-Modified")?,
        crc64nvme: crc64nvme.map(Crc64Nvme::parse).transpose().map_err(|error| text(&error))?,
        checksum,
        attributes: Attributes {
            content_type: output.content_type().map(str::to_owned),
            cache_control: output.cache_control().map(str::to_owned),
            content_disposition: output.content_disposition().map(str::to_owned),
            content_encoding: output.content_encoding().map(str::to_owned),
            content_language: output.content_language().map(str::to_owned),
            expires: output.expires_string().map(str::to_owned),
            website_redirect_location: output.website_redirect_location().map(str::to_owned),
            metadata,
            tags: BTreeMap::new(),
            storage_class: output.storage_class().map(|class| class.as_str().to_owned()),
        },
        stamp,
        tag_count: output.tag_count().and_then(|count| u64::try_from(count).ok()),
        archived: is_archived(output),
    })
}

/// The checksum by which the object can be proven. S3 answers one of them; the order matters only for other servers.
fn checksum(output: &HeadObjectOutput, etag: &ETag) -> HeadChecksum {
    let stored = [
        (Algorithm::Crc64Nvme, output.checksum_crc64_nvme()),
        (Algorithm::Sha512, output.checksum_sha512()),
        (Algorithm::Sha256, output.checksum_sha256()),
        (Algorithm::Sha1, output.checksum_sha1()),
        (Algorithm::Md5, output.checksum_md5()),
        (Algorithm::Crc32C, output.checksum_crc32_c()),
        (Algorithm::Crc32, output.checksum_crc32()),
    ];
    let is_kms = |encryption: &ServerSideEncryption| *encryption != ServerSideEncryption::Aes256;
    HeadChecksum::of(&HeadFacts {
        stored: &stored,
        is_composite: output.checksum_type() == Some(&ChecksumType::Composite),
        etag,
        has_kms_key: output.server_side_encryption().is_some_and(is_kms) || output.sse_customer_algorithm().is_some(),
    })
}

/// Whether the bytes are in an archive (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html>).
/// `x-amz-restore: ongoing-request="false"` marks an object with a readable restored copy.
fn is_archived(output: &HeadObjectOutput) -> bool {
    let archive_class = matches!(output.storage_class(), Some(StorageClass::Glacier | StorageClass::DeepArchive));
    let archive_tier =
        matches!(output.archive_status(), Some(ArchiveStatus::ArchiveAccess | ArchiveStatus::DeepArchiveAccess));
    let restored = output.restore().is_some_and(|restore| restore.contains("ongoing-request=\"false\""));
    (archive_class || archive_tier) && !restored
}
