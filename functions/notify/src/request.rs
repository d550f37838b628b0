//! The two payloads of notify. They are distinguished by hand, because an error of an untagged enum of serde does not
//! name the invalid field.

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
    /// An event of EventBridge has a `detail-type`. The payload of the state machine has none.
    fn read(payload: &Value) -> Result<Self, InvalidInput> {
        if payload.get("detail-type").is_some() {
            ExecutionEnded::from_event(payload).map(|ended| Self::Ended(Box::new(ended)))
        } else {
            NotifyInput::read(payload).map(|input| Self::Succeeded(Box::new(input)))
        }
    }
}
