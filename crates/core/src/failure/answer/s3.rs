//! The errors of S3: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use super::{Answer, Classified, ErrorName, Refusal, Remedy, Request, Side, refusal};

impl Answer {
    /// The error that this answer of S3 means.
    pub fn classify_s3(&self, request: Request<'_>) -> Classified {
        self.classify_s3_as(self.s3_name(request), request)
    }

    /// The same for a caller that knows a more exact name, because it knows its request.
    pub fn classify_s3_as(&self, name: ErrorName, request: Request<'_>) -> Classified {
        Classified { name, remedy: self.s3_remedy(name, request) }
    }

    fn s3_name(&self, request: Request<'_>) -> ErrorName {
        let refused = matches!(self.code.as_str(), "AccessDenied" | "AllAccessDisabled")
            || matches!(self.status, Some(401 | 403));
        match (self.code.as_str(), self.status) {
            ("SlowDown" | "RequestLimitExceeded" | "TooManyRequests" | "ThrottlingException" | "Throttling", _)
            | (_, Some(429))
            // The answer to a HEAD has no body. Nearly every 503 of S3 is SlowDown.
            | ("", Some(503)) => ErrorName::S3Throttled,
            (code, _) if code.starts_with("KMS.") || (refused && self.message.contains(" kms:")) => {
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
            // A conflict with another request that runs at the same time, not with the object at the key.
            ("OperationAborted", _) => ErrorName::S3Unavailable,
            ("PreconditionFailed" | "ConditionalRequestConflict", _) | (_, Some(412 | 409)) => match request.side {
                Side::Source => ErrorName::SourceGone,
                Side::Destination | Side::Both => ErrorName::DestinationChanged,
            },
            ("NoSuchKey" | "NoSuchVersion" | "MethodNotAllowed", _) | (_, Some(404)) => match request.side {
                Side::Source | Side::Both => ErrorName::SourceGone,
                Side::Destination => ErrorName::DestinationChanged,
            },
            ("InvalidAccessKeyId" | "SignatureDoesNotMatch", _) => self.denied(request),
            _ if refused => self.denied(request),
            ("InvalidRequest" | "InvalidArgument", _)
                if request.side != Side::Destination && self.message.to_ascii_lowercase().contains("encrypt") =>
            {
                ErrorName::SourceUnreadable
            }
            // The answer to a HEAD has no body: the KMS key is disabled, or the object has a customer-provided key.
            (_, Some(400)) if self.code.is_empty() => match request.side {
                Side::Source => ErrorName::SourceUnreadable,
                Side::Destination | Side::Both => ErrorName::KmsDenied,
            },
            _ if self.is_transient() => ErrorName::S3Unavailable,
            _ => ErrorName::Internal,
        }
    }

    fn denied(&self, request: Request<'_>) -> ErrorName {
        // S3 names the refused action. In a copy, an action that reads is about the source, unless it is about the very
        // object that is written: a condition (If-Match) reads that object too.
        let reads_source = refusal(&self.message).is_some_and(|Refusal { action, resource, .. }| {
            let reads = action.starts_with("s3:Get") || action.starts_with("s3:List");
            reads && resource.strip_prefix("arn:aws:s3:::") != request.resource.strip_prefix("s3://")
        });
        match request.side {
            Side::Source => ErrorName::SourceDenied,
            Side::Both if reads_source => ErrorName::SourceDenied,
            Side::Destination | Side::Both => ErrorName::DestinationDenied,
        }
    }

    fn s3_remedy(&self, name: ErrorName, request: Request<'_>) -> Remedy {
        match name {
            ErrorName::SourceDenied | ErrorName::DestinationDenied => {
                self.remedy_of_refusal().unwrap_or_else(|| self.remedy_of_unnamed_refusal(name, request))
            }
            ErrorName::KmsDenied if !self.has_body() => Remedy::CheckDestinationKey,
            ErrorName::KmsDenied if self.code.starts_with("KMS.") => Remedy::EnableOrGrantKey,
            ErrorName::KmsDenied => self.remedy_of_refusal().unwrap_or(Remedy::GrantKey),
            ErrorName::ConfigInvalid => Remedy::CreateBucket { bucket: bucket_of(request.resource).to_owned().into() },
            ErrorName::SourceArchived => {
                Remedy::Restore { object: request.from.unwrap_or(request.resource).to_owned().into() }
            }
            ErrorName::SourceUnreadable if self.has_body() => Remedy::UploadWithOtherKey,
            _ => name.entry().remedy.clone(),
        }
    }

    /// The remedy of a refusal whose answer does not say what was refused.
    fn remedy_of_unnamed_refusal(&self, name: ErrorName, request: Request<'_>) -> Remedy {
        if name == ErrorName::DestinationDenied && request.operation == "DeleteObject" {
            return Remedy::AllowDeletion { object: request.resource.to_owned().into() };
        }
        if self.has_body() {
            return request.grant();
        }
        // With its checksum, the HEAD of an encrypted object also needs kms:Decrypt.
        Remedy::GrantActionOrKey {
            action: request.grant.to_owned().into(),
            resource: request.resource.to_owned().into(),
        }
    }
}

/// The bucket in `s3://bucket/key`.
fn bucket_of(resource: &str) -> &str {
    let path = resource.strip_prefix("s3://").unwrap_or(resource);
    path.split_once('/').map_or(path, |(bucket, _)| bucket)
}
