//! Every error code of S3 (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>) and of KMS
//! (<https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html>) that Holdfast can get. S3 passes an error
//! of KMS on as `KMS.` and its name. The HTTP status decides the meaning of a code that is not listed, for example of the
//! codes of S3 Select, access points and bucket settings.

/// The meaning of an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Slow down. A retry succeeds later.
    Throttled,
    /// The service is not available at the moment. A retry succeeds later.
    Passing,
    /// The role may not do this.
    Denied,
    /// The credentials are not valid.
    Credentials,
    /// KMS refused the key.
    Key,
    /// The object must be restored from its archive.
    Archived,
    /// The object does not exist.
    Gone,
    /// The condition of the request does not hold.
    Changed,
    /// The multipart upload does not exist.
    UploadGone,
    /// The bytes do not match the checksum.
    Mismatch,
    /// The configuration names a wrong bucket, region or value.
    Configuration,
    /// The request is invalid.
    Defect,
}

const CODES: [(&[&str], Meaning); 11] = [
    (
        &[
            "BandwidthLimitExceeded",
            "RequestLimitExceeded",
            "SlowDown",
            "Throttled",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
            "KMS.ThrottlingException",
        ],
        Meaning::Throttled,
    ),
    (
        &[
            "Busy",
            "ConnectionClosedByRequester",
            "IncompleteBody",
            "InternalError",
            "InternalErrorException",
            "InternalFailure",
            "OperationAborted",
            "Redirect",
            "RequestTimeout",
            "ResponseInterrupted",
            "ServiceUnavailable",
            "TemporaryRedirect",
            "KMS.DependencyTimeoutException",
            "KMS.KMSInternalException",
            "KMS.KeyUnavailableException",
        ],
        Meaning::Passing,
    ),
    (
        &[
            "AccessDenied",
            "AllAccessDisabled",
            "InvalidPayer",
            "UnauthorizedAccess",
            "UnauthorizedAccessError",
            "UnexpectedIPError",
        ],
        Meaning::Denied,
    ),
    (
        &[
            "AccountProblem",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "InvalidSecurity",
            "InvalidToken",
            "MissingAuthenticationToken",
            "NotSignedUp",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
        ],
        Meaning::Credentials,
    ),
    (&["InvalidObjectState", "ObjectNotInActiveTierError", "RestoreAlreadyInProgress"], Meaning::Archived),
    (&["MethodNotAllowed", "NoSuchKey", "NoSuchVersion"], Meaning::Gone),
    (&["ConditionalRequestConflict", "PreconditionFailed"], Meaning::Changed),
    (&["NoSuchUpload"], Meaning::UploadGone),
    (&["BadDigest"], Meaning::Mismatch),
    (
        &[
            "AuthorizationHeaderMalformed",
            "EndpointNotFound",
            "IllegalLocationConstraintException",
            "IncorrectEndpoint",
            "InvalidBucketName",
            "InvalidBucketState",
            "InvalidLocationConstraint",
            "InvalidRegion",
            "InvalidStorageClass",
            "NoSuchBucket",
            "PermanentRedirect",
        ],
        Meaning::Configuration,
    ),
    (
        &[
            "AccessControlListNotSupported",
            "EntityTooLarge",
            "EntityTooSmall",
            "InvalidArgument",
            "InvalidDigest",
            "InvalidPart",
            "InvalidPartOrder",
            "InvalidRange",
            "InvalidRequest",
            "InvalidTag",
            "InvalidURI",
            "KeyTooLongError",
            "MalformedXML",
            "MetadataTooLarge",
            "MissingContentLength",
            "MissingSecurityHeader",
            "NotImplemented",
            "RequestHeaderSectionTooLarge",
            "TooManyTags",
        ],
        Meaning::Defect,
    ),
];

impl Meaning {
    /// The meaning of an error code; `None` if the code is unknown or absent.
    pub(super) fn of(code: &str) -> Option<Self> {
        let listed = CODES.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, meaning)| *meaning);
        listed.or_else(|| code.starts_with("KMS.").then_some(Self::Key))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CODES, Meaning};

    #[test]
    fn no_code_has_two_meanings() {
        let codes: Vec<_> = CODES.iter().flat_map(|(codes, _)| *codes).collect();

        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
    }

    #[test]
    fn an_unlisted_error_of_kms_is_about_the_key() {
        assert_eq!(Meaning::of("KMS.DisabledException"), Some(Meaning::Key));
        assert_eq!(Meaning::of("KMS.ThrottlingException"), Some(Meaning::Throttled));
        assert_eq!(Meaning::of("ParseUnexpectedToken"), None);
        assert_eq!(Meaning::of(""), None);
    }
}
