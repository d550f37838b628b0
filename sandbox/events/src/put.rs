//! `PutEvents` and `TestEventPattern`.

use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{invalid, require_default_bus, rules::bad_pattern};
use sandbox_core::{
    pattern::Pattern,
    ports::{ACCOUNT, ApiError},
};

/// The maximum size of all entries of one call in bytes: 1 MiB, as on AWS since January 2026.
const MAXIMUM_SIZE: usize = 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    /// In seconds since 1970.
    time: Option<f64>,
    #[serde(default)]
    resources: Vec<String>,
    event_bus_name: Option<String>,
    trace_header: Option<String>,
}

/// The answer to the caller, and the accepted events.
pub(super) fn put_events(region: &str, request: PutEvents) -> Result<(Value, Vec<Value>), ApiError> {
    let entries = request.entries;
    if entries.is_empty() || entries.len() > 10 {
        return Err(invalid(format!("PutEvents takes 1 to 10 Entries, not {}.", entries.len())));
    }
    let size: usize = entries.iter().map(Entry::size).sum();
    if size > MAXIMUM_SIZE {
        return Err(invalid(format!(
            "Total size of the entries in the request is over the limit: {size} bytes of {MAXIMUM_SIZE}."
        )));
    }
    let (mut answers, mut envelopes, mut failed) = (Vec::new(), Vec::new(), 0);
    for entry in entries {
        match entry.envelope(region) {
            Ok(envelope) => {
                answers.push(json!({ "EventId": envelope["id"] }));
                envelopes.push(envelope);
            }
            Err(error) => {
                failed += 1;
                answers.push(json!({ "ErrorCode": error.code, "ErrorMessage": error.message }));
            }
        }
    }
    Ok((json!({ "FailedEntryCount": failed, "Entries": answers }), envelopes))
}

impl Entry {
    /// The size by AWS's rules: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>.
    fn size(&self) -> usize {
        let text = |field: &Option<String>| field.as_ref().map_or(0, String::len);
        let time = if self.time.is_some() { 14 } else { 0 };
        let resources: usize = self.resources.iter().map(String::len).sum();
        time + text(&self.source) + text(&self.detail_type) + text(&self.detail) + text(&self.trace_header) + resources
    }

    fn envelope(self, region: &str) -> Result<Value, ApiError> {
        let source = required("Source", self.source)?;
        let detail_type = required("DetailType", self.detail_type)?;
        let detail = required("Detail", self.detail)?;
        if source.starts_with("aws.") {
            return Err(ApiError::new(
                "NotAuthorizedForSourceException",
                format!(
                    "Not authorized for the source {source}: sources that begin with aws. belong to AWS's services."
                ),
            ));
        }
        require_default_bus(self.event_bus_name.as_deref())?;
        let detail: Value = serde_json::from_str(&detail).ok().filter(Value::is_object).ok_or_else(|| {
            ApiError::new("MalformedDetail", "Detail is malformed: it must be the text of a JSON object.")
        })?;
        Ok(json!({
            "version": "0",
            "id": uuid::Uuid::new_v4().to_string(),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": event_time(self.time)?,
            "region": region,
            "resources": self.resources,
            "detail": detail,
        }))
    }
}

fn required(name: &str, value: Option<String>) -> Result<String, ApiError> {
    value.filter(|text| !text.is_empty()).ok_or_else(|| {
        ApiError::new(
            "InvalidArgument",
            format!("Parameter {name} is not valid. Reason: {name} is a required argument."),
        )
    })
}

/// The time of an event in the format of the envelope: to the second.
fn event_time(seconds: Option<f64>) -> Result<String, ApiError> {
    let invalid_time =
        || ApiError::new("InvalidArgument", "Parameter Time is not valid. Reason: it is not a point in time.");
    let time = match seconds {
        None => OffsetDateTime::now_utc(),
        Some(seconds) => OffsetDateTime::UNIX_EPOCH
            .checked_add(time::Duration::checked_seconds_f64(seconds).ok_or_else(invalid_time)?)
            .ok_or_else(invalid_time)?,
    };
    time.replace_nanosecond(0).map_err(|_| invalid_time())?.format(&Rfc3339).map_err(|_| invalid_time())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TestEventPattern {
    event_pattern: String,
    event: String,
}

pub(super) fn test_event_pattern(request: &TestEventPattern) -> Result<Value, ApiError> {
    let pattern = Pattern::parse(&request.event_pattern).map_err(|error| bad_pattern(&error))?;
    let event: Value = serde_json::from_str(&request.event)
        .map_err(|error| invalid(format!("Parameter Event is not valid. Reason: it is not JSON: {error}")))?;
    for field in ["id", "account", "source", "time", "region", "resources", "detail-type"] {
        if event.get(field).is_none() {
            return Err(invalid(format!("Parameter Event is not valid. Reason: the field {field} is missing.")));
        }
    }
    Ok(json!({ "Result": pattern.matches(&event) }))
}
