//! The errors of S3: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.

use super::{Answer, Classified, ErrorName, Meaning, Refusal, Remedy, Request, Side, refusal};

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
        match Meaning::of(&self.code) {
            Some(meaning) => self.name_of_meaning(meaning, request),
            None => self.name_of_status(request),
        }
    }

    fn name_of_meaning(&self, meaning: Meaning, request: Request<'_>) -> ErrorName {
        match meaning {
            Meaning::Throttled => ErrorName::S3Throttled,
            Meaning::Passing => ErrorName::S3Unavailable,
            Meaning::Key if self.status.is_some_and(|status| status >= 500) => ErrorName::S3Unavailable,
            Meaning::Key => ErrorName::KmsDenied,
            Meaning::Denied if self.message.contains(" kms:") => ErrorName::KmsDenied,
            Meaning::Denied | Meaning::Credentials => self.denied(request),
            Meaning::Archived => ErrorName::SourceArchived,
            Meaning::Gone => gone(request.side),
            Meaning::Changed => changed(request.side),
            Meaning::UploadGone => ErrorName::UploadGone,
            Meaning::Mismatch => ErrorName::ChecksumMismatch,
            Meaning::Configuration => ErrorName::ConfigInvalid,
            Meaning::Defect if self.is_encrypted_with_other_key() && request.side != Side::Destination => {
                ErrorName::SourceUnreadable
            }
            Meaning::Defect => ErrorName::Internal,
        }
    }

    /// The name of an answer whose code is absent or unknown.
    fn name_of_status(&self, request: Request<'_>) -> ErrorName {
        match self.status {
            Some(429) => ErrorName::S3Throttled,
            // The answer to a HEAD has no body. Nearly every 503 of S3 is SlowDown.
            Some(503) if !self.has_body() => ErrorName::S3Throttled,
            Some(301) => ErrorName::ConfigInvalid,
            Some(404 | 405) => gone(request.side),
            Some(409 | 412) => changed(request.side),
            Some(401 | 403) if self.message.contains(" kms:") => ErrorName::KmsDenied,
            Some(401 | 403) => self.denied(request),
            // The answer to a HEAD has no body: the KMS key is disabled, or the object has a customer-provided key.
            Some(400) if !self.has_body() => match request.side {
                Side::Source => ErrorName::SourceUnreadable,
                Side::Destination | Side::Both => ErrorName::KmsDenied,
            },
            _ if self.is_transient() => ErrorName::S3Unavailable,
            _ => ErrorName::Internal,
        }
    }

    /// Whether S3 refused a request without the customer-provided key of the object.
    fn is_encrypted_with_other_key(&self) -> bool {
        matches!(self.code.as_str(), "InvalidRequest" | "InvalidArgument")
            && self.message.to_ascii_lowercase().contains("encrypt")
    }

    fn denied(&self, request: Request<'_>) -> ErrorName {
        // S3 names the refused action. In a copy, an action that reads is about the source, unless it is about the very
        // object that is written: a condition (If-Match) reads that object too.
        let reads_source = refusal(&self.message).is_some_and(|Refusal { action, resource, .. }| {
            let reads = action.starts_with("s3:Get") || action.starts_with("s3:List");
            // After the partition, for example `arn:aws-us-gov:s3:::bucket/key`.
            let named = resource.split_once(":s3:::").map(|(_, object)| object);
            reads && named != request.resource.strip_prefix("s3://")
        });
        match request.side {
            Side::Source => ErrorName::SourceDenied,
            Side::Both if reads_source => ErrorName::SourceDenied,
            Side::Destination | Side::Both => ErrorName::DestinationDenied,
        }
    }

    fn s3_remedy(&self, name: ErrorName, request: Request<'_>) -> Remedy {
        match name {
            ErrorName::SourceDenied | ErrorName::DestinationDenied
                if Meaning::of(&self.code) == Some(Meaning::Credentials) =>
            {
                Remedy::CheckCredentials
            }
            ErrorName::SourceDenied | ErrorName::DestinationDenied => {
                self.remedy_of_refusal().unwrap_or_else(|| self.remedy_of_unnamed_refusal(name, request))
            }
            ErrorName::KmsDenied if !self.has_body() => Remedy::CheckDestinationKey,
            ErrorName::KmsDenied if self.code.starts_with("KMS.") => Remedy::EnableOrGrantKey,
            ErrorName::KmsDenied => self.remedy_of_refusal().unwrap_or(Remedy::GrantKey),
            ErrorName::ConfigInvalid if self.code == "InvalidStorageClass" => Remedy::SetVariable {
                variable: "STORAGE_CLASS".into(),
                expected: "a storage class that S3 accepts in this region".into(),
            },
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

/// The name for an object that does not exist.
fn gone(side: Side) -> ErrorName {
    match side {
        Side::Source | Side::Both => ErrorName::SourceGone,
        Side::Destination => ErrorName::DestinationChanged,
    }
}

/// The name for a condition that does not hold.
fn changed(side: Side) -> ErrorName {
    match side {
        Side::Source => ErrorName::SourceGone,
        Side::Destination | Side::Both => ErrorName::DestinationChanged,
    }
}

/// The bucket in `s3://bucket/key`.
fn bucket_of(resource: &str) -> &str {
    let path = resource.strip_prefix("s3://").unwrap_or(resource);
    path.split_once('/').map_or(path, |(bucket, _)| bucket)
}
