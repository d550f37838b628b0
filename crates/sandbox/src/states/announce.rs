//! The "Step Functions Execution Status Change" event. Source: Step Functions Developer Guide, "Automating Step
//! Functions event delivery with `EventBridge`" (`eventbridge-integration.html`).

use serde_json::{Value, json};

use super::{Inner, clock, record::Record, redrive};
use crate::ports::ACCOUNT;

/// The envelope for an execution's status.
pub(crate) fn status(inner: &Inner, record: &Record) -> Value {
    let obstacle = redrive::obstacle(inner, record);
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
            "redriveStatus": redrive_status(obstacle.as_deref()),
            "redriveStatusReason": obstacle,
        },
    })
}

/// `redriveStatus` for what stands in a redrive's way.
pub(crate) fn redrive_status(obstacle: Option<&str>) -> &'static str {
    if obstacle.is_some() { "NOT_REDRIVABLE" } else { "REDRIVABLE" }
}
