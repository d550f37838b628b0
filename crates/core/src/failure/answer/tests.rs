//! Every answer has the right name on either side of a copy, and a remedy about what was refused.

use super::{Answer, ErrorName, Remedy, Request, Side};
use crate::failure::{CallFailure, Fact, NextStep, report};

const READ_REFUSED: &str = "User: u is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::src/k\"";
const CONDITION_REFUSED: &str =
    "User: u is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::dst/k\" because of nothing";
const CONDITION_REFUSED_IN_GOVCLOUD: &str =
    "User: u is not authorized to perform: s3:GetObject on resource: \"arn:aws-us-gov:s3:::dst/k\" because of nothing";
const LISTING_REFUSED: &str =
    "User: u is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::src\" because of nothing";
const NOTHING_ALLOWS: &str = "User: u is not authorized to perform: s3:PutObject on resource: \
                              \"arn:aws:s3:::dst/a because b\" because no identity-based policy allows the s3:PutObject \
                              action";
const EXPLICITLY_DENIED: &str = "User: u is not authorized to perform: s3:PutObject on resource: \
                                 \"arn:aws:s3:::dst/k\" with an explicit deny in a resource-based policy";
const KEY_REFUSED: &str = "User: u is not authorized to perform: kms:Decrypt on this resource";
const KEY_NAMED: &str = "User: u is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:r:1:key/k \
                         because no identity-based policy allows the kms:GenerateDataKey action";
const WRITE_REFUSED: &str =
    "User: u is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::dst/kms:1/s3:key\"";
const ENCRYPTED: &str = "The object was stored using a form of Server Side Encryption. The correct parameters must be \
                         provided to retrieve the object.";

type Parts = (u16, &'static str, &'static str);

/// Answers of S3, and the names that they have about a source, a destination and both.
const S3: [(Parts, [ErrorName; 3]); 54] = {
    use ErrorName::{
        ChecksumMismatch, ConfigInvalid, DestinationChanged, DestinationDenied, Internal, KmsDenied, S3Throttled,
        S3Unavailable, SourceArchived, SourceDenied, SourceGone, SourceUnreadable, UploadGone,
    };
    [
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
        ((403, "AccessDenied", CONDITION_REFUSED_IN_GOVCLOUD), [SourceDenied, DestinationDenied, DestinationDenied]),
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
        ((503, "Busy", "Try again later."), [S3Unavailable; 3]),
        ((400, "KMS.ThrottlingException", "Rate exceeded"), [S3Throttled; 3]),
        ((500, "KMS.KMSInternalException", "Try again."), [S3Unavailable; 3]),
        ((503, "KMS.DependencyTimeoutException", "Try again."), [S3Unavailable; 3]),
        ((500, "KMS.KeyUnavailableException", "Try again."), [S3Unavailable; 3]),
        ((503, "KMS.UnknownException", "Try again."), [S3Unavailable; 3]),
        ((400, "KMS.KMSInvalidStateException", "The key is pending deletion."), [KmsDenied; 3]),
        ((307, "TemporaryRedirect", "Use the endpoint of the region."), [S3Unavailable; 3]),
        ((403, "ObjectNotInActiveTierError", "It is in the archive tier."), [SourceArchived; 3]),
        ((400, "ExpiredToken", "The token has expired."), [SourceDenied, DestinationDenied, DestinationDenied]),
        ((403, "RequestTimeTooSkewed", "The clock is wrong."), [SourceDenied, DestinationDenied, DestinationDenied]),
        ((400, "InvalidStorageClass", "The class is not valid."), [ConfigInvalid; 3]),
        ((400, "MetadataTooLarge", "It has more than 2 KB."), [Internal; 3]),
        ((400, "RequestHeaderSectionTooLarge", "It has more than 8 KB."), [Internal; 3]),
        ((409, "", ""), [SourceGone, DestinationChanged, DestinationChanged]),
        ((500, "UnknownCode", "No."), [S3Unavailable; 3]),
        ((400, "UnknownCode", "No."), [Internal; 3]),
        ((403, "UnknownCode", "No."), [SourceDenied, DestinationDenied, DestinationDenied]),
    ]
};

fn answer((status, code, message): Parts) -> Answer {
    Answer { status: Some(status), code: code.to_owned(), message: message.to_owned() }
}

fn request(side: Side) -> Request<'static> {
    let from = (side == Side::Both).then_some("s3://src/k");
    Request { operation: "UploadPartCopy", side, resource: "s3://dst/k", from, grant: "s3:PutObject" }
}

fn failure(request: Request<'_>, parts: Parts) -> CallFailure {
    let answer = answer(parts);
    let classified = answer.classify_s3(request);
    CallFailure::new(request, answer, classified, std::fmt::Error)
}

#[test]
fn every_answer_of_s3_has_a_name_on_either_side() {
    for (parts, names) in S3 {
        for (side, name) in [Side::Source, Side::Destination, Side::Both].into_iter().zip(names) {
            assert_eq!(failure(request(side), parts).name(), name, "{parts:?} on {side:?}");
        }
    }
}

#[test]
fn no_answer_at_all_is_transient() {
    let answer = Answer { status: None, code: String::new(), message: "connection refused".to_owned() };
    assert_eq!(answer.classify_s3(request(Side::Source)).name, ErrorName::S3Unavailable);
    assert_eq!(answer.classify_sns(request(Side::Destination)).name, ErrorName::SnsUnavailable);
    assert_eq!(answer.classify_states(request(Side::Source)).name, ErrorName::StepFunctionsUnavailable);
}

#[test]
fn the_fact_of_a_failed_call_contains_no_advice() {
    for (parts, _) in S3 {
        let fact = failure(request(Side::Both), parts).to_string();
        assert!(fact.starts_with("UploadPartCopy of s3://src/k to s3://dst/k failed: "), "{fact}");
        for advice in ["redrive", "Redrive", "Grant", "new plan", "tried again", "report it"] {
            assert!(!fact.contains(advice), "{fact}");
        }
    }
    let fact = failure(request(Side::Destination), (503, "", "")).to_string();
    assert_eq!(fact, "UploadPartCopy of s3://dst/k failed: HTTP status 503.");
    let fact = failure(request(Side::Destination), (403, "AccessDenied", "Access Denied.")).to_string();
    assert_eq!(fact, "UploadPartCopy of s3://dst/k failed: AccessDenied: Access Denied.");
}

#[test]
fn a_report_of_a_refusal_names_what_to_grant() {
    let failure = failure(request(Side::Destination), (403, "AccessDenied", "Access Denied."));
    assert_eq!(
        report(&failure),
        "UploadPartCopy of s3://dst/k failed: AccessDenied: Access Denied. Grant s3:PutObject on s3://dst/k to this \
         function's role, then redrive."
    );
}

fn grant(action: &'static str, resource: &'static str) -> Remedy {
    Remedy::Grant { action: action.into(), resource: resource.into() }
}

#[test]
fn the_remedy_is_about_what_s3_refused() {
    for (side, parts, remedy) in [
        (Side::Both, (403, "AccessDenied", READ_REFUSED), grant("s3:GetObject", "arn:aws:s3:::src/k")),
        (
            Side::Destination,
            (403, "AccessDenied", NOTHING_ALLOWS),
            grant("s3:PutObject", "arn:aws:s3:::dst/a because b"),
        ),
        (
            Side::Destination,
            (403, "AccessDenied", EXPLICITLY_DENIED),
            Remedy::Allow { action: "s3:PutObject".into(), resource: "arn:aws:s3:::dst/k".into() },
        ),
        (Side::Both, (403, "AccessDenied", "No."), grant("s3:PutObject", "s3://dst/k")),
        (
            Side::Source,
            (403, "", ""),
            Remedy::GrantActionOrKey { action: "s3:PutObject".into(), resource: "s3://dst/k".into() },
        ),
        (Side::Source, (403, "AccessDenied", KEY_REFUSED), Remedy::GrantKey),
        (Side::Both, (403, "AccessDenied", KEY_NAMED), grant("kms:GenerateDataKey", "arn:aws:kms:r:1:key/k")),
        (Side::Both, (400, "KMS.DisabledException", "The key is disabled."), Remedy::EnableOrGrantKey),
        (Side::Source, (400, "", ""), Remedy::CheckSourceKey),
        (Side::Destination, (400, "", ""), Remedy::CheckDestinationKey),
        (Side::Source, (400, "InvalidRequest", ENCRYPTED), Remedy::UploadWithOtherKey),
        (Side::Source, (403, "InvalidObjectState", "No."), Remedy::Restore { object: "s3://dst/k".into() }),
        (Side::Both, (403, "InvalidObjectState", "No."), Remedy::Restore { object: "s3://src/k".into() }),
        (Side::Destination, (404, "NoSuchBucket", "None."), Remedy::CreateBucket { bucket: "dst".into() }),
        (Side::Destination, (404, "NoSuchUpload", "No."), Remedy::Replan),
        (Side::Destination, (400, "BadDigest", "No."), Remedy::CopyAgain),
        (Side::Destination, (503, "SlowDown", "No."), Remedy::Wait),
        (Side::Destination, (400, "InvalidPart", "No."), Remedy::ReportAndRedrive),
        (Side::Source, (400, "ExpiredToken", "No."), Remedy::CheckCredentials),
        (Side::Both, (400, "KMS.ThrottlingException", "No."), Remedy::Wait),
        (
            Side::Destination,
            (400, "InvalidStorageClass", "No."),
            Remedy::SetVariable {
                variable: "STORAGE_CLASS".into(),
                expected: "a storage class that S3 accepts in this region".into(),
            },
        ),
    ] {
        assert_eq!(failure(request(side), parts).remedy(), remedy, "{parts:?} on {side:?}");
    }
    let delete = Request { operation: "DeleteObject", ..request(Side::Destination) };
    let remedy =
        failure(delete, (403, "AccessDenied", "Access Denied because object protected by object lock.")).remedy();
    assert_eq!(remedy, Remedy::AllowDeletion { object: "s3://dst/k".into() });
}

#[test]
fn a_name_that_the_caller_knows_better_has_its_own_remedy() {
    let classified =
        answer((412, "PreconditionFailed", "No")).classify_s3_as(ErrorName::SourceGone, request(Side::Both));
    assert_eq!((classified.name, classified.remedy), (ErrorName::SourceGone, Remedy::Replan));
}

#[test]
fn every_answer_of_sns_has_a_name_and_a_remedy() {
    let topic = "arn:aws:sns:r:1:t";
    let publish =
        Request { operation: "Publish", side: Side::Destination, resource: topic, from: None, grant: "sns:Publish" };
    for (parts, name, remedy) in [
        ((404, "NotFound", "no"), ErrorName::TopicNotFound, Remedy::CreateTopic),
        ((403, "AuthorizationError", "no"), ErrorName::DestinationDenied, grant("sns:Publish", topic)),
        (
            (400, "KMSAccessDenied", "no"),
            ErrorName::KmsDenied,
            grant("kms:GenerateDataKey and kms:Decrypt", "the KMS key of the topic"),
        ),
        ((400, "KMSDisabled", "no"), ErrorName::KmsDenied, Remedy::EnableKey),
        ((400, "InvalidParameter", "no"), ErrorName::ConfigInvalid, Remedy::CreateTopic),
        ((500, "InternalError", "no"), ErrorName::SnsUnavailable, Remedy::Wait),
        ((429, "Throttled", "no"), ErrorName::SnsUnavailable, Remedy::Wait),
        ((400, "Other", "no"), ErrorName::Internal, Remedy::ReportAndRedrive),
    ] {
        let classified = answer(parts).classify_sns(publish);
        assert_eq!((classified.name, classified.remedy), (name, remedy), "{parts:?}");
    }
}

#[test]
fn every_answer_of_step_functions_has_a_name_and_a_next_step() {
    for (parts, name, next_step) in [
        ((400, "AccessDeniedException", "no"), ErrorName::SourceDenied, NextStep::Redrive),
        ((400, "ExecutionDoesNotExist", "no"), ErrorName::InputInvalid, NextStep::CorrectInput),
        ((400, "InvalidArn", "no"), ErrorName::InputInvalid, NextStep::CorrectInput),
        ((400, "ThrottlingException", "no"), ErrorName::StepFunctionsUnavailable, NextStep::RedriveLater),
        ((400, "Other", "no"), ErrorName::Internal, NextStep::Redrive),
    ] {
        let classified = answer(parts).classify_states(request(Side::Source));
        assert_eq!((classified.name, classified.remedy.next_step()), (name, next_step), "{parts:?}");
    }
}
