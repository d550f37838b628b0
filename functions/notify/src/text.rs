//! Sizes, times and subjects as text.

use holdfast_core::format;
use time::{OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description};

const SECOND: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// SNS's limit for subjects: less than 100 characters, which have to be ASCII without control characters
/// (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>).
const SUBJECT_LIMIT: usize = 99;

/// A number of bytes, for example `1.5 KiB (1,536 bytes)`.
pub(crate) fn bytes(count: u64) -> String {
    match format::size(count) {
        short if count < 1024 => short,
        short => format!("{short} ({} bytes)", thousands(count)),
    }
}

fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration, for example `3.2 s`, `2 min 5 s` or `1 d 4 h`.
pub(crate) fn duration(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A time in milliseconds since 1970.
pub(crate) fn time(milliseconds: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok()
}

/// A time, for example `2026-11-22 10:00:00 UTC`.
pub(crate) fn moment(time: OffsetDateTime) -> String {
    time.to_offset(UtcOffset::UTC).format(SECOND).unwrap_or_else(|_| time.to_string())
}

/// A day, for example `2026-11-22`.
pub(crate) fn day(time: OffsetDateTime) -> String {
    time.to_offset(UtcOffset::UTC).format(DAY).unwrap_or_else(|_| time.to_string())
}

/// A subject that SNS accepts: one line of at most 99 ASCII characters.
pub(crate) fn subject(text: &str) -> String {
    let ascii = |character: char| match character {
        ' '..='~' => character,
        _ if character.is_control() => ' ',
        _ => '?',
    };
    let line: String = text.trim().chars().map(ascii).collect();
    if line.len() <= SUBJECT_LIMIT { line } else { format!("{}...", &line[..SUBJECT_LIMIT - 3]) }
}

/// At most this many characters of a text, and how many bytes are left out.
pub(crate) fn clipped(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} [... {} more bytes]", &text[..end], text.len() - end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_shown_in_the_unit_that_fits() {
        for (count, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB (1,536 bytes)"),
            (6 << 30, "6.0 GiB (6,442,450,944 bytes)"),
            (50_000 << 30, "48.8 TiB (53,687,091,200,000 bytes)"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn a_time_is_shown_in_the_units_that_fit() {
        for (milliseconds, text) in [
            (-5, "0.0 s"),
            (3_250, "3.2 s"),
            (125_000, "2 min 5 s"),
            (3_720_000, "1 h 2 min"),
            (100_800_000, "1 d 4 h"),
        ] {
            assert_eq!(duration(milliseconds), text);
        }
        assert_eq!(moment(OffsetDateTime::UNIX_EPOCH), "1970-01-01 00:00:00 UTC");
        assert_eq!(day(OffsetDateTime::UNIX_EPOCH), "1970-01-01");
    }

    #[test]
    fn a_subject_is_one_line_of_less_than_a_hundred_ascii_characters() {
        assert_eq!(subject("Backed up: naïve\n日本.txt"), "Backed up: na?ve ??.txt");
        assert_eq!(subject(&"k".repeat(99)), "k".repeat(99));
        let long = subject(&"é".repeat(100));
        assert!(long.len() == 99 && long.ends_with("?..."), "{long}");
    }

    #[test]
    fn a_clipped_text_says_how_much_is_left_out() {
        assert_eq!(clipped("äöü", 3), "äöü");
        assert_eq!(clipped("äöü", 2), "äö [... 2 more bytes]");
    }
}
