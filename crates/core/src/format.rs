//! The text forms of values: sizes and errors as messages and the command line show them, and times as keys and
//! metadata contain them.

use std::error::Error;

use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description,
};

const COMPACT_TIME: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// A number of bytes in the largest fitting unit, for example `1.5 KiB`.
///
/// The number is rounded down to one decimal, so that an object never seems larger than it is.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let fitting = UNITS.into_iter().zip(1..).take_while(|(_, power)| bytes >> (10 * power) > 0).last();
    let Some((unit, power)) = fitting else {
        return if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") };
    };
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// The messages of an error and of its sources, outermost first, for example `dispatch failure: io error: timed out`.
///
/// A message that repeats its source is not shown twice.
pub fn error_chain(error: &dyn Error) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !chain.ends_with(&message) {
            chain = format!("{chain}: {message}");
        }
        source = error.source();
    }
    chain
}

/// The message of the last error in a chain of sources, for example `connection refused`.
pub fn root_cause(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

/// A time in the compact form of keys and metadata: `20261130T175703Z`, in UTC and whole seconds.
///
/// Fractions of a second are cut off.
pub fn compact_time(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    time.format(COMPACT_TIME).unwrap_or_else(|_| time.unix_timestamp().to_string())
}

/// Parses the form of [`compact_time`].
pub fn parse_compact_time(text: &str) -> Option<OffsetDateTime> {
    PrimitiveDateTime::parse(text, COMPACT_TIME).ok().map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{message}")]
    struct Outer {
        message: &'static str,
        source: io::Error,
    }

    #[test]
    fn a_chain_of_errors_has_every_message_once() {
        for (message, expected) in [
            ("dispatch failure", "dispatch failure: connection refused"),
            ("dispatch failure: connection refused", "dispatch failure: connection refused"),
        ] {
            let error = Outer { message, source: io::Error::other("connection refused") };
            assert_eq!(error_chain(&error), expected);
            assert_eq!(root_cause(&error), "connection refused");
        }
    }

    #[test]
    fn a_compact_time_is_parsed_again() {
        let time = OffsetDateTime::UNIX_EPOCH + time::Duration::new(1_795_341_600, 5);
        assert_eq!(compact_time(time), "20261122T100000Z");
        assert_eq!(parse_compact_time("20261122T100000Z").map(OffsetDateTime::unix_timestamp), Some(1_795_341_600));
        assert_eq!(parse_compact_time("2026-11-22T10:00:00Z"), None);
    }

    #[test]
    fn a_size_has_one_decimal_rounded_down_in_the_largest_fitting_unit() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (12_346, "12.0 KiB"),
            (1_048_575, "1023.9 KiB"),
            (173_015_041, "165.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
