//! The errors of SNS: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.

use super::{Answer, Classified, ErrorName, Remedy, Request};

impl Answer {
    /// The error that this answer of SNS means.
    pub fn classify_sns(&self, request: Request<'_>) -> Classified {
        let name = self.sns_name();
        let remedy = match name {
            ErrorName::DestinationDenied => self.remedy_of_refusal().unwrap_or_else(|| request.grant()),
            ErrorName::KmsDenied if self.code == "KMSAccessDenied" => Remedy::Grant {
                action: "kms:GenerateDataKey and kms:Decrypt".into(),
                resource: "the KMS key of the topic".into(),
            },
            ErrorName::KmsDenied => Remedy::EnableKey,
            ErrorName::ConfigInvalid => Remedy::CreateTopic,
            _ => name.entry().remedy.clone(),
        };
        Classified { name, remedy }
    }

    fn sns_name(&self) -> ErrorName {
        match self.code.as_str() {
            "NotFound" | "NotFoundException" => ErrorName::TopicNotFound,
            code if code.starts_with("KMS") => ErrorName::KmsDenied,
            "AuthorizationError" | "AuthorizationErrorException" | "AccessDenied" => ErrorName::DestinationDenied,
            "InvalidParameter" | "InvalidParameterException" => ErrorName::ConfigInvalid,
            _ if self.is_transient() => ErrorName::SnsUnavailable,
            _ => ErrorName::Internal,
        }
    }
}
