//! Permission checks for known callers. An unsigned request is rejected with `AccessDenied`.
//!
//! As on AWS, the check runs before the operation, so a rejected caller learns nothing about the object.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    access::{S3Access, S3AccessContext},
    dto::{self, CopySource},
    path::S3Path,
    s3_error,
};
use sandbox_core::{
    faults::Faults,
    identity::{Identity, Keyring},
    ports::ACCOUNT,
};
use sandbox_iam::{CopiedObject, Iam, Permission, Read, S3Request, bucket_arn};

use crate::{
    backend::Backend,
    endpoint::{faults, malformed_range, parameters, requests::Requests},
    errors,
    permissions::{BYPASS, Deleter, Hidden, denied},
    request::Reason,
};

/// The permissions for Object Lock headers, besides that of the operation
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html> and, for buckets,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>).
const LOCK_HEADERS: [(&str, &[&str]); 4] = [
    ("x-amz-object-lock-mode", &["s3:PutObjectRetention"]),
    ("x-amz-object-lock-legal-hold", &["s3:PutObjectLegalHold"]),
    (BYPASS.0, &[BYPASS.1]),
    ("x-amz-bucket-object-lock-enabled", &["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]),
];

/// Evaluates the policies of the caller's role and of the bucket.
pub(crate) struct PolicyAccess {
    pub(crate) backend: Arc<Backend>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) requests: Arc<Requests>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) faults: Faults,
}

#[async_trait::async_trait]
impl S3Access for PolicyAccess {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let access_key = context.credentials().map(|credentials| credentials.access_key.as_str()).unwrap_or_default();
        let caller = self.keyring.get(access_key).ok_or_else(|| s3_error!(AccessDenied, "Access Denied"))?;
        malformed_range::Probe::stop(context.extensions_mut())?;
        let operation = context.s3_op().name();
        self.requests.count(operation);
        let query = context.uri().query().unwrap_or_default();
        parameters::check(operation, query)?;
        lasts_a_week_at_most(query)?;
        owned_as_expected(context.headers())?;
        let (bucket, key) = match context.s3_path() {
            S3Path::Root => ("", ""),
            S3Path::Bucket { bucket } => (&**bucket, ""),
            S3Path::Object { bucket, key } => (&**bucket, &**key),
        };
        let version = parameter(query, "versionId");
        let requested = Read { bucket, key, version_id: version.as_deref() };
        let source = copy_source(context.headers())?;
        let from = source.as_ref().map(read_of).transpose()?;
        self.operation(&caller, operation, requested, from, context.headers())?;
        match operation {
            "GetObject" | "HeadObject" => {
                let may = |permission| self.iam.allows(&caller, permission);
                let hidden = Hidden {
                    tags: !requested.tags().into_iter().all(may),
                    retention: !may(requested.permission("s3:GetObjectRetention")),
                    legal_hold: !may(requested.permission("s3:GetObjectLegalHold")),
                };
                context.extensions_mut().insert(hidden);
            }
            "DeleteObjects" => {
                context.extensions_mut().insert(Deleter { iam: Arc::clone(&self.iam), caller });
            }
            "PostObject" => {
                context.extensions_mut().insert(Reason("POST Object"));
            }
            _ => {}
        }
        faults::apply(&self.faults, context).await
    }
}

impl PolicyAccess {
    fn operation(
        &self,
        caller: &Identity,
        operation: &str,
        requested: Read<'_>,
        from: Option<Read<'_>>,
        headers: &HeaderMap,
    ) -> S3Result<()> {
        let replaces = |name: &str| header(headers, name).is_some_and(|value| value.eq_ignore_ascii_case("REPLACE"));
        let replaces_tags = replaces("x-amz-tagging-directive");
        let is_set = |name: &str| header(headers, name).is_some_and(|value| !value.eq_ignore_ascii_case("false"));
        let set = LOCK_HEADERS.iter().filter(|(name, _)| is_set(name));
        let lock: Vec<&str> = set.flat_map(|(_, actions)| actions.iter().copied()).collect();
        let request = S3Request {
            operation,
            bucket: requested.bucket,
            key: requested.key,
            versioned: requested.version_id.is_some(),
            sets_tags: replaces_tags || headers.contains_key("x-amz-tagging"),
            if_match: headers.contains_key("if-match"),
            lock: &lock,
            source: from.map(|read| CopiedObject {
                read,
                with_tags: operation == "CopyObject" && !replaces_tags && self.has_tags(read),
            }),
        };
        match request.permissions() {
            Some(permissions) => permissions
                .into_iter()
                .try_for_each(|permission| self.iam.authorize(caller, permission).map_err(denied))?,
            None if caller.role().is_none() => {}
            None => {
                let message = format!(
                    "the sandbox does not know which permissions {operation} requires; call it with the user's key"
                );
                return Err(S3Error::with_message(S3ErrorCode::NotImplemented, message));
            }
        }
        let read = match operation {
            "GetObject" | "HeadObject" | "GetObjectAttributes" => Some(requested),
            _ => from,
        };
        read.map_or(Ok(()), |read| self.admit_that_it_is_gone(caller, read))
    }

    /// Returns "not found" only to callers that may list the bucket
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>, Permissions). Others get "access denied".
    fn admit_that_it_is_gone(&self, caller: &Identity, read: Read<'_>) -> S3Result<()> {
        let state = self.backend.state();
        let is_gone = state.bucket(read.bucket).is_ok() && state.find(read.bucket, read.key, read.version_id).is_err();
        drop(state);
        if !is_gone {
            return Ok(());
        }
        self.iam.authorize(caller, Permission::new("s3:ListBucket", bucket_arn(read.bucket))).map_err(denied)
    }

    fn has_tags(&self, read: Read<'_>) -> bool {
        let found = self.backend.state().find(read.bucket, read.key, read.version_id);
        found.is_ok_and(|version| version.object().is_some_and(|object| !object.tags.is_empty()))
    }
}

/// Compares the expected owner: every bucket belongs to the same account
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>).
fn owned_as_expected(headers: &HeaderMap) -> S3Result<()> {
    let names = ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"];
    if names.iter().any(|name| headers.get(*name).is_some_and(|owner| owner.as_bytes() != ACCOUNT.as_bytes())) {
        return Err(s3_error!(AccessDenied, "Access Denied"));
    }
    Ok(())
}

/// A presigned request is valid for at most seven days
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>, X-Amz-Expires).
fn lasts_a_week_at_most(query: &str) -> S3Result<()> {
    const WEEK: u64 = 7 * 24 * 60 * 60;
    if parameter(query, "X-Amz-Expires")
        .and_then(|seconds| seconds.parse().ok())
        .is_some_and(|seconds: u64| seconds > WEEK)
    {
        let message = "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
                       than 604800 seconds";
        return Err(errors::custom("AuthorizationQueryParametersError", message, StatusCode::BAD_REQUEST));
    }
    Ok(())
}

/// The first parameter of that name in a query, decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(one, _)| one == name).map(|(_, value)| value.into_owned())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The source in `x-amz-copy-source`, if the header is present.
fn copy_source(headers: &HeaderMap) -> S3Result<Option<CopySource>> {
    let Some(given) = headers.get("x-amz-copy-source") else { return Ok(None) };
    let parsed = given.to_str().ok().and_then(|text| dto::CopySource::parse(text).ok());
    parsed.map(Some).ok_or_else(|| errors::invalid_argument("Copy Source must mention the source bucket and key"))
}

fn read_of(source: &CopySource) -> S3Result<Read<'_>> {
    match source {
        CopySource::Bucket { bucket, key, version_id } => Ok(Read { bucket, key, version_id: version_id.as_deref() }),
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
            Err(s3_error!(NotImplemented, "the sandbox copies from buckets, not from access points"))
        }
    }
}
