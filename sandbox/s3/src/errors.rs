//! S3's errors that more than one operation returns. Codes and messages are those of
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};
use sandbox_core::ports::ApiError;

/// An error as a caller inside of the sandbox gets it.
pub(crate) fn answer(error: &S3Error) -> ApiError {
    let status = error.status_code().map_or(500, |status| status.as_u16());
    ApiError::new(error.code().as_str(), error.message().unwrap_or_default()).with_status(status)
}

/// 404 for a missing bucket.
pub(crate) fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

/// 404 for a missing key.
pub(crate) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

/// 404 for a missing version.
pub(crate) fn no_such_version(id: &str) -> S3Error {
    s3_error!(NoSuchVersion, "The specified version does not exist: {id}")
}

/// 400 for an invalid version ID.
pub(crate) fn invalid_version_id(id: &str) -> S3Error {
    invalid_argument(if id.is_empty() {
        "Version id cannot be the empty string"
    } else {
        "Invalid version id specified"
    })
}

/// 404 for a missing upload.
pub(crate) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

/// 412, with the condition that failed.
pub(crate) fn precondition_failed(condition: &str) -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold: {condition}")
}

/// 409 for a conditional write that conflicts with another write.
pub(crate) fn conditional_conflict() -> S3Error {
    let mut error = s3_error!(
        ConditionalRequestConflict,
        "The conditional request cannot succeed due to a conflicting operation against this resource."
    );
    error.set_status_code(StatusCode::CONFLICT);
    error
}

/// 400 for a checksum that does not match the bytes.
pub(crate) fn bad_digest(what: &str) -> S3Error {
    s3_error!(BadDigest, "The {what} you specified did not match the calculated checksum.")
}

/// 400 for a request that contradicts itself or exceeds a limit.
pub(crate) fn invalid_request(message: impl Into<String>) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidRequest, message.into())
}

/// 400 for an invalid value.
pub(crate) fn invalid_argument(message: impl Into<String>) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidArgument, message.into())
}

/// 501 for a header that the sandbox does not support.
pub(crate) fn header_not_implemented(name: &str) -> S3Error {
    s3_error!(NotImplemented, "A header you provided implies functionality that is not implemented: {name}")
}

/// 500 for a disk failure.
pub(crate) fn disk(error: std::io::Error) -> S3Error {
    S3Error::internal_error(error)
}

/// 404 for a missing configuration of a bucket, with S3's code for it.
pub(crate) fn not_found(code: &'static str, message: &'static str) -> S3Error {
    custom(code, message, StatusCode::NOT_FOUND)
}

/// An error code for which s3s has no status.
pub(crate) fn custom(code: &'static str, message: impl Into<String>, status: StatusCode) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message.into());
    error.set_status_code(status);
    error
}
