//! Invalid payloads: a function rejects each one as `Input.Invalid` with the path of the field, before its first request,
//! and never panics.
//!
//! Every payload goes through [`respond`], as on AWS. The clients of the functions have an unreachable endpoint, so an
//! accepted payload fails with the error of a service instead of `Input.Invalid`.

mod broken;
mod case;
mod events;
mod payloads;
mod receipts;
mod sweep;

use std::{collections::BTreeMap, time::Duration};

use aws_config::retry::RetryConfig;
use checksum_verify::ChecksumVerify;
use complete_multipart::CompleteMultipart;
use copy_part::CopyPart;
use cross_region_replicate::CrossRegionReplicate;
use holdfast_core::ErrorName;
use holdfast_lambda::{Aws, ConfigError, Deadline, Environment, Function, Report, respond};
use holdfast_tests::in_process::InProcess;
use notify::Notify;
use serde_json::{Value, json};
use validate::Validate;

use crate::{
    machine::{Machine, text},
    samples::{Extent, Path, Samples, value},
    types::TASKS,
    walk::Walk,
};

/// An endpoint without a server.
const UNREACHABLE: &str = "http://127.0.0.1:1";

/// The six functions.
struct Functions {
    validate: Result<Validate, ConfigError>,
    copy_part: Result<CopyPart, ConfigError>,
    complete_multipart: Result<CompleteMultipart, ConfigError>,
    checksum_verify: Result<ChecksumVerify, ConfigError>,
    cross_region_replicate: Result<CrossRegionReplicate, ConfigError>,
    notify: Result<Notify, ConfigError>,
}

fn new_function<F: Function>(sdk: &InProcess) -> Result<F, ConfigError> {
    let environment: Environment = [
        ("BACKUP_BUCKET", "holdfast-backup"),
        ("SNS_TOPIC_ARN", "arn:aws:sns:eu-west-1:000000000000:holdfast"),
        ("MULTIPART_THRESHOLD", "268435456"),
    ]
    .into_iter()
    .collect();
    let config = sdk.config(UNREACHABLE, "eu-west-1", "key", "secret");
    F::new(&environment, Aws::new(config.into_builder().retry_config(RetryConfig::disabled()).build()))
}

impl Functions {
    async fn new() -> Self {
        let sdk = InProcess::new().await;
        Self {
            validate: new_function(&sdk),
            copy_part: new_function(&sdk),
            complete_multipart: new_function(&sdk),
            checksum_verify: new_function(&sdk),
            cross_region_replicate: new_function(&sdk),
            notify: new_function(&sdk),
        }
    }

    /// Invokes the function of a state.
    async fn invoke(&self, state: &str, payload: &[u8]) -> Result<Value, Report> {
        let (_, function, _) = TASKS.iter().find(|(name, ..)| *name == state).unwrap();
        let deadline = Deadline::after(Duration::from_mins(1));
        match *function {
            "validate" => Box::pin(respond(&self.validate, payload, deadline)).await,
            "copy-part" => Box::pin(respond(&self.copy_part, payload, deadline)).await,
            "complete-multipart" => Box::pin(respond(&self.complete_multipart, payload, deadline)).await,
            "checksum-verify" => Box::pin(respond(&self.checksum_verify, payload, deadline)).await,
            "cross-region-replicate" => Box::pin(respond(&self.cross_region_replicate, payload, deadline)).await,
            "notify" => Box::pin(respond(&self.notify, payload, deadline)).await,
            other => panic!("no function {other}"),
        }
    }

    /// Invokes a function with an invalid payload. Returns what is wrong with its response.
    async fn check_rejection(&self, state: &str, payload: &[u8], path: &str) -> Result<(), String> {
        let report = match self.invoke(state, payload).await {
            Ok(output) => return Err(format!("the output is {output}")),
            Err(report) => report,
        };
        let message = &report.error_message;
        if report.error_type != ErrorName::InputInvalid {
            return Err(format!("the payload was accepted; the error is {}: {message}", report.error_type));
        }
        let problem = message.strip_prefix(path).and_then(|rest| rest.strip_prefix(": "));
        match problem {
            None => Err(format!("the path is not {path:?}: {message}")),
            Some("") => Err("the message does not say what is wrong".to_owned()),
            Some(_) if message.len() > 1000 => Err(format!("the message has {} bytes", message.len())),
            Some(_) if message.contains('\n') || message.contains('\0') => Err(format!("several lines: {message}")),
            Some(_) => Ok(()),
        }
    }
}

/// Valid payloads by state. Both planners get a replan, and both kinds of reads continue an earlier run.
pub(crate) fn valid_payloads() -> BTreeMap<&'static str, Value> {
    let small = Samples { extent: Extent::Ordinary, path: Path::Single, replica: true };
    let large = Samples { path: Path::Parts { digest: true }, ..small };
    let mut valid: BTreeMap<_, _> = payloads_of(small).into_iter().chain(payloads_of(large)).collect();

    let mut given_up = value(large.plan(1))["backup"].clone();
    given_up["event"]["id"] = valid["Validate"]["event"]["id"].clone();
    given_up["copy"]["source"]["key"] = valid["Validate"]["event"]["detail"]["object"]["key"].clone();
    let replan = |given_up: &Value| json!({"attempt": 2, "error": "Upload.Gone", "givenUp": given_up});
    valid.get_mut("Validate").unwrap()["replan"] = replan(&given_up);

    let replicate = valid.get_mut("Replicate").unwrap();
    given_up["event"]["id"] = replicate["backup"]["event"]["id"].clone();
    given_up["copy"]["source"]["key"] = replicate["proven"]["destination"]["key"].clone();
    given_up["copy"]["source"]["bucket"] = replicate["proven"]["destination"]["bucket"].clone();
    given_up["copy"]["destination"]["bucket"] = replicate["replica"]["bucket"].clone();
    replicate["replan"] = replan(&given_up);

    let first = valid["DigestSlice"]["slice"]["firstPart"].clone();
    let resume = json!({"nextPart": first, "crc64nvme": "AAAAAAAAAAA=", "partSha256": []});
    valid.get_mut("DigestSlice").unwrap()["resume"] = resume;
    let resume = json!({"nextPart": 1, "crc64nvme": "AAAAAAAAAAA=", "partSha256": []});
    valid.get_mut("VerifyBackup").unwrap()["resume"] = json!({"slices": [], "digest": resume, "bytesRead": 0});
    valid
}

/// The payloads of a successful execution.
fn payloads_of(samples: Samples) -> Vec<(&'static str, Value)> {
    let event = serde_json::from_str(&text("events/upload-small.json")).unwrap();
    let machine = Machine::read();
    let mut results = |state: &str, payload: &Value| Ok(samples.output(state, payload));
    let mut walk = Walk::new(&machine, &event, &mut results);
    walk.run();
    let visits = std::mem::take(&mut walk.visits);
    let name = |state: &str| TASKS.iter().map(|(name, ..)| *name).find(|name| *name == state);
    visits.into_iter().filter_map(|visit| Some((name(&visit.state)?, visit.payload?))).collect()
}

/// The event of a failed execution.
fn failure_event() -> Value {
    serde_json::from_str(&text("events/execution-failed.json")).unwrap()
}

#[tokio::test]
async fn valid_payloads_are_accepted() {
    let functions = Functions::new().await;
    let payloads = valid_payloads().into_iter().chain([("Notify", failure_event())]);
    for (state, payload) in payloads {
        let report = functions.invoke(state, payload.to_string().as_bytes()).await.unwrap_err();
        let is_accepted = matches!(report.error_type, ErrorName::S3Unavailable | ErrorName::SnsUnavailable);
        assert!(is_accepted, "{state} rejects a valid payload: {report:?}");
    }
}
