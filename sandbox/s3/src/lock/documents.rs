//! Object Lock in the documents of requests and templates.

use s3s::{S3Error, S3ErrorCode, S3Result, dto};
use sandbox_core::ports::ApiError;
use serde_json::Value;

use crate::{
    errors,
    model::{
        lock::{LegalHold, ObjectLock, hold_of},
        retention::{DefaultRetention, Retention, RetentionMode, RetentionPeriod, YEAR},
    },
};

/// The longest default retention, in years
/// (<https://docs.aws.amazon.com/general/latest/gr/s3.html>, "Object Lock maximum retention").
const MAX_YEARS: u32 = 100;

impl ObjectLock {
    /// Parses the document of `PutObjectLockConfiguration`
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectLockConfiguration.html>).
    pub(crate) fn parse(given: Option<dto::ObjectLockConfiguration>) -> S3Result<Self> {
        let given = given.ok_or_else(malformed)?;
        let is_enabled =
            given.object_lock_enabled.is_some_and(|value| value.as_str() == dto::ObjectLockEnabled::ENABLED);
        if !is_enabled {
            return Err(malformed());
        }
        let Some(rule) = given.rule else { return Ok(Self::default()) };
        let default = rule.default_retention.ok_or_else(malformed)?;
        let mode = default.mode.and_then(|mode| RetentionMode::parse(mode.as_str())).ok_or_else(malformed)?;
        let period = match (default.days, default.years) {
            (Some(days), None) => RetentionPeriod::Days(bounded(days, MAX_YEARS * YEAR)?),
            (None, Some(years)) => RetentionPeriod::Years(bounded(years, MAX_YEARS)?),
            _ => return Err(malformed()),
        };
        Ok(Self { default_retention: Some(DefaultRetention { mode, period }) })
    }

    /// Parses the properties of an `AWS::S3::Bucket`
    /// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>).
    pub fn of_properties(properties: &Value) -> Result<Option<Self>, ApiError> {
        let at = |pointer: &str| properties.pointer(pointer);
        let text = |pointer: &str| at(pointer).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| {
            let value = at(&format!("/ObjectLockConfiguration/Rule/DefaultRetention/{name}"))?;
            let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
            Some(number.and_then(|number| i32::try_from(number).ok()).unwrap_or_default())
        };
        let is_enabled =
            at("/ObjectLockEnabled").is_some_and(|value| matches!(value.as_str(), Some("true")) || *value == true);
        if at("/ObjectLockConfiguration").is_none() {
            return Ok(is_enabled.then(Self::default));
        }
        let default_retention = at("/ObjectLockConfiguration/Rule/DefaultRetention").map(|_| dto::DefaultRetention {
            days: number("Days"),
            mode: text("/ObjectLockConfiguration/Rule/DefaultRetention/Mode").map(Into::into),
            years: number("Years"),
        });
        let configuration = dto::ObjectLockConfiguration {
            object_lock_enabled: text("/ObjectLockConfiguration/ObjectLockEnabled").map(Into::into),
            rule: at("/ObjectLockConfiguration/Rule").map(|_| dto::ObjectLockRule { default_retention }),
        };
        Self::parse(Some(configuration)).map(Some).map_err(|error| errors::answer(&error))
    }

    /// The document for `GetObjectLockConfiguration`.
    pub(crate) fn document(self) -> dto::ObjectLockConfiguration {
        let rule = self.default_retention.map(|DefaultRetention { mode, period }| {
            let (days, years) = match period {
                RetentionPeriod::Days(days) => (i32::try_from(days).ok(), None),
                RetentionPeriod::Years(years) => (None, i32::try_from(years).ok()),
            };
            let mode = Some(dto::ObjectLockRetentionMode::from_static(mode.name()));
            dto::ObjectLockRule { default_retention: Some(dto::DefaultRetention { days, mode, years }) }
        });
        dto::ObjectLockConfiguration {
            object_lock_enabled: Some(dto::ObjectLockEnabled::from_static(dto::ObjectLockEnabled::ENABLED)),
            rule,
        }
    }
}

fn bounded(given: i32, most: u32) -> S3Result<u32> {
    let given = u32::try_from(given)
        .ok()
        .filter(|given| *given > 0)
        .ok_or_else(|| errors::invalid_argument("Default retention period must be a positive integer value."))?;
    if given > most {
        return Err(errors::invalid_argument("Default retention period too large."));
    }
    Ok(given)
}

/// The retention of a `PutObjectRetention` request; an empty one removes the retention.
pub(crate) fn retention_of(given: Option<dto::ObjectLockRetention>) -> S3Result<Option<Retention>> {
    let given = given.ok_or_else(malformed)?;
    match (given.mode, given.retain_until_date) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let mode = RetentionMode::parse(mode.as_str()).ok_or_else(malformed)?;
            Ok(Some(Retention { mode, until: until.into() }))
        }
        _ => Err(malformed()),
    }
}

/// The legal hold of a `PutObjectLegalHold` request.
pub(crate) fn legal_hold_of(given: Option<dto::ObjectLockLegalHold>) -> S3Result<LegalHold> {
    let status = given.and_then(|given| given.status).ok_or_else(malformed)?;
    hold_of(status.as_str()).map_err(|_| malformed())
}

fn malformed() -> S3Error {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    S3Error::with_message(S3ErrorCode::MalformedXML, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_configures_object_lock() {
        let of = |properties| ObjectLock::of_properties(&properties);
        assert_eq!(of(json!({})).unwrap(), None);
        assert_eq!(of(json!({ "ObjectLockEnabled": true })).unwrap(), Some(ObjectLock::default()));
        let rule = |retention| {
            let configuration = json!({ "ObjectLockEnabled": "Enabled", "Rule": { "DefaultRetention": retention } });
            of(json!({ "ObjectLockEnabled": true, "ObjectLockConfiguration": configuration }))
        };
        let mode = RetentionMode::Compliance;
        let expected = Some(DefaultRetention { mode, period: RetentionPeriod::Days(7) });
        let lock = rule(json!({ "Mode": "COMPLIANCE", "Days": 7 })).unwrap();
        assert_eq!(lock, Some(ObjectLock { default_retention: expected }));
        assert_eq!(rule(json!({ "Mode": "COMPLIANCE" })).unwrap_err().code, "MalformedXML");
    }
}
