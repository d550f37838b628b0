//! HeadObject: everything about an object but its bytes and tags.

use std::{collections::BTreeMap, fmt};

use aws_sdk_s3::{
    Client,
    operation::head_object::HeadObjectOutput,
    types::{ArchiveStatus, ChecksumMode, ChecksumType, StorageClass},
};
use holdfast_core::{
    ErrorName, Failure,
    attributes::Attributes,
    checksum::Crc64Nvme,
    contract::{Destination, Source, Stored},
    layout::SourceParts,
    names::{BucketName, ETag, ObjectKey, VersionId},
    stamp::{Stamp, without_stamp},
};
use time::OffsetDateTime;

use crate::failure::{Call, Side};

/// An object, or one version of it.
#[derive(Debug, Clone, Copy)]
pub struct ObjectRef<'a> {
    /// Its bucket.
    pub bucket: &'a BucketName,
    /// Its key.
    pub key: &'a ObjectKey,
    /// Its version; absent for the current one.
    pub version_id: Option<&'a VersionId>,
    /// Which side of the copy it is.
    pub side: Side,
}

impl<'a> ObjectRef<'a> {
    /// A transfer's source.
    pub fn source(source: &'a Source) -> Self {
        let version_id = source.version_id.as_ref();
        Self { bucket: &source.bucket, key: &source.key, version_id, side: Side::Source }
    }

    /// What is at a destination now.
    pub fn current(destination: &'a Destination) -> Self {
        Self { bucket: &destination.bucket, key: &destination.key, version_id: None, side: Side::Destination }
    }

    /// A copy that was published.
    pub fn stored(destination: &'a Destination, stored: &'a Stored) -> Self {
        Self { version_id: stored.version_id.as_ref(), ..Self::current(destination) }
    }

    pub(super) fn version(&self) -> Option<String> {
        self.version_id.map(ToString::to_string)
    }

    /// A call to this object, for its failures.
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

/// What HeadObject answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The version; absent where the bucket keeps none.
    pub version_id: Option<VersionId>,
    /// The entity tag.
    pub etag: ETag,
    /// Bytes.
    pub size: u64,
    /// When its upload was initiated, in whole seconds.
    pub last_modified: Option<OffsetDateTime>,
    /// The stored full-object CRC64NVME, if there is one.
    pub crc64nvme: Option<Crc64Nvme>,
    /// Headers, the user's own metadata and storage class; no tags, which HeadObject does not answer.
    pub attributes: Attributes,
    /// Holdfast's stamp, if it carries one.
    pub stamp: Option<Stamp>,
    /// How many tags, where the store says so; S3 leaves it out when there are none.
    pub tag_count: Option<u64>,
    /// Whether it has to be restored before it can be read.
    pub archived: bool,
}

impl Head {
    /// The object as the contract describes a published copy.
    pub fn stored(&self) -> Stored {
        Stored { version_id: self.version_id.clone(), etag: self.etag.clone(), crc64nvme: self.crc64nvme }
    }
}

/// Describes an object; none when it is not there, or is a delete marker.
pub async fn head(client: &Client, object: ObjectRef<'_>) -> Result<Option<Head>, Failure> {
    let request = client
        .head_object()
        .bucket(object.bucket.as_str())
        .key(object.key.as_str())
        .set_version_id(object.version())
        .checksum_mode(ChecksumMode::Enabled);
    match request.send().await {
        Ok(output) => read(&output).map(Some).map_err(|problem| {
            Failure::new(ErrorName::Internal, format!("HeadObject of {object} answered what S3 never does: {problem}"))
        }),
        Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
            // 405 is S3's answer to a version that is a delete marker.
            Some(404 | 405) => Ok(None),
            _ => {
                Err(object.call("HeadObject", "s3:GetObject, s3:GetObjectVersion and s3:ListBucket").s3_failure(error))
            }
        },
    }
}

/// The parts that an object was uploaded in; none when it was uploaded at once.
pub async fn source_parts(client: &Client, object: ObjectRef<'_>, etag: &ETag) -> Result<Option<SourceParts>, Failure> {
    let request = client
        .head_object()
        .bucket(object.bucket.as_str())
        .key(object.key.as_str())
        .set_version_id(object.version())
        .if_match(etag.quoted())
        .part_number(1);
    // Conditional on the entity tag: another one means that this object is not there any more.
    let call = object.call("HeadObject", "s3:GetObject and s3:GetObjectVersion");
    let output = request.send().await.map_err(|error| call.s3_failure(error))?;
    let count = output.parts_count().and_then(|count| u64::try_from(count).ok());
    let first_size = output.content_length().and_then(|length| u64::try_from(length).ok());
    Ok(count.zip(first_size).map(|(count, first_size)| SourceParts { count, first_size }))
}

fn read(output: &HeadObjectOutput) -> Result<Head, String> {
    let sentence = |error: &dyn fmt::Display| error.to_string();
    let metadata: BTreeMap<_, _> = output.metadata().cloned().unwrap_or_default().into_iter().collect();
    // A composite checksum says nothing about the whole; CRC64NVME is never composite, but a store may say otherwise.
    let full_object = output.checksum_type() != Some(&ChecksumType::Composite);
    let crc64nvme = output.checksum_crc64_nvme().filter(|_| full_object);
    Ok(Head {
        version_id: output.version_id().map(VersionId::new).transpose().map_err(|error| sentence(&error))?,
        etag: ETag::new(output.e_tag().unwrap_or_default()).map_err(|error| sentence(&error))?,
        size: u64::try_from(output.content_length().unwrap_or_default()).map_err(|error| sentence(&error))?,
        last_modified: output.last_modified().and_then(|time| OffsetDateTime::from_unix_timestamp(time.secs()).ok()),
        crc64nvme: crc64nvme.map(Crc64Nvme::parse).transpose().map_err(|error| sentence(&error))?,
        attributes: Attributes {
            content_type: output.content_type().map(str::to_owned),
            cache_control: output.cache_control().map(str::to_owned),
            content_disposition: output.content_disposition().map(str::to_owned),
            content_encoding: output.content_encoding().map(str::to_owned),
            content_language: output.content_language().map(str::to_owned),
            expires: output.expires_string().map(str::to_owned),
            website_redirect_location: output.website_redirect_location().map(str::to_owned),
            metadata: without_stamp(&metadata),
            tags: BTreeMap::new(),
            storage_class: output.storage_class().map(|class| class.as_str().to_owned()),
        },
        stamp: Stamp::read(&metadata),
        tag_count: output.tag_count().and_then(|count| u64::try_from(count).ok()),
        archived: is_archived(output),
    })
}

/// Whether the bytes are in an archive (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html>).
/// `x-amz-restore: ongoing-request="false"` is the answer for an object whose restored copy can be read.
fn is_archived(output: &HeadObjectOutput) -> bool {
    let archive_class = matches!(output.storage_class(), Some(StorageClass::Glacier | StorageClass::DeepArchive));
    let archive_tier =
        matches!(output.archive_status(), Some(ArchiveStatus::ArchiveAccess | ArchiveStatus::DeepArchiveAccess));
    let restored = output.restore().is_some_and(|restore| restore.contains("ongoing-request=\"false\""));
    (archive_class || archive_tier) && !restored
}
