//! A call to a service that failed.

use std::{error::Error, fmt};

use super::{Answer, ErrorName, Fact, Remedy, Request, answer::Classified};

/// A failed call to a service, with the answer.
#[derive(Debug)]
pub struct CallFailure {
    /// The operation, for example `CopyObject`.
    pub operation: String,
    /// The resource of the operation, for example `s3://bucket/key`.
    pub resource: String,
    /// The object that S3 itself copies to the resource, if the operation is such a copy.
    pub from: Option<String>,
    /// The answer of the service.
    pub answer: Answer,
    /// The error that the answer means.
    pub name: ErrorName,
    /// What to do about it.
    pub remedy: Remedy,
    source: Box<dyn Error + Send + Sync>,
}

impl CallFailure {
    /// The failure of a request with this answer. `source` is the error that the SDK reported.
    pub fn new(
        request: Request<'_>,
        answer: Answer,
        classified: Classified,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            operation: request.operation.to_owned(),
            resource: request.resource.to_owned(),
            from: request.from.map(str::to_owned),
            answer,
            name: classified.name,
            remedy: classified.remedy,
            source: Box::new(source),
        }
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, resource, answer, .. } = self;
        match &self.from {
            Some(from) => write!(formatter, "{operation} of {from} to {resource} failed: {answer}."),
            None => write!(formatter, "{operation} of {resource} failed: {answer}."),
        }
    }
}

impl Error for CallFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}

impl Fact for CallFailure {
    fn name(&self) -> ErrorName {
        self.name
    }

    fn remedy(&self) -> Remedy {
        self.remedy.clone()
    }
}
