//! The result of a distributed Map: the outputs of its children, or their location in S3. Source: Step Functions
//! Developer Guide, "ResultWriter (Map)" (`input-output-resultwriter.html`).

use serde_json::{Map, Value, json};

use super::{Distributed, checked};
use crate::{
    announce, clock,
    definition::{OutputType, Transformation},
    engine::Failure,
    map_run::{MapRun, MapRunRecord},
    record::{Record, Status},
};
use sandbox_core::ports::TaskError;

/// The location of the results in S3.
pub(super) struct Destination {
    bucket: String,
    prefix: String,
}

impl Destination {
    /// Reads the Arguments of the ResultWriter.
    pub(super) fn of(arguments: &Map<String, Value>) -> Result<Self, String> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::to_owned);
        let bucket = text("Bucket").ok_or("The Arguments of the ResultWriter do not have the field Bucket")?;
        Ok(Self { bucket, prefix: text("Prefix").unwrap_or_default() })
    }

    fn key(&self, record: &MapRunRecord, file: &str) -> String {
        let prefix = self.prefix.trim_end_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("{prefix}{slash}{}/{file}", record.id)
    }

    fn manifest(&self, record: &MapRunRecord) -> String {
        self.key(record, "manifest.json")
    }
}

/// The results by outcome: succeeded, failed, never started.
#[derive(Default)]
struct Results {
    succeeded: Vec<Value>,
    failed: Vec<Value>,
    pending: Vec<Value>,
}

impl Distributed<'_> {
    /// Returns or writes the results, also those of a failed Map Run.
    pub(super) async fn export(&self, map_run: &MapRun, to: Option<&Destination>) -> Result<Value, Failure> {
        let record = map_run.record();
        if let Some(to) = to {
            let results = self.sorted(map_run, &record);
            let written = self.write(&record, to, &results).await;
            written.map_err(|TaskError { cause, .. }| Failure::new("States.ResultWriterFailed", cause))?;
        }
        let output = self.output(&record, to);
        checked(self.active, &output.to_string())?;
        map_run.change(|record| record.results_written = true);
        Ok(output)
    }

    /// The results, or their location.
    pub(super) fn output(&self, record: &MapRunRecord, to: Option<&Destination>) -> Value {
        let Some(to) = to else { return Value::Array(self.in_order(record)) };
        let details = json!({"Bucket": to.bucket, "Key": to.manifest(record)});
        json!({"MapRunArn": record.arn(), "ResultWriterDetails": details})
    }

    fn transformation(&self, default: Transformation) -> Transformation {
        let writer = self.map.result_writer.as_ref();
        writer.and_then(|writer| writer.writer_config.transformation).unwrap_or(default)
    }

    /// The results of the started children, in the order of the items.
    fn in_order(&self, record: &MapRunRecord) -> Vec<Value> {
        let transformation = self.transformation(Transformation::Compact);
        let children = (0..record.children.unwrap_or(0)).filter_map(|index| self.run.inner.child(record, index));
        children.flat_map(|child| self.shown(&child.record(), transformation)).collect()
    }

    /// The results of one execution. An execution that did not succeed is shown completely.
    fn shown(&self, record: &Record, transformation: Transformation) -> Vec<Value> {
        let output = record.output.as_deref().and_then(|text| serde_json::from_str(text).ok());
        match (transformation, output) {
            (Transformation::None, _) | (_, None) => vec![self.complete(record)],
            (Transformation::Flatten, Some(Value::Array(values))) => values,
            (Transformation::Compact | Transformation::Flatten, Some(output)) => vec![output],
        }
    }

    fn complete(&self, record: &Record) -> Value {
        let mut complete = json!({
            "ExecutionArn": record.arn,
            "Input": record.input,
            "InputDetails": {"Included": true},
            "Name": record.name,
            "RedriveCount": record.redrives,
            "StartDate": clock::rfc3339(record.started),
            "StateMachineArn": record.machine,
            "Status": record.status.name(),
        });
        let (status, reason) = announce::redrive_status(&self.run.inner, record);
        complete["RedriveStatus"] = json!(status);
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                complete[name] = value;
            }
        };
        add("RedriveStatusReason", reason.map(Value::String));
        add("StopDate", record.stopped.map(|at| json!(clock::rfc3339(at))));
        add("RedriveDate", record.redriven.map(|at| json!(clock::rfc3339(at))));
        add("Output", record.output.clone().map(Value::String));
        add("OutputDetails", record.output.as_ref().map(|_| json!({"Included": true})));
        add("Error", record.error.clone().map(Value::String));
        add("Cause", record.cause.clone().map(Value::String));
        complete
    }

    fn sorted(&self, map_run: &MapRun, record: &MapRunRecord) -> Results {
        let transformation = self.transformation(Transformation::None);
        let mut results = Results::default();
        for index in 0..record.children.unwrap_or(0) {
            match self.run.inner.child(record, index).map(|child| child.record()) {
                Some(child) if child.status == Status::Succeeded => {
                    results.succeeded.extend(self.shown(&child, transformation));
                }
                Some(child) => results.failed.push(self.complete(&child)),
                None => results.pending.push(json!({
                    "ExecutionArn": record.child_arn(index),
                    "Input": map_run.input(index).ok().flatten().map(|input| input.text),
                    "InputDetails": {"Included": true},
                    "Name": record.child_name(index),
                    "StateMachineArn": record.machine_arn(),
                    "Status": "PENDING",
                })),
            }
        }
        results
    }

    /// Writes a file for each outcome that occurred, and the manifest that names the files.
    async fn write(&self, record: &MapRunRecord, to: &Destination, results: &Results) -> Result<(), TaskError> {
        let output_type = self.map.result_writer.as_ref().map(|writer| writer.writer_config.output_type);
        let mut files = json!({"FAILED": [], "PENDING": [], "SUCCEEDED": []});
        for (kind, values) in
            [("FAILED", &results.failed), ("PENDING", &results.pending), ("SUCCEEDED", &results.succeeded)]
        {
            if values.is_empty() {
                continue;
            }
            let (ending, body) = match output_type.unwrap_or_default() {
                OutputType::Json => ("json", json!(values).to_string()),
                OutputType::Jsonl => ("jsonl", lines(values)),
            };
            let key = to.key(record, &format!("{kind}_0.{ending}"));
            let size = body.len();
            self.put(to, &key, body).await?;
            files[kind] = json!([{"Key": key, "Size": size}]);
        }
        let manifest = json!({"DestinationBucket": to.bucket, "MapRunArn": record.arn(), "ResultFiles": files});
        self.put(to, &to.manifest(record), manifest.to_string()).await
    }

    async fn put(&self, to: &Destination, key: &str, body: String) -> Result<(), TaskError> {
        self.call_s3("putObject", json!({"Bucket": to.bucket, "Key": key, "Body": body})).await.map(drop)
    }
}

fn lines(values: &[Value]) -> String {
    let mut text = String::new();
    for value in values {
        text.push_str(&value.to_string());
        text.push('\n');
    }
    text
}
