//! Time formats: milliseconds since 1970 internally, fractional seconds on the wire, RFC 3339 in the context object.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The current time in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    millis(OffsetDateTime::now_utc())
}

/// Parses an RFC 3339 time into milliseconds since 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(millis)
}

/// The format of AWS JSON: seconds since 1970 with a fraction.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double for 285,000 years")]
pub(crate) fn wire(millis: i64) -> Value {
    json!(millis as f64 / 1000.0)
}

/// The format of the context object, for example `2026-11-22T21:48:12.345Z`.
pub(crate) fn rfc3339(millis: i64) -> String {
    let format = time::macros::format_description!(
        version = 2,
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .ok()
        .and_then(|time| time.format(&format).ok())
        .unwrap_or_default()
}

/// The format of an event's envelope, to the second.
pub(crate) fn envelope(millis: i64) -> String {
    OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000))
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

fn millis(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
