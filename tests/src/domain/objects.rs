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

/// Objects that are read at once.
const READS: usize = 8;

/// A bucket and everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Whether a new object leaves the one before it as a version.
    pub keeps_versions: bool,
    /// Every version of every key, in S3's order: by key, the newest first.
    pub versions: Vec<Version>,
    /// Every multipart upload that is open.
    pub uploads: Vec<OpenUpload>,
}

/// A version that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its key.
    pub key: String,
    /// Its version id; absent for an object of a bucket that keeps no versions.
    pub id: Option<String>,
    /// Whether it is what a read of the key answers.
    pub current: bool,
    /// Its entity tag.
    pub etag: ETag,
    /// Its size in bytes, as listed.
    pub size: u64,
    /// Digests of its bytes, as read; absent for an archived object, which cannot be read.
    pub bytes: Option<Digest>,
    /// Everything that it carries but the stamp.
    pub attributes: Attributes,
    /// The stamp, if it carries one.
    pub stamp: Option<Stamp>,
}

/// Digests of bytes that were read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// How many bytes.
    pub size: u64,
    /// Their CRC64NVME.
    pub crc64nvme: Crc64Nvme,
    /// Their SHA-256.
    pub sha256: Sha256,
}

/// A multipart upload that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key that it would publish.
    pub key: String,
    /// S3's id for it.
    pub id: String,
}

/// Which objects of a bucket are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keys<'a> {
    /// All.
    All,
    /// Those outside of a prefix.
    Outside(&'a str),
    /// Those of one source key: itself, and late copies of it.
    Of(&'a str),
}

impl Keys<'_> {
    /// What the keys begin with.
    fn prefixes(self) -> Vec<String> {
        match self {
            Self::All | Self::Outside(_) => vec![String::new()],
            Self::Of(key) => vec![late(key), key.to_owned()],
        }
    }

    fn has(self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Outside(prefix) => !key.starts_with(prefix),
            Self::Of(only) => key == only || key.starts_with(&late(only)),
        }
    }
}

/// What the keys of late copies begin with.
fn late(key: &str) -> String {
    format!(".holdfast/late/{key}/")
}

impl Bucket {
    /// Reads a bucket, as far as these keys go.
    pub(super) async fn read(s3: &Client, name: &str, keys: Keys<'_>) -> TestResult<Self> {
        let versioning = s3.get_bucket_versioning().bucket(name).send().await?;
        let (mut listed, mut uploads) = (Vec::new(), Vec::new());
        for prefix in keys.prefixes() {
            listed.extend(list_versions(s3, name, &prefix).await?);
            uploads.extend(list_uploads(s3, name, &prefix).await?);
        }
        listed.retain(|version| keys.has(version.key().unwrap_or_default()));
        uploads.retain(|upload| keys.has(&upload.key));
        let reads = listed.into_iter().map(|version| read_version(s3, name, version));
        Ok(Self {
            name: name.to_owned(),
            keeps_versions: versioning.status() == Some(&BucketVersioningStatus::Enabled),
            versions: stream::iter(reads).buffered(READS).try_collect().await?,
            uploads,
        })
    }

    /// The versions of a key, the newest first.
    pub fn versions_of<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a Version> + use<'a, 'k> {
        self.versions.iter().filter(move |version| version.key == key)
    }

    /// What a read of the key answers.
    pub fn current(&self, key: &str) -> Option<&Version> {
        self.versions_of(key).find(|version| version.current)
    }
}

impl Version {
    /// For sentences.
    pub(super) fn name(&self, bucket: &Bucket) -> String {
        let version = self.id.as_ref().map(|id| format!(" (version {id})")).unwrap_or_default();
        format!("s3://{}/{}{version}", bucket.name, self.key)
    }
}

/// A version id as it counts: `null` names no version.
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

/// The user's own metadata.
fn without_stamp(mut metadata: BTreeMap<String, String>) -> BTreeMap<String, String> {
    metadata.remove(STAMP_NAME);
    metadata
}

/// The headers of an answer, and its metadata with the stamp in it.
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
