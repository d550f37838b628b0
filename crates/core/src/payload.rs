//! Reads the payloads of functions from JSON: decodes them, and refuses contradictory fields. The functions do not
//! check them again.

use serde_json::Value;

use crate::event::{InvalidInput, decode};

/// The payload of a function.
pub trait Payload: Sized {
    /// Reads the payload from JSON. The error names the path of the invalid value.
    fn read(json: &Value) -> Result<Self, InvalidInput>;
}

/// Decodes a payload, then checks that its fields agree with each other.
pub(crate) fn checked<T: serde::de::DeserializeOwned>(
    json: &Value,
    check: impl FnOnce(&T) -> Result<(), InvalidInput>,
) -> Result<T, InvalidInput> {
    let payload = decode(json)?;
    check(&payload)?;
    Ok(payload)
}
