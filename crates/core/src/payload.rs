//! What a function is asked, read from JSON in one place: decoded, and refused where it contradicts itself. What comes
//! out can be worked with without looking at it again.

use serde_json::Value;

use crate::event::{InvalidInput, decode};

/// What a function is asked.
pub trait Payload: Sized {
    /// Reads it from JSON; says where it is wrong if it is.
    fn read(json: &Value) -> Result<Self, InvalidInput>;
}

/// Reads a payload by its type alone, then looks whether its parts belong together.
pub(crate) fn checked<T: serde::de::DeserializeOwned>(
    json: &Value,
    check: impl FnOnce(&T) -> Result<(), InvalidInput>,
) -> Result<T, InvalidInput> {
    let payload = decode(json)?;
    check(&payload)?;
    Ok(payload)
}
