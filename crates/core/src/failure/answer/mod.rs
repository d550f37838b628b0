//! The answer of a service to a failed request, and the error that it means. This module does not use the SDK: the
//! crates that call AWS convert the SDK's errors.

mod codes;
mod refusal;
mod s3;
mod sns;
mod states;
#[cfg(test)]
mod tests;

use std::fmt;

use codes::Meaning;
use refusal::{Refusal, refusal};

use super::{ErrorName, Remedy};

/// The side of a copy that a request is about. It decides the meaning of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The object that is copied.
    Source,
    /// The object that is written.
    Destination,
    /// Both: S3 itself copies. The request is addressed to the destination, but a refusal may be about either side.
    Both,
}

/// The request that failed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The operation, for example `CopyObject`.
    pub operation: &'a str,
    /// Which side it touches.
    pub side: Side,
    /// The resource of the operation, for example `s3://bucket/key`.
    pub resource: &'a str,
    /// The object that S3 itself copies to the resource, if the request is such a copy.
    pub from: Option<&'a str>,
    /// The actions that the request needs.
    pub grant: &'a str,
}

/// The answer of a service, without the types of its SDK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status; `None` if there was no answer.
    pub status: Option<u16>,
    /// The error code; empty if the answer has no body.
    pub code: String,
    /// The message; if no answer came, the reason.
    pub message: String,
}

/// The error that an answer means, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// The error.
    pub name: ErrorName,
    /// What to do.
    pub remedy: Remedy,
}

impl Answer {
    /// Whether the error may pass by itself: no answer came, the service failed, or it asked to wait. S3 may send an
    /// error in the body of an answer with status 200 (CopyObject, UploadPartCopy, CompleteMultipartUpload), so the
    /// code counts before the status.
    fn is_transient(&self) -> bool {
        matches!(Meaning::of(&self.code), Some(Meaning::Throttled | Meaning::Passing))
            || self.status.is_none_or(|status| status >= 500 || status == 429)
            || (self.code.is_empty() && self.status == Some(200))
    }

    fn has_body(&self) -> bool {
        !self.code.is_empty()
    }

    /// The remedy of a refusal that names what was refused.
    fn remedy_of_refusal(&self) -> Option<Remedy> {
        let Refusal { action, resource, explicit_deny } = refusal(&self.message)?;
        let (action, resource) = (action.to_owned().into(), resource.to_owned().into());
        Some(if explicit_deny { Remedy::Allow { action, resource } } else { Remedy::Grant { action, resource } })
    }
}

impl Request<'_> {
    fn grant(&self) -> Remedy {
        Remedy::Grant { action: self.grant.to_owned().into(), resource: self.resource.to_owned().into() }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message.trim_end_matches('.');
        match (self.code.as_str(), message, self.status) {
            ("", "", Some(status)) => write!(formatter, "HTTP status {status}"),
            ("", "", None) => formatter.write_str("no answer"),
            ("", message, _) => formatter.write_str(message),
            (code, "", _) => formatter.write_str(code),
            (code, message, _) => write!(formatter, "{code}: {message}"),
        }
    }
}
