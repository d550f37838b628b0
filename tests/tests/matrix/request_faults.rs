//! The error responses of S3 and SNS to each request, and the error that a state gets from each.

use holdfast_core::ErrorName;
use sandbox::faults::{Effect, ErrorAnswer, Life, Moment, Service};

use crate::cells::FaultMode;

/// A request that a function makes in a state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    /// The operation of S3 or SNS.
    pub(crate) operation: String,
    /// The bucket.
    pub(crate) bucket: Bucket,
}

/// The bucket of a request, relative to the leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    /// The bucket that the leg copies from.
    From,
    /// The bucket that the leg copies to. The receipts are there too.
    To,
    /// No bucket: a request to SNS.
    None,
}

/// A fault of a request, and the error that the state gets.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    /// The name in messages.
    pub(crate) name: &'static str,
    pub(crate) effect: Effect,
    pub(crate) error: ErrorName,
    pub(crate) modes: &'static [FaultMode],
}

/// For responses that can occur once or every time.
const ONCE_OR_ALWAYS: &[FaultMode] = &[FaultMode::Transient, FaultMode::Persistent];
/// For faults that can occur only once.
const ONCE: &[FaultMode] = &[FaultMode::LostResponse];

impl Request {
    pub(crate) fn service(&self) -> Service {
        if self.bucket == Bucket::None { Service::Sns } else { Service::S3 }
    }

    /// The error for `AccessDenied` without details. A copy is a request to its destination.
    fn denied(&self) -> ErrorName {
        if self.bucket == Bucket::From { ErrorName::SourceDenied } else { ErrorName::DestinationDenied }
    }

    /// The faults of the request, empty for an operation that is not listed.
    pub(crate) fn causes(&self, state: &str) -> Vec<Cause> {
        if self.operation == "Publish" {
            return publish_causes();
        }
        let Some(of_operation) = self.operation_causes(state) else { return Vec::new() };
        let common = [
            error_response("SlowDown", ErrorName::S3Throttled),
            error_response("InternalError", ErrorName::S3Unavailable),
            error_response("AccessDenied", self.denied()),
            dropped(Moment::Before, ErrorName::S3Unavailable),
            dropped(Moment::After, ErrorName::S3Unavailable),
            killed(Life::Before),
            killed(Life::After),
        ];
        // A response to HEAD has no body. A status 400 alone does not tell expired credentials from an unusable key.
        let credentials = (self.operation != "HeadObject").then(|| error_response("ExpiredToken", self.denied()));
        common.into_iter().chain(credentials).chain(of_operation).collect()
    }

    /// The faults of this operation, without those that every operation has.
    fn operation_causes(&self, state: &str) -> Option<Vec<Cause>> {
        use ErrorName::{ChecksumMismatch, ConfigInvalid, DestinationChanged, S3Unavailable, SourceGone, UploadGone};
        let gone = match state {
            // Validate makes the plan itself, so it retries instead of a new plan.
            "Validate" => S3Unavailable,
            // Replicate checks a source that is reported missing. It exists, so the destination was changed.
            "Replicate" => DestinationChanged,
            _ => SourceGone,
        };
        let with_kms_causes = |causes: Vec<Cause>| kms_causes().into_iter().chain(causes).collect();
        let with_copy_causes = |causes: Vec<Cause>| {
            let inside = [inside_200("InternalError", S3Unavailable), inside_200("SlowDown", ErrorName::S3Throttled)];
            kms_causes().into_iter().chain(inside).chain(causes).collect()
        };
        Some(match self.operation.as_str() {
            "HeadObject" => Vec::new(),
            "GetObjectTagging" if self.bucket == Bucket::To => vec![error_response("NoSuchKey", DestinationChanged)],
            "GetObjectTagging" => vec![error_response("NoSuchKey", gone)],
            // The copy is read back. Another entity tag shows that it was replaced.
            "GetObject" if self.bucket == Bucket::To => {
                with_kms_causes(vec![error_response("PreconditionFailed", DestinationChanged)])
            }
            "GetObject" => with_kms_causes(vec![error_response("PreconditionFailed", SourceGone)]),
            "CreateMultipartUpload" => with_kms_causes(vec![error_response("NoSuchBucket", ConfigInvalid)]),
            "PutObject" => with_kms_causes(vec![
                error_response("NoSuchBucket", ConfigInvalid),
                error_response("ConditionalRequestConflict", S3Unavailable),
            ]),
            "ListParts" => {
                vec![error_response("NoSuchUpload", UploadGone), error_response("NoSuchBucket", ConfigInvalid)]
            }
            "CopyObject" => with_copy_causes(vec![
                error_response("NoSuchBucket", ConfigInvalid),
                error_response("NoSuchKey", gone),
                error_response("PreconditionFailed", DestinationChanged),
                error_response("ConditionalRequestConflict", DestinationChanged),
            ]),
            "UploadPartCopy" => with_copy_causes(vec![
                error_response("NoSuchBucket", ConfigInvalid),
                error_response("NoSuchUpload", UploadGone),
                error_response("NoSuchKey", gone),
                error_response("PreconditionFailed", SourceGone),
            ]),
            "CompleteMultipartUpload" => with_copy_causes(vec![
                error_response("NoSuchUpload", UploadGone),
                error_response("PreconditionFailed", DestinationChanged),
                error_response("ConditionalRequestConflict", DestinationChanged),
                error_response("BadDigest", ChecksumMismatch),
                error_response("InvalidPart", S3Unavailable),
            ]),
            _ => return None,
        })
    }
}

/// The faults of a request to SNS.
fn publish_causes() -> Vec<Cause> {
    vec![
        error_response("InternalFailure", ErrorName::SnsUnavailable),
        error_response("Throttled", ErrorName::SnsUnavailable),
        error_response("NotFound", ErrorName::TopicNotFound),
        error_response("AuthorizationError", ErrorName::DestinationDenied),
        error_response("KMSAccessDenied", ErrorName::KmsDenied),
        dropped(Moment::Before, ErrorName::SnsUnavailable),
        dropped(Moment::After, ErrorName::SnsUnavailable),
        killed(Life::Before),
        killed(Life::After),
    ]
}

fn answer(code: &str, inside200: bool) -> ErrorAnswer {
    ErrorAnswer { status: None, code: code.to_owned(), message: None, inside200 }
}

/// An error with its own HTTP status.
fn error_response(code: &'static str, name: ErrorName) -> Cause {
    Cause { name: code, effect: Effect::Error(answer(code, false)), error: name, modes: ONCE_OR_ALWAYS }
}

/// An error in the body of a response with the status 200.
fn inside_200(code: &'static str, name: ErrorName) -> Cause {
    let label = if code == "SlowDown" { "200 with SlowDown" } else { "200 with InternalError" };
    Cause { name: label, effect: Effect::Error(answer(code, true)), error: name, modes: ONCE_OR_ALWAYS }
}

/// The errors of KMS, which S3 passes on with its own prefix.
fn kms_causes() -> Vec<Cause> {
    vec![
        kms_denied(),
        error_response("KMS.DisabledException", ErrorName::KmsDenied),
        error_response("KMS.ThrottlingException", ErrorName::S3Throttled),
        error_response("KMS.KMSInternalException", ErrorName::S3Unavailable),
    ]
}

/// A KMS key without permission for the role: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html>.
fn kms_denied() -> Cause {
    let message = "User: arn:aws:sts::000000000000:assumed-role/role/function is not authorized to perform: \
                   kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:000000000000:key/one because no \
                   identity-based policy allows the kms:GenerateDataKey action";
    let answer = ErrorAnswer { message: Some(message.to_owned()), ..answer("AccessDenied", false) };
    Cause { name: "KMS", effect: Effect::Error(answer), error: ErrorName::KmsDenied, modes: ONCE_OR_ALWAYS }
}

/// A connection that is dropped before or after the request has its effect.
fn dropped(at: Moment, name: ErrorName) -> Cause {
    match at {
        Moment::Before => {
            Cause { name: "dropped before", effect: Effect::Drop(at), error: name, modes: ONCE_OR_ALWAYS }
        }
        Moment::After => Cause { name: "dropped after", effect: Effect::Drop(at), error: name, modes: ONCE },
    }
}

/// A function that is killed before or after its request has its effect.
fn killed(life: Life) -> Cause {
    let name = if life == Life::After { "killed after" } else { "killed before" };
    // Lambda raises the error of a killed function. The name here means any retried error.
    Cause { name, effect: Effect::Kill(life), error: ErrorName::S3Unavailable, modes: ONCE }
}
