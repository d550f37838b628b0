//! The errors of Step Functions: <https://docs.aws.amazon.com/step-functions/latest/apireference/CommonErrors.html>.

use super::{Answer, Classified, ErrorName, Request};

impl Answer {
    /// The error that this answer of Step Functions means.
    pub fn classify_states(&self, request: Request<'_>) -> Classified {
        let name = match self.code.as_str() {
            "AccessDeniedException" => ErrorName::SourceDenied,
            "ExecutionDoesNotExist" | "InvalidArn" => ErrorName::InputInvalid,
            _ if self.is_transient() => ErrorName::StepFunctionsUnavailable,
            _ => ErrorName::Internal,
        };
        let remedy = match name {
            ErrorName::SourceDenied => self.remedy_of_refusal().unwrap_or_else(|| request.grant()),
            _ => name.entry().remedy.clone(),
        };
        Classified { name, remedy }
    }
}
