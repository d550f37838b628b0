//! Versions and their IDs.

use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::{S3Error, dto::TimestampFormat, s3_error};
use serde::{Deserialize, Serialize};

use crate::{
    errors::{invalid_version_id, no_such_key, no_such_version},
    model::{bucket::Versioning, object::Object, tick::Tick},
};

/// The version ID of an object written while versioning was disabled or suspended.
pub(crate) const NULL_VERSION: &str = "null";

/// One version of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) id: String,
    /// When its upload was initiated.
    pub(crate) initiated: Tick,
    /// When the version appeared: the sequencer of its event.
    pub(crate) created: Tick,
    pub(crate) content: VersionContent,
}

/// The content of a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum VersionContent {
    /// The key was deleted.
    DeleteMarker,
    /// Bytes and their metadata.
    Object(Box<Object>),
}

impl Version {
    /// The object, unless the version is a delete marker.
    pub(crate) fn object(&self) -> Option<&Object> {
        match &self.content {
            VersionContent::Object(object) => Some(object),
            VersionContent::DeleteMarker => None,
        }
    }
}

/// The characters of version IDs.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/// A random version ID of 32 characters, as S3's.
pub(crate) fn new_version_id() -> String {
    let random = rand::random::<[u8; 32]>();
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect()
}

/// Whether a text can be a version ID: `null`, or the format of [`new_version_id`]. The format is opaque to users
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>), but S3 checks it.
pub(crate) fn is_version_id(text: &str) -> bool {
    text == NULL_VERSION || (text.len() == 32 && text.bytes().all(|byte| ALPHABET.contains(&byte)))
}

/// The version ID that a bucket returns: none if versioning was never enabled.
pub(crate) fn shown(versioning: Versioning, id: &str) -> Option<String> {
    (versioning != Versioning::Never).then(|| id.to_owned())
}

/// The error for an unknown version ID: 404 if its format is valid, 400 otherwise
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, `NoSuchVersion`).
/// <https://github.com/versity/versitygw/issues/1698> quotes the latter, and
/// <https://github.com/noobaa/noobaa-core/pull/8014> the message for an empty ID.
pub(crate) fn unknown_version(id: &str) -> S3Error {
    if is_version_id(id) { no_such_version(id) } else { invalid_version_id(id) }
}

/// The error for reading a delete marker: 404 if it is the current version, 405 if the request names its ID
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html>). The latter contains its creation time
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>, `versionId`).
pub(crate) fn delete_marker(marker: &Version, named: bool) -> S3Error {
    let mut error = if named {
        s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.")
    } else {
        no_such_key()
    };
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-amz-delete-marker"), HeaderValue::from_static("true"));
    if let Ok(value) = HeaderValue::from_str(&marker.id) {
        headers.insert(HeaderName::from_static("x-amz-version-id"), value);
    }
    let mut made = Vec::new();
    let written = marker.initiated.timestamp().format(TimestampFormat::HttpDate, &mut made);
    if let (true, Ok(()), Ok(value)) = (named, written, HeaderValue::from_bytes(&made)) {
        headers.insert(http::header::LAST_MODIFIED, value);
    }
    error.set_headers(headers);
    error
}
