//! Distributed Maps for tests, and the S3 that they read and write.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::support::{Answer, Fixture, Script, machine, task};

/// A machine with one distributed Map, `M`, whose children run these states.
pub(crate) fn distributed(workflow: &str, mut processor: Value, more: Value) -> Value {
    processor["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": workflow});
    let map = json!({"Type": "Map", "ItemProcessor": processor, "End": true});
    machine("M", json!({"M": with(map, more)}))
}

/// An object with additional fields.
pub(crate) fn with(mut object: Value, more: Value) -> Value {
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

/// One Pass state.
pub(crate) fn pass(fields: Value) -> Value {
    json!({"StartAt": "P", "States": {"P": with(json!({"Type": "Pass", "End": true}), fields)}})
}

/// A child that fails for items greater than 100.
pub(crate) fn picky() -> Value {
    let rule = json!([{"Condition": "{% $states.input > 100 %}", "Next": "Bad"}]);
    json!({"StartAt": "Which", "States": {
        "Which": {"Type": "Choice", "Choices": rule, "Default": "Good"},
        "Good": {"Type": "Succeed"},
        "Bad": {"Type": "Fail", "Error": "TooLarge", "Cause": "over 100"},
    }})
}

/// Children with two Tasks: the first receives the item, the second the item in a list.
pub(crate) fn two_steps() -> Value {
    json!({"StartAt": "T", "States": {
        "T": task(json!({"Arguments": "{% $states.input %}", "Next": "U"})),
        "U": task(json!({"Arguments": "{% [$states.input] %}", "End": true})),
    }})
}

/// The Map Runs of an execution, newest first.
pub(crate) async fn map_runs(fixture: &Fixture, execution: &Value) -> Vec<Value> {
    let runs = fixture.ask("ListMapRuns", json!({"executionArn": execution})).await;
    let mut described = Vec::new();
    for run in runs["mapRuns"].as_array().unwrap() {
        described.push(fixture.ask("DescribeMapRun", json!({"mapRunArn": run["mapRunArn"]})).await);
    }
    described
}

/// The children of a Map Run in the order of their starts.
pub(crate) async fn children(fixture: &Fixture, map_run: &Value) -> Vec<Value> {
    let listed = fixture.ask("ListExecutions", json!({"mapRunArn": map_run["mapRunArn"]})).await;
    let mut described = Vec::new();
    for child in listed["executions"].as_array().unwrap().iter().rev() {
        described.push(fixture.ask("DescribeExecution", json!({"executionArn": child["executionArn"]})).await);
    }
    described
}

/// One field of each value.
pub(crate) fn of(values: &[Value], field: &str) -> Vec<Value> {
    values.iter().map(|value| value[field].clone()).collect()
}

/// Objects by key.
#[derive(Clone, Default)]
pub(crate) struct Bucket(Arc<Mutex<BTreeMap<String, String>>>);

impl Bucket {
    pub(crate) fn holding<const N: usize>(objects: [(&str, &str); N]) -> Self {
        let owned = objects.map(|(key, content)| (key.to_owned(), content.to_owned()));
        Self(Arc::new(Mutex::new(BTreeMap::from(owned))))
    }

    pub(crate) fn put(&self, key: &str, content: &str) {
        self.0.lock().unwrap().insert(key.to_owned(), content.to_owned());
    }

    pub(crate) fn content(&self, key: &str) -> String {
        self.0.lock().unwrap().get(key).unwrap_or_else(|| panic!("there should be an object {key}")).clone()
    }

    pub(crate) fn content_ending(&self, end: &str) -> String {
        let objects = self.0.lock().unwrap();
        objects.iter().find(|(key, _)| key.ends_with(end)).expect("an object").1.clone()
    }

    /// A runner that serves the objects; other Tasks return their arguments.
    pub(crate) fn script(&self) -> Arc<Script> {
        self.script_and(|_| Answer::Arguments)
    }

    /// The same, with given answers for other Tasks.
    pub(crate) fn script_and(&self, answer: impl Fn(&Value) -> Answer + Send + Sync + 'static) -> Arc<Script> {
        let bucket = self.clone();
        Script::new(move |call, _| match call.resource.as_str() {
            "aws-sdk:s3:getObject" => bucket.get(&call.arguments),
            "aws-sdk:s3:listObjectsV2" => bucket.list(&call.arguments),
            "aws-sdk:s3:putObject" => {
                bucket.put(call.arguments["Key"].as_str().unwrap(), call.arguments["Body"].as_str().unwrap());
                Answer::Value(json!({}))
            }
            _ => answer(&call.arguments),
        })
    }

    fn get(&self, arguments: &Value) -> Answer {
        match self.0.lock().unwrap().get(arguments["Key"].as_str().unwrap()) {
            Some(content) => Answer::Value(json!({"Body": content})),
            None => Answer::Error("S3.NoSuchKeyException", "The specified key does not exist."),
        }
    }

    fn list(&self, arguments: &Value) -> Answer {
        let prefix = arguments["Prefix"].as_str().unwrap_or_default();
        let after = arguments["ContinuationToken"].as_str().unwrap_or_default();
        let size = usize::try_from(arguments["MaxKeys"].as_u64().unwrap_or(1000)).unwrap();
        let objects = self.0.lock().unwrap();
        let mut found: Vec<Value> = objects
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after)
            .take(size + 1)
            .map(|(key, content)| {
                json!({"ETag": format!("\"{key}\""), "Key": key, "LastModified": "2022-11-17T15:44:41Z",
                       "Size": content.len(), "StorageClass": "STANDARD"})
            })
            .collect();
        let more = found.len() > size;
        found.truncate(size);
        let mut answer = json!({"IsTruncated": more});
        if more {
            answer["NextContinuationToken"] = found.last().unwrap()["Key"].clone();
        }
        answer["Contents"] = Value::Array(found);
        Answer::Value(answer)
    }
}
