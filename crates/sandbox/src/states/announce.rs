//! The "Step Functions Execution Status Change" event. Source: Step Functions Developer Guide, "Automating Step
//! Functions event delivery with `EventBridge`" (`eventbridge-integration.html`).

use serde_json::{Value, json};

use super::{
    clock,
    execution::{Record, Status},
};
use crate::ports::ACCOUNT;

/// The envelope for an execution's status.
pub(crate) fn status(region: &str, record: &Record) -> Value {
    let (redrive, reason) = redrivable(record.status);
    json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": ACCOUNT,
        "time": clock::envelope(record.stopped.unwrap_or(record.started)),
        "region": region,
        "resources": [record.arn],
        "detail": {
            "executionArn": record.arn,
            "stateMachineArn": record.machine,
            "name": record.name,
            "status": record.status.name(),
            "startDate": record.started,
            "stopDate": record.stopped,
            "input": record.input,
            "output": record.output,
            "inputDetails": {"included": true},
            "outputDetails": record.output.as_ref().map(|_| json!({"included": true})),
            "error": record.error,
            "cause": record.cause,
            "stateMachineVersionArn": null,
            "stateMachineAliasArn": null,
            "redriveCount": record.redrives,
            "redriveDate": null,
            "redriveStatus": redrive,
            "redriveStatusReason": reason,
        },
    })
}

/// Whether AWS would redrive an execution with this status, and if not, why.
pub(crate) fn redrivable(status: Status) -> (&'static str, Option<String>) {
    match status {
        Status::Running | Status::Succeeded => {
            ("NOT_REDRIVABLE", Some(format!("Execution is {} and cannot be redriven", status.name())))
        }
        Status::Failed | Status::TimedOut | Status::Aborted => ("REDRIVABLE", None),
    }
}
