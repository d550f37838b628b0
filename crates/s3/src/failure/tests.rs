//! Every answer of S3 that matters has the right name on either side, and a sentence that says what to do.

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig},
    error::SdkError,
    operation::upload_part_copy::UploadPartCopyError,
};
use aws_smithy_http_client::Builder;
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use holdfast_core::{ErrorName, Named};

use super::{Call, Failure, HttpResponse, Side};
use crate::testing;

const READ_REFUSED: &str = "User: u is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::src/k\"";
const CONDITION_REFUSED: &str =
    "User: u is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::dst/k\" because of nothing";
const LISTING_REFUSED: &str =
    "User: u is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::src\" because of nothing";
const NOTHING_ALLOWS: &str = "User: u is not authorized to perform: s3:PutObject on resource: \
                              \"arn:aws:s3:::dst/a because b\" because no identity-based policy allows the s3:PutObject \
                              action";
const EXPLICITLY_DENIED: &str = "User: u is not authorized to perform: s3:PutObject on resource: \
                                 \"arn:aws:s3:::dst/k\" with an explicit deny in a resource-based policy";
const KEY_REFUSED: &str = "User: u is not authorized to perform: kms:Decrypt on this resource";
const WRITE_REFUSED: &str =
    "User: u is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::dst/kms:1/s3:key\"";
const ENCRYPTED: &str = "The object was stored using a form of Server Side Encryption. The correct parameters must be \
                         provided to retrieve the object.";

fn call(side: Side) -> Call {
    Call { operation: "UploadPartCopy", side, resource: "s3://dst/k".to_owned(), from: None, grant: "s3:PutObject" }
}

/// What the SDK makes of an answer.
async fn error(status: u16, code: &str, message: &str) -> SdkError<UploadPartCopyError, HttpResponse> {
    let (code, message) = (code.to_owned(), message.to_owned());
    let rule = mock!(Client::upload_part_copy).then_http_response(move || {
        if code.is_empty() { testing::bare(status) } else { testing::s3_error(status, &code, &message) }
    });
    let client = mock_client!(aws_sdk_s3, RuleMode::MatchAny, &[&rule], |config| {
        config.retry_config(RetryConfig::disabled())
    });
    match client.upload_part_copy().bucket("dst").key("k").upload_id("u").part_number(1).copy_source("s/k").send().await
    {
        Ok(_) => panic!("{status} was taken for success"),
        Err(error) => error,
    }
}

async fn failure(side: Side, (status, code, message): (u16, &str, &str)) -> Failure {
    call(side).s3_failure(error(status, code, message).await)
}

#[tokio::test]
async fn every_answer_of_s3_has_a_name_on_either_side() {
    use ErrorName::{
        ChecksumMismatch, ConfigInvalid, DestinationChanged, DestinationDenied, Internal, KmsDenied, S3Throttled,
        S3Unavailable, SourceArchived, SourceDenied, SourceGone, SourceUnreadable, UploadGone,
    };
    for (answer, names) in [
        ((503, "SlowDown", "Please reduce your request rate."), [S3Throttled; 3]),
        ((200, "SlowDown", "an error in a body of status 200"), [S3Throttled; 3]),
        ((429, "", ""), [S3Throttled; 3]),
        ((500, "InternalError", "We encountered an internal error."), [S3Unavailable; 3]),
        ((200, "InternalError", "an error in a body of status 200"), [S3Unavailable; 3]),
        ((503, "ServiceUnavailable", "Reduce your request rate"), [S3Unavailable; 3]),
        ((503, "", ""), [S3Throttled; 3]),
        ((400, "RequestTimeout", "Your socket connection was not read from."), [S3Unavailable; 3]),
        ((409, "OperationAborted", "A conflicting operation is in progress."), [S3Unavailable; 3]),
        ((403, "AccessDenied", "Access Denied"), [SourceDenied, DestinationDenied, DestinationDenied]),
        ((403, "", ""), [SourceDenied, DestinationDenied, DestinationDenied]),
        ((403, "AccessDenied", READ_REFUSED), [SourceDenied, DestinationDenied, SourceDenied]),
        ((403, "AccessDenied", WRITE_REFUSED), [SourceDenied, DestinationDenied, DestinationDenied]),
        ((403, "AccessDenied", CONDITION_REFUSED), [SourceDenied, DestinationDenied, DestinationDenied]),
        ((403, "AccessDenied", LISTING_REFUSED), [SourceDenied, DestinationDenied, SourceDenied]),
        ((403, "SignatureDoesNotMatch", "Check your key."), [SourceDenied, DestinationDenied, DestinationDenied]),
        ((403, "AccessDenied", KEY_REFUSED), [KmsDenied; 3]),
        ((400, "KMS.DisabledException", "The key is disabled."), [KmsDenied; 3]),
        ((404, "NoSuchUpload", "The upload does not exist."), [UploadGone; 3]),
        ((404, "NoSuchBucket", "The bucket does not exist."), [ConfigInvalid; 3]),
        ((301, "PermanentRedirect", "Use another endpoint."), [ConfigInvalid; 3]),
        ((400, "AuthorizationHeaderMalformed", "the region is wrong"), [ConfigInvalid; 3]),
        ((404, "NoSuchKey", "The key does not exist."), [SourceGone, DestinationChanged, SourceGone]),
        ((404, "NoSuchVersion", "The version does not exist."), [SourceGone, DestinationChanged, SourceGone]),
        ((405, "MethodNotAllowed", "It is a delete marker."), [SourceGone, DestinationChanged, SourceGone]),
        ((404, "", ""), [SourceGone, DestinationChanged, SourceGone]),
        ((412, "PreconditionFailed", "It did not hold."), [SourceGone, DestinationChanged, DestinationChanged]),
        ((409, "ConditionalRequestConflict", "A race."), [SourceGone, DestinationChanged, DestinationChanged]),
        ((412, "", ""), [SourceGone, DestinationChanged, DestinationChanged]),
        ((403, "InvalidObjectState", "Restore it first."), [SourceArchived; 3]),
        ((400, "BadDigest", "The CRC64NVME did not match."), [ChecksumMismatch; 3]),
        ((400, "InvalidRequest", ENCRYPTED), [SourceUnreadable, Internal, SourceUnreadable]),
        ((400, "", ""), [SourceUnreadable, KmsDenied, KmsDenied]),
        ((400, "InvalidPart", "A part could not be found."), [Internal; 3]),
        ((400, "EntityTooSmall", "A part is too small."), [Internal; 3]),
    ] {
        for (side, name) in [Side::Source, Side::Destination, Side::Both].into_iter().zip(names) {
            assert_eq!(failure(side, answer).await.name(), name, "{answer:?} on {side:?}");
        }
    }
}

#[tokio::test]
async fn a_sentence_says_what_failed_what_s3_said_and_what_to_do() {
    for (side, answer, sentence) in [
        (
            Side::Destination,
            (403, "AccessDenied", "Access Denied."),
            "UploadPartCopy of s3://dst/k failed: AccessDenied: Access Denied. Grant s3:PutObject on s3://dst/k to this \
             function's role, then redrive.",
        ),
        (
            Side::Destination,
            (503, "", ""),
            "UploadPartCopy of s3://dst/k failed: HTTP status 503. It is tried again; if it lasts, redrive later.",
        ),
    ] {
        assert_eq!(failure(side, answer).await.to_string(), sentence);
    }
    for (side, answer, advice) in [
        (
            Side::Both,
            (403, "AccessDenied", READ_REFUSED),
            "Grant s3:GetObject on arn:aws:s3:::src/k to this function's role, then redrive.",
        ),
        (
            Side::Destination,
            (403, "AccessDenied", NOTHING_ALLOWS),
            "Grant s3:PutObject on arn:aws:s3:::dst/a because b to this function's role, then redrive.",
        ),
        (
            Side::Destination,
            (403, "AccessDenied", EXPLICITLY_DENIED),
            "A policy denies s3:PutObject on arn:aws:s3:::dst/k: let it spare this function's role, then redrive.",
        ),
        (Side::Source, (403, "AccessDenied", KEY_REFUSED), "Grant kms:Decrypt on the source's key"),
        (Side::Source, (403, "InvalidObjectState", "No."), "Restore s3://dst/k from its archive, then redrive."),
        (
            Side::Source,
            (400, "", ""),
            "If the object's KMS key is disabled or waits for its deletion, cancel that and enable it",
        ),
        (Side::Destination, (400, "", ""), "Mostly the KMS key of the object is disabled"),
        (Side::Both, (400, "KMS.DisabledException", "The key is disabled."), "aws kms enable-key"),
        (Side::Destination, (404, "NoSuchBucket", "None."), "If it is missing, create it, then redrive."),
        (
            Side::Destination,
            (404, "NoSuchBucket", "None."),
            "send `Backup Requested` for the object, without a sequencer",
        ),
        (Side::Source, (400, "", ""), "Else either the version id is none, "),
        (Side::Source, (400, "", ""), "(SSE-C), and such objects cannot be backed up."),
        (
            Side::Source,
            (400, "InvalidRequest", ENCRYPTED),
            "It is encrypted with a key that only its owner has (SSE-C)",
        ),
        (Side::Source, (403, "", ""), "kms:Decrypt on that key (SourceKmsKeyId, KmsKeyId or ReplicaKmsKeyId)"),
        (Side::Destination, (403, "", ""), "kms:Decrypt on that key (SourceKmsKeyId, KmsKeyId or ReplicaKmsKeyId)"),
        (Side::Destination, (404, "NoSuchUpload", "No."), "A new plan is made."),
        (Side::Destination, (400, "BadDigest", "No."), "What was copied is not the source, and nothing was published."),
        (Side::Destination, (400, "InvalidPart", "No."), "Please report it with this message."),
    ] {
        let sentence = failure(side, answer).await.to_string();
        assert!(sentence.contains(advice), "{sentence}");
    }
}

#[tokio::test]
async fn the_failure_of_a_copy_names_both_ends_and_advises_about_the_one_that_was_refused() {
    for (answer, sentence) in [
        ((403, "InvalidObjectState", "No."), "No. Restore s3://src/k from its archive, then redrive."),
        ((403, "AccessDenied", "No."), "No. Grant s3:PutObject on s3://dst/k to this function's role, then redrive."),
        ((403, "AccessDenied", READ_REFUSED), "Grant s3:GetObject on arn:aws:s3:::src/k to this function's role"),
    ] {
        let call = Call { from: Some("s3://src/k".to_owned()), ..call(Side::Both) };
        let (status, code, message) = answer;
        let failure = call.s3_failure(error(status, code, message).await).to_string();
        assert!(failure.starts_with("UploadPartCopy of s3://src/k to s3://dst/k failed: "), "{failure}");
        assert!(failure.contains(sentence), "{failure}");
    }
}

#[tokio::test]
async fn a_name_that_the_caller_knows_better_brings_its_own_advice() {
    let failure =
        call(Side::Both).s3_failure_named(ErrorName::SourceGone, error(412, "PreconditionFailed", "No").await);
    let sentence = "UploadPartCopy of s3://dst/k failed: PreconditionFailed: No. A new plan is made.";
    assert_eq!((failure.name(), failure.to_string().as_str()), (ErrorName::SourceGone, sentence));
}

#[tokio::test]
async fn no_answer_at_all_may_pass_and_says_why_there_was_none() {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url("http://127.0.0.1:1")
        .retry_config(RetryConfig::disabled())
        .http_client(Builder::new().build_http())
        .build();
    let request = Client::from_conf(config).get_object().bucket("src").key("k").send().await;
    let failure = request.err().map(|error| call(Side::Source).s3_failure(error));
    let told = failure.map(|failure| (failure.name(), failure.to_string().contains("onnect")));
    assert_eq!(told, Some((ErrorName::S3Unavailable, true)));
}
