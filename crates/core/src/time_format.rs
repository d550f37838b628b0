//! A point in time in the compact form that keys and metadata use: `20261130T175703Z`, UTC, whole seconds.

use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description,
};

const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// The time as text. Fractions of a second are cut off.
pub fn compact(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    time.format(COMPACT).unwrap_or_else(|_| time.unix_timestamp().to_string())
}

/// Reads the compact form.
pub fn parse_compact(text: &str) -> Option<OffsetDateTime> {
    PrimitiveDateTime::parse(text, COMPACT).ok().map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compact_form_is_read_back() {
        let time = OffsetDateTime::UNIX_EPOCH + time::Duration::new(1_795_341_600, 5);
        assert_eq!(compact(time), "20261122T100000Z");
        assert_eq!(parse_compact("20261122T100000Z").map(OffsetDateTime::unix_timestamp), Some(1_795_341_600));
        assert_eq!(parse_compact("2026-11-22T10:00:00Z"), None);
    }
}
