//! S3's own words for what goes wrong, where more than one operation says them. Codes and messages are those of
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3s::{S3Error, S3ErrorCode, dto::TimestampFormat, s3_error};

use super::{model::Version, publish::is_version_id};
use sandbox_core::ports::ApiError;

/// An error as a call from inside the sandbox gets it.
pub(super) fn answer(error: &S3Error) -> ApiError {
    let status = error.status_code().map_or(500, |status| status.as_u16());
    ApiError::new(error.code().as_str(), error.message().unwrap_or_default()).with_status(status)
}

/// 404 for a bucket.
pub(super) fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

/// 404 for a key.
pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

/// 404 for a version.
fn no_such_version(id: &str) -> S3Error {
    s3_error!(NoSuchVersion, "The specified version does not exist: {id}")
}

/// What an id that no version has answers: 404 where it could be one, 400 where it could not
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, `NoSuchVersion`; what S3 says of the latter is
/// quoted in <https://github.com/versity/versitygw/issues/1698> and, for none at all, in
/// <https://github.com/noobaa/noobaa-core/pull/8014>).
pub(super) fn unknown_version(id: &str) -> S3Error {
    if is_version_id(id) { no_such_version(id) } else { invalid_version_id(id) }
}

/// 400 for a text that is no version id.
pub(super) fn invalid_version_id(id: &str) -> S3Error {
    invalid_argument(if id.is_empty() {
        "Version id cannot be the empty string"
    } else {
        "Invalid version id specified"
    })
}

/// 404 for an upload.
pub(super) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

/// What reading a delete marker answers: 404 when it is merely current, 405 when it was asked for by its id
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html>). The latter also tells when it was made
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>, `versionId`).
pub(super) fn delete_marker(marker: &Version, named: bool) -> S3Error {
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

/// 412, naming the condition that did not hold.
pub(super) fn precondition_failed(condition: &str) -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold: {condition}")
}

/// 409 for a conditional write that met another write.
pub(super) fn conditional_conflict() -> S3Error {
    let mut error = s3_error!(
        ConditionalRequestConflict,
        "The conditional request cannot succeed due to a conflicting operation against this resource."
    );
    error.set_status_code(StatusCode::CONFLICT);
    error
}

/// 400 for a checksum that the bytes do not have.
pub(super) fn bad_digest(what: &str) -> S3Error {
    s3_error!(BadDigest, "The {what} you specified did not match the calculated checksum.")
}

/// 400 for a request that contradicts itself or the limits.
pub(super) fn invalid_request(message: impl Into<String>) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidRequest, message.into())
}

/// 400 for a value out of its range.
pub(super) fn invalid_argument(message: impl Into<String>) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidArgument, message.into())
}

/// 501 for a header of S3's that the sandbox does not act by.
pub(super) fn header_not_implemented(name: &str) -> S3Error {
    s3_error!(NotImplemented, "A header you provided implies functionality that is not implemented: {name}")
}

/// 500 for a disk that fails.
pub(super) fn disk(error: std::io::Error) -> S3Error {
    S3Error::internal_error(error)
}

/// 404 for a configuration that a bucket does not have, by a code of S3's.
pub(super) fn not_found(code: &'static str, message: &'static str) -> S3Error {
    custom(code, message, StatusCode::NOT_FOUND)
}

/// A code of S3's that s3s gives no status.
pub(super) fn custom(code: &'static str, message: impl Into<String>, status: StatusCode) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message.into());
    error.set_status_code(status);
    error
}
