//! Hostile input: whatever a function is sent that is not what it should be, it refuses by name, with the place of the
//! fault, before it sends a single request; and it never panics.
//!
//! Every case goes through [`respond`], as in the Lambdas. The functions' clients lead to a port where nobody listens,
//! so that a case which is let through shows as the failure of a service and not as `Input.Invalid`.

mod broken;
mod case;
mod events;
mod payloads;
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

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// The six functions, ready to be asked.
struct Functions {
    validate: Result<Validate, ConfigError>,
    copy_part: Result<CopyPart, ConfigError>,
    complete_multipart: Result<CompleteMultipart, ConfigError>,
    checksum_verify: Result<ChecksumVerify, ConfigError>,
    cross_region_replicate: Result<CrossRegionReplicate, ConfigError>,
    notify: Result<Notify, ConfigError>,
}

fn made<F: Function>(sdk: &InProcess) -> Result<F, ConfigError> {
    let environment: Environment = [
        ("BACKUP_BUCKET", "holdfast-backup"),
        ("SNS_TOPIC_ARN", "arn:aws:sns:eu-west-1:000000000000:holdfast"),
        ("MULTIPART_THRESHOLD", "268435456"),
    ]
    .into_iter()
    .collect();
    let config = sdk.config(NOWHERE, "eu-west-1", "key", "secret");
    F::new(&environment, Aws::new(config.into_builder().retry_config(RetryConfig::disabled()).build()))
}

impl Functions {
    async fn new() -> Self {
        let sdk = InProcess::new().await;
        Self {
            validate: made(&sdk),
            copy_part: made(&sdk),
            complete_multipart: made(&sdk),
            checksum_verify: made(&sdk),
            cross_region_replicate: made(&sdk),
            notify: made(&sdk),
        }
    }

    /// Sends a payload to the function that a state calls.
    async fn ask(&self, state: &str, payload: &[u8]) -> Result<Value, Report> {
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

    /// Sends what has to be refused, and answers what is wrong with the answer.
    async fn refuses(&self, state: &str, payload: &[u8], path: &str) -> Result<(), String> {
        let report = match self.ask(state, payload).await {
            Ok(answer) => return Err(format!("it was answered with {answer}")),
            Err(report) => report,
        };
        let message = &report.error_message;
        if report.error_type != ErrorName::InputInvalid {
            return Err(format!("it was let through, and came to {}: {message}", report.error_type));
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

/// Valid payloads by the state that sends them. Both planners get a replan, and both kinds of reading continue an
/// earlier call.
pub(crate) fn valid() -> BTreeMap<&'static str, Value> {
    let small = Samples { extent: Extent::Ordinary, path: Path::Single, replica: true };
    let large = Samples { path: Path::Parts { digest: true }, ..small };
    let mut valid: BTreeMap<_, _> = sent(small).into_iter().chain(sent(large)).collect();

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

/// What the functions are sent while all goes well.
fn sent(samples: Samples) -> Vec<(&'static str, Value)> {
    let event = serde_json::from_str(&text("events/upload-small.json")).unwrap();
    let machine = Machine::read();
    let mut answers = |state: &str, payload: &Value| Ok(samples.answer(state, payload));
    let mut walk = Walk::new(&machine, &event, &mut answers);
    walk.run();
    let visits = std::mem::take(&mut walk.visits);
    let name = |state: &str| TASKS.iter().map(|(name, ..)| *name).find(|name| *name == state);
    visits.into_iter().filter_map(|visit| Some((name(&visit.state)?, visit.payload?))).collect()
}

/// The event of a failed execution, as notify is sent it.
fn failed() -> Value {
    serde_json::from_str(&text("events/execution-failed.json")).unwrap()
}

#[tokio::test]
async fn what_is_as_it_should_be_is_let_through() {
    let functions = Functions::new().await;
    let payloads = valid().into_iter().chain([("Notify", failed())]);
    for (state, payload) in payloads {
        let report = functions.ask(state, payload.to_string().as_bytes()).await.unwrap_err();
        let passing = matches!(report.error_type, ErrorName::S3Unavailable | ErrorName::SnsUnavailable);
        assert!(passing, "{state} refuses what every case starts from: {report:?}");
    }
}
