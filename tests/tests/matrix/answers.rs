//! What S3 and SNS may answer to each request, and which error each answer is to a state.

use holdfast_core::ErrorName;
use sandbox::faults::{Effect, ErrorAnswer, Life, Moment, Service};

use crate::cells::Way;

/// A request that a function makes in a state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    /// Of S3 or SNS, by its name there.
    pub(crate) operation: String,
    /// The bucket; empty for SNS.
    pub(crate) bucket: Bucket,
}

/// Which bucket a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    /// What the leg copies from.
    From,
    /// What the leg copies to, and where the receipts are.
    To,
    /// None: it is not a request of S3.
    None,
}

/// One way in which a request goes wrong, and the error that the state sees.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    /// For people.
    pub(crate) name: &'static str,
    pub(crate) effect: Effect,
    pub(crate) error: ErrorName,
    pub(crate) ways: &'static [Way],
}

/// An answer that comes once, or as long as its cause is there.
const BOTH: &[Way] = &[Way::Passing, Way::Lasting];
/// What can only be said of one call.
const ONCE: &[Way] = &[Way::Lost];

impl Request {
    pub(crate) fn service(&self) -> Service {
        if self.bucket == Bucket::None { Service::Sns } else { Service::S3 }
    }

    /// The error of a refusal of which nothing is known but whose request it was. A copy is addressed to its
    /// destination.
    fn denied(&self) -> ErrorName {
        if self.bucket == Bucket::From { ErrorName::SourceDenied } else { ErrorName::DestinationDenied }
    }

    /// Everything that may go wrong with the request; none where nobody has thought of it.
    pub(crate) fn causes(&self, state: &str) -> Vec<Cause> {
        if self.operation == "Publish" {
            return of_publish();
        }
        let Some(of_operation) = self.of_operation(state) else { return Vec::new() };
        let of_every = [
            refusal("SlowDown", ErrorName::S3Throttled),
            refusal("InternalError", ErrorName::S3Unavailable),
            refusal("AccessDenied", self.denied()),
            breaks(Moment::Before, ErrorName::S3Unavailable),
            breaks(Moment::After, ErrorName::S3Unavailable),
            dies(Life::Before),
            dies(Life::After),
        ];
        of_every.into_iter().chain(of_operation).collect()
    }

    /// What S3 answers to this request besides what it answers to every one.
    fn of_operation(&self, state: &str) -> Option<Vec<Cause>> {
        use ErrorName::{ChecksumMismatch, ConfigInvalid, DestinationChanged, S3Unavailable, SourceGone, UploadGone};
        let gone = match state {
            // What a plan would settle is settled by trying again where the plan itself is made.
            "Validate" => S3Unavailable,
            // A source that is said to be missing is looked for, and found: so it was the destination.
            "Replicate" => DestinationChanged,
            _ => SourceGone,
        };
        let of_copies = |causes: Vec<Cause>| {
            let every =
                [keyless(), inside_200("InternalError", S3Unavailable), inside_200("SlowDown", ErrorName::S3Throttled)];
            every.into_iter().chain(causes).collect()
        };
        Some(match self.operation.as_str() {
            "HeadObject" => Vec::new(),
            "GetObjectTagging" if self.bucket == Bucket::To => vec![refusal("NoSuchKey", DestinationChanged)],
            "GetObjectTagging" => vec![refusal("NoSuchKey", gone)],
            "GetObject" => vec![keyless(), refusal("PreconditionFailed", SourceGone)],
            "CreateMultipartUpload" => vec![keyless(), refusal("NoSuchBucket", ConfigInvalid)],
            "PutObject" => vec![
                keyless(),
                refusal("NoSuchBucket", ConfigInvalid),
                refusal("ConditionalRequestConflict", S3Unavailable),
            ],
            "ListParts" => vec![refusal("NoSuchUpload", UploadGone), refusal("NoSuchBucket", ConfigInvalid)],
            "CopyObject" => of_copies(vec![
                refusal("NoSuchBucket", ConfigInvalid),
                refusal("NoSuchKey", gone),
                refusal("PreconditionFailed", DestinationChanged),
                refusal("ConditionalRequestConflict", DestinationChanged),
            ]),
            "UploadPartCopy" => of_copies(vec![
                refusal("NoSuchBucket", ConfigInvalid),
                refusal("NoSuchUpload", UploadGone),
                refusal("NoSuchKey", gone),
                refusal("PreconditionFailed", SourceGone),
            ]),
            "CompleteMultipartUpload" => of_copies(vec![
                refusal("NoSuchUpload", UploadGone),
                refusal("PreconditionFailed", DestinationChanged),
                refusal("ConditionalRequestConflict", DestinationChanged),
                refusal("BadDigest", ChecksumMismatch),
                refusal("InvalidPart", S3Unavailable),
            ]),
            _ => return None,
        })
    }
}

/// What SNS answers to a message.
fn of_publish() -> Vec<Cause> {
    vec![
        refusal("InternalFailure", ErrorName::SnsUnavailable),
        refusal("Throttled", ErrorName::SnsUnavailable),
        refusal("NotFound", ErrorName::TopicNotFound),
        refusal("AuthorizationError", ErrorName::DestinationDenied),
        refusal("KMSAccessDenied", ErrorName::KmsDenied),
        breaks(Moment::Before, ErrorName::SnsUnavailable),
        breaks(Moment::After, ErrorName::SnsUnavailable),
        dies(Life::Before),
        dies(Life::After),
    ]
}

fn error(code: &str, inside200: bool) -> ErrorAnswer {
    ErrorAnswer { status: None, code: code.to_owned(), message: None, inside200 }
}

/// An error with its own status.
fn refusal(code: &'static str, name: ErrorName) -> Cause {
    Cause { name: code, effect: Effect::Error(error(code, false)), error: name, ways: BOTH }
}

/// An error in the body of an answer that says that all is well.
fn inside_200(code: &'static str, name: ErrorName) -> Cause {
    let label = if code == "SlowDown" { "200 with SlowDown" } else { "200 with InternalError" };
    Cause { name: label, effect: Effect::Error(error(code, true)), error: name, ways: BOTH }
}

/// A key that the role may not use: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html>.
fn keyless() -> Cause {
    let message = "User: arn:aws:sts::000000000000:assumed-role/role/function is not authorized to perform: \
                   kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:000000000000:key/one because no \
                   identity-based policy allows the kms:GenerateDataKey action";
    let answer = ErrorAnswer { message: Some(message.to_owned()), ..error("AccessDenied", false) };
    Cause { name: "KMS", effect: Effect::Error(answer), error: ErrorName::KmsDenied, ways: BOTH }
}

/// A connection that breaks, before or after the request has its effect.
fn breaks(at: Moment, name: ErrorName) -> Cause {
    match at {
        Moment::Before => Cause { name: "no answer", effect: Effect::Drop(at), error: name, ways: BOTH },
        Moment::After => Cause { name: "answer lost", effect: Effect::Drop(at), error: name, ways: ONCE },
    }
}

/// The death of the function that makes the request, before or after the request has its effect.
fn dies(life: Life) -> Cause {
    let name = if life == Life::After { "death after it" } else { "death before it" };
    // Lambda says so itself; the name means any error of Lambda's, all of which are tried again.
    Cause { name, effect: Effect::Kill(life), error: ErrorName::S3Unavailable, ways: ONCE }
}
