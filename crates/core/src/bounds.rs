//! Limits of numbers and texts without a type of their own, as functions for serde. Arithmetic with a valid number does
//! not overflow, and a valid text is safe in a header and in a message.

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, de::Error};

use crate::layout::{MAX_OBJECT, MAX_PART, MAX_PARTS};

/// The name of a region: one label of a host name, because it becomes part of one. Unknown regions are valid, because
/// AWS adds regions.
pub(crate) fn check_region(text: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = (1..=63).contains(&text.len()) && text.bytes().all(allowed);
    if is_label && !text.starts_with('-') && !text.ends_with('-') {
        Ok(())
    } else {
        Err(format!("{} is not a region; expected a name such as eu-west-1", shown(text)))
    }
}

/// The ARN of an execution, `arn:<partition>:states:<region>:<account>:execution:<machine>:<name>`. Links and commands
/// that people paste contain it, so it must not contain the characters that are forbidden in names of state machines
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>).
pub(crate) fn check_execution_arn(text: &str) -> Result<(), String> {
    let fields: Vec<_> = text.split(':').collect();
    let legal = |character: char| {
        !character.is_whitespace() && !character.is_control() && !"<>{}[]?*\"#%\\^|~`$&,;/".contains(character)
    };
    let is_arn = matches!(fields[..], ["arn", _, "states", _, _, "execution" | "express", _, _, ..])
        && fields.iter().all(|field| !field.is_empty())
        && text.len() <= 512
        && text.chars().all(legal);
    let expected = "expected arn:<partition>:states:<region>:<account>:execution:<machine>:<name>";
    if is_arn { Ok(()) } else { Err(format!("{} is not the ARN of an execution; {expected}", shown(text))) }
}

/// An opaque ID that another service assigned: that of an upload or an event.
pub(crate) fn check_opaque(text: &str) -> Result<(), String> {
    if (1..=1024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(format!("{} is not an ID; expected 1 to 1,024 visible ASCII characters", shown(text)))
    }
}

/// A text as an error message shows it: quoted, with control characters escaped, and cut off if it is long.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?} (and {} more bytes)", &text[..end], text.len() - end),
    }
}

fn text_that<'de, D: Deserializer<'de>>(
    deserializer: D,
    check: fn(&str) -> Result<(), String>,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    check(&text).map_err(D::Error::custom)?;
    Ok(text)
}

/// A [region](check_region).
pub(crate) fn region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text_that(deserializer, check_region)
}

/// An [execution's ARN](check_execution_arn).
pub(crate) fn execution_arn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text_that(deserializer, check_execution_arn)
}

/// An [opaque ID](check_opaque).
pub(crate) fn opaque<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text_that(deserializer, check_opaque)
}

fn number<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: RangeInclusive<u64>,
    quantity: &str,
) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    if range.contains(&number) {
        Ok(number)
    } else {
        let (least, most) = range.into_inner();
        Err(D::Error::custom(format!("{number} is not {quantity}; expected {least} to {most}")))
    }
}

/// The size of an object or of a part of it.
pub(crate) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number(deserializer, 0..=MAX_OBJECT, "a size in bytes")
}

/// The number of bytes that were read for a proof: at most all bytes of both sides.
pub(crate) fn bytes_read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number(deserializer, 0..=2 * MAX_OBJECT, "a number of bytes read")
}

/// The size of a part. The lower limit is not checked: other S3-compatible servers accept smaller parts than S3.
pub(crate) fn part_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number(deserializer, 1..=MAX_PART, "a part size in bytes")
}

/// The number of parts of an upload.
pub(crate) fn part_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number(deserializer, 1..=MAX_PARTS, "a number of parts")
}
