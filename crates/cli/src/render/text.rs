//! How sizes, times and keys are written for people.

use std::{fmt::Write as _, time::Duration};

const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// A size with a binary unit, for example `1.5 KiB`.
#[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A time span, for example `412 ms`, `3.2 s` or `2 min 05 s`.
pub(crate) fn span(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if milliseconds < 1000 {
        format!("{milliseconds} ms")
    } else if duration.as_secs() < 60 {
        format!("{:.1} s", duration.as_secs_f64().min(59.9))
    } else {
        format!("{} min {:02} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}

/// A key as one line of a terminal can show it: control characters are written as escapes.
pub(crate) fn key(key: &str) -> String {
    let mut shown = String::with_capacity(key.len());
    for character in key.chars() {
        if character.is_control() {
            // Writing to a String does not fail.
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// `1 object`, `2 objects`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// How this program is started again: through cargo, if that is how it was started.
pub(crate) fn program() -> &'static str {
    if std::env::var_os("CARGO_MANIFEST_DIR").is_some() { "cargo run -p holdfast --" } else { "holdfast" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal_and_the_unit_that_keeps_them_under_1024() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (173_015_041, "165.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn spans_name_their_unit() {
        for (milliseconds, expected) in
            [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (59_990, "59.9 s"), (125_000, "2 min 05 s")]
        {
            assert_eq!(span(Duration::from_millis(milliseconds)), expected);
        }
    }

    #[test]
    fn a_key_cannot_break_a_line_or_colour_a_terminal() {
        assert_eq!(key("a\nb\u{1b}[31m Grüße"), "a\\nb\\u{1b}[31m Grüße");
    }
}
