//! Lifecycle rules. The sandbox only aborts incomplete uploads. It stores and returns the other actions of rules
//! (expiration, transitions), but does not perform them.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html>

use s3s::{S3Result, dto};
use sandbox_core::ports::ApiError;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::{
    backend::Backend,
    clock::midnight_after,
    errors,
    model::upload::UploadSettings,
    state::{State, uploads::Upload},
};

/// An upload that a rule aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbortedUpload {
    /// The bucket of the upload.
    pub bucket: String,
    /// The key of the upload.
    pub key: String,
    /// The ID of the upload.
    pub upload_id: String,
}

/// The key prefix of a rule; an empty one matches all keys.
fn prefix(rule: &dto::LifecycleRule) -> &str {
    let filter = rule.filter.as_ref();
    let of_and = || filter?.and.as_ref()?.prefix.as_deref();
    let given = filter.and_then(|filter| filter.prefix.as_deref()).or_else(of_and);
    given.or(rule.prefix.as_deref()).unwrap_or_default()
}

fn has_tags(rule: &dto::LifecycleRule) -> bool {
    let filter = rule.filter.as_ref();
    let of_and = || filter?.and.as_ref()?.tags.as_ref();
    filter.is_some_and(|filter| filter.tag.is_some()) || of_and().is_some_and(|tags| !tags.is_empty())
}

/// Rejects invalid rules.
pub(crate) fn check(rules: &[dto::LifecycleRule]) -> S3Result<()> {
    for rule in rules {
        let Some(abort) = &rule.abort_incomplete_multipart_upload else { continue };
        if has_tags(rule) {
            return Err(errors::invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags."));
        }
        if abort.days_after_initiation.is_none_or(|days| days < 1) {
            return Err(errors::invalid_argument(
                "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
            ));
        }
    }
    Ok(())
}

/// Whether a rule aborts an upload by now: the given days after its initiation, at the next midnight UTC
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>).
fn aborts(rule: &dto::LifecycleRule, upload: &UploadSettings, now: OffsetDateTime) -> bool {
    let abort = rule.abort_incomplete_multipart_upload.as_ref();
    let Some(days) = abort.and_then(|abort| abort.days_after_initiation) else { return false };
    let is_meant = rule.status.as_str() == dto::ExpirationStatus::ENABLED && upload.key.starts_with(prefix(rule));
    let due = upload.initiated.time().saturating_add(Duration::days(i64::from(days)));
    is_meant && midnight_after(due) <= now
}

impl State {
    fn is_overdue(&self, upload: &Upload, now: OffsetDateTime) -> bool {
        let lifecycle = self.bucket(&upload.settings.bucket).ok().and_then(|bucket| bucket.record.lifecycle.as_ref());
        lifecycle.is_some_and(|lifecycle| lifecycle.rules.iter().any(|rule| aborts(rule, &upload.settings, now)))
    }
}

impl Backend {
    /// Applies the buckets' lifecycle rules, as S3 does once a day.
    pub(crate) fn run_lifecycle(&self) -> Result<Vec<AbortedUpload>, ApiError> {
        let now = self.now();
        let mut state = self.state();
        let overdue = state.uploads().filter(|(_, upload)| state.is_overdue(upload, now));
        let overdue: Vec<AbortedUpload> = overdue
            .map(|(id, upload)| AbortedUpload {
                bucket: upload.settings.bucket.clone(),
                key: upload.settings.key.clone(),
                upload_id: id.clone(),
            })
            .collect();
        for upload in &overdue {
            state.abort_upload(&upload.upload_id).map_err(|error| errors::answer(&error))?;
            tracing::info!(
                upload.bucket,
                upload.key,
                upload.upload_id,
                "a lifecycle rule aborted an incomplete upload"
            );
        }
        Ok(overdue)
    }

    /// Sets the lifecycle rules in the properties of an `AWS::S3::Bucket`
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-rule.html>).
    /// Only those that abort uploads count.
    pub(crate) fn put_lifecycle(&self, bucket: &str, properties: &Value) -> Result<(), ApiError> {
        let Some(rules) = properties.pointer("/LifecycleConfiguration/Rules").and_then(Value::as_array) else {
            return Ok(());
        };
        let rules: Vec<dto::LifecycleRule> = rules.iter().filter_map(rule_of).collect();
        let put = check(&rules).and_then(|()| {
            let lifecycle = Some(dto::BucketLifecycleConfiguration { rules });
            self.state().change_bucket(bucket, |record| record.lifecycle = lifecycle)
        });
        put.map_err(|error| errors::answer(&error))
    }
}

fn rule_of(rule: &Value) -> Option<dto::LifecycleRule> {
    let text = |name: &str| rule.get(name).and_then(Value::as_str).map(str::to_owned);
    let days = rule.pointer("/AbortIncompleteMultipartUpload/DaysAfterInitiation")?;
    let days = days.as_i64().or_else(|| days.as_str()?.parse().ok());
    Some(dto::LifecycleRule {
        abort_incomplete_multipart_upload: Some(dto::AbortIncompleteMultipartUpload {
            days_after_initiation: days.and_then(|days| i32::try_from(days).ok()),
        }),
        expiration: None,
        filter: Some(dto::LifecycleRuleFilter { prefix: text("Prefix"), ..Default::default() }),
        id: text("Id"),
        noncurrent_version_expiration: None,
        noncurrent_version_transitions: None,
        prefix: None,
        status: text("Status").unwrap_or_default().into(),
        transitions: None,
    })
}
