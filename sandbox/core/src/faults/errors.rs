//! The most common errors of the services, so that a rule needs only the code. Statuses and messages are those of
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>,
//! <https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html> and
//! <https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html>.

const KNOWN: &[(&str, u16, &str)] = &[
    // S3.
    ("SlowDown", 503, "Please reduce your request rate."),
    ("ServiceUnavailable", 503, "Service is unable to handle request."),
    ("InternalError", 500, "We encountered an internal error. Please try again."),
    (
        "RequestTimeout",
        400,
        "Your socket connection to the server was not read from or written to within the timeout period.",
    ),
    ("AccessDenied", 403, "Access Denied"),
    ("NoSuchKey", 404, "The specified key does not exist."),
    ("NoSuchVersion", 404, "The specified version does not exist."),
    ("NoSuchBucket", 404, "The specified bucket does not exist"),
    (
        "NoSuchUpload",
        404,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    ),
    ("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"),
    (
        "ConditionalRequestConflict",
        409,
        "The conditional request cannot succeed due to a conflicting operation against this resource.",
    ),
    (
        "OperationAborted",
        409,
        "A conflicting conditional operation is currently in progress against this resource. Try again.",
    ),
    ("InvalidObjectState", 403, "The operation is not valid for the object's storage class"),
    ("InvalidRequest", 400, "The request is not valid"),
    ("InvalidPart", 400, "One or more of the specified parts could not be found."),
    ("BadDigest", 400, "The checksum you specified did not match the calculated checksum."),
    ("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"),
    ("ExpiredToken", 400, "The provided token has expired."),
    // KMS, whose errors S3 passes on with this prefix.
    ("KMS.DisabledException", 400, "The request was rejected because the specified KMS key is not enabled."),
    ("KMS.ThrottlingException", 400, "Rate exceeded"),
    ("KMS.KMSInternalException", 500, "The request was rejected because an internal exception occurred."),
    ("KMS.DependencyTimeoutException", 503, "The system timed out while trying to fulfill the request."),
    // Lambda.
    ("TooManyRequestsException", 429, "Rate Exceeded."),
    ("ServiceException", 500, "The AWS Lambda service encountered an internal error."),
    ("AWSLambdaException", 500, "Internal Error"),
    // The AWS SDK in the caller raises these two: there is no answer with a status.
    ("SdkClientException", 0, "Unable to execute HTTP request"),
    (
        "ClientExecutionTimeoutException",
        0,
        "Client execution did not complete before the specified timeout configuration",
    ),
    ("ResourceNotFoundException", 404, "Function not found"),
    ("EC2ThrottledException", 502, "Amazon EC2 throttled Lambda during function initialization"),
    // Step Functions, EventBridge and SNS.
    ("ThrottlingException", 400, "Rate exceeded"),
    ("Throttled", 429, "Rate exceeded"),
    ("Throttling", 400, "Rate exceeded"),
    ("AccessDeniedException", 400, "You do not have sufficient access to perform this action."),
    ("AuthorizationError", 403, "Access to the resource is denied."),
    ("ExecutionDoesNotExist", 400, "The specified execution does not exist."),
    ("NotFound", 404, "Topic does not exist"),
    ("InternalFailure", 500, "The request processing has failed because of an unknown error, exception or failure."),
    ("InternalException", 500, "This exception occurs due to unexpected causes."),
    ("KMSAccessDenied", 400, "The ciphertext references a key that doesn't exist or that you don't have access to."),
];

/// Status and message of a well-known error.
pub(super) fn known(code: &str) -> Option<(u16, &'static str)> {
    KNOWN.iter().find(|(name, ..)| *name == code).map(|(_, status, message)| (*status, *message))
}
