//! The "Step Functions Execution Status Change" event. Source: Step Functions Developer Guide, "Automating Step
//! Functions event delivery with `EventBridge`" (`eventbridge-integration.html`).

use serde_json::{Value, json};

use super::{Inner, clock, record::Record, redrive};
use sandbox_core::ports::ACCOUNT;

/// The event for an execution's current status.
pub(crate) fn status(inner: &Inner, record: &Record) -> Value {
    let (redrive_status, reason) = redrive_status(inner, record);
    json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": ACCOUNT,
        "time": clock::envelope(record.stopped.or(record.redriven).unwrap_or(record.started)),
        "region": inner.region,
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
            "redriveDate": record.redriven,
            "redriveStatus": redrive_status,
            "redriveStatusReason": reason,
        },
    })
}

/// `redriveStatus`, with `redriveStatusReason` if it is `NOT_REDRIVABLE`.
pub(crate) fn redrive_status(inner: &Inner, record: &Record) -> (&'static str, Option<String>) {
    match redrive::not_redrivable_reason(inner, record) {
        Some(reason) => ("NOT_REDRIVABLE", Some(reason)),
        None if record.child.is_some() => ("REDRIVABLE_BY_MAP_RUN", None),
        None => ("REDRIVABLE", None),
    }
}
