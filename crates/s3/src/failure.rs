//! Converts the SDK's errors to core's [`Answer`], which decides their meaning.

#[cfg(test)]
mod tests;

use std::error::Error;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
pub use holdfast_core::failure::Side;
use holdfast_core::{
    ErrorName,
    failure::{Answer, CallFailure, Request},
    format::error_chain,
};

use crate::S3Error;

/// A call of S3, for the failures that it may have.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation, for example `CopyObject`.
    pub operation: &'static str,
    /// Which side of a copy it touches.
    pub side: Side,
    /// The resource of the operation, for example `s3://bucket/key`.
    pub resource: String,
    /// The object that S3 itself copies there, if the call is such a copy.
    pub from: Option<String>,
    /// The actions that it needs.
    pub grant: &'static str,
}

impl Call {
    /// The failure that an error of S3 is.
    pub fn s3_failure<E>(&self, error: SdkError<E, HttpResponse>) -> S3Error
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let answer = answer(&error);
        let classified = answer.classify_s3(self.request());
        Box::new(CallFailure::new(self.request(), answer, classified, error)).into()
    }

    /// The same for a caller that knows a more exact name, because it knows its request.
    pub fn s3_failure_named<E>(&self, name: ErrorName, error: SdkError<E, HttpResponse>) -> S3Error
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let answer = answer(&error);
        let classified = answer.classify_s3_as(name, self.request());
        Box::new(CallFailure::new(self.request(), answer, classified, error)).into()
    }

    fn request(&self) -> Request<'_> {
        Request {
            operation: self.operation,
            side: self.side,
            resource: &self.resource,
            from: self.from.as_deref(),
            grant: self.grant,
        }
    }
}

/// The answer of a service, from the error of its SDK.
pub fn answer<E>(error: &SdkError<E, HttpResponse>) -> Answer
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    match error {
        SdkError::ServiceError(service) => {
            Answer { status, code: text(service.err().code()), message: text(service.err().message()) }
        }
        _ if status.is_some() => Answer { status, code: String::new(), message: String::new() },
        _ => Answer { status, code: String::new(), message: error_chain(error) },
    }
}
