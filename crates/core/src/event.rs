//! The events that start Holdfast: an upload, a request for a backup, and the end of an execution.
//!
//! The envelope is EventBridge's, by `aws_lambda_events`; the details are typed here, from
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html> and
//! <https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>. Unknown fields of AWS's events
//! are ignored, because AWS adds fields from time to time. A request is written by a person, so its unknown fields are
//! refused.

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    bounds,
    names::{BucketName, ETag, ObjectKey, Sequencer, VersionId},
};

/// The detail type of the event that S3 sends when an object is created.
pub const OBJECT_CREATED: &str = "Object Created";
/// The detail type of the event that an operator sends to request a backup. It has the same fields; only bucket and key
/// are required.
pub const BACKUP_REQUESTED: &str = "Backup Requested";
/// The detail type of the event that Step Functions sends when an execution starts or ends.
pub const STATUS_CHANGE: &str = "Step Functions Execution Status Change";

/// An event or a payload is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", clipped(path), clipped(problem))]
pub struct InvalidInput {
    /// The JSON path of the invalid value, for example `detail.object.key`.
    pub path: String,
    /// The problem, with the expected value.
    pub problem: String,
}

/// A path or a problem on one line, cut off after 400 characters. Both may contain text of the sender.
fn clipped(text: &str) -> String {
    const SHOWN: usize = 400;
    let end = text.char_indices().nth(SHOWN).map_or(text.len(), |(end, _)| end);
    let mut shown = String::with_capacity(end);
    for character in text[..end].chars() {
        if character.is_control() { shown.extend(character.escape_default()) } else { shown.push(character) }
    }
    if end < text.len() { format!("{shown} (and {} more bytes)", text.len() - end) } else { shown }
}

/// Converts an error of serde. A field with an empty name is shown as two quotation marks.
fn refused(error: &serde_path_to_error::Error<serde_json::Error>) -> InvalidInput {
    let path = error.path().to_string();
    InvalidInput { path: if path.is_empty() { "\"\"".to_owned() } else { path }, problem: error.inner().to_string() }
}

/// Parses JSON text. The error names the position at which the text is not JSON, is nested too deeply, or is not
/// Unicode.
pub fn parse(text: &[u8]) -> Result<Value, InvalidInput> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| refused(&error))?;
    json.end().map_err(|error| InvalidInput { path: ".".to_owned(), problem: error.to_string() })?;
    Ok(value)
}

/// Decodes a JSON value. The error names the path of the invalid value.
pub fn decode<T: DeserializeOwned>(value: &Value) -> Result<T, InvalidInput> {
    serde_path_to_error::deserialize(value).map_err(|error| refused(&error))
}

/// The event that announced an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRef {
    /// The event's ID.
    #[serde(deserialize_with = "bounds::opaque")]
    pub id: String,
    /// The time of the event.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// The sequencer, which orders the uploads of one key; absent if an operator requested the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
}

/// An upload to back up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The source bucket.
    pub bucket: BucketName,
    /// The key, not encoded.
    pub key: ObjectKey,
    /// The version; absent if the bucket has no versions, or in a request for the current version.
    pub version_id: Option<VersionId>,
    /// The entity tag; absent only in a request.
    pub etag: Option<ETag>,
    /// The region of the source bucket.
    pub region: String,
    /// The event that announced the upload.
    pub event: EventRef,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    version: Option<String>,
    bucket: BucketDetail,
    object: ObjectDetail,
}

#[derive(Deserialize)]
struct BucketDetail {
    name: BucketName,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ObjectDetail {
    key: ObjectKey,
    #[serde(default)]
    version_id: Option<VersionId>,
    #[serde(default)]
    etag: Option<ETag>,
    #[serde(default)]
    sequencer: Option<Sequencer>,
}

impl Upload {
    /// Reads an "Object Created" or "Backup Requested" event.
    pub fn from_event(event: &Value) -> Result<Self, InvalidInput> {
        let kind = detail_type(event)?;
        if kind != OBJECT_CREATED && kind != BACKUP_REQUESTED {
            return Err(invalid(
                "detail-type",
                format!("{kind:?} is not an upload; expected {OBJECT_CREATED:?} or {BACKUP_REQUESTED:?}"),
            ));
        }
        let envelope: EventBridgeEvent<Value> = decode(event)?;
        if kind == BACKUP_REQUESTED {
            check_request(&envelope.detail)?;
        }
        let detail: Detail = decode(&envelope.detail).map_err(|error| within("detail", error))?;
        if let Some(version) = detail.version.filter(|version| version.split('.').next() != Some("0")) {
            return Err(invalid("detail.version", format!("version {version:?} is not known; expected \"0\"")));
        }
        if kind == OBJECT_CREATED {
            if envelope.source != "aws.s3" {
                return Err(invalid(
                    "source",
                    format!("{:?} does not send uploads; expected \"aws.s3\"", envelope.source),
                ));
            }
            for (field, present) in
                [("etag", detail.object.etag.is_some()), ("sequencer", detail.object.sequencer.is_some())]
            {
                if !present {
                    return Err(invalid(
                        &format!("detail.object.{field}"),
                        "missing; S3 sends it with every upload".to_owned(),
                    ));
                }
            }
        }
        Ok(Self {
            bucket: detail.bucket.name,
            key: detail.object.key,
            version_id: detail.object.version_id,
            etag: detail.object.etag,
            region: required("region", envelope.region, bounds::check_region)?,
            event: EventRef {
                id: required("id", envelope.id, bounds::check_opaque)?,
                time: time_of(event)?,
                sequencer: detail.object.sequencer,
            },
        })
    }
}

/// Refuses a request with an unknown field, for example a misspelled one. The fields of S3's own events are allowed, so
/// that an event can be sent again as a request.
fn check_request(detail: &Value) -> Result<(), InvalidInput> {
    const DETAIL: &[&str] = &["version", "bucket", "object", "request-id", "requester", "source-ip-address", "reason"];
    const BUCKET: &[&str] = &["name"];
    const OBJECT: &[&str] = &["key", "size", "etag", "version-id", "sequencer"];
    for (path, object, known) in [
        ("detail", Some(detail), DETAIL),
        ("detail.bucket", detail.get("bucket"), BUCKET),
        ("detail.object", detail.get("object"), OBJECT),
    ] {
        let members = object.and_then(Value::as_object).into_iter().flatten();
        if let Some((name, _)) = members.into_iter().find(|(name, _)| !known.contains(&name.as_str())) {
            let problem = format!("unknown field; expected one of {}", known.join(", "));
            return Err(invalid(&format!("{path}.{name}"), problem));
        }
    }
    Ok(())
}

/// The event that announces the end of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionEnded {
    /// The execution.
    #[serde(deserialize_with = "bounds::execution_arn")]
    pub execution_arn: String,
    /// The state machine.
    pub state_machine_arn: String,
    /// The execution's name.
    pub name: String,
    /// `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    /// The start time in milliseconds since 1970.
    pub start_date: i64,
    /// The end time in milliseconds since 1970; absent while the execution runs.
    #[serde(default)]
    pub stop_date: Option<i64>,
    /// The input as JSON text; absent if it is too large for the event.
    #[serde(default)]
    pub input: Option<String>,
    /// The error's name.
    #[serde(default)]
    pub error: Option<String>,
    /// The error's cause.
    #[serde(default)]
    pub cause: Option<String>,
}

impl ExecutionEnded {
    /// Reads a "Step Functions Execution Status Change" event.
    pub fn from_event(event: &Value) -> Result<Self, InvalidInput> {
        let kind = detail_type(event)?;
        if kind != STATUS_CHANGE {
            return Err(invalid(
                "detail-type",
                format!("{kind:?} is not the end of an execution; expected {STATUS_CHANGE:?}"),
            ));
        }
        let envelope: EventBridgeEvent<Value> = decode(event)?;
        if envelope.source != "aws.states" {
            let problem = format!("{:?} does not run executions; expected \"aws.states\"", envelope.source);
            return Err(invalid("source", problem));
        }
        let ended: Self = decode(&envelope.detail).map_err(|error| within("detail", error))?;
        if !matches!(ended.status.as_str(), "FAILED" | "TIMED_OUT" | "ABORTED") {
            let problem = format!("{:?} needs no message; expected FAILED, TIMED_OUT or ABORTED", ended.status);
            return Err(invalid("detail.status", problem));
        }
        Ok(ended)
    }
}

/// The event's detail type.
pub fn detail_type(event: &Value) -> Result<&str, InvalidInput> {
    if !event.is_object() {
        return Err(invalid(".", "an event is a JSON object".to_owned()));
    }
    match event.get("detail-type") {
        Some(Value::String(kind)) => Ok(kind),
        Some(_) => Err(invalid("detail-type", "expected text".to_owned())),
        None => Err(invalid("detail-type", "missing; every EventBridge event has one".to_owned())),
    }
}

fn time_of(event: &Value) -> Result<OffsetDateTime, InvalidInput> {
    let text = event.get("time").and_then(Value::as_str).unwrap_or_default();
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| invalid("time", format!("{text:?} is not a time; expected RFC 3339 such as 2026-11-22T10:00:00Z")))
}

fn required(field: &str, value: Option<String>, check: fn(&str) -> Result<(), String>) -> Result<String, InvalidInput> {
    let missing = || invalid(field, "missing; every EventBridge event has one".to_owned());
    let text = value.filter(|text| !text.is_empty()).ok_or_else(missing)?;
    check(&text).map_err(|problem| invalid(field, problem))?;
    Ok(text)
}

fn invalid(path: &str, problem: String) -> InvalidInput {
    InvalidInput { path: path.to_owned(), problem }
}

fn within(outer: &str, error: InvalidInput) -> InvalidInput {
    let path = if error.path == "." { outer.to_owned() } else { format!("{outer}.{}", error.path) };
    InvalidInput { path, ..error }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn created() -> Value {
        json!({
            "version": "0", "id": "e-1", "detail-type": "Object Created", "source": "aws.s3",
            "account": "000000000000", "time": "2026-11-22T10:00:00Z", "region": "eu-west-1",
            "resources": ["arn:aws:s3:::source"],
            "detail": {
                "version": "0", "bucket": {"name": "source"},
                "object": {"key": "a b+c", "size": 5, "etag": "abc", "version-id": "v1", "sequencer": "00AB"},
                "request-id": "R", "requester": "000000000000", "reason": "PutObject", "from-the-future": true
            }
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut event = created();
        if let Some(place) = event.pointer_mut(pointer) {
            *place = value;
        }
        event
    }

    #[test]
    fn the_key_of_an_upload_is_not_decoded() -> Result<(), InvalidInput> {
        let upload = Upload::from_event(&created())?;
        assert_eq!((upload.key.as_str(), upload.bucket.as_str()), ("a b+c", "source"));
        assert_eq!(upload.version_id.map(String::from).as_deref(), Some("v1"));
        Upload::from_event(&with("/detail/version", json!("0.7")))?;
        Ok(())
    }

    #[test]
    fn a_malformed_event_is_refused_with_the_path_of_the_problem() {
        for (event, path) in [
            (json!([]), "."),
            (json!({}), "detail-type"),
            (with("/detail-type", json!("Object Deleted")), "detail-type"),
            (with("/detail-type", json!(7)), "detail-type"),
            (with("/source", json!("another.source")), "source"),
            (with("/time", json!("yesterday")), "time"),
            (with("/region", json!("")), "region"),
            (with("/detail", json!(null)), "detail"),
            (with("/detail/version", json!("1")), "detail.version"),
            (with("/detail/bucket/name", json!("No")), "detail.bucket.name"),
            (with("/detail/object/key", json!("")), "detail.object.key"),
            (with("/detail/object/sequencer", json!("xyz")), "detail.object.sequencer"),
            (with("/detail/object/sequencer", json!(null)), "detail.object.sequencer"),
            (with("/detail/object/etag", json!(5)), "detail.object.etag"),
        ] {
            let error = Upload::from_event(&event).err();
            assert_eq!(error.as_ref().map(|error| error.path.as_str()), Some(path), "{event}: {error:?}");
        }
    }

    #[test]
    fn an_unknown_field_is_ignored_in_an_event_of_s3_and_refused_in_a_request() -> Result<(), InvalidInput> {
        Upload::from_event(&with("/detail/object", json!({"key": "k", "etag": "e", "sequencer": "0A", "new": 1})))?;
        for (pointer, value, path) in [
            ("/detail", json!({"bucket": {"name": "source"}, "object": {"key": "k"}, "prefix": "p"}), "detail.prefix"),
            ("/detail/bucket", json!({"name": "source", "region": "r"}), "detail.bucket.region"),
            ("/detail/object", json!({"key": "k", "versionId": "v"}), "detail.object.versionId"),
        ] {
            let mut request = with(pointer, value);
            request["detail-type"] = json!(BACKUP_REQUESTED);
            request["detail"].as_object_mut().map(|detail| detail.remove("from-the-future"));
            assert_eq!(Upload::from_event(&request).err().map(|error| error.path).as_deref(), Some(path));
        }
        Ok(())
    }

    #[test]
    fn a_request_requires_only_bucket_and_key() -> Result<(), InvalidInput> {
        let mut event = with("/detail-type", json!(BACKUP_REQUESTED));
        event["source"] = json!("ops");
        event["detail"] = json!({"bucket": {"name": "source"}, "object": {"key": "k"}});
        let upload = Upload::from_event(&event)?;
        assert_eq!((upload.etag, upload.event.sequencer), (None, None));
        Ok(())
    }
}
