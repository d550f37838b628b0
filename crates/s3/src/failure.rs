//! Failures with names: the one place that reads `SdkError`.
//!
//! A service's error becomes a name that the state machine knows, and a sentence that ends with what to do. S3's codes:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

#[cfg(test)]
mod tests;

use std::error::Error;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};
use holdfast_core::{ErrorName, failure::Failure};

/// Which side of a copy a call touches, and so what its refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What is copied.
    Source,
    /// Where it goes.
    Destination,
    /// Both: a copy made by S3 itself, addressed to the destination. Its refusal may be about either.
    Both,
}

/// What a call was about, for the sentence that people read.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation, for example `CopyObject`.
    pub operation: &'static str,
    /// Which side it touches.
    pub side: Side,
    /// What it touches, for example `s3://bucket/key`.
    pub resource: String,
    /// What S3 itself copies there, where the call is such a copy.
    pub from: Option<String>,
    /// The permissions it needs, for the advice.
    pub grant: &'static str,
}

/// What a service said, without the types of its SDK.
struct Answer {
    /// HTTP status; none when no answer came.
    status: Option<u16>,
    code: String,
    message: String,
}

/// What a service says it refused.
struct Refused<'a> {
    /// For example `s3:GetObject`.
    action: &'a str,
    /// The ARN of what it is refused on.
    resource: &'a str,
    /// Whether a policy denies it, rather than none allowing it.
    denied: bool,
}

impl Call {
    /// Names an error of S3.
    pub fn s3_failure<E>(&self, error: SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let answer = Answer::of(&error);
        let name = self.s3_name(&answer);
        self.failure(name, &answer, error)
    }

    /// An error of S3 whose name the caller knows better, because it knows what it asked for.
    pub fn s3_failure_named<E>(&self, name: ErrorName, error: SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let answer = Answer::of(&error);
        self.failure(name, &answer, error)
    }

    /// Names an error of SNS.
    pub fn sns_failure<E>(&self, error: SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let answer = Answer::of(&error);
        let name = match answer.code.as_str() {
            "NotFound" | "NotFoundException" => ErrorName::TopicNotFound,
            code if code.starts_with("KMS") => ErrorName::KmsDenied,
            "AuthorizationError" | "AuthorizationErrorException" | "AccessDenied" => ErrorName::DestinationDenied,
            "InvalidParameter" | "InvalidParameterException" => ErrorName::ConfigInvalid,
            _ if answer.is_passing() => ErrorName::SnsUnavailable,
            _ => ErrorName::Internal,
        };
        self.failure(name, &answer, error)
    }

    /// Names an error of Step Functions.
    pub fn states_failure<E>(&self, error: SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let answer = Answer::of(&error);
        let name = match answer.code.as_str() {
            "AccessDeniedException" => ErrorName::SourceDenied,
            "ExecutionDoesNotExist" | "InvalidArn" => ErrorName::InputInvalid,
            _ if answer.is_passing() => ErrorName::StepFunctionsUnavailable,
            _ => ErrorName::Internal,
        };
        self.failure(name, &answer, error)
    }

    fn failure(&self, name: ErrorName, answer: &Answer, error: impl Error + Send + Sync + 'static) -> Failure {
        let said = match (answer.code.as_str(), answer.message.as_str(), answer.status) {
            ("", "", Some(status)) => format!("HTTP status {status}"),
            ("", "", None) => DisplayErrorContext(&error).to_string(),
            ("", message, _) => message.to_owned(),
            (code, "", _) => code.to_owned(),
            (code, message, _) => format!("{code}: {}", message.trim_end_matches('.')),
        };
        let object =
            self.from.as_ref().map_or_else(|| self.resource.clone(), |from| format!("{from} to {}", self.resource));
        let message = format!("{} of {object} failed: {said}. {}", self.operation, self.advice(name, answer));
        Failure::new(name, message).caused_by(error)
    }

    fn s3_name(&self, answer: &Answer) -> ErrorName {
        let refused = matches!(answer.code.as_str(), "AccessDenied" | "AllAccessDisabled")
            || matches!(answer.status, Some(401 | 403));
        match (answer.code.as_str(), answer.status) {
            ("SlowDown" | "RequestLimitExceeded" | "TooManyRequests" | "ThrottlingException" | "Throttling", _)
            | (_, Some(429))
            // The answer to a HEAD has no body, and S3's 503 is nearly always SlowDown.
            | ("", Some(503)) => ErrorName::S3Throttled,
            (code, _) if code.starts_with("KMS.") || (refused && answer.message.contains(" kms:")) => {
                ErrorName::KmsDenied
            }
            ("NoSuchUpload", _) => ErrorName::UploadGone,
            (
                "NoSuchBucket"
                | "PermanentRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
                _,
            )
            | (_, Some(301)) => ErrorName::ConfigInvalid,
            ("InvalidObjectState", _) => ErrorName::SourceArchived,
            ("BadDigest", _) => ErrorName::ChecksumMismatch,
            // A conflict with another call that is under way, not with what stands there.
            ("OperationAborted", _) => ErrorName::S3Unavailable,
            ("PreconditionFailed" | "ConditionalRequestConflict", _) | (_, Some(412 | 409)) => match self.side {
                Side::Source => ErrorName::SourceGone,
                Side::Destination | Side::Both => ErrorName::DestinationChanged,
            },
            ("NoSuchKey" | "NoSuchVersion" | "MethodNotAllowed", _) | (_, Some(404)) => match self.side {
                Side::Source | Side::Both => ErrorName::SourceGone,
                Side::Destination => ErrorName::DestinationChanged,
            },
            ("InvalidAccessKeyId" | "SignatureDoesNotMatch", _) => self.denied(answer),
            _ if refused => self.denied(answer),
            ("InvalidRequest" | "InvalidArgument", _)
                if self.side != Side::Destination && answer.message.to_ascii_lowercase().contains("encrypt") =>
            {
                ErrorName::SourceUnreadable
            }
            // A HEAD's answer has no body: its key is disabled, or it needs one that only its owner has.
            (_, Some(400)) if answer.code.is_empty() => match self.side {
                Side::Source => ErrorName::SourceUnreadable,
                Side::Destination | Side::Both => ErrorName::KmsDenied,
            },
            _ if answer.is_passing() => ErrorName::S3Unavailable,
            _ => ErrorName::Internal,
        }
    }

    fn denied(&self, answer: &Answer) -> ErrorName {
        // S3 says which action it refused: of a copy, those that read are about the source, unless they are about the
        // very object that is written, which a condition (If-Match) reads too.
        let reads_source = answer.refused().is_some_and(|Refused { action, resource, .. }| {
            let reads = action.starts_with("s3:Get") || action.starts_with("s3:List");
            reads && resource.strip_prefix("arn:aws:s3:::") != self.resource.strip_prefix("s3://")
        });
        match self.side {
            Side::Source => ErrorName::SourceDenied,
            Side::Both if reads_source => ErrorName::SourceDenied,
            Side::Destination | Side::Both => ErrorName::DestinationDenied,
        }
    }

    /// What to do about it.
    fn advice(&self, name: ErrorName, answer: &Answer) -> String {
        let has_body = !answer.code.is_empty();
        let source = self.from.as_deref().unwrap_or(&self.resource);
        let refused =
            answer.refused().filter(|_| matches!(name, ErrorName::SourceDenied | ErrorName::DestinationDenied));
        if let Some(Refused { action, resource, denied }) = refused {
            return if denied {
                format!("A policy denies {action} on {resource}: let it spare this function's role, then redrive.")
            } else {
                format!("Grant {action} on {resource} to this function's role, then redrive.")
            };
        }
        match name {
            ErrorName::DestinationDenied if self.operation == "DeleteObject" => {
                "Object lock or a policy keeps it, or s3:DeleteObjectVersion is not granted.".to_owned()
            }
            // The refusal of a HEAD has no body, so it may as well be about the key: with its checksum, an object's HEAD
            // needs kms:Decrypt.
            ErrorName::SourceDenied | ErrorName::DestinationDenied if !has_body => {
                format!(
                    "Grant {} on {} to this function's role and, if it is encrypted with a KMS key, kms:Decrypt on \
                     that key (SourceKmsKeyId, KmsKeyId or ReplicaKmsKeyId), then redrive.",
                    self.grant, self.resource
                )
            }
            ErrorName::SourceDenied | ErrorName::DestinationDenied => {
                format!("Grant {} on {} to this function's role, then redrive.", self.grant, self.resource)
            }
            ErrorName::KmsDenied if !has_body => {
                "S3 does not say why. Mostly the KMS key of the object is disabled or waits for its deletion: cancel that and \
                 enable it (aws kms cancel-key-deletion, aws kms enable-key), then redrive. If somebody put an object there \
                 under a key of their own (SSE-C), remove it first."
                    .to_owned()
            }
            ErrorName::KmsDenied if answer.code.starts_with("KMS.") => {
                "If the key is disabled or waits for its deletion, cancel that and enable it (aws kms cancel-key-deletion, \
                 aws kms enable-key). Else grant kms:Decrypt on the source's key and kms:GenerateDataKey on the destination's \
                 key to this function's role. Then redrive."
                    .to_owned()
            }
            ErrorName::KmsDenied => {
                "Grant kms:Decrypt on the source's key and kms:GenerateDataKey on the destination's key to this \
                 function's role, then redrive."
                    .to_owned()
            }
            ErrorName::ConfigInvalid if self.operation == "Publish" => {
                "Check that the topic in this function's configuration exists, and in which region, then redrive.".to_owned()
            }
            ErrorName::ConfigInvalid => {
                "Check that the bucket exists, and in which region. If it is missing, create it, then redrive. If the \
                 configuration is wrong, correct it and send `Backup Requested` for the object, without a sequencer: an \
                 execution keeps the buckets that it was planned with, so that its redrive may fail again."
                    .to_owned()
            }
            ErrorName::TopicNotFound => {
                "Create the topic, or correct SNS_TOPIC_ARN, then redrive.".to_owned()
            }
            ErrorName::SourceArchived => format!("Restore {source} from its archive, then redrive."),
            ErrorName::SourceUnreadable if !has_body => {
                "S3 does not say why. If the object's KMS key is disabled or waits for its deletion, cancel that and enable \
                 it (aws kms cancel-key-deletion, aws kms enable-key), then redrive. Else either the version id is none, and \
                 the event has to be corrected; or the object is encrypted with a key that only its owner has (SSE-C), and \
                 such objects cannot be backed up."
                    .to_owned()
            }
            ErrorName::SourceUnreadable => {
                "It is encrypted with a key that only its owner has (SSE-C); such objects cannot be backed up.".to_owned()
            }
            ErrorName::ChecksumMismatch => {
                "What was copied is not the source, and nothing was published.".to_owned()
            }
            ErrorName::S3Throttled
            | ErrorName::S3Unavailable
            | ErrorName::SnsUnavailable
            | ErrorName::StepFunctionsUnavailable => "It is tried again; if it lasts, redrive later.".to_owned(),
            ErrorName::DestinationChanged | ErrorName::UploadGone | ErrorName::SourceGone => {
                "A new plan is made.".to_owned()
            }
            ErrorName::SourceTooLarge
            | ErrorName::DestinationContended
            | ErrorName::ConfigLoop
            | ErrorName::InputInvalid
            | ErrorName::Internal => "Please report it with this message.".to_owned(),
        }
    }
}

impl Answer {
    fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        match error {
            SdkError::ServiceError(service) => {
                Self { status, code: text(service.err().code()), message: text(service.err().message()) }
            }
            _ => Self { status, code: String::new(), message: String::new() },
        }
    }

    /// What was refused, where the service says so
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
    fn refused(&self) -> Option<Refused<'_>> {
        let (action, rest) =
            self.message.split_once(" is not authorized to perform: ")?.1.split_once(" on resource: ")?;
        let denied = rest.rfind(" with an explicit deny");
        let end = denied.or_else(|| rest.rfind(" because ")).unwrap_or(rest.len());
        Some(Refused { action, resource: rest.get(..end)?.trim_matches('"'), denied: denied.is_some() })
    }

    /// Whether it may pass by itself: no answer came, the service failed, or it asked to wait. A body with one of S3's
    /// passing errors may come with status 200 (CopyObject, UploadPartCopy, CompleteMultipartUpload), so the code counts
    /// before the status.
    fn is_passing(&self) -> bool {
        matches!(
            self.code.as_str(),
            "InternalError"
                | "InternalFailure"
                | "ServiceUnavailable"
                | "RequestTimeout"
                | "OperationAborted"
                | "ThrottledException"
                | "Throttled"
                | "Throttling"
                | "ThrottlingException"
                | "InternalErrorException"
        ) || self.status.is_none_or(|status| status >= 500 || status == 429)
            || (self.code.is_empty() && self.status == Some(200))
    }
}
