//! The message about an execution that failed, timed out or was stopped.

use holdfast_core::{
    ErrorName, console,
    event::ExecutionEnded,
    failure::{ForeignError, NextStep, catalogue},
    history::{Failure, Iteration, cause_message},
};
use serde_json::{Map, Value, json};

use crate::{
    message::{Message, attributes, subject, table},
    next_step, text,
};

/// The most characters of a cause in the text. The JSON has the whole cause.
const CAUSE_LIMIT: usize = 4000;

/// The object that the input of the execution names. Read leniently: an invalid event is why some executions fail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) version_id: Option<String>,
    pub(crate) size: Option<u64>,
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
            (None, _) => "an object that the input does not name".to_owned(),
        }
    }
}

/// What is known about an execution that ended.
struct FailedBackup<'a> {
    ended: &'a ExecutionEnded,
    object: Object,
    /// The failed state; if the history could not be read, the reason.
    ending: &'a Result<Failure, String>,
    error: Option<String>,
    cause: Option<String>,
    next_step: NextStep,
}

/// The message about this end. If the history could not be read, `ending` is the reason.
pub(crate) fn message(ended: &ExecutionEnded, ending: &Result<Failure, String>) -> Message {
    let failure = FailedBackup::new(ended, ending);
    let FailedBackup { object, error, .. } = &failure;
    Message {
        subject: subject(&failure.what(), &object.name()),
        text: format!(
            "{}\n\n{}\n{}",
            failure.opening(),
            failure.facts(),
            next_step::paragraph(failure.next_step, ended, object)
        ),
        json: failure.json(),
        attributes: attributes(
            &ended.status,
            object.bucket.as_deref(),
            object.key.as_deref(),
            object.size,
            error.as_deref(),
        ),
    }
}

impl<'a> FailedBackup<'a> {
    fn new(ended: &'a ExecutionEnded, ending: &'a Result<Failure, String>) -> Self {
        let found = ending.as_ref().ok();
        let error = found.and_then(|found| found.error.clone()).or_else(|| ended.error.clone());
        let cause = found.and_then(|found| found.cause.clone()).or_else(|| ended.cause.clone());
        let error = error.or_else(|| (ended.status == "TIMED_OUT").then(|| "States.Timeout".to_owned()));
        let cause = cause.and_then(|cause| cause_message(&cause));
        let next_step = match (ended.status.as_str(), &error) {
            ("ABORTED", _) | (_, None) => NextStep::Redrive,
            (_, Some(error)) => catalogue::next_step(error, cause.as_deref().unwrap_or_default()),
        };
        Self { ended, object: Object::of(ended), ending, error, cause, next_step }
    }

    /// Status, error and state in short form, for the subject.
    fn what(&self) -> String {
        let what = [Some(self.ended.status.as_str()), self.error.as_deref()];
        let what = what.into_iter().flatten().collect::<Vec<_>>().join(" ");
        match self.ending {
            Ok(Failure { state: Some(state), .. }) => format!("{what} in {state}"),
            _ => what,
        }
    }

    fn opening(&self) -> String {
        let name = self.object.name();
        match self.ended.status.as_str() {
            "TIMED_OUT" => format!("The backup of {name} timed out."),
            "ABORTED" => format!("The backup of {name} was stopped, so it is not complete."),
            _ => format!("The backup of {name} failed."),
        }
    }

    fn facts(&self) -> String {
        let Self { ended, object, .. } = self;
        let mut rows = vec![("Object", object.name())];
        rows.extend(object.version_id.as_ref().map(|version| ("Version", version.clone())));
        rows.extend(object.size.map(|size| ("Size", text::bytes(size))));
        let state = match self.ending {
            Ok(Failure { state: Some(state), iteration: Some(Iteration { map, index }), .. }) => {
                format!("{state}, slice {index} of {map}")
            }
            Ok(Failure { state: Some(state), .. }) => state.clone(),
            Ok(Failure { state: None, .. }) => "none, because the execution entered no state".to_owned(),
            Err(reason) => format!("unknown, because the history could not be read: {reason}"),
        };
        rows.push(("State", state));
        rows.extend(self.error.iter().map(|error| ("Error", error.clone())));
        rows.extend(self.cause.iter().map(|cause| ("Cause", text::clipped(cause, CAUSE_LIMIT))));
        rows.extend(self.explanation());
        if let Some(stop) = ended.stop_date {
            let after = text::duration(stop.saturating_sub(ended.start_date));
            rows.push(("Ended", format!("{}, after {after}", text::time(stop).map(text::moment).unwrap_or_default())));
        }
        rows.push(("Console", console::execution(&ended.execution_arn)));
        table(&rows)
    }

    /// What the cause does not say. The cause of an error of Holdfast ends with the remedy, and the runbook has the
    /// procedure.
    fn explanation(&self) -> Vec<(&'static str, String)> {
        let Some(error) = self.error.as_deref().filter(|_| self.ended.status != "ABORTED") else { return Vec::new() };
        let Some(name) = ErrorName::parse(error) else {
            let ForeignError { meaning, remedy, .. } = ForeignError::of(error);
            return vec![("Meaning", (*meaning).to_owned()), ("Remedy", remedy.to_string())];
        };
        let remedy = self.cause.is_none().then(|| ("Remedy", name.entry().remedy.to_string()));
        let runbook = ("Runbook", format!("docs/operations.md, section {name}"));
        remedy.into_iter().chain([runbook]).collect()
    }

    fn json(&self) -> Map<String, Value> {
        let Self { ended, object, ending, error, cause, next_step } = self;
        let found = ending.as_ref().ok();
        let iteration = found.and_then(|found| found.iteration.as_ref());
        let members = [
            ("status", json!(ended.status)),
            ("bucket", json!(object.bucket)),
            ("key", json!(object.key)),
            ("versionId", json!(object.version_id)),
            ("size", json!(object.size)),
            ("state", json!(found.and_then(|found| found.state.as_ref()))),
            ("iteration", json!(iteration)),
            ("error", json!(error)),
            ("cause", json!(cause)),
            ("executionArn", json!(ended.execution_arn)),
            ("stateMachineArn", json!(ended.state_machine_arn)),
            ("startDate", json!(ended.start_date)),
            ("stopDate", json!(ended.stop_date)),
            ("console", json!(console::execution(&ended.execution_arn))),
            ("redrive", json!(next_step::redrive(*next_step, ended))),
        ];
        let members = members.into_iter().filter(|(_, value)| !value.is_null());
        members.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
