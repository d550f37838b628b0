//! Rejected signatures, and their errors in the protocols of the services.

use crate::ports::ApiError;

/// Why a signature is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// The request is not signed.
    Missing,
    /// A required part of the signature is missing or malformed.
    Incomplete(String),
    /// The access key does not exist.
    UnknownKey,
    /// The secret is wrong, the request was changed in transit, or its date is not valid.
    DoesNotMatch(String),
}

/// How a service names its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// AWS JSON: Step Functions, `EventBridge`.
    Json,
    /// REST JSON: Lambda.
    RestJson,
    /// Query: SNS, STS.
    Query,
}

impl Flaw {
    /// The error as a service returns it. AWS JSON services use status 400
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>, "HTTP status code
    /// 400", and an answer of CloudWatch Logs in <https://github.com/maxbanton/cwh/issues/119>). Lambda uses 403
    /// (<https://github.com/wso2/product-apim/issues/10478>, <https://github.com/iann0036/iamlive/issues/58>), and so
    /// do services of the Query protocol (<https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html>). No recorded
    /// answer of Step Functions or `EventBridge` itself is known.
    pub fn answer(self, dialect: Dialect) -> ApiError {
        let is_query = dialect == Dialect::Query;
        let refused = if dialect == Dialect::Json { 400 } else { 403 };
        let named = |json: &str, query: &str| if is_query { query.to_owned() } else { json.to_owned() };
        match self {
            Self::Missing => {
                let message = named("Missing Authentication Token", "Request is missing Authentication Token");
                let code = named("MissingAuthenticationTokenException", "MissingAuthenticationToken");
                ApiError::new(&code, message).with_status(refused)
            }
            Self::Incomplete(message) => {
                ApiError::new(&named("IncompleteSignatureException", "IncompleteSignature"), message)
            }
            Self::UnknownKey => {
                let message = "The security token included in the request is invalid.";
                ApiError::new(&named("UnrecognizedClientException", "InvalidClientTokenId"), message)
                    .with_status(refused)
            }
            Self::DoesNotMatch(message) => {
                let code = named("InvalidSignatureException", "SignatureDoesNotMatch");
                ApiError::new(&code, message).with_status(refused)
            }
        }
    }
}
