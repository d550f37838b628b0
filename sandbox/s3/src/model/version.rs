//! Versions and their IDs.

use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::{S3Error, dto::TimestampFormat, s3_error};
use serde::{Deserialize, Serialize};

use crate::{
    errors::{invalid_version_id, no_such_key, no_such_version},
    model::{bucket::Versioning, object::Object, tick::Tick},
};

/// The version id of an object written while versioning was off or suspended.
pub(crate) const NULL_VERSION: &str = "null";

/// One version of one key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) id: String,
    /// When its upload was initiated.
    pub(crate) initiated: Tick,
    /// When it appeared: the sequencer of its event.
    pub(crate) created: Tick,
    pub(crate) content: VersionContent,
}

/// What a version is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum VersionContent {
    /// The key was deleted.
    DeleteMarker,
    /// Bytes and what is known about them.
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

/// What version ids are made of.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/// A version id: 32 characters without meaning, as S3's are.
pub(crate) fn new_version_id() -> String {
    let random = rand::random::<[u8; 32]>();
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect()
}

/// Whether a text could be the id of a version: `null`, or one of [`new_version_id`]'s kind. To S3's users they are
/// opaque (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>), but S3 knows.
pub(crate) fn is_version_id(text: &str) -> bool {
    text == NULL_VERSION || (text.len() == 32 && text.bytes().all(|byte| ALPHABET.contains(&byte)))
}

/// The version id that a bucket answers with: none where versioning was never enabled.
pub(crate) fn shown(versioning: Versioning, id: &str) -> Option<String> {
    (versioning != Versioning::Never).then(|| id.to_owned())
}

/// What an id that no version has answers: 404 where it could be one, 400 where it could not
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, `NoSuchVersion`; what S3 says of the latter
/// is quoted in <https://github.com/versity/versitygw/issues/1698> and, for none at all, in
/// <https://github.com/noobaa/noobaa-core/pull/8014>).
pub(crate) fn unknown_version(id: &str) -> S3Error {
    if is_version_id(id) { no_such_version(id) } else { invalid_version_id(id) }
}

/// What reading a delete marker answers: 404 when it is merely current, 405 when it was asked for by its id
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html>). The latter also tells when it was made
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
