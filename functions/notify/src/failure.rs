//! The message about an execution that failed, timed out or was stopped.

use holdfast_core::{
    console,
    event::ExecutionEnded,
    history::{Failure, Iteration, cause_message},
};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use crate::{
    advice,
    message::{Message, attributes, subject, table},
    words,
};

/// How long after its end an execution may be redriven
/// (<https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>).
const REDRIVABLE: Duration = Duration::days(14);
/// How much of a cause people are shown; the JSON has all of it.
const CAUSE_SHOWN: usize = 2000;

/// What the execution's input says that it was about. Read leniently: a malformed event is why some executions fail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Object {
    bucket: Option<String>,
    key: Option<String>,
    version_id: Option<String>,
    size: Option<u64>,
}

impl Object {
    fn of(ended: &ExecutionEnded) -> Self {
        let input = ended.input.as_deref().and_then(|input| serde_json::from_str::<Value>(input).ok());
        let input = input.unwrap_or_default();
        let text = |pointer: &str| input.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Self {
            bucket: text("/detail/bucket/name"),
            key: text("/detail/object/key"),
            version_id: text("/detail/object/version-id"),
            size: input.pointer("/detail/object/size").and_then(Value::as_u64),
        }
    }

    fn name(&self) -> String {
        match (&self.bucket, &self.key) {
            (Some(bucket), Some(key)) => format!("s3://{bucket}/{key}"),
            (Some(bucket), None) => format!("an object of s3://{bucket}"),
            (None, _) => "an object that its input does not name".to_owned(),
        }
    }
}

/// The message for this end. If the history could not be read, `history` is the reason.
pub(crate) fn message(ended: &ExecutionEnded, history: &Result<Failure, String>) -> Message {
    let object = Object::of(ended);
    let found = history.as_ref().ok().cloned().unwrap_or_default();
    let error = found.error.clone().or_else(|| ended.error.clone()).or_else(|| default_error(&ended.status));
    let cause = found.cause.clone().or_else(|| ended.cause.as_deref().and_then(cause_message));
    let state = found.state.as_deref();
    let what = [Some(ended.status.as_str()), error.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let what = state.map_or(what.clone(), |state| format!("{what} in {state}"));
    let facts = facts(ended, &object, history, error.as_deref(), cause.as_deref());
    let text = format!(
        "{}\n\n{facts}\nWhat to do: {}\n\n{}",
        opening(ended, &object),
        what_to_do(ended, error.as_deref()),
        how_to_redrive(ended)
    );
    Message {
        subject: subject(&what, &object.name()),
        text,
        json: json(ended, &object, &found, error.as_deref(), cause.as_deref()),
        attributes: attributes(
            &ended.status,
            object.bucket.as_deref(),
            object.key.as_deref(),
            object.size,
            error.as_deref(),
        ),
    }
}

fn default_error(status: &str) -> Option<String> {
    (status == "TIMED_OUT").then(|| "States.Timeout".to_owned())
}

fn opening(ended: &ExecutionEnded, object: &Object) -> String {
    let name = object.name();
    match ended.status.as_str() {
        "TIMED_OUT" => format!("The backup of {name} took longer than it may and was ended."),
        "ABORTED" => format!("The backup of {name} was stopped by somebody."),
        _ => format!("The backup of {name} failed."),
    }
}

fn facts(
    ended: &ExecutionEnded,
    object: &Object,
    history: &Result<Failure, String>,
    error: Option<&str>,
    cause: Option<&str>,
) -> String {
    let mut rows = vec![("Object", object.name())];
    rows.extend(object.version_id.as_ref().map(|version| ("Version", version.clone())));
    rows.extend(object.size.map(|size| ("Size", words::bytes(size))));
    let state = match history {
        Ok(Failure { state: Some(state), iteration: Some(Iteration { map, index }), .. }) => {
            format!("{state}, slice {index} of {map}")
        }
        Ok(Failure { state: Some(state), .. }) => state.clone(),
        Ok(Failure { state: None, .. }) => "none was entered".to_owned(),
        Err(reason) => format!("unknown, because the history could not be read: {reason}"),
    };
    rows.push(("State", state));
    rows.extend(error.map(|error| ("Error", error.to_owned())));
    rows.extend(cause.map(|cause| ("Cause", words::clipped(cause, CAUSE_SHOWN))));
    if let Some(stop) = ended.stop_date {
        let after = words::duration(stop.saturating_sub(ended.start_date));
        rows.push(("Ended", format!("{}, after {after}", at(stop).map(words::moment).unwrap_or_default())));
    }
    rows.push(("Console", console::execution(&ended.execution_arn)));
    table(&rows)
}

fn what_to_do(ended: &ExecutionEnded, error: Option<&str>) -> &'static str {
    match (ended.status.as_str(), error) {
        ("ABORTED", _) => "If stopping it was a mistake, redrive. If not, nothing: the upload is not backed up.",
        (_, Some(error)) => advice::for_error(error),
        (_, None) => "Look at the execution in the console; a redrive is safe.",
    }
}

fn how_to_redrive(ended: &ExecutionEnded) -> String {
    let until = ended.stop_date.and_then(at).and_then(|stop| stop.checked_add(REDRIVABLE));
    let until = until.map(|until| format!(" (possible until {})", words::day(until))).unwrap_or_default();
    format!("To go on where it stopped, once the cause is mended{until}:\n\n    {}\n", redrive_command(ended))
}

fn redrive_command(ended: &ExecutionEnded) -> String {
    let arn = &ended.execution_arn;
    format!("aws stepfunctions redrive-execution --execution-arn {arn} --region {}", console::region(arn))
}

fn at(milliseconds: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()
}

fn json(
    ended: &ExecutionEnded,
    object: &Object,
    found: &Failure,
    error: Option<&str>,
    cause: Option<&str>,
) -> Map<String, Value> {
    let members = [
        ("status", json!(ended.status)),
        ("bucket", json!(object.bucket)),
        ("key", json!(object.key)),
        ("versionId", json!(object.version_id)),
        ("size", json!(object.size)),
        ("state", json!(found.state)),
        ("iteration", json!(found.iteration)),
        ("error", json!(error)),
        ("cause", json!(cause)),
        ("executionArn", json!(ended.execution_arn)),
        ("stateMachineArn", json!(ended.state_machine_arn)),
        ("startDate", json!(ended.start_date)),
        ("stopDate", json!(ended.stop_date)),
        ("console", json!(console::execution(&ended.execution_arn))),
        ("redrive", json!(redrive_command(ended))),
    ];
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}
