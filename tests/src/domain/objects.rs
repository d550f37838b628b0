//! The objects and uploads of a bucket, read back through S3.

use std::collections::BTreeMap;

use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata,
    operation::get_object::GetObjectOutput,
    types::{BucketVersioningStatus, ObjectVersion, StorageClass},
};
use futures::{StreamExt, TryStreamExt, stream};
use holdfast_core::{
    attributes::Attributes,
    checksum::{Crc64Nvme, Sha256},
    names::ETag,
    order::{STAMP_NAME, Stamp},
};

use crate::TestResult;

/// Concurrent reads.
const CONCURRENT_READS: usize = 8;

/// A bucket with its objects and open uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The name.
    pub name: String,
    /// Whether versioning is enabled.
    pub is_versioned: bool,
    /// All versions of all keys, in S3's order: by key, newest first.
    pub versions: Vec<Version>,
    /// The open multipart uploads.
    pub uploads: Vec<OpenUpload>,
}

/// An object version and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The key.
    pub key: String,
    /// The version ID; absent in a bucket without versioning.
    pub id: Option<String>,
    /// Whether it is the current version of the key.
    pub current: bool,
    /// The entity tag.
    pub etag: ETag,
    /// The size in bytes, from the listing.
    pub size: u64,
    /// Digests of the bytes; absent for an archived object, which cannot be read.
    pub bytes: Option<Digest>,
    /// The attributes, without the stamp.
    pub attributes: Attributes,
    /// The stamp, if it has one.
    pub stamp: Option<Stamp>,
}

/// Digests of the bytes of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// The number of bytes.
    pub size: u64,
    /// The CRC64NVME.
    pub crc64nvme: Crc64Nvme,
    /// The SHA-256.
    pub sha256: Sha256,
}

/// An open multipart upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key.
    pub key: String,
    /// The upload ID.
    pub id: String,
}

/// The keys that a snapshot includes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keys<'a> {
    /// All keys.
    All,
    /// All keys without this prefix.
    Outside(&'a str),
    /// One source key and its late copies.
    Of(&'a str),
}

impl Keys<'_> {
    /// The prefixes to list.
    fn prefixes(self) -> Vec<String> {
        match self {
            Self::All | Self::Outside(_) => vec![String::new()],
            Self::Of(key) => vec![late_prefix(key), key.to_owned()],
        }
    }

    fn includes(self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Outside(prefix) => !key.starts_with(prefix),
            Self::Of(only) => key == only || key.starts_with(&late_prefix(only)),
        }
    }
}

/// The prefix of the late copies of a key.
fn late_prefix(key: &str) -> String {
    format!(".holdfast/late/{key}/")
}

impl Bucket {
    /// Reads these keys of a bucket.
    pub(super) async fn read(s3: &Client, name: &str, keys: Keys<'_>) -> TestResult<Self> {
        let versioning = s3.get_bucket_versioning().bucket(name).send().await?;
        let (mut listed, mut uploads) = (Vec::new(), Vec::new());
        for prefix in keys.prefixes() {
            listed.extend(list_versions(s3, name, &prefix).await?);
            uploads.extend(list_uploads(s3, name, &prefix).await?);
        }
        listed.retain(|version| keys.includes(version.key().unwrap_or_default()));
        uploads.retain(|upload| keys.includes(&upload.key));
        let reads = listed.into_iter().map(|version| read_version(s3, name, version));
        Ok(Self {
            name: name.to_owned(),
            is_versioned: versioning.status() == Some(&BucketVersioningStatus::Enabled),
            versions: stream::iter(reads).buffered(CONCURRENT_READS).try_collect().await?,
            uploads,
        })
    }

    /// The versions of a key, newest first.
    pub fn versions_of<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a Version> + use<'a, 'k> {
        self.versions.iter().filter(move |version| version.key == key)
    }

    /// The current version of a key.
    pub fn current(&self, key: &str) -> Option<&Version> {
        self.versions_of(key).find(|version| version.current)
    }
}

impl Version {
    /// The name in messages.
    pub(super) fn name(&self, bucket: &Bucket) -> String {
        let version = self.id.as_ref().map(|id| format!(" (version {id})")).unwrap_or_default();
        format!("s3://{}/{}{version}", bucket.name, self.key)
    }
}

/// The version ID, or nothing for `null`, the ID of an object without versioning.
pub(super) fn version_id(id: Option<&str>) -> Option<&str> {
    id.filter(|id| *id != "null")
}

pub(super) async fn list_versions(s3: &Client, bucket: &str, prefix: &str) -> TestResult<Vec<ObjectVersion>> {
    let mut versions = Vec::new();
    let (mut key, mut version) = (None, None);
    loop {
        let request = s3.list_object_versions().bucket(bucket).prefix(prefix).set_key_marker(key);
        let page = request.set_version_id_marker(version).send().await?;
        versions.extend_from_slice(page.versions());
        if page.is_truncated() != Some(true) {
            return Ok(versions);
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
}

async fn list_uploads(s3: &Client, bucket: &str, prefix: &str) -> TestResult<Vec<OpenUpload>> {
    let mut uploads = Vec::new();
    let (mut key, mut id) = (None, None);
    loop {
        let request = s3.list_multipart_uploads().bucket(bucket).prefix(prefix).set_key_marker(key);
        let page = request.set_upload_id_marker(id).send().await?;
        uploads.extend(page.uploads().iter().map(|upload| OpenUpload {
            key: upload.key().unwrap_or_default().to_owned(),
            id: upload.upload_id().unwrap_or_default().to_owned(),
        }));
        if page.is_truncated() != Some(true) {
            return Ok(uploads);
        }
        (key, id) = (page.next_key_marker, page.next_upload_id_marker);
    }
}

async fn read_version(s3: &Client, bucket: &str, listed: ObjectVersion) -> TestResult<Version> {
    let key = listed.key().unwrap_or_default();
    let object = s3.get_object().bucket(bucket).key(key).set_version_id(listed.version_id.clone());
    let (attributes, metadata, bytes) = match object.send().await {
        Ok(object) => {
            let (attributes, metadata) = attributes(&object);
            let bytes = object.body.collect().await?.into_bytes();
            let digest =
                Digest { size: bytes.len() as u64, crc64nvme: Crc64Nvme::of(&bytes), sha256: Sha256::of(&bytes) };
            (attributes, metadata, Some(digest))
        }
        Err(error) if error.code() == Some("InvalidObjectState") => (Attributes::default(), BTreeMap::new(), None),
        Err(error) => return Err(error.into()),
    };
    let tags = s3.get_object_tagging().bucket(bucket).key(key).set_version_id(listed.version_id.clone());
    let tags = tags.send().await?.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect();
    Ok(Version {
        key: key.to_owned(),
        id: version_id(listed.version_id()).map(str::to_owned),
        current: listed.is_latest() == Some(true),
        etag: ETag::new(listed.e_tag().unwrap_or_default())?,
        size: u64::try_from(listed.size().unwrap_or_default())?,
        bytes,
        stamp: Stamp::read(&metadata),
        attributes: Attributes { tags, metadata: without_stamp(metadata), ..attributes },
    })
}

/// The metadata of the uploader.
fn without_stamp(mut metadata: BTreeMap<String, String>) -> BTreeMap<String, String> {
    metadata.remove(STAMP_NAME);
    metadata
}

/// The headers of a response, and its metadata, the stamp included.
fn attributes(object: &GetObjectOutput) -> (Attributes, BTreeMap<String, String>) {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let attributes = Attributes {
        content_type: text(object.content_type()),
        cache_control: text(object.cache_control()),
        content_disposition: text(object.content_disposition()),
        content_encoding: text(object.content_encoding()),
        content_language: text(object.content_language()),
        expires: text(object.expires_string()),
        website_redirect_location: text(object.website_redirect_location()),
        metadata: BTreeMap::new(),
        tags: BTreeMap::new(),
        storage_class: text(object.storage_class().map(StorageClass::as_str)),
    };
    (attributes, object.metadata().cloned().unwrap_or_default().into_iter().collect())
}
