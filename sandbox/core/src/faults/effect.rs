//! What a fault rule does to a call.

use serde::{Deserialize, Serialize};

use super::{errors, rule_error::RuleError};
use crate::{
    operations::{DELIVER, INVOKE, Service},
    ports::ApiError,
};

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// It is refused and has no effect.
    Error(ErrorAnswer),
    /// It begins so much later. Not scaled by the sandbox's time scale.
    Latency {
        /// In milliseconds.
        millis: u64,
    },
    /// The connection breaks instead of an answer.
    Drop(Moment),
    /// One byte of what it stores is another one in the store; S3's checksum is that of the bytes as they are stored.
    Flip {
        /// Which byte. It counts on from the first one where there are fewer.
        #[serde(default)]
        offset: u64,
    },
    /// Of an invocation: the function dies. Of a call that a function makes: that function dies.
    Kill(Life),
    /// The function fails with an error of its own making, or of Lambda's (`Sandbox.Timedout`).
    FunctionError {
        /// What Step Functions shows as the error.
        error_type: String,
        /// What people read.
        #[serde(default)]
        error_message: String,
        /// Whether it has done its work then.
        #[serde(default)]
        at: Moment,
    },
    /// The event is delivered so many times more.
    Repeat {
        /// Besides the delivery itself.
        copies: u32,
    },
    /// The event is delivered so much later. Not scaled by the sandbox's time scale.
    Delay {
        /// In milliseconds.
        millis: u64,
    },
    /// The event is delivered after others that came later, or once the rule is gone.
    Reorder {
        /// How many later events have to reach the same target first.
        after: u64,
    },
}

/// An error as the service itself would answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorAnswer {
    /// HTTP status. May be left out for a well-known code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's name for it, for example `SlowDown` or `TooManyRequestsException`.
    pub code: String,
    /// A sentence. May be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether it is in the body of an answer with status 200, as `CopyObject`, `UploadPartCopy` and
    /// `CompleteMultipartUpload` may have it (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inside200: bool,
}

/// Before or after the call has its effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// It has none.
    #[default]
    Before,
    /// It has; only the answer is lost.
    After,
}

/// When a function dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Life {
    /// Before the invocation reaches it, or before the call has its effect.
    Before,
    /// With its first call of another service, which has its effect. Of invocations only.
    During,
    /// When its work is done and the answer not yet given, or after the call had its effect.
    After,
}

/// The operations whose errors may come with status 200.
pub(super) const ERRORS_INSIDE_200: &[&str] = &["CopyObject", "UploadPartCopy", "CompleteMultipartUpload"];
/// The operations that store bytes.
pub(super) const STORING: &[&str] = &["PutObject", "UploadPart", "CopyObject", "UploadPartCopy"];
/// The calls that an effect can be about.
pub(super) struct Scope {
    /// The name of the effect in JSON.
    pub(super) effect: &'static str,
    /// The calls, in words.
    pub(super) about: &'static str,
    /// Their services.
    pub(super) services: &'static [Service],
    /// Their operations; empty for every operation.
    pub(super) operations: &'static [&'static str],
}

impl Effect {
    /// An error by the code of a well-known one.
    pub fn error(code: &str) -> Self {
        Self::Error(ErrorAnswer { status: None, code: code.to_owned(), message: None, inside200: false })
    }

    /// An error in the body of an answer with status 200.
    pub fn error_inside_200(code: &str) -> Self {
        Self::Error(ErrorAnswer { status: None, code: code.to_owned(), message: None, inside200: true })
    }

    /// The calls that it can be about.
    pub(super) fn scope(&self) -> Scope {
        use Service::{Events, Lambda, S3};
        let any = |effect, about| Scope { effect, about, services: &Service::ALL, operations: &[] };
        let s3 = |effect, about, operations| Scope { effect, about, services: &[S3], operations };
        let invocations =
            |effect| Scope { effect, about: "Lambda's Invoke", services: &[Lambda], operations: &[INVOKE] };
        let deliveries =
            |effect| Scope { effect, about: "deliveries of events", services: &[Events], operations: &[DELIVER] };
        match self {
            Self::Error(ErrorAnswer { inside200: true, .. }) => s3(
                "error with inside200",
                "S3's CopyObject, UploadPartCopy and CompleteMultipartUpload",
                ERRORS_INSIDE_200,
            ),
            Self::Error(_) => any("error", "calls of services"),
            Self::Latency { .. } => any("latency", "calls of services"),
            Self::Drop(_) => any("drop", "calls of services"),
            Self::Flip { .. } => s3("flip", "S3's PutObject, UploadPart, CopyObject and UploadPartCopy", STORING),
            Self::Kill(Life::During) => invocations("kill during"),
            Self::Kill(_) => any("kill", "functions and their calls"),
            Self::FunctionError { .. } => invocations("functionError"),
            Self::Repeat { .. } => deliveries("repeat"),
            Self::Delay { .. } => deliveries("delay"),
            Self::Reorder { .. } => deliveries("reorder"),
        }
    }
}

impl ErrorAnswer {
    pub(super) fn check(&self) -> Result<(), RuleError> {
        if self.code.is_empty() {
            return Err(RuleError::Empty("error.code"));
        }
        if let Some((prefix, own)) = self.code.split_once('.')
            && ["Lambda", "SNS"].contains(&prefix)
        {
            return Err(RuleError::Prefixed { own: own.to_owned(), given: self.code.clone() });
        }
        match self.status {
            None if errors::known(&self.code).is_none() => Err(RuleError::NoStatus(self.code.clone())),
            Some(status) if !(300..600).contains(&status) => Err(RuleError::Status(status)),
            _ => Ok(()),
        }
    }

    /// With what was left out.
    pub fn complete(&self) -> ApiError {
        let known = errors::known(&self.code);
        let message = self.message.clone().or_else(|| known.map(|(_, message)| message.to_owned()));
        ApiError {
            status: self.status.or(known.map(|(status, _)| status)).unwrap_or(500),
            code: self.code.clone(),
            message: message.unwrap_or_else(|| "A fault rule of the sandbox says so.".to_owned()),
        }
    }
}
