//! The effects of fault rules.

use serde::{Deserialize, Serialize};

use super::{errors, rule_error::RuleError};
use crate::{
    operations::{DELIVER, INVOKE, Service},
    ports::ApiError,
};

/// The effect of a rule on a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// The service refuses the call, or its answer is replaced by an error.
    Error(ErrorAnswer),
    /// The call starts later. The sandbox's time scale does not apply.
    Latency {
        /// The delay in milliseconds.
        millis: u64,
    },
    /// The connection closes without an answer.
    Drop(Moment),
    /// One byte of the stored content changes. S3's checksum is that of the changed bytes.
    Flip {
        /// The offset of the byte, modulo the length of the content.
        #[serde(default)]
        offset: u64,
    },
    /// For an invocation: the function dies. For a call by a function: that function dies.
    Kill(Life),
    /// The function fails with its own error, or with one of Lambda's (`Sandbox.Timedout`).
    FunctionError {
        /// The error name that Step Functions shows.
        error_type: String,
        /// The error message.
        #[serde(default)]
        error_message: String,
        /// Whether the function runs before it fails.
        #[serde(default)]
        at: Moment,
    },
    /// The event is delivered more than once.
    Repeat {
        /// The number of additional deliveries.
        copies: u32,
    },
    /// The event is delivered later. The sandbox's time scale does not apply.
    Delay {
        /// The delay in milliseconds.
        millis: u64,
    },
    /// The event is delivered after later events, or when the rule is removed.
    Reorder {
        /// How many later events reach the same target first.
        after: u64,
    },
}

/// An error as the service itself returns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ErrorAnswer {
    /// HTTP status. Optional for a well-known code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's error code, for example `SlowDown` or `TooManyRequestsException`.
    pub code: String,
    /// The error message. Optional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether the error is in the body of an answer with status 200, as for `CopyObject`, `UploadPartCopy` and
    /// `CompleteMultipartUpload` (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inside200: bool,
}

/// Whether a fault occurs before or after the call takes effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// The call has no effect.
    #[default]
    Before,
    /// The call takes effect; only its answer is lost.
    After,
}

/// When a function dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Life {
    /// Before the invocation reaches it, or before the call takes effect.
    Before,
    /// With its first call to another service, after that call takes effect. Only for invocations.
    During,
    /// After its work and before its answer, or after the call takes effect.
    After,
}

/// The operations that can return an error with status 200.
pub(super) const ERRORS_INSIDE_200: &[&str] = &["CopyObject", "UploadPartCopy", "CompleteMultipartUpload"];
/// The operations that store bytes.
pub(super) const STORING: &[&str] = &["PutObject", "UploadPart", "CopyObject", "UploadPartCopy"];
/// The calls that an effect applies to.
pub(super) struct Scope {
    /// The name of the effect in JSON.
    pub(super) effect: &'static str,
    /// A description of the calls.
    pub(super) about: &'static str,
    /// The services of the calls.
    pub(super) services: &'static [Service],
    /// The operations; empty for every operation.
    pub(super) operations: &'static [&'static str],
}

impl Effect {
    /// A well-known error, by its code.
    pub fn error(code: &str) -> Self {
        Self::Error(ErrorAnswer { status: None, code: code.to_owned(), message: None, inside200: false })
    }

    /// An error in the body of an answer with status 200.
    pub fn error_inside_200(code: &str) -> Self {
        Self::Error(ErrorAnswer { status: None, code: code.to_owned(), message: None, inside200: true })
    }

    /// The calls that the effect applies to.
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

    /// Fills in the omitted fields.
    pub fn complete(&self) -> ApiError {
        let known = errors::known(&self.code);
        let message = self.message.clone().or_else(|| known.map(|(_, message)| message.to_owned()));
        ApiError {
            status: self.status.or(known.map(|(status, _)| status)).unwrap_or(500),
            code: self.code.clone(),
            message: message.unwrap_or_else(|| "Injected by a fault rule of the sandbox.".to_owned()),
        }
    }
}
