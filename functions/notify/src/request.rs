//! What notify is asked: two payloads of different shape, told apart by hand so that an error names the field that is
//! wrong, which serde's untagged enums do not.

use holdfast_core::{
    contract::NotifyInput,
    event::{ExecutionEnded, InvalidInput},
    payload::Payload,
};
use serde_json::Value;

/// One of the two payloads.
#[derive(Debug)]
pub enum Request {
    /// From the state Notify: a backup is proven.
    Succeeded(Box<NotifyInput>),
    /// From EventBridge: an execution failed, timed out or was stopped.
    Ended(Box<ExecutionEnded>),
}

impl Payload for Request {
    /// EventBridge's events have a `detail-type`; the state machine's payload has none.
    fn read(payload: &Value) -> Result<Self, InvalidInput> {
        if payload.get("detail-type").is_some() {
            ExecutionEnded::from_event(payload).map(|ended| Self::Ended(Box::new(ended)))
        } else {
            NotifyInput::read(payload).map(|input| Self::Succeeded(Box::new(input)))
        }
    }
}
