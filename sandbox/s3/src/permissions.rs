//! What a caller may see and delete, evaluated before the operation runs.

use std::sync::Arc;

use http::Extensions;
use s3s::{S3Error, S3ErrorCode, S3Result};
use sandbox_core::identity::Identity;
use sandbox_iam::{Iam, Refusal, S3Request};

use crate::model::{
    lock::{Governance, LegalHold},
    object::{Object, Tags},
    retention::Retention,
};

/// What a read hides from a caller without permission: the number of tags, the retention, the legal hold
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>, Response Elements).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hidden {
    pub(crate) tags: bool,
    pub(crate) retention: bool,
    pub(crate) legal_hold: bool,
}

impl Hidden {
    /// Reads it from the extensions of a request.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or_default()
    }

    /// The tags, if the caller may see them and there are any.
    pub(crate) fn shown_tags(self, object: &Object) -> Option<&Tags> {
        Some(&object.tags).filter(|tags| !self.tags && !tags.is_empty())
    }

    pub(crate) fn shown_retention(self, object: &Object) -> Option<Retention> {
        object.lock.retention.filter(|_| !self.retention)
    }

    pub(crate) fn shown_legal_hold(self, object: &Object) -> Option<LegalHold> {
        object.lock.legal_hold.filter(|_| !self.legal_hold)
    }
}

/// Checks the deletions of a multi-object delete one by one.
#[derive(Debug, Clone)]
pub(crate) struct Deleter {
    pub(crate) iam: Arc<Iam>,
    pub(crate) caller: Identity,
}

impl Deleter {
    pub(crate) fn may_delete(&self, bucket: &str, key: &str, id: Option<&str>, governance: Governance) -> S3Result<()> {
        let lock = if governance == Governance::Bypassed { &[BYPASS.1][..] } else { &[] };
        let versioned = id.is_some();
        let request = S3Request { operation: "DeleteObject", bucket, key, versioned, lock, ..Default::default() };
        let permissions = request.permissions().unwrap_or_default();
        permissions.into_iter().try_for_each(|permission| self.iam.authorize(&self.caller, permission).map_err(denied))
    }
}

/// The header that requests to bypass governance retention, together with the permission.
pub(crate) const BYPASS: (&str, &str) = ("x-amz-bypass-governance-retention", "s3:BypassGovernanceRetention");

#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub(crate) fn denied(refusal: Refusal) -> S3Error {
    S3Error::with_message(S3ErrorCode::AccessDenied, refusal.to_string())
}
